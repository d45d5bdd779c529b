//! The text of a lock file: which daemon holds the lock, and where it listens.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::regular_file::{Link, RegularFile};

/// The lock in a state directory.
pub const STATE_LOCK: &str = "ssoctld.lock";

/// The lock of the keyring, below the home directory. No XDG variable moves it: a user has one keyring.
pub const KEYRING_LOCK: &str = if cfg!(target_os = "macos") {
    "Library/Application Support/ssoctl/keyring.lock"
} else {
    ".local/state/ssoctl/keyring.lock"
};

/// No path is that long.
const LONGEST: u64 = 8 << 10;

/// The daemon that holds a lock. Its text is `pid 7, host ada, socket /run/…`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Holder {
    pub pid: u32,
    /// The name of the machine: several may share a home directory.
    pub host: String,
    pub socket: PathBuf,
}

impl Holder {
    /// This process, which listens at `socket`.
    pub fn this(socket: &Path) -> Self {
        Self { pid: std::process::id(), host: host(), socket: socket.to_owned() }
    }

    pub fn parse(text: &str) -> Option<Self> {
        let (pid, rest) = text.trim().strip_prefix("pid ")?.split_once(", host ")?;
        let (host, socket) = rest.split_once(", socket ")?;
        Some(Self { pid: pid.parse().ok()?, host: host.to_owned(), socket: socket.into() })
    }

    /// Reads who holds this lock, or held it last.
    pub fn read(lock: &Path) -> Option<Self> {
        let bytes = RegularFile::open(lock, Link::Refused).ok()??.read(LONGEST).ok()?;
        Self::parse(str::from_utf8(bytes.expose()).ok()?)
    }

    /// Whether it runs on this machine.
    pub fn is_here(&self) -> bool {
        self.host == host()
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pid {}, host {}, socket {}", self.pid, self.host, self.socket.display())
    }
}

/// The sockets of this machine's daemons that hold the lock of this state directory, or of the keyring that belongs to this home.
pub fn sockets(state: Option<PathBuf>, home: Option<PathBuf>) -> impl Iterator<Item = PathBuf> {
    let locks = [state.map(|state| state.join(STATE_LOCK)), home.map(|home| home.join(KEYRING_LOCK))];
    let holders = locks.into_iter().flatten().filter_map(|lock| Holder::read(&lock));
    holders.filter(Holder::is_here).map(|holder| holder.socket).filter(|socket| socket.is_absolute())
}

fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().replace(',', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_of_a_lock_is_read_back() {
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
