//! Locks that keep a second daemon away from the same records.
//!
//! Two daemons on one set of records would use up each other's refresh tokens. So a daemon claims its state directory, and the
//! keyring while it uses it: it holds an flock on a file. The kernel releases the lock when the process ends, so nothing has to be
//! cleaned up after a crash. The text of the file names the holder of the lock, for people and for the message of a second daemon.
//! If the file system has no flock (NFS without its lock service), only that text keeps other daemons away.

use std::fs::{self, File, Metadata};
use std::io::{self, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use ssoctl_files::holder::{Holder, KEYRING_LOCK, STATE_LOCK};
use ssoctl_files::{directory, own_file};

use crate::daemon_process::is_own_daemon;
use crate::waiting::lock;

#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// `holder` is `None` while the other daemon writes who it is.
    #[error("ssoctld is running already for {claimed}: {}", described(holder.as_ref()))]
    Held { claimed: String, holder: Option<Holder> },
    /// The directory or the lock in it cannot be used, or others can write to it.
    #[error("{} cannot be used", path.display())]
    Io { path: PathBuf, source: io::Error },
}

/// Names the holder, and says what to do.
fn described(holder: Option<&Holder>) -> String {
    const HERE: &str = "use it (SSOCTL_SOCKET names its socket), or stop it";
    match holder {
        Some(holder) if holder.is_here() => format!("{holder}; {HERE}"),
        Some(holder) => format!(
            "{holder}; it runs on another machine that shares this home directory: stop it there (ssoctl stop), or set \
             SSOCTL_STATE_DIR and secret_store = \"file\" here"
        ),
        None => format!("it is just starting; {HERE}"),
    }
}

impl LockError {
    /// The daemon of this machine that holds the lock, if its file names one.
    pub(crate) fn holder(&self) -> Option<&Holder> {
        let Self::Held { holder, .. } = self else { return None };
        holder.as_ref().filter(|holder| holder.is_here())
    }
}

/// A resource that only one daemon may use, and its lock.
#[derive(Debug)]
pub struct Claim {
    /// The resource's name in messages.
    name: String,
    file: PathBuf,
    socket: PathBuf,
    held: Mutex<Option<HeldLock>>,
}

/// The open file, and the kind of the lock.
type HeldLock = (File, Exclusion);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exclusion {
    /// The kernel's lock.
    Lock,
    /// Only the text in the file: the file system knows no flock.
    Text,
}

/// The state of a claim that was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Checked {
    pub exclusion: Exclusion,
    /// Whether its file was gone and has been made again. Then the files beside it may be gone, too.
    pub is_new: bool,
}

impl Claim {
    pub fn to_state(directory: &Path, socket: &Path) -> Self {
        Self::new(directory.display().to_string(), directory.join(STATE_LOCK), socket)
    }

    /// Claims the keyring of the user who has this home.
    pub fn to_keyring(home: &Path, socket: &Path) -> Self {
        Self::new("the keyring".to_owned(), home.join(KEYRING_LOCK), socket)
    }

    fn new(name: String, file: PathBuf, socket: &Path) -> Self {
        Self { name, file, socket: socket.to_owned(), held: Mutex::new(None) }
    }

    /// The path of the lock.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Takes the lock, if this claim does not hold it yet, and writes the holder into its file.
    pub fn make(&self) -> Result<(), LockError> {
        let mut held = lock(&self.held);
        if held.is_none() {
            *held = Some(self.lock()?);
        }
        Ok(())
    }

    pub fn give_up(&self) {
        *lock(&self.held) = None;
    }

    /// Checks a claim that was made, and makes it again if its file is gone. `None` if it was not made.
    pub fn check(&self) -> Result<Option<Checked>, LockError> {
        let mut held = lock(&self.held);
        let Some((file, exclusion)) = held.as_ref() else { return Ok(None) };
        let identity = |metadata: Metadata| (metadata.dev(), metadata.ino());
        let found = fs::symlink_metadata(&self.file).ok().map(identity);
        let is_new = found.is_none() || found != file.metadata().ok().map(identity);
        if !is_new && *exclusion == Exclusion::Lock {
            return Ok(Some(Checked { exclusion: Exclusion::Lock, is_new }));
        }
        // A text that this process wrote does not refuse the claim.
        let exclusion = held.insert(self.lock()?).1;
        Ok(Some(Checked { exclusion, is_new }))
    }

    fn lock(&self) -> Result<HeldLock, LockError> {
        let parent = self.file.parent().unwrap_or(Path::new("/"));
        directory::private(parent).map_err(|source| LockError::Io { path: parent.to_owned(), source })?;
        let io = |source| LockError::Io { path: self.file.clone(), source };
        let held = |holder| LockError::Held { claimed: self.name.clone(), holder };
        let mut file = own_file::open(&self.file).map_err(io)?;
        let exclusion = match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Exclusion::Lock,
            Err(Errno::WOULDBLOCK) => return Err(held(Holder::read(&self.file))),
            // flock(2), and what network file systems return instead.
            Err(Errno::NOLCK | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {
                let is_other = |pid| pid != std::process::id() && is_own_daemon(pid) == Ok(true);
                match Holder::read(&self.file) {
                    Some(holder) if holder.is_here() && is_other(holder.pid) => return Err(held(Some(holder))),
                    _ => Exclusion::Text,
                }
            }
            Err(error) => return Err(io(error.into())),
        };
        let text = format!("{}\n", Holder::this(&self.socket));
        let written = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(text.as_bytes()));
        if let Err(error) = written {
            // The lock holds without the text, and on a full disk there are tokens to be served.
            tracing::warn!(%error, "could not write the holder's name into the lock of {}", self.name);
        }
        Ok((file, exclusion))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(directory: &Path) -> Claim {
        Claim::to_state(directory, Path::new("/run/first.sock"))
    }

    #[test]
    fn a_second_daemon_is_told_who_has_the_claim_until_it_is_given_up() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("state");
        let (first, second) = (claim(&directory), claim(&directory));
        first.make().unwrap();
        first.make().expect("it has it already");
        assert_eq!(first.check().unwrap(), Some(Checked { exclusion: Exclusion::Lock, is_new: false }));
        let refusal = second.make().unwrap_err();
        assert_eq!(refusal.holder().map(|holder| holder.pid), Some(std::process::id()));
        let holder = Holder::this(Path::new("/run/first.sock")).to_string();
        assert!(refusal.to_string().contains(&holder), "{refusal}");
        first.give_up();
        assert!(second.make().is_ok());
    }

    #[test]
    fn the_daemon_of_another_machine_is_named_with_what_to_do_and_never_taken_for_one_of_this() {
        let home = tempfile::tempdir().unwrap();
        let first = claim(home.path());
        first.make().unwrap();
        fs::write(first.file(), "pid 7, host elsewhere.invalid, socket /s\n").unwrap();
        let refusal = claim(home.path()).make().unwrap_err();
        assert_eq!(refusal.holder(), None);
        let text = refusal.to_string();
        assert!(text.contains("host elsewhere.invalid") && text.contains("another machine that shares"), "{text}");
    }

    #[test]
    fn a_claim_whose_file_was_removed_is_made_again_unless_another_daemon_was_first() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("state");
        let first = claim(&directory);
        assert_eq!(first.check().unwrap(), None, "not made yet");
        first.make().unwrap();
        assert_eq!(first.check().unwrap(), Some(Checked { exclusion: Exclusion::Lock, is_new: false }));
        fs::remove_dir_all(&directory).unwrap();
        assert_eq!(first.check().unwrap(), Some(Checked { exclusion: Exclusion::Lock, is_new: true }));
        assert_eq!(first.check().unwrap(), Some(Checked { exclusion: Exclusion::Lock, is_new: false }));
        fs::remove_dir_all(&directory).unwrap();
        let second = claim(&directory);
        second.make().unwrap();
        assert!(matches!(first.check(), Err(LockError::Held { .. })));
    }

    #[test]
    fn a_state_directory_that_is_a_file_is_named() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("not-a-directory");
        fs::write(&file, "").unwrap();
        assert!(matches!(claim(&file).make(), Err(LockError::Io { .. })));
    }
}
