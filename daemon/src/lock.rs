//! One daemon per state directory.
//!
//! Two daemons on one set of records would spend each other's refresh tokens. An flock is held for life on a file in the
//! state directory; the kernel gives it up with the process, so nothing has to be cleaned up after a crash. The file's
//! text says who holds it, for people and for the second daemon's message.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use ssoctl_files::{directory, own_file};

/// The file in the state directory.
pub(crate) const FILE: &str = "ssoctld.lock";

/// Who has the lock. Written into the file as `pid 7, socket /run/…`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Holder {
    pub(crate) pid: u32,
    pub(crate) socket: PathBuf,
}

impl Holder {
    /// Reads the text of the file.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (pid, socket) = text.trim().strip_prefix("pid ")?.split_once(", socket ")?;
        Some(Self { pid: pid.parse().ok()?, socket: socket.into() })
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pid {}, socket {}", self.pid, self.socket.display())
    }
}

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
    /// The directory or the file in it cannot be used, or is not this user's alone.
    #[error("{} cannot be used: {source}", path.display())]
    Io {
        /// The state directory, or the lock in it.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl LockError {
    /// The process id of whoever has the lock, as far as it has left word.
    pub(crate) fn holder(&self) -> Option<u32> {
        let Self::Held { holder, .. } = self else { return None };
        Holder::parse(holder).map(|holder| holder.pid)
    }
}

impl StateLock {
    /// Takes the lock of a state directory, which is made if it is missing, and leaves word of who has it.
    ///
    /// # Errors
    /// [`LockError`] says who has it or what is in the way.
    pub fn take(directory: &Path, socket: &Path) -> Result<Self, LockError> {
        let io = |source: io::Error| LockError::Io { path: directory.to_owned(), source };
        directory::private(directory).map_err(io)?;
        let path = directory.join(FILE);
        let mut file = own_file::open(&path).map_err(|source| LockError::Io { path, source })?;
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
        let word = format!("{}\n", Holder { pid: std::process::id(), socket: socket.to_owned() });
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
    use std::fs;

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
    fn who_has_the_lock_is_read_as_it_was_written() {
        let holder = Holder { pid: 7, socket: "/run/a, b".into() };
        assert_eq!(Holder::parse(&format!("{holder}\n")), Some(holder));
        for text in ["", "pid", "pid x, socket /s", "it is just starting"] {
            assert_eq!(Holder::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_state_directory_that_is_a_file_is_named() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("not-a-directory");
        fs::write(&file, "").unwrap();
        assert!(matches!(StateLock::take(&file, Path::new("/s")), Err(LockError::Io { .. })));
    }
}
