//! The owner of a file or directory, and the places where this user may not make anything.

use std::env;
use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::explained::with_remedy;

const SUPERUSER: u32 = 0;

/// Whether it belongs to another user.
pub fn is_foreign(metadata: &Metadata) -> bool {
    metadata.uid() != own()
}

/// Returns `belongs to ada (uid 1000)`.
pub fn belongs(metadata: &Metadata) -> String {
    format!("belongs to {}", name(metadata.uid()))
}

fn name(uid: u32) -> String {
    // The C library's function asks servers for names, which may take long, and a static binary cannot use it.
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

/// Returns the error that names the owner and what to do, if the path, or the nearest directory above it that can be seen,
/// belongs to another user.
pub(crate) fn foreign_place(path: &Path) -> Option<io::Error> {
    let (place, metadata) = path.ancestors().find_map(|place| Some((place, place.symlink_metadata().ok()?)))?;
    is_foreign(&metadata).then(|| refusal(place, &metadata, &directories_of_process(), own()))
}

/// Refuses a path in the home or runtime directory of another user, which this process has because of sudo or su, or because it
/// runs as the superuser: what is made there would not belong to the owner of the directory. The superuser's own directories
/// are fine, as they are above those of all users. The error names the owner and says what to do.
pub fn refuse_foreign_place(path: &Path) -> io::Result<()> {
    judge(path, &directories_of_process(), own())
}

fn judge(path: &Path, directories: &[Directory], own: u32) -> io::Result<()> {
    let existing = path.ancestors().filter_map(|place| Some((place, fs::metadata(place).ok()?)));
    for (place, metadata) in existing {
        if ![own, SUPERUSER].contains(&metadata.uid()) {
            return Err(refusal(place, &metadata, directories, own));
        }
        // A directory of the superuser within a home may have been made by mistake; the owner of the home counts.
        let is_within = |home: &Path| place.starts_with(home) && place != home;
        if !directories.iter().any(|(variable, home)| *variable == "HOME" && is_within(home)) {
            break;
        }
    }
    Ok(())
}

/// A directory, and the variable that names it.
type Directory = (&'static str, PathBuf);

/// The directories that a shell passes on, also to a process of another user.
fn directories_of_process() -> Vec<Directory> {
    let runtime = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let named = [("HOME", env::home_dir()), ("XDG_RUNTIME_DIR", runtime)];
    named.into_iter().filter_map(|(name, path)| Some((name, path.filter(|path| path.is_absolute())?))).collect()
}

fn refusal(place: &Path, metadata: &Metadata, directories: &[Directory], own: u32) -> io::Error {
    let is_foreign = |directory: &Path| fs::metadata(directory).is_ok_and(|found| found.uid() != own);
    let cause = directories.iter().find(|(_, directory)| place.starts_with(directory) && is_foreign(directory));
    let (shown, belongs) = (place.display(), belongs(metadata));
    let message = match (cause, metadata.uid()) {
        (Some((variable, _)), _) => format!(
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
    fn nothing_is_made_in_the_home_of_another_user() {
        let home = tempfile::tempdir().unwrap();
        let below = home.path().join(".local");
        fs::create_dir(&below).unwrap();
        let own = fs::metadata(&below).unwrap().uid();
        let variables = [("HOME", home.path().to_owned())];
        // To a process of another user, our directories belong to a foreign user.
        if own != SUPERUSER {
            let refused = judge(&below.join("state/ssoctl"), &variables, own + 1).unwrap_err().to_string();
            assert!(refused.contains("set HOME to a directory of your own"), "{refused}");
        }
        assert!(judge(&below.join("state/ssoctl"), &variables, own).is_ok());
        assert!(judge(Path::new("/nowhere/at/all"), &variables, own).is_ok(), "the root directory is the superuser's");
        if own == SUPERUSER {
            // A directory of the superuser in a user's home is not accepted either.
            std::os::unix::fs::chown(home.path(), Some(65534), None).unwrap();
            let refused = judge(&below.join("state/ssoctl"), &variables, own).unwrap_err().to_string();
            assert!(refused.contains("(uid 65534), and this process to root (uid 0)"), "{refused}");
            let elsewhere = [("XDG_RUNTIME_DIR", home.path().to_owned())];
            let refused = judge(&home.path().join("ssoctl"), &elsewhere, own).unwrap_err().to_string();
            assert!(refused.contains("set XDG_RUNTIME_DIR"), "{refused}");
        }
    }
}
