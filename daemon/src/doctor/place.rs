//! What the file system says of a path, and what can be wrong with a directory that others must not change.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use ssoctl_files::owner::{self, refuse_foreign_place};
use ssoctl_files::remedy::explained;

use super::report::{Check, Finding};

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Place {
    There {
        kind: Kind,
        /// The user to whom it belongs, if that is another one.
        foreign: Option<u32>,
        /// The lower twelve bits.
        mode: u32,
    },
    Missing,
    /// The file system did not say.
    Unknown(String),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Directory,
    Socket,
    Other,
}

impl Place {
    /// Does not follow a symbolic link.
    pub(super) fn at(path: &Path) -> Self {
        Self::from_metadata(fs::symlink_metadata(path))
    }

    /// Follows a symbolic link.
    pub(super) fn behind(path: &Path) -> Self {
        Self::from_metadata(fs::metadata(path))
    }

    fn from_metadata(metadata: std::io::Result<fs::Metadata>) -> Self {
        match metadata {
            Ok(metadata) => {
                let kind = if metadata.is_dir() {
                    Kind::Directory
                } else if metadata.file_type().is_socket() {
                    Kind::Socket
                } else {
                    Kind::Other
                };
                let foreign = owner::is_foreign(&metadata).then_some(metadata.uid());
                Self::There { kind, foreign, mode: metadata.mode() & 0o7777 }
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Self::Missing,
            Err(error) => Self::Unknown(error.to_string()),
        }
    }

    /// What is wrong with a directory that this user alone may write to. Each remedy may end with an alternative: `or_else`.
    pub(super) fn judge_directory(&self, check: Check, path: &Path, or_else: &str) -> Option<Finding> {
        let path = path.display();
        let (message, remedy) = match self {
            Self::Unknown(why) => (
                format!("{path} cannot be examined: {why}"),
                "check the owner and the mode of the directories above it".to_owned(),
            ),
            Self::There { kind: Kind::Socket | Kind::Other, .. } => {
                (format!("{path} is not a directory"), "move it away; a new one is made when it is needed".to_owned())
            }
            Self::There { foreign: Some(uid), .. } => (
                format!("{path} belongs to user {uid}; perhaps a command was run with sudo"),
                format!("run: sudo chown -R \"$USER\" {path}"),
            ),
            Self::There { mode, .. } if mode & 0o700 != 0o700 => {
                (format!("{path} has mode {mode:04o}, so you cannot write to it"), format!("run: chmod 700 {path}"))
            }
            Self::There { mode, .. } if mode & 0o022 != 0 => {
                (format!("{path} can be written to by others (mode {mode:04o})"), format!("run: chmod 700 {path}"))
            }
            Self::Missing | Self::There { .. } => return None,
        };
        Some(check.problem(message, remedy + or_else))
    }
}

/// Why a daemon of this user could not make this path or write there: it is in another user's home, or its file system is
/// read-only.
pub(super) fn unwritable(path: &Path) -> Option<String> {
    if let Err(refusal) = refuse_foreign_place(path) {
        return Some(refusal.to_string());
    }
    let existing = path.ancestors().find(|place| place.exists())?;
    let refused = rustix::fs::access(existing, rustix::fs::Access::WRITE_OK).err()?;
    Some(explained(refused.into(), existing).to_string())
}
