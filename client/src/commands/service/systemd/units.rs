//! The files of the units: a person's own, and those that a package has brought for everybody.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Placed, place, remove};
use crate::environment;
use crate::failure::Failure;
use crate::render;
use crate::service_manager::{SERVICE, SOCKET, UNITS_FOR_EVERYBODY};

const SERVICE_UNIT: &str = include_str!("../../../../../systemd/ssoctld.service");
const SOCKET_UNIT: &str = include_str!("../../../../../systemd/ssoctld.socket");
/// The program in the unit as packages have it.
const PACKAGED_PROGRAM: &str = "/usr/bin/ssoctld";

/// The units that `ssoctl service install` writes for one person.
pub(super) struct Own {
    directory: PathBuf,
}

impl Own {
    /// The directory of a person's own units (systemd.unit(5)).
    pub(super) fn find() -> Result<Self, Failure> {
        let configuration =
            environment::variable("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        configuration
            .or_else(|| Some(environment::home_directory()?.join(".config")))
            .map(|configuration| Self { directory: configuration.join("systemd/user") })
            .ok_or_else(|| Failure::Other("there is no home directory to install to; set HOME".to_owned()))
    }

    pub(super) fn are_there(&self) -> bool {
        self.files().iter().any(|file| file.exists())
    }

    /// Writes the units, which run this program. Tells of each whether it has changed: the socket's first.
    pub(super) fn place(&self, program: &str) -> Result<(Placed, Placed), Failure> {
        let text = SERVICE_UNIT.replace(PACKAGED_PROGRAM, &quoted(program)?);
        let [service, socket] = self.files();
        let placed = (place(&socket, SOCKET_UNIT)?, place(&service, &text)?);
        if let (Placed::Written, Some(hidden)) = (placed.1, for_everybody()) {
            let hidden = hidden.display();
            render::notice(&format!("note: your own unit hides the one in {hidden}, which runs another ssoctld"));
        }
        Ok(placed)
    }

    pub(super) fn remove(&self) -> Result<(), Failure> {
        self.files().iter().try_for_each(|file| remove(file))
    }

    fn files(&self) -> [PathBuf; 2] {
        [SERVICE, SOCKET].map(|unit| self.directory.join(unit))
    }
}

pub(super) fn are_there_for_everybody() -> bool {
    for_everybody().is_some()
}

/// The directory of a package's units, if they run this program.
pub(super) fn of_a_package(program: &str) -> Option<PathBuf> {
    for_everybody().filter(|directory| {
        directory.join(SOCKET).exists()
            && fs::read_to_string(directory.join(SERVICE)).is_ok_and(|unit| runs(&unit, Path::new(program)))
    })
}

/// The directory with the unit that systemd takes where a person has none.
fn for_everybody() -> Option<PathBuf> {
    UNITS_FOR_EVERYBODY.into_iter().map(PathBuf::from).find(|directory| directory.join(SERVICE).exists())
}

/// Whether a unit runs this program, by whatever path: `/bin` may be a link to `/usr/bin`.
fn runs(unit: &str, program: &Path) -> bool {
    let started = unit.lines().find_map(|line| line.strip_prefix("ExecStart="));
    started.is_some_and(|started| {
        Path::new(started) == program
            || matches!((fs::canonicalize(started), fs::canonicalize(program)), (Ok(one), Ok(other)) if one == other)
    })
}

/// A program's path for `ExecStart=` (systemd.service(5)): quoted, and with specifiers escaped.
fn quoted(program: &str) -> Result<String, Failure> {
    if program.contains(['"', '\'', '\\', '$']) {
        return Err(Failure::Other(format!(
            "systemd cannot run {program}, because its path has a quote, backslash or dollar; move it and try again"
        )));
    }
    let literal = program.replace('%', "%%");
    Ok(if literal.contains(' ') { format!("\"{literal}\"") } else { literal })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn the_unit_names_the_program_once() {
        assert_eq!(SERVICE_UNIT.matches(PACKAGED_PROGRAM).count(), 1);
    }

    #[test]
    fn a_packages_unit_is_known_by_the_program_that_it_runs() {
        assert!(runs(SERVICE_UNIT, Path::new(PACKAGED_PROGRAM)));
        assert!(!runs(SERVICE_UNIT, Path::new("/home/ada/.cargo/bin/ssoctld")));
        let home = tempfile::tempdir().unwrap();
        let (program, link) = (home.path().join("ssoctld"), home.path().join("link"));
        fs::write(&program, "").unwrap();
        symlink(&program, &link).unwrap();
        assert!(runs(&format!("[Service]\nExecStart={}\n", link.display()), &program));
    }

    #[test]
    fn no_character_of_a_path_is_special_to_systemd() {
        assert_eq!(quoted("/usr/bin/ssoctld").unwrap(), "/usr/bin/ssoctld");
        assert_eq!(quoted("/opt/100% mine/ssoctld").unwrap(), "\"/opt/100%% mine/ssoctld\"");
        assert!(quoted("/opt/$HOME/ssoctld").is_err());
    }
}
