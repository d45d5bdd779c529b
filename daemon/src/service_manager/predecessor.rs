//! A daemon that was started by hand, and that makes room for the service manager's.
//!
//! Whoever installs the service has often used `ssoctl` before, and then a daemon holds the state directory. Both cannot
//! run; the manager's is the one that is restarted, watched and started at login, so the other one is told to stop.

use std::io;
use std::time::{Duration, Instant};

use super::report::Reports;
use crate::lock::{Claim, LockError};

/// How long the other daemon may take to stop. It answers who waits, and writes what is to be written.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often the lock is tried meanwhile.
const PAUSE: Duration = Duration::from_millis(10);

/// Makes a claim for a daemon of the service manager. Blocks up to 5 s.
///
/// # Errors
/// The lock's, if whoever has it is not an `ssoctld` of this user, or does not stop.
#[expect(clippy::disallowed_methods, reason = "seconds of the start, before there is a clock")]
pub fn take_over(claim: &Claim, reports: Reports) -> Result<(), LockError> {
    let begin = Instant::now();
    let mut told = None;
    loop {
        let error = match claim.make() {
            Err(error @ LockError::Held { .. }) => error,
            made_or_impossible => return made_or_impossible.map(drop),
        };
        if begin.elapsed() > PATIENCE {
            return Err(error);
        }
        // Who has just taken the lock has not left word yet; and after one has stopped, another may have come first.
        let holder = error.holder().map(|holder| holder.pid);
        if let Some(pid) = holder.filter(|_| holder != told) {
            if let Err(refusal) = stop(pid) {
                tracing::error!(pid, "the daemon that is in the way was not stopped: {refusal}");
                return Err(error);
            }
            tracing::info!(pid, "a daemon that was started by hand was told to stop");
            reports.waiting(&format!("Waiting for process {pid}, a daemon that was started by hand, to stop"));
            told = holder;
        }
        std::thread::sleep(PAUSE);
    }
}

/// Tells an `ssoctld` of this user to stop.
#[cfg(target_os = "linux")]
fn stop(pid: u32) -> io::Result<()> {
    use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

    let Some(process) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return Err(not_ours()) };
    // Opened before it is looked at, so that the signal reaches the process that was looked at and no other.
    let process = match pidfd_open(process, PidfdFlags::empty()) {
        Ok(process) => process,
        // It has ended meanwhile.
        Err(rustix::io::Errno::SRCH) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    // Its executable cannot be asked for: that takes the right to trace it, which nobody has in a service's sandbox.
    let status = match std::fs::read_to_string(format!("/proc/{pid}/status")) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound) => return Ok(()),
        status => status?,
    };
    if !is_our_daemon(&status, rustix::process::geteuid().as_raw()) {
        return Err(not_ours());
    }
    match pidfd_send_signal(&process, Signal::TERM) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Reads a process's name and real user from what proc_pid_status(5) describes.
#[cfg(target_os = "linux")]
fn is_our_daemon(status: &str, uid: u32) -> bool {
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(":\t"));
    let owner = field("Uid").and_then(|uids| uids.split('\t').next()).and_then(|uid| uid.parse().ok());
    field("Name") == Some("ssoctld") && owner == Some(uid)
}

/// Tells an `ssoctld` of this user to stop. Written against the documentation of ps(1), and not run yet.
#[cfg(not(target_os = "linux"))]
fn stop(pid: u32) -> io::Result<()> {
    use rustix::process::{Pid, Signal, geteuid, kill_process};

    let Some(process) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return Err(not_ours()) };
    let output =
        std::process::Command::new("/bin/ps").args(["-o", "uid=", "-o", "comm=", "-p", &pid.to_string()]).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let Some((uid, program)) = text.trim().split_once(' ') else { return Ok(()) };
    let name = std::path::Path::new(program.trim()).file_name();
    if uid.parse() != Ok(geteuid().as_raw()) || name != Some("ssoctld".as_ref()) {
        return Err(not_ours());
    }
    match kill_process(process, Signal::TERM) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn not_ours() -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, "it is not an ssoctld of this user")
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn only_an_ssoctld_of_this_user_is_stopped() {
        let status = "Name:\tssoctld\nUmask:\t0077\nState:\tS (sleeping)\nUid:\t1000\t1000\t1000\t1000\n";
        assert!(is_our_daemon(status, 1000));
        assert!(!is_our_daemon(status, 1001));
        assert!(!is_our_daemon(&status.replace("ssoctld", "ssoctld-old"), 1000));
        assert!(!is_our_daemon("", 1000));
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
