//! Who is at the other end of a connection: the process, as far as the kernel tells, and the name that it gives itself.
//!
//! Process ids are used again, and a process chooses its name and may replace its program. So nothing here proves who asks; it is for people
//! who look for the program that waits, or that has asked.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::net::UnixStream;

use crate::clock::BootTime;

/// The user that stands for all whom a user namespace does not know (`/proc/sys/kernel/overflowuid`).
const UNKNOWN_USER: u32 = 65_534;

/// The process at the other end of a connection, and the grant over whose socket it asks. Clones share what was found out.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// `None` if the kernel does not tell, as for processes of another PID namespace.
    pid: Option<u32>,
    uid: Option<u32>,
    name: Arc<OnceLock<Option<String>>>,
    grant: Option<String>,
}

/// A caller as it is shown, and the grant over which it asks.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Who {
    pub pid: Option<u32>,
    /// The name that its process gives itself.
    pub program: Option<String>,
    /// The grant over whose socket it asks.
    pub grant: Option<String>,
}

impl Caller {
    /// Reads nothing but what the kernel has noted when the connection was made.
    pub(crate) fn of(stream: &UnixStream) -> Self {
        let Ok(peer) = stream.peer_cred() else { return Self::default() };
        let pid = peer.pid().and_then(|pid| u32::try_from(pid).ok()).filter(|pid| *pid != 0);
        Self { pid, uid: Some(peer.uid()).filter(|uid| *uid != UNKNOWN_USER), name: Arc::default(), grant: None }
    }

    /// As one that asks over this grant.
    #[must_use]
    pub fn over(&self, grant: &str) -> Self {
        Self { grant: Some(grant.to_owned()), ..self.clone() }
    }

    pub fn who(&self) -> Who {
        Who { pid: self.pid, program: self.name(), grant: self.grant.clone() }
    }

    pub const fn pid(&self) -> Option<u32> {
        self.pid
    }

    /// Its user, where the daemon can see it. The sandbox of the unit hides all others.
    pub const fn uid(&self) -> Option<u32> {
        self.uid
    }

    /// The name that its process gives itself. It is read once for a connection.
    pub fn name(&self) -> Option<String> {
        self.name.get_or_init(|| process::name(self.pid?)).clone()
    }

    /// The file of its program, where the daemon may read that.
    pub fn executable(&self) -> Option<PathBuf> {
        process::executable(self.pid?)
    }

    /// The start of its process.
    pub fn started(&self) -> Option<BootTime> {
        let ticks = started(self.pid?)?;
        let millis = ticks.saturating_mul(1000) / rustix::param::clock_ticks_per_second();
        Some(BootTime::from_boot(Duration::from_millis(millis)))
    }
}

/// The time from boot to the start of a process, in clock ticks. Together with the id it names one process.
pub(crate) fn started(pid: u32) -> Option<u64> {
    process::started(pid)
}

#[cfg(target_os = "linux")]
mod process {
    use std::fs;
    use std::path::PathBuf;

    /// `comm` of proc(5). It may be any bytes.
    pub(super) fn name(pid: u32) -> Option<String> {
        let name = fs::read(format!("/proc/{pid}/comm")).ok()?;
        Some(String::from_utf8_lossy(name.strip_suffix(b"\n").unwrap_or(&name)).into_owned())
    }

    pub(super) fn executable(pid: u32) -> Option<PathBuf> {
        fs::read_link(format!("/proc/{pid}/exe")).ok()
    }

    /// `starttime`, the 22nd field of `/proc/PID/stat` (proc(5)).
    pub(super) fn started(pid: u32) -> Option<u64> {
        let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
        // The name, in parentheses, may contain anything.
        let end = stat.iter().rposition(|byte| *byte == b')')?;
        str::from_utf8(&stat[end + 1..]).ok()?.split_ascii_whitespace().nth(19)?.parse().ok()
    }
}

#[cfg(not(target_os = "linux"))]
mod process {
    use std::path::PathBuf;

    pub(super) const fn name(_: u32) -> Option<String> {
        None
    }

    pub(super) const fn executable(_: u32) -> Option<PathBuf> {
        None
    }

    pub(super) const fn started(_: u32) -> Option<u64> {
        None
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_process_at_the_other_end_is_known_by_what_it_says_of_itself() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let caller = Caller::of(&ours);
        assert_eq!(caller.pid(), Some(std::process::id()));
        let own = std::env::current_exe().unwrap();
        assert_eq!(caller.executable(), Some(own.clone()));
        // The name of the thread that made the connection is not that of the process.
        let file = own.file_name().unwrap().to_string_lossy().into_owned();
        assert!(file.starts_with(&caller.name().unwrap()), "{:?}", caller.name());
        assert!(caller.started().is_some());
        assert_eq!(Caller::default().over("ci").who(), Who { grant: Some("ci".to_owned()), ..Who::default() });
        assert_eq!((started(u32::MAX), process::name(u32::MAX)), (None, None));
    }
}
