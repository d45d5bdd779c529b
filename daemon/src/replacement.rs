//! Replaces a file in one step: a reader finds the old bytes or the new ones, also after a crash or a power failure.
//!
//! The new bytes go into a temporary file in the same directory, which is synced and then renamed over the old file. The rename
//! is durable once the directory is synced, too (fsync(2)). Writing and renaming are two calls, so that the caller can read the
//! old file once more right before the rename.
//!
//! A replacement that is dropped leaves nothing behind. A process that is killed leaves its temporary file, which [`sweep`]
//! removes.

use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use ssoctl_files::directory;
use ssoctl_files::remedy::explained;

use crate::owner::{belongs, is_foreign};

/// The beginning of the names of temporary files.
const UNFINISHED: &str = ".ssoctl-";

/// Linux follows as many before it gives up.
const MAX_SYMLINKS: usize = 40;

/// The new bytes, in a temporary file beside the one that they replace.
#[derive(Debug)]
pub(crate) struct Replacement {
    temporary: NamedTempFile,
    target: PathBuf,
}

impl Replacement {
    /// For a file that only its owner may read: its mode is 0600, even if another file was in its place. Missing directories are
    /// made with mode 0700.
    pub(crate) fn private(path: &Path, bytes: &[u8]) -> io::Result<Self> {
        Self::write(path.to_owned(), 0o600, bytes)
    }

    /// For a file that people edit: a symbolic link that leads to it stays, and so does its mode. A new file is private, and a
    /// file of another user is not replaced.
    pub(crate) fn keeping_link_and_mode(path: &Path, bytes: &[u8]) -> io::Result<Self> {
        let target = follow_symlinks(path)?;
        let mode = match fs::metadata(&target) {
            Ok(metadata) if is_foreign(&metadata) => {
                // The new file would belong to this user, and its owner would lose it.
                let remedy = format!("it {}; change it by hand or give it to yourself with chown", belongs(&metadata));
                return Err(io::Error::other(remedy));
            }
            Ok(metadata) => metadata.permissions().mode() & 0o7777,
            Err(error) if error.kind() == ErrorKind::NotFound => 0o600,
            Err(error) => return Err(error),
        };
        Self::write(target, mode, bytes)
    }

    fn write(target: PathBuf, mode: u32, bytes: &[u8]) -> io::Result<Self> {
        let directory = directory_of(&target);
        directory::make(directory, 0o700)?;
        let temporary = temporary_in(directory, mode, bytes).map_err(|error| explained(error, directory))?;
        Ok(Self { temporary, target })
    }

    /// Renames the temporary file over the target, and syncs the directory.
    pub(crate) fn put_in_place(self) -> io::Result<()> {
        let target = self.target;
        let persisted = self.temporary.persist(&target).map(drop).map_err(io::Error::from);
        persisted.and_then(|()| sync_directory_of(&target)).map_err(|error| explained(error, directory_of(&target)))
    }
}

/// The file is private until all is written, and is removed if anything fails.
fn temporary_in(directory: &Path, mode: u32, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let mut temporary = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(directory)?;
    temporary.write_all(bytes)?;
    temporary.as_file().set_permissions(Permissions::from_mode(mode))?;
    temporary.as_file().sync_all()?;
    Ok(temporary)
}

/// Makes it durable that a file was moved or removed.
pub(crate) fn sync_directory_of(path: &Path) -> io::Result<()> {
    File::open(directory_of(path))?.sync_all()
}

/// Removes the temporary files that killed processes have left in a directory. No files there may be replaced meanwhile.
pub(crate) fn sweep(directory: &Path) {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().as_bytes().starts_with(UNFINISHED.as_bytes())) {
        if let Err(error) = fs::remove_file(entry.path()) {
            tracing::warn!(file = %entry.path().display(), %error, "an unfinished file cannot be removed");
        }
    }
}

fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The file to which a path leads, which may not exist.
fn follow_symlinks(path: &Path) -> io::Result<PathBuf> {
    let mut target = path.to_owned();
    for _ in 0..MAX_SYMLINKS {
        match next_symlink(&target) {
            Some(next) => target = next,
            None => return Ok(target),
        }
    }
    Err(io::Error::other("too many levels of symbolic links"))
}

/// The target of a symbolic link, as a path that does not depend on the link's directory; `None` for other files.
pub(crate) fn next_symlink(path: &Path) -> Option<PathBuf> {
    let named = fs::read_link(path).ok()?;
    Some(match path.parent() {
        Some(parent) => parent.join(named),
        None => named,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use test_support::{mode_of, set_mode};

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = entries.collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_by_the_rename_alone_and_a_replacement_that_is_dropped_leaves_nothing() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("new/file");
        Replacement::private(&path, b"old").unwrap().put_in_place().unwrap();
        assert_eq!((mode_of(path.parent().unwrap()), mode_of(&path)), (0o700, 0o600));

        let replacement = Replacement::private(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        drop(replacement);
        assert_eq!(
            (fs::read(&path).unwrap(), names(path.parent().unwrap())),
            (b"old".to_vec(), vec!["file".to_owned()])
        );
    }

    #[test]
    fn a_private_file_takes_the_place_of_a_link_and_another_one_that_of_what_it_leads_to() {
        let home = tempfile::tempdir().unwrap();
        let (link, target) = (home.path().join("link"), home.path().join("target"));
        fs::write(&target, "old").unwrap();
        set_mode(&target, 0o640);
        symlink("target", &link).unwrap();

        Replacement::keeping_link_and_mode(&link, b"new").unwrap().put_in_place().unwrap();
        assert_eq!((link.is_symlink(), fs::read(&target).unwrap(), mode_of(&target)), (true, b"new".to_vec(), 0o640));

        Replacement::private(&link, b"newer").unwrap().put_in_place().unwrap();
        assert_eq!((link.is_symlink(), fs::read(&target).unwrap(), mode_of(&link)), (false, b"new".to_vec(), 0o600));
    }

    #[test]
    fn the_sweep_removes_only_files_of_killed_processes() {
        let home = tempfile::tempdir().unwrap();
        let killed = Replacement::private(&home.path().join("file"), b"half").unwrap();
        killed.temporary.keep().unwrap();
        fs::write(home.path().join(".notes"), "mine").unwrap();
        sweep(home.path());
        assert_eq!(names(home.path()), [".notes"]);
    }
}
