//! Reads the AWS configuration, and replaces it only if it has not changed since.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use ssoctl_protocol::Secret;

use crate::config::{ReadError, is_null_device, read_text};
use crate::replacement::Replacement;

/// The end of the backup's name.
const BACKUP: &str = ".ssoctl-backup";

/// The reason why the file is not changed. The text fits after its path.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error(transparent)]
    Unreadable(#[from] ReadError),
    #[error("this is the null device, which means no configuration; unset AWS_CONFIG_FILE, or set it to a file")]
    NullDevice,
    /// Another program has changed it since it was read.
    #[error("another program has changed it in the meantime; nothing was written, run the command again")]
    Changed,
    #[error("it was not changed, because no backup of it can be written: {0}")]
    NoBackup(io::Error),
    #[error("it cannot be written: {0}")]
    Unwritable(io::Error),
}

/// The text of the file before it is changed; `None` if there is no file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Before(Option<Secret<String>>);

impl Before {
    pub(super) fn read(path: &Path) -> Result<Self, FileError> {
        if is_null_device(path) { Err(FileError::NullDevice) } else { Ok(Self(read_text(path)?)) }
    }

    pub(super) fn text(&self) -> &str {
        self.0.as_ref().map(|text| text.expose().as_str()).unwrap_or_default()
    }

    /// Replaces the file in one step, after a backup is written beside it. Returns the backup's path if there was a file.
    pub(super) fn replace(&self, path: &Path, text: &str) -> Result<Option<PathBuf>, FileError> {
        let replacement = Replacement::keeping_link_and_mode(path, text.as_bytes()).map_err(FileError::Unwritable)?;
        let backup = self.0.as_ref().map(|_| backup_path(path));
        if let Some(backup) = &backup {
            let copy = Replacement::keeping_link_and_mode(backup, self.text().as_bytes());
            let copy = copy.map_err(FileError::NoBackup)?;
            self.check_unchanged(path)?;
            copy.put_in_place().map_err(FileError::NoBackup)?;
        }
        // A program that writes between this check and the rename loses what it writes. No lock is known to all programs.
        self.check_unchanged(path)?;
        replacement.put_in_place().map_err(FileError::Unwritable)?;
        Ok(backup)
    }

    fn check_unchanged(&self, path: &Path) -> Result<(), FileError> {
        if Self::read(path).is_ok_and(|now| now == *self) { Ok(()) } else { Err(FileError::Changed) }
    }
}

fn backup_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().map_or_else(OsString::new, OsString::from);
    name.push(BACKUP);
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;
    use test_support::{mode_of, set_mode};

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = entries.collect();
        names.sort();
        names
    }

    #[test]
    fn a_new_file_is_private_and_has_no_backup() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(".aws/config");
        let before = Before::read(&path).unwrap();
        assert_eq!(before.text(), "");
        assert_eq!(before.replace(&path, "new").unwrap(), None);
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), mode_of(&path)), ("new", 0o600));
        assert_eq!(
            (names(&home.path().join(".aws")), mode_of(home.path().join(".aws"))),
            (vec!["config".to_owned()], 0o700)
        );
    }

    #[test]
    fn a_file_keeps_its_mode_and_its_link_and_gets_a_backup() {
        let home = tempfile::tempdir().unwrap();
        let (link, target) = (home.path().join("config"), home.path().join("dotfiles"));
        fs::write(&target, "old").unwrap();
        set_mode(&target, 0o644);
        symlink("dotfiles", &link).unwrap();
        let backup = Before::read(&link).unwrap().replace(&link, "new").unwrap().unwrap();
        assert_eq!(backup, home.path().join("config.ssoctl-backup"));
        assert_eq!((fs::read_to_string(&backup).unwrap().as_str(), mode_of(&backup)), ("old", 0o600));
        assert_eq!((fs::read_to_string(&target).unwrap().as_str(), mode_of(&target)), ("new", 0o644));
        assert!(link.is_symlink());
        assert_eq!(names(home.path()), ["config", "config.ssoctl-backup", "dotfiles"]);
    }

    #[test]
    fn a_change_of_another_program_is_never_lost() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("config");
        for (first, then) in [(None, Some("theirs")), (Some("old"), Some("theirs")), (Some("old"), None)] {
            let put = |text: Option<&str>| match text {
                Some(text) => fs::write(&path, text).unwrap(),
                None => drop(fs::remove_file(&path)),
            };
            put(first);
            let before = Before::read(&path).unwrap();
            put(then);
            assert!(matches!(before.replace(&path, "ours"), Err(FileError::Changed)));
            assert_eq!(fs::read_to_string(&path).ok().as_deref(), then);
            put(None);
            assert_eq!(names(home.path()), Vec::<String>::new());
        }
    }

    #[test]
    fn anything_but_a_text_file_is_refused() {
        let home = tempfile::tempdir().unwrap();
        assert!(matches!(Before::read(home.path()), Err(FileError::Unreadable(_))));
        assert!(matches!(Before::read(Path::new("/dev/null")), Err(FileError::NullDevice)));
        let path = home.path().join("config");
        fs::write(&path, b"[a]\n\xff\n").unwrap();
        assert!(matches!(Before::read(&path), Err(FileError::Unreadable(ReadError::NotUtf8(2)))));
    }
}
