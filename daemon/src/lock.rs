//! One daemon for one set of records.
//!
//! Two daemons on one set of records would spend each other's refresh tokens. So a daemon claims its state directory, and the
//! keyring while it uses it: an flock is held on a file, and the kernel gives it up with the process, so nothing has to be
//! cleaned up after a crash. The file's text says who holds it, for people and for the second daemon's message. Where the
//! file system knows no flock (NFS without its lock service), that text is all there is.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use ssoctl_files::holder::{Holder, KEYRING_LOCK, STATE_LOCK};
use ssoctl_files::{directory, own_file};

/// Why a claim could not be made.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another daemon has it.
    #[error("ssoctld is running already for {claimed}: {holder}; {}", remedy(holder))]
    Held {
        /// What.
        claimed: String,
        /// Who has it: process id, host and socket.
        holder: String,
    },
    /// The directory or the file in it cannot be used, or is not this user's alone.
    #[error("{} cannot be used", path.display())]
    Io {
        /// The directory, or the lock in it.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

fn remedy(holder: &str) -> &'static str {
    match Holder::parse(holder) {
        Some(holder) if !holder.is_here() => {
            "it runs on another machine that shares this home directory: stop it there (ssoctl stop), or set \
             SSOCTL_STATE_DIR and secret_store = \"file\" here"
        }
        _ => "use it (SSOCTL_SOCKET names its socket), or stop it",
    }
}

impl LockError {
    /// The daemon of this machine that has it, as far as it has left word.
    pub(crate) fn holder(&self) -> Option<Holder> {
        let Self::Held { holder, .. } = self else { return None };
        Holder::parse(holder).filter(Holder::is_here)
    }
}

/// What a daemon wants for itself alone, and whether it has it.
#[derive(Debug)]
pub struct Claim {
    /// For people.
    what: &'static str,
    file: PathBuf,
    socket: PathBuf,
    held: Mutex<Option<Held>>,
}

#[derive(Debug)]
struct Held {
    file: File,
    exclusion: Exclusion,
}

/// What keeps others away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exclusion {
    /// The kernel.
    Lock,
    /// The word in the file alone: the file system knows no flock.
    Word,
}

/// What was found when a claim was looked at again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kept {
    /// It holds, by this.
    Still(Exclusion),
    /// Its file was gone, and what lay beside it may be, too. It holds again, by this.
    Anew(Exclusion),
}

impl Claim {
    /// The state directory.
    pub fn to_state(directory: &Path, socket: &Path) -> Self {
        Self::new("the state directory", directory.join(STATE_LOCK), socket)
    }

    /// The keyring of whoever has this home.
    pub fn to_keyring(home: &Path, socket: &Path) -> Self {
        Self::new("the keyring", home.join(KEYRING_LOCK), socket)
    }

    fn new(what: &'static str, file: PathBuf, socket: &Path) -> Self {
        Self { what, file, socket: socket.to_owned(), held: Mutex::new(None) }
    }

    /// The lock's file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Makes the claim, if it is not made yet, and leaves word of who did.
    ///
    /// # Errors
    /// [`LockError`] says who has it or what is in the way.
    pub fn make(&self) -> Result<Exclusion, LockError> {
        let mut held = self.held();
        let made = match held.take() {
            Some(made) => made,
            None => self.lock()?,
        };
        Ok(held.insert(made).exclusion)
    }

    /// Gives it up.
    pub fn give_up(&self) {
        *self.held() = None;
    }

    /// Looks whether a claim that was made still holds, and makes it anew where its file is gone.
    ///
    /// # Errors
    /// Somebody else has it now, or it cannot be made again.
    pub fn check(&self) -> Result<Option<Kept>, LockError> {
        let mut held = self.held();
        let Some(known) = held.as_ref() else { return Ok(None) };
        let place = fs::symlink_metadata(&self.file).ok().map(|found| (found.dev(), found.ino()));
        let ours = known.file.metadata().ok().map(|found| (found.dev(), found.ino()));
        let is_gone = place.is_none() || place != ours;
        if !is_gone && known.exclusion == Exclusion::Lock {
            return Ok(Some(Kept::Still(Exclusion::Lock)));
        }
        // Its own word is no reason to refuse it.
        let made = self.lock()?;
        let exclusion = held.insert(made).exclusion;
        Ok(Some(if is_gone { Kept::Anew(exclusion) } else { Kept::Still(exclusion) }))
    }

    fn held(&self) -> MutexGuard<'_, Option<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> Result<Held, LockError> {
        let parent = self.file.parent().unwrap_or(Path::new("/"));
        directory::private(parent).map_err(|source| LockError::Io { path: parent.to_owned(), source })?;
        let io = |source| LockError::Io { path: self.file.clone(), source };
        let mut file = own_file::open(&self.file).map_err(io)?;
        let exclusion = match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Exclusion::Lock,
            Err(Errno::WOULDBLOCK) => return Err(self.is_held(&mut file)),
            // flock(2) and what network file systems say instead.
            Err(Errno::NOLCK | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {
                let other = Holder::read(&self.file).filter(|holder| holder.is_here());
                if other.is_some_and(|holder| holder.pid != std::process::id() && is_daemon(holder.pid)) {
                    return Err(self.is_held(&mut file));
                }
                Exclusion::Word
            }
            Err(error) => return Err(io(error.into())),
        };
        let word = format!("{}\n", Holder::this(&self.socket));
        let left =
            file.set_len(0).and_then(|()| file.seek(SeekFrom::Start(0))).and_then(|_| file.write_all(word.as_bytes()));
        if let Err(error) = left {
            // The lock holds without it, and on a full disk there are tokens to be served.
            tracing::warn!(%error, "who has {} could not be written into its lock", self.what);
        }
        Ok(Held { file, exclusion })
    }

    fn is_held(&self, file: &mut File) -> LockError {
        let mut holder = String::new();
        // Who has it is worth knowing, but not worth failing for in another way.
        let _ = file.take(4096).read_to_string(&mut holder);
        let holder = if holder.trim().is_empty() { "it is just starting" } else { holder.trim() };
        let place = self.file.parent().unwrap_or(&self.file).display();
        let claimed = if self.file.ends_with(STATE_LOCK) { place.to_string() } else { self.what.to_owned() };
        LockError::Held { claimed, holder: holder.to_owned() }
    }
}

/// Whether this process is an `ssoctld`, as far as can be seen.
fn is_daemon(pid: u32) -> bool {
    match fs::read_to_string(format!("/proc/{pid}/comm")) {
        Ok(name) => name.trim() == "ssoctld",
        Err(_) => false,
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
        assert_eq!(first.make().unwrap(), Exclusion::Lock);
        assert_eq!(first.make().unwrap(), Exclusion::Lock, "it has it already");
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
    fn a_claim_whose_file_was_removed_is_made_anew_unless_somebody_else_came_first() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("state");
        let first = claim(&directory);
        assert_eq!(first.check().unwrap(), None, "not made yet");
        first.make().unwrap();
        assert_eq!(first.check().unwrap(), Some(Kept::Still(Exclusion::Lock)));
        fs::remove_dir_all(&directory).unwrap();
        assert_eq!(first.check().unwrap(), Some(Kept::Anew(Exclusion::Lock)));
        assert_eq!(first.check().unwrap(), Some(Kept::Still(Exclusion::Lock)));
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
