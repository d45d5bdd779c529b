//! Files of this user that are opened for writing: a log, a lock.
//!
//! A user who can write to a directory can put a link, a FIFO or another file into the place of a file. This module opens only a
//! regular file that belongs to this user, has no second name, and is not readable by others. It is made if there is none.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::explained::with_remedy;
use crate::owner::{belongs, is_foreign, refuse_foreign_place};
use crate::remedy::explained;

/// Opens the file for reading and writing at any position.
pub fn open(path: &Path) -> io::Result<File> {
    open_with(File::options().read(true).write(true), path)
}

/// Opens the file for writing at its end.
pub fn append(path: &Path) -> io::Result<File> {
    open_with(File::options().append(true), path)
}

/// A log with more bytes than this is moved away.
pub const LARGEST_LOG: u64 = 1024 * 1024;

/// Opens the log for writing at its end. One with more than [`LARGEST_LOG`] bytes is renamed to `….log.old` first.
pub fn open_log(path: &Path) -> io::Result<File> {
    if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.len() > LARGEST_LOG) {
        fs::rename(path, path.with_extension("log.old")).map_err(|error| explained(error, path))?;
    }
    append(path)
}

fn open_with(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    if fs::symlink_metadata(path).is_err() {
        refuse_foreign_place(path)?;
    }
    // A FIFO without a reader fails to open; one with a reader is recognised below.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = options.create(true).mode(0o600).custom_flags(flags.bits().cast_signed()).open(path);
    let not_regular = || io::Error::other("it is not a regular file; move it away");
    let file = file.map_err(|error| match Errno::from_io_error(&error) {
        Some(Errno::NXIO | Errno::LOOP | Errno::ISDIR) => not_regular(),
        _ => explained(error, path),
    })?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(not_regular());
    }
    if is_foreign(&metadata) {
        return Err(with_remedy(ErrorKind::PermissionDenied, format!("it {}; remove it", belongs(&metadata))));
    }
    if metadata.nlink() > 1 {
        return Err(io::Error::other("it is the same file as another one (a hard link); remove it"));
    }
    if metadata.mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_a_regular_file_with_one_name_is_written_to_and_nothing_is_waited_for() {
        let home = tempfile::tempdir().unwrap();
        let path = |name: &str| home.path().join(name);
        fs::write(path("file"), "kept").unwrap();
        fs::set_permissions(path("file"), Permissions::from_mode(0o666)).unwrap();
        fs::write(path("target"), "kept").unwrap();
        fs::create_dir(path("directory")).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(path("fifo")).status().unwrap().success());
        symlink(path("target"), path("link")).unwrap();
        symlink(path("nothing"), path("dangling")).unwrap();
        fs::hard_link(path("target"), path("second name")).unwrap();

        for (name, expected) in [
            ("file", None),
            ("new", None),
            ("directory", Some("not a regular file")),
            ("fifo", Some("not a regular file")),
            ("link", Some("not a regular file")),
            ("dangling", Some("not a regular file")),
            ("second name", Some("hard link")),
        ] {
            for opened in [open(&path(name)), append(&path(name))] {
                match (opened, expected) {
                    (Ok(file), None) => assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o600, "{name}"),
                    (Err(error), Some(expected)) => assert!(error.to_string().contains(expected), "{name}: {error}"),
                    (other, _) => panic!("{name}: {other:?}"),
                }
            }
        }
        assert_eq!(fs::read(path("file")).unwrap(), b"kept", "nothing is cut off");
        assert!(!path("nothing").exists(), "nothing is made through a link");
    }

    #[test]
    fn a_file_of_another_user_is_not_written_to() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("file");
        fs::write(&path, "").unwrap();
        std::os::unix::fs::chown(&path, Some(65534), Some(65534)).unwrap();
        assert!(append(&path).unwrap_err().to_string().contains("(uid 65534); remove it"));
    }

    #[test]
    fn a_large_log_is_moved_away_and_only_one_is_kept() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("ssoctld.log");
        for filling in [b'a', b'b'] {
            open_log(&path).unwrap();
            fs::write(&path, vec![filling; 1024 * 1024 + 1]).unwrap();
        }
        assert_eq!(open_log(&path).unwrap().metadata().unwrap().len(), 0);
        assert_eq!(fs::read(home.path().join("ssoctld.log.old")).unwrap()[0], b'b');
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 2);
    }
}
