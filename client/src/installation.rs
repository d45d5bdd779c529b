//! Finds the places at which the two programs are installed, and other programs.

use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};
use std::{env, fs};

use rustix::fs::{Access, access};

use crate::environment;

/// The `ssoctld` beside this program, or beside what a link to this program points at, else the first one on `PATH`.
pub(crate) fn daemon() -> Result<PathBuf, String> {
    const NAME: &str = "ssoctld";
    let own = env::current_exe().ok();
    let resolved = own.as_ref().and_then(|own| fs::canonicalize(own).ok());
    let beside = own.into_iter().chain(resolved).map(|program| program.with_file_name(NAME));
    let path = environment::variable("PATH").unwrap_or_default();
    beside
        .chain(on_path(&path, OsStr::new(NAME)))
        .find(|program| is_executable(program))
        .ok_or_else(|| "ssoctld is neither beside ssoctl nor on PATH; install it".to_owned())
}

/// Another program, on `PATH`.
pub(crate) fn other(name: &str) -> Option<PathBuf> {
    let path = environment::variable("PATH").unwrap_or_default();
    on_path(&path, OsStr::new(name)).find(|program| is_executable(program))
}

/// A relative entry of `PATH` means whatever the current directory is, and no program is taken from there.
fn on_path(path: &OsStr, name: &OsStr) -> impl Iterator<Item = PathBuf> {
    env::split_paths(path).filter(|directory| directory.is_absolute()).map(move |directory| directory.join(name))
}

pub(crate) fn is_executable(path: &Path) -> bool {
    path.is_file() && access(path, Access::EXEC_OK).is_ok()
}

/// The path of one of the programs that stays valid when it is updated, for a unit or a profile; the given path if there is no such
/// path.
///
/// Package managers keep each version in a separate directory (`Cellar/ssoctl/0.1.0/bin`, `/nix/store/…`), which the next version
/// replaces, and link to it from a place that stays.
pub(crate) fn lasting(program: &Path) -> PathBuf {
    let called = env::args_os().next().map(PathBuf::from).filter(|called| called.is_absolute());
    lasting_with(program, called.as_deref(), &environment::variable("PATH").unwrap_or_default())
}

fn lasting_with(program: &Path, called: Option<&Path>, path: &OsStr) -> PathBuf {
    let (Some(name), Ok(real)) = (program.file_name(), fs::canonicalize(program)) else { return program.to_owned() };
    let beside_the_called = called.map(|called| called.with_file_name(name));
    let candidates: Vec<PathBuf> = beside_the_called
        .into_iter()
        .chain(on_path(path, name))
        .chain(homebrew(&real))
        .chain([program.to_owned()])
        .filter(|candidate| fs::canonicalize(candidate).is_ok_and(|target| target == real))
        .collect();
    let without_version = candidates.iter().find(|candidate| !names_a_version(candidate));
    without_version.or(candidates.first()).cloned().unwrap_or_else(|| program.to_owned())
}

/// `PREFIX/opt/NAME/bin/PROGRAM` for `PREFIX/Cellar/NAME/VERSION/bin/PROGRAM`: Homebrew keeps that link to the version in use.
fn homebrew(real: &Path) -> Option<PathBuf> {
    let parts: Vec<OsString> = real.iter().map(OsStr::to_owned).collect();
    let cellar = parts.iter().rposition(|part| part == "Cellar")?;
    let (name, rest) = (parts.get(cellar + 1)?, parts.get(cellar + 3..)?);
    let prefix: PathBuf = parts[..cellar].iter().collect();
    Some(rest.iter().fold(prefix.join("opt").join(name), |path, part| path.join(part)))
}

/// Whether a directory of the path is named after a version (`1.2`) or a hash of its content (`/nix/store`).
fn names_a_version(path: &Path) -> bool {
    let is_version = |part: &[u8]| {
        part.windows(3).any(|three| three[0].is_ascii_digit() && three[1] == b'.' && three[2].is_ascii_digit())
    };
    let directories = path.parent().unwrap_or(path).components();
    path.starts_with("/nix/store")
        || directories
            .filter(|part| matches!(part, Component::Normal(_)))
            .any(|part| is_version(part.as_os_str().as_encoded_bytes()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_path_is_written_down_that_the_next_version_has_too() {
        // A temporary directory whose own name could be taken for a version would spoil it.
        let root =
            tempfile::Builder::new().prefix("brew").rand_bytes(0).tempdir_in(tempfile::tempdir().unwrap().keep());
        let root = fs::canonicalize(root.unwrap().keep()).unwrap();
        let kept = root.join("Cellar/ssoctl/0.1.0/bin/ssoctld");
        for directory in [kept.parent().unwrap(), &root.join("bin"), &root.join("opt")] {
            fs::create_dir_all(directory).unwrap();
        }
        fs::write(&kept, "").unwrap();
        let path = |directories: &[&Path]| env::join_paths(directories).unwrap();
        let versioned = kept.parent().unwrap();
        assert_eq!(lasting_with(&kept, None, &path(&[versioned])), kept, "there is nothing better");

        symlink("../Cellar/ssoctl/0.1.0", root.join("opt/ssoctl")).unwrap();
        assert_eq!(lasting_with(&kept, None, &path(&[versioned])), root.join("opt/ssoctl/bin/ssoctld"));

        let linked = root.join("bin/ssoctld");
        symlink("../Cellar/ssoctl/0.1.0/bin/ssoctld", &linked).unwrap();
        assert_eq!(lasting_with(&kept, None, &path(&[versioned, &root.join("bin")])), linked);
        assert_eq!(lasting_with(&kept, Some(&root.join("bin/ssoctl")), &path(&[])), linked);
        fs::remove_dir_all(root.parent().unwrap()).unwrap();
    }

    #[test]
    fn a_program_that_is_another_one_is_not_taken() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir_all(home.path().join("bin")).unwrap();
        let (own, other) = (home.path().join("ssoctld"), home.path().join("bin/ssoctld"));
        fs::write(&own, "").unwrap();
        fs::write(&other, "").unwrap();
        assert_eq!(lasting_with(&own, None, home.path().join("bin").as_os_str()), own);
    }

    #[test]
    fn a_daemon_is_never_taken_from_a_relative_entry_of_path() {
        let path = OsStr::new("/usr/bin:.::bin:/opt/bin");
        let found: Vec<PathBuf> = on_path(path, OsStr::new("d")).collect();
        assert_eq!(found, [PathBuf::from("/usr/bin/d"), PathBuf::from("/opt/bin/d")]);
    }
}
