//! The AWS configuration on disk: read, and replaced only if it is still what was read.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use crate::config;
use crate::regular_file::NotRead;
use crate::replacement::Replacement;

/// What the name of the file as it was ends with.
const BACKUP: &str = ".ssoctl-backup";

/// Why the file is left as it is. The text fits after its path.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(NotRead),
    /// It is the null device.
    #[error("that is no file but stands for no configuration; unset AWS_CONFIG_FILE, or have it name a file")]
    Null,
    /// It is no text.
    #[error("line {0} is not UTF-8; repair that first")]
    NotText(usize),
    /// Somebody else has changed it since it was read.
    #[error("somebody else has changed it in the meantime; nothing was written, run the command again")]
    Changed,
    /// Its copy cannot be written.
    #[error("it was not changed, as no copy of it can be written: {0}")]
    NoBackup(io::Error),
    /// It cannot be written.
    #[error("it cannot be written: {0}")]
    Unwritable(io::Error),
}

/// The file as it was read; `None` if there was none. Not shown by `Debug`, as people keep keys there, too.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Before(Option<String>);

impl Before {
    pub(super) fn read(path: &Path) -> Result<Self, FileError> {
        if config::is_null(path) {
            return Err(FileError::Null);
        }
        let Some(bytes) = config::read(path).map_err(FileError::Unreadable)? else { return Ok(Self(None)) };
        let bytes = bytes.expose();
        str::from_utf8(bytes).map(|text| Self(Some(text.to_owned()))).map_err(|error| {
            let valid = &bytes[..error.valid_up_to()];
            FileError::NotText(1 + valid.iter().filter(|&&byte| byte == b'\n').count())
        })
    }

    pub(super) fn text(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    /// Replaces the file in one step, after a copy was written beside it. Returns the copy's path if there was a file.
    pub(super) fn replace(&self, path: &Path, text: &str) -> Result<Option<PathBuf>, FileError> {
        let replacement = Replacement::keeping_link_and_mode(path, text.as_bytes()).map_err(FileError::Unwritable)?;
        let backup = self.0.as_ref().map(|before| (backup_path(path), before));
        if let Some((backup, before)) = &backup {
            let copy = Replacement::keeping_link_and_mode(backup, before.as_bytes());
            let copy = copy.map_err(FileError::NoBackup)?;
            self.insist_on(path)?;
            copy.put_in_place().map_err(FileError::NoBackup)?;
        }
        // Whoever writes from here on, in the time of one rename, is overtaken; no lock is known to all of them.
        self.insist_on(path)?;
        replacement.put_in_place().map_err(FileError::Unwritable)?;
        Ok(backup.map(|(backup, _)| backup))
    }

    fn insist_on(&self, path: &Path) -> Result<(), FileError> {
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
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = entries.collect();
        names.sort();
        names
    }

    #[test]
    fn a_new_file_is_private_and_has_no_copy() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(".aws/config");
        let before = Before::read(&path).unwrap();
        assert_eq!(before.text(), "");
        assert_eq!(before.replace(&path, "new").unwrap(), None);
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), mode(&path)), ("new", 0o600));
        assert_eq!(
            (names(&home.path().join(".aws")), mode(&home.path().join(".aws"))),
            (vec!["config".to_owned()], 0o700)
        );
    }

    #[test]
    fn a_file_keeps_its_mode_and_the_link_that_leads_to_it_and_is_copied_first() {
        let home = tempfile::tempdir().unwrap();
        let (link, target) = (home.path().join("config"), home.path().join("dotfiles"));
        fs::write(&target, "old").unwrap();
        fs::set_permissions(&target, fs::Permissions::from_mode(0o644)).unwrap();
        symlink("dotfiles", &link).unwrap();
        let backup = Before::read(&link).unwrap().replace(&link, "new").unwrap().unwrap();
        assert_eq!(backup, home.path().join("config.ssoctl-backup"));
        assert_eq!((fs::read_to_string(&backup).unwrap().as_str(), mode(&backup)), ("old", 0o600));
        assert_eq!((fs::read_to_string(&target).unwrap().as_str(), mode(&target)), ("new", 0o644));
        assert!(link.is_symlink());
        assert_eq!(names(home.path()), ["config", "config.ssoctl-backup", "dotfiles"]);
    }

    #[test]
    fn what_somebody_else_wrote_in_the_meantime_is_never_lost() {
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
    fn what_is_no_text_or_no_file_is_refused() {
        let home = tempfile::tempdir().unwrap();
        assert!(matches!(Before::read(home.path()), Err(FileError::Unreadable(_))));
        assert!(matches!(Before::read(Path::new("/dev/null")), Err(FileError::Null)));
        let path = home.path().join("config");
        fs::write(&path, b"[a]\n\xff\n").unwrap();
        assert!(matches!(Before::read(&path), Err(FileError::NotText(2))));
    }
}
