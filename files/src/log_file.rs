//! The log of a daemon that a client started: the current file, and the one before it.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use crate::own_file;
use crate::remedy::explained;

/// A log with more bytes than this is moved away.
pub const LARGEST: u64 = 1024 * 1024;

/// Opens the log for writing at its end. One with more than [`LARGEST`] bytes is renamed to `….log.old` first.
pub fn open(path: &Path) -> io::Result<File> {
    if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.len() > LARGEST) {
        fs::rename(path, path.with_extension("log.old")).map_err(|error| explained(error, path))?;
    }
    own_file::append(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_log_is_moved_away_and_only_one_is_kept() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("ssoctld.log");
        for filling in [b'a', b'b'] {
            open(&path).unwrap();
            fs::write(&path, vec![filling; 1024 * 1024 + 1]).unwrap();
        }
        assert_eq!(open(&path).unwrap().metadata().unwrap().len(), 0);
        assert_eq!(fs::read(home.path().join("ssoctld.log.old")).unwrap()[0], b'b');
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 2);
    }
}
