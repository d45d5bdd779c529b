//! Facts about a path, and the problem if others can change the file there.

use std::fs::Metadata;
use std::io::{self, ErrorKind};
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

/// The expected kind of file at a path. It always has to belong to this user.
#[derive(Clone, Copy)]
pub(super) enum Expected {
    /// Others can neither read nor write.
    PrivateSocket,
    PrivateDirectory,
    /// Others cannot write.
    Directory,
}

impl From<io::Result<Metadata>> for Place {
    fn from(metadata: io::Result<Metadata>) -> Self {
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
}

impl Place {
    /// The problem of this place, if a file is there. Each remedy may end with an alternative: `or_else`.
    pub(super) fn judge(&self, check: Check, path: &Path, expected: Expected, or_else: &str) -> Option<Finding> {
        let (kind, name, needed, forbidden) = match expected {
            Expected::PrivateSocket => (Kind::Socket, "a socket", 0o600, 0o077),
            Expected::PrivateDirectory => (Kind::Directory, "a directory", 0o700, 0o077),
            Expected::Directory => (Kind::Directory, "a directory", 0o700, 0o022),
        };
        let path = path.display();
        let (message, remedy) = match *self {
            Self::Missing => return None,
            Self::Unknown(ref why) => (
                format!("{path} cannot be examined: {why}"),
                "check the owner and the mode of the directories above it".to_owned(),
            ),
            Self::There { kind: found, .. } if found != kind => {
                (format!("{path} is not {name}"), "move it away; a new one is made when it is needed".to_owned())
            }
            Self::There { foreign: Some(uid), .. } => (
                format!("{path} belongs to user {uid}, who can change it; perhaps a command was run with sudo"),
                format!("remove it, or run: sudo chown -R \"$USER\" {path}"),
            ),
            Self::There { mode, .. } if mode & needed != needed => (
                format!("{path} has mode {mode:04o}, so you cannot write to it"),
                format!("run: chmod {needed:o} {path}"),
            ),
            Self::There { mode, .. } if mode & forbidden != 0 => {
                (format!("{path} is open to others (mode {mode:04o})"), format!("run: chmod {needed:o} {path}"))
            }
            Self::There { .. } => return None,
        };
        Some(check.problem(message, remedy + or_else))
    }
}

/// The reason why a daemon of this user could not make this path or write there: it is in another user's home, or its file
/// system is read-only.
pub(super) fn unwritable(path: &Path) -> Option<String> {
    if let Err(refusal) = refuse_foreign_place(path) {
        return Some(refusal.to_string());
    }
    let existing = path.ancestors().find(|place| place.exists())?;
    let refused = rustix::fs::access(existing, rustix::fs::Access::WRITE_OK).err()?;
    Some(explained(refused.into(), existing).to_string())
}
