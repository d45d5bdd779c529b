//! Stops a daemon that was started by hand, for the daemon of the service manager.
//!
//! A person who installs the service has often used `ssoctl` before, so that a daemon holds the state directory. Only one can
//! run. That is the service manager's, which is restarted, watched and started at login.

use std::io;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal};

use super::report::Reports;
use crate::daemon_process::is_own_daemon;
use crate::lock::{Claim, LockError};

/// The longest time for the other daemon to answer its callers, write its records and end.
const PATIENCE: Duration = Duration::from_secs(5);
/// The pause between two tries to get the lock.
const PAUSE: Duration = Duration::from_millis(10);

/// Makes a claim for a daemon of the service manager. Blocks up to 5 s. Fails if its holder is not an `ssoctld` of this user, or
/// does not stop.
#[expect(clippy::disallowed_methods, reason = "seconds of the start, before there is a clock")]
pub fn take_over(claim: &Claim, reports: Reports) -> Result<(), LockError> {
    let begin = Instant::now();
    let mut stopped = None;
    loop {
        let error = match claim.make() {
            Err(error @ LockError::Held { .. }) => error,
            made_or_impossible => return made_or_impossible,
        };
        if begin.elapsed() > PATIENCE {
            return Err(error);
        }
        // A daemon that has just taken the lock has not written its id yet. After one has stopped, another may come first.
        let holder = error.holder().map(|holder| holder.pid);
        if let Some(pid) = holder.filter(|_| holder != stopped) {
            if let Err(refusal) = stop(pid) {
                tracing::error!(pid, "the daemon that is in the way was not stopped: {refusal}");
                return Err(error);
            }
            tracing::info!(pid, "a daemon that was started by hand was told to stop");
            reports.waiting(&format!("Waiting for process {pid}, a daemon that was started by hand, to stop"));
            stopped = holder;
        }
        std::thread::sleep(PAUSE);
    }
}

/// Tells an `ssoctld` of this user to stop.
fn stop(pid: u32) -> io::Result<()> {
    match terminate(pid) {
        // The process has ended meanwhile.
        Ok(true) | Err(Errno::SRCH | Errno::NOENT) => Ok(()),
        Ok(false) => Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is not an ssoctld of this user")),
        Err(error) => Err(error.into()),
    }
}

fn terminate(pid: u32) -> Result<bool, Errno> {
    let Some(id) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return Ok(false) };
    // Opened before it is checked, so that the signal reaches the same process and no other.
    #[cfg(target_os = "linux")]
    let process = rustix::process::pidfd_open(id, rustix::process::PidfdFlags::empty())?;
    if !is_own_daemon(pid)? {
        return Ok(false);
    }
    #[cfg(target_os = "linux")]
    rustix::process::pidfd_send_signal(&process, Signal::TERM)?;
    #[cfg(not(target_os = "linux"))]
    rustix::process::kill_process(id, Signal::TERM)?;
    Ok(true)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "it is the real time that should not pass")]
    fn another_holder_of_the_lock_is_left_alone_and_named() {
        let home = tempfile::tempdir().unwrap();
        // This test's own process has the lock, and another name.
        let held = Claim::to_state(home.path(), Path::new("/s"));
        held.make().unwrap();
        let begin = Instant::now();
        let wanted = Claim::to_state(home.path(), Path::new("/t"));
        let error = take_over(&wanted, Reports::disabled()).unwrap_err();
        assert_eq!(error.holder().map(|holder| holder.pid), Some(std::process::id()));
        assert!(begin.elapsed() < PATIENCE, "it is not waited for");
    }
}
