//! What the file system says of a path.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

/// A path, looked at without following it if it is a link.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// Something is there.
    There {
        kind: Kind,
        uid: u32,
        /// The lower twelve bits.
        mode: u32,
    },
    /// Nothing is there.
    Missing,
    /// The file system did not say.
    Unknown(String),
}

/// What is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Directory,
    File,
    Socket,
    Other,
}

impl Place {
    pub(super) fn look(path: &Path) -> Self {
        Self::from_metadata(fs::symlink_metadata(path))
    }

    /// What a link leads to.
    pub(super) fn follow(path: &Path) -> Self {
        Self::from_metadata(fs::metadata(path))
    }

    fn from_metadata(metadata: std::io::Result<fs::Metadata>) -> Self {
        match metadata {
            Ok(metadata) => {
                let file_type = metadata.file_type();
                let kind = if file_type.is_dir() {
                    Kind::Directory
                } else if file_type.is_file() {
                    Kind::File
                } else if file_type.is_socket() {
                    Kind::Socket
                } else {
                    Kind::Other
                };
                Self::There { kind, uid: metadata.uid(), mode: metadata.mode() & 0o7777 }
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Self::Missing,
            Err(error) => Self::Unknown(error.to_string()),
        }
    }
}
