//! Follows the process that a grant ends with.

use serde::{Deserialize, Serialize};

/// A process, told from a later one with the same id by its start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Attending {
    pub pid: u32,
    /// In clock ticks since boot (proc(5), `starttime` of `/proc/PID/stat`).
    started: u64,
}

/// Why a process cannot be followed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotAttended {
    #[error(
        "the process that asks cannot be seen from the daemon, so a grant cannot end with it; leave `attended` out"
    )]
    Invisible,
    #[error(
        "this system does not tell the daemon when a process ends, so a grant cannot end with one; make it without a command, and revoke \
         it afterwards"
    )]
    Unsupported,
}

/// The end of a process, to be waited for.
pub struct ProcessEnd(#[cfg(target_os = "linux")] tokio::io::unix::AsyncFd<std::os::fd::OwnedFd>);

#[cfg(target_os = "linux")]
impl Attending {
    /// Begins to follow a process that is known to run. Has to be called within a tokio runtime.
    pub fn begin(pid: u32) -> Result<(Self, ProcessEnd), NotAttended> {
        let end = open(pid).ok_or(NotAttended::Invisible)?;
        Ok((Self { pid, started: crate::caller::started(pid).ok_or(NotAttended::Invisible)? }, end))
    }

    /// Follows the process again, after a restart of the daemon; `None` if it has ended.
    pub(super) fn resume(self) -> Option<ProcessEnd> {
        let end = open(self.pid)?;
        // Read after the process was opened, so that its id cannot come to mean another one in between.
        (crate::caller::started(self.pid) == Some(self.started)).then_some(end)
    }
}

#[cfg(not(target_os = "linux"))]
impl Attending {
    pub fn begin(_pid: u32) -> Result<(Self, ProcessEnd), NotAttended> {
        Err(NotAttended::Unsupported)
    }

    pub(super) fn resume(self) -> Option<ProcessEnd> {
        None
    }
}

impl ProcessEnd {
    /// Waits for it.
    #[cfg(target_os = "linux")]
    pub(super) async fn reached(&self) {
        // A descriptor that cannot be waited for is one of a process that has ended.
        let _ = self.0.readable().await;
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) async fn reached(&self) {
        std::future::pending().await
    }
}

#[cfg(target_os = "linux")]
#[expect(deprecated, reason = "its safe successor takes no interest; descriptors of our own are sound")]
fn open(pid: u32) -> Option<ProcessEnd> {
    use rustix::process::{Pid, PidfdFlags, pidfd_open};
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;
    let pid = Pid::from_raw(i32::try_from(pid).ok()?)?;
    let process = pidfd_open(pid, PidfdFlags::NONBLOCK).ok()?;
    // It becomes readable when the process ends (pidfd_open(2)).
    AsyncFd::with_interest(process, Interest::READABLE).ok().map(ProcessEnd)
}
