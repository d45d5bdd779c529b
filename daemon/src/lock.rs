//! One daemon per state directory.
//!
//! Two daemons on one set of records would spend each other's refresh tokens. An flock is held for life on a file in the
//! state directory; the kernel gives it up with the process, so nothing has to be cleaned up after a crash. The file's
//! text says who holds it, for people and for the second daemon's message.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags, flock};

use crate::regular_file::explained;

/// The lock, until it is dropped.
#[derive(Debug)]
pub struct StateLock {
    _file: File,
}

/// Why there is no lock.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another daemon has it.
    #[error("ssoctld is running already for {}: {holder}", directory.display())]
    Held {
        /// The state directory.
        directory: PathBuf,
        /// Who has it: process id and socket.
        holder: String,
    },
    /// The directory is somebody else's.
    #[error("the state directory {} belongs to another user; name another one with SSOCTL_STATE_DIR", .0.display())]
    Foreign(PathBuf),
    /// The lock in it is somebody else's, who could keep every daemon away.
    #[error("{} belongs to another user; remove it", .0.display())]
    ForeignLock(PathBuf),
    /// The directory or the file in it cannot be used.
    #[error("the state directory {} cannot be used: {source}", path.display())]
    Io {
        /// The state directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl LockError {
    /// The process id of whoever has the lock, as far as it has left word.
    pub(crate) fn holder(&self) -> Option<u32> {
        let Self::Held { holder, .. } = self else { return None };
        holder.strip_prefix("pid ")?.split(',').next()?.parse().ok()
    }
}

impl StateLock {
    /// Takes the lock of a state directory, which is made if it is missing, and leaves word of who has it.
    ///
    /// # Errors
    /// [`LockError`] says who has it or what is in the way.
    pub fn take(directory: &Path, socket: &Path) -> Result<Self, LockError> {
        let io = |source: io::Error| LockError::Io { path: directory.to_owned(), source };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(|error| io(explained(error, directory)))?;
        let is_ours = |metadata: fs::Metadata| metadata.uid() == rustix::process::geteuid().as_raw();
        if !is_ours(fs::metadata(directory).map_err(io)?) {
            return Err(LockError::Foreign(directory.to_owned()));
        }
        let path = directory.join("ssoctld.lock");
        if fs::symlink_metadata(&path).is_ok_and(|found| !is_ours(found)) {
            return Err(LockError::ForeignLock(path));
        }
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
            .open(path)
            .map_err(io)?;
        if let Err(error) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
            if error != rustix::io::Errno::WOULDBLOCK {
                return Err(io(error.into()));
            }
            let mut holder = String::new();
            // Who has it is worth knowing, but not worth failing for in another way.
            let _ = file.take(4096).read_to_string(&mut holder);
            let holder = if holder.trim().is_empty() { "it is just starting" } else { holder.trim() };
            return Err(LockError::Held { directory: directory.to_owned(), holder: holder.to_owned() });
        }
        let word = format!("pid {}, socket {}\n", std::process::id(), socket.display());
        let left =
            file.set_len(0).and_then(|()| file.seek(SeekFrom::Start(0))).and_then(|_| file.write_all(word.as_bytes()));
        if let Err(error) = left {
            // The lock holds without it, and on a full disk there are tokens to be served.
            tracing::warn!(%error, "who has the state directory could not be written into its lock");
        }
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_daemon_is_told_who_has_the_lock_until_it_is_given_up() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("state");
        let first = StateLock::take(&directory, Path::new("/run/first.sock")).unwrap();
        let second = StateLock::take(&directory, Path::new("/run/second.sock")).unwrap_err();
        assert_eq!(second.holder(), Some(std::process::id()));
        let second = second.to_string();
        let holder = format!("pid {}, socket /run/first.sock", std::process::id());
        assert!(second.ends_with(&holder), "{second}");
        drop(first);
        assert!(StateLock::take(&directory, Path::new("/run/second.sock")).is_ok());
    }

    #[test]
    fn a_state_directory_that_is_a_file_is_named() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("not-a-directory");
        fs::write(&file, "").unwrap();
        assert!(matches!(StateLock::take(&file, Path::new("/s")), Err(LockError::Io { .. })));
    }
}
