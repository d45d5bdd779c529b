//! The owner of a file or directory, and whether something may be made there.

use std::env;
use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::remedy::with_remedy;

const SUPERUSER: u32 = 0;

/// Whether it belongs to another user.
pub fn is_foreign(metadata: &Metadata) -> bool {
    metadata.uid() != own()
}

/// A user as messages name one: `ada (uid 1000)`.
pub fn name(uid: u32) -> String {
    // The library's own way asks servers for names, which may take long, and does not go with a static binary.
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    match users.lines().find_map(|line| name_in(line, uid)) {
        Some(name) => format!("{name} (uid {uid})"),
        None => format!("the user with uid {uid}"),
    }
}

/// Reads a line of passwd(5).
fn name_in(line: &str, uid: u32) -> Option<&str> {
    let mut fields = line.split(':');
    let name = fields.next()?;
    (fields.nth(1)?.parse() == Ok(uid) && !name.contains(char::is_control)).then_some(name)
}

/// `belongs to ada (uid 1000)`
pub fn belongs(metadata: &Metadata) -> String {
    format!("belongs to {}", name(metadata.uid()))
}

/// The error that names the owner and what to do, if the place belongs to another user.
pub(crate) fn foreign_place(path: &Path) -> Option<io::Error> {
    // What is closed hides everything below it.
    let (place, metadata) = path.ancestors().find_map(|place| Some((place, place.symlink_metadata().ok()?)))?;
    is_foreign(&metadata).then(|| refusal(place, &metadata, &Variables::of_process(), own()))
}

/// Refuses a place where what is made would not belong to the owner of the place: that is another user's home or runtime
/// directory, which this process has because of sudo or su, or because it is the superuser's. The superuser's directories are
/// everybody's parents.
///
/// # Errors
/// It is such a place, and the message says whose it is and what to do.
pub fn refuse_foreign_place(path: &Path) -> io::Result<()> {
    judge(path, &Variables::of_process(), own())
}

fn judge(path: &Path, variables: &Variables, own: u32) -> io::Result<()> {
    let existing = path.ancestors().filter_map(|place| Some((place, fs::metadata(place).ok()?)));
    for (place, metadata) in existing {
        if ![own, SUPERUSER].contains(&metadata.uid()) {
            return Err(refusal(place, &metadata, variables, own));
        }
        // In a home all belongs to whom the home belongs, also what a careless superuser has left there.
        let is_within_home = variables.home.as_ref().is_some_and(|home| place.starts_with(home) && place != home);
        if !is_within_home {
            break;
        }
    }
    Ok(())
}

/// The directories that a shell hands on, also to a process of another user.
struct Variables {
    home: Option<PathBuf>,
    runtime: Option<PathBuf>,
}

impl Variables {
    fn of_process() -> Self {
        let directory = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        Self { home: env::home_dir().filter(|home| home.is_absolute()), runtime: directory("XDG_RUNTIME_DIR") }
    }
}

fn refusal(place: &Path, metadata: &Metadata, variables: &Variables, own: u32) -> io::Error {
    let shown = place.display();
    let belongs = belongs(metadata);
    let is_below_foreign = |directory: &Option<PathBuf>| {
        let directory = directory.as_ref().filter(|directory| place.starts_with(directory));
        directory.and_then(|directory| fs::metadata(directory).ok()).is_some_and(|found| found.uid() != own)
    };
    let variable = if is_below_foreign(&variables.home) {
        Some("HOME")
    } else if is_below_foreign(&variables.runtime) {
        Some("XDG_RUNTIME_DIR")
    } else {
        None
    };
    let message = match (variable, metadata.uid()) {
        (Some(variable), _) => format!(
            "{shown} {belongs}, and this process to {}; run it as its owner, without sudo or su, or set {variable} to a directory of \
             your own",
            name(own)
        ),
        (None, SUPERUSER) => {
            format!(
                "{shown} {belongs}, who alone may write there; set the variable that leads there to a directory of your own"
            )
        }
        _ => format!("{shown} {belongs}; give it to yourself with chown"),
    };
    with_remedy(ErrorKind::PermissionDenied, message)
}

fn own() -> u32 {
    rustix::process::geteuid().as_raw()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_named_as_the_list_of_users_has_them() {
        assert_eq!(name_in("ada:x:1000:1000:Ada:/home/ada:/bin/sh", 1000), Some("ada"));
        assert_eq!(name_in("ada:x:1000:1000:Ada:/home/ada:/bin/sh", 100), None);
        assert_eq!(name_in("", 0), None);
        assert_eq!(name(u32::MAX - 7), "the user with uid 4294967288");
    }

    #[test]
    fn in_the_home_of_somebody_else_nothing_is_made() {
        let home = tempfile::tempdir().unwrap();
        let below = home.path().join(".local");
        fs::create_dir(&below).unwrap();
        let own = fs::metadata(&below).unwrap().uid();
        let variables = Variables { home: Some(home.path().to_owned()), runtime: None };
        // A process of another user sees our directories as that of somebody else.
        if own != SUPERUSER {
            let refused = judge(&below.join("state/ssoctl"), &variables, own + 1).unwrap_err().to_string();
            assert!(refused.contains("set HOME to a directory of your own"), "{refused}");
        }
        assert!(judge(&below.join("state/ssoctl"), &variables, own).is_ok());
        assert!(judge(Path::new("/nowhere/at/all"), &variables, own).is_ok(), "the root directory is the superuser's");
        if own == SUPERUSER {
            // What the superuser has left in somebody's home is no place either.
            std::os::unix::fs::chown(home.path(), Some(65534), None).unwrap();
            let refused = judge(&below.join("state/ssoctl"), &variables, own).unwrap_err().to_string();
            assert!(refused.contains("(uid 65534), and this process to root (uid 0)"), "{refused}");
            let elsewhere = Variables { home: None, runtime: Some(home.path().to_owned()) };
            let refused = judge(&home.path().join("ssoctl"), &elsewhere, own).unwrap_err().to_string();
            assert!(refused.contains("set XDG_RUNTIME_DIR"), "{refused}");
        }
    }
}
