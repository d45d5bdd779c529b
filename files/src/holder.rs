//! What a lock file says of the daemon that holds it.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::regular_file::{Link, RegularFile};

/// The lock in a state directory.
pub const STATE_LOCK: &str = "ssoctld.lock";

/// The lock of whoever uses the keyring, below the home directory whatever XDG variables say: the keyring is one, too.
pub const KEYRING_LOCK: &str = if cfg!(target_os = "macos") {
    "Library/Application Support/ssoctl/keyring.lock"
} else {
    ".local/state/ssoctl/keyring.lock"
};

/// No path is that long.
const LONGEST: u64 = 8 << 10;

/// Who has a lock. Written into its file as `pid 7, host ada, socket /run/…`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Holder {
    /// The process.
    pub pid: u32,
    /// The machine: several may share a home directory.
    pub host: String,
    /// Where it listens.
    pub socket: PathBuf,
}

impl Holder {
    /// This process.
    pub fn this(socket: &Path) -> Self {
        Self { pid: std::process::id(), host: host(), socket: socket.to_owned() }
    }

    /// Reads the text of a lock file.
    pub fn parse(text: &str) -> Option<Self> {
        let (pid, rest) = text.trim().strip_prefix("pid ")?.split_once(", host ")?;
        let (host, socket) = rest.split_once(", socket ")?;
        Some(Self { pid: pid.parse().ok()?, host: host.to_owned(), socket: socket.into() })
    }

    /// Who has this lock, or had it last.
    pub fn read(lock: &Path) -> Option<Self> {
        let bytes = RegularFile::open(lock, Link::Refused).ok()??.read(LONGEST).ok()?;
        Self::parse(str::from_utf8(bytes.expose()).ok()?)
    }

    /// Whether it is on this machine.
    pub fn is_here(&self) -> bool {
        self.host == host()
    }
}

/// Where the daemons listen that have locked this state directory or the keyring of whoever has this home, on this machine.
pub fn sockets(state: Option<PathBuf>, home: Option<PathBuf>) -> impl Iterator<Item = PathBuf> {
    let locks = [state.map(|state| state.join(STATE_LOCK)), home.map(|home| home.join(KEYRING_LOCK))];
    let holders = locks.into_iter().flatten().filter_map(|lock| Holder::read(&lock));
    holders.filter(Holder::is_here).map(|holder| holder.socket).filter(|socket| socket.is_absolute())
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pid {}, host {}, socket {}", self.pid, self.host, self.socket.display())
    }
}

/// The name of this machine.
fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().replace(',', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_a_lock_is_read_as_it_was_written() {
        let holder = Holder { pid: 7, host: "ada".to_owned(), socket: "/run/a, b".into() };
        assert_eq!(Holder::parse(&format!("{holder}\n")), Some(holder));
        for text in ["", "pid", "pid x, host h, socket /s", "pid 7, socket /s", "it is just starting"] {
            assert_eq!(Holder::parse(text), None, "{text}");
        }
    }

    #[test]
    fn this_process_is_here_and_one_of_another_machine_is_not() {
        let this = Holder::this(Path::new("/s"));
        assert!(this.is_here());
        assert!(!Holder { host: "elsewhere.invalid".to_owned(), ..this }.is_here());
    }
}
