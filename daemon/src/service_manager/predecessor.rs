//! Stops a daemon that was started by hand, for the daemon of the service manager.
//!
//! A person who installs the service has often used `ssoctl` before, so that a daemon holds the state directory. Only one can
//! run. That is the service manager's, which is restarted, watched and started at login.

use std::io;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, geteuid};

use super::report::Reports;
use crate::lock::{Claim, LockError};

/// How long the other daemon may take to answer its callers, write its records and end.
const PATIENCE: Duration = Duration::from_secs(5);
/// The pause between two tries to get the lock.
const PAUSE: Duration = Duration::from_millis(10);

/// Makes a claim for a daemon of the service manager. Blocks up to 5 s.
///
/// # Errors
/// The lock's, if its holder is not an `ssoctld` of this user, or does not stop.
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

/// Tells an `ssoctld` of this user to stop. A process that has ended meanwhile is no error.
fn stop(pid: u32) -> io::Result<()> {
    let not_ours = || io::Error::new(io::ErrorKind::PermissionDenied, "it is not an ssoctld of this user");
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or_else(not_ours)?;
    match stop_own(pid) {
        Ok(true) | Err(Errno::SRCH | Errno::NOENT) => Ok(()),
        Ok(false) => Err(not_ours()),
        Err(error) => Err(error.into()),
    }
}

/// Returns whether the process is an `ssoctld` of this user, and stops it if it is.
#[cfg(target_os = "linux")]
fn stop_own(pid: Pid) -> Result<bool, Errno> {
    use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};

    // Opened before its status is read, so that the signal reaches the same process and no other.
    let process = pidfd_open(pid, PidfdFlags::empty())?;
    // Its executable cannot be read: that takes the right to trace it, which nobody has in a service's sandbox.
    let status = std::fs::read_to_string(format!("/proc/{}/status", pid.as_raw_pid()));
    let status = status.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    let is_own = is_own_daemon(&status, geteuid().as_raw());
    if is_own {
        pidfd_send_signal(&process, Signal::TERM)?;
    }
    Ok(is_own)
}

/// Reads a process's name and real user from what proc_pid_status(5) describes.
#[cfg(target_os = "linux")]
fn is_own_daemon(status: &str, uid: u32) -> bool {
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(":\t"));
    let owner = field("Uid").and_then(|uids| uids.split('\t').next()).and_then(|uid| uid.parse().ok());
    field("Name") == Some("ssoctld") && owner == Some(uid)
}

/// Returns whether the process is an `ssoctld` of this user, and stops it if it is. Written by the documentation of ps(1), and
/// not run yet.
#[cfg(not(target_os = "linux"))]
fn stop_own(pid: Pid) -> Result<bool, Errno> {
    let mut ps = std::process::Command::new("/bin/ps");
    let output = ps.args(["-o", "uid=", "-o", "comm=", "-p", &pid.as_raw_pid().to_string()]).output();
    let output = output.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let (uid, program) = text.trim().split_once(' ').ok_or(Errno::SRCH)?;
    let name = std::path::Path::new(program.trim()).file_name();
    let is_own = uid.parse() == Ok(geteuid().as_raw()) && name == Some("ssoctld".as_ref());
    if is_own {
        rustix::process::kill_process(pid, Signal::TERM)?;
    }
    Ok(is_own)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn only_an_ssoctld_of_this_user_is_stopped() {
        let status = "Name:\tssoctld\nUmask:\t0077\nState:\tS (sleeping)\nUid:\t1000\t1000\t1000\t1000\n";
        assert!(is_own_daemon(status, 1000));
        assert!(!is_own_daemon(status, 1001));
        assert!(!is_own_daemon(&status.replace("ssoctld", "ssoctld-old"), 1000));
        assert!(!is_own_daemon("", 1000));
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "it is the real time that should not pass")]
    fn somebody_else_who_holds_the_lock_is_left_alone_and_named() {
        let home = tempfile::tempdir().unwrap();
        // This test's own process has the lock, and another name.
        let held = Claim::to_state(home.path(), Path::new("/s"));
        held.make().unwrap();
        let begin = Instant::now();
        let wanted = Claim::to_state(home.path(), Path::new("/t"));
        let error = take_over(&wanted, Reports::to_nobody()).unwrap_err();
        assert_eq!(error.holder().map(|holder| holder.pid), Some(std::process::id()));
        assert!(begin.elapsed() < PATIENCE, "it is not waited for");
    }
}
