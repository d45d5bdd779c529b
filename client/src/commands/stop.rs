//! `ssoctl stop`: ends the daemon, however it was started. The next call starts it again.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use super::service;
use crate::connection::{Daemon, Listening};
use crate::failure::Failure;
use crate::output;

/// How long a daemon may take to end. It answers who waits, and writes what is to be written.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(10);

pub(super) fn run(daemon: &Daemon) -> Result<(), Failure> {
    match daemon.listening()? {
        Listening::Nobody => say("no daemon runs"),
        Listening::Process(pid) if name(pid).as_deref() == Some("ssoctld") => {
            end(pid)?;
            say(&format!("stopped ssoctld (process {pid}); the next call of ssoctl starts it again"))
        }
        // Its socket was made by the service manager, which is who listens.
        Listening::Process(_) | Listening::Unknown if service::is_active() => {
            service::stop_daemon()?;
            say("stopped the service; the next call of ssoctl starts it again")
        }
        Listening::Process(_) | Listening::Unknown => Err(Failure::Other(
            "the daemon that answers was not started on this machine, or is in another container; stop it where it runs"
                .to_owned(),
        )),
    }
}

/// The name of a process, as proc_pid_comm(5) has it.
fn name(pid: u32) -> Option<String> {
    Some(fs::read_to_string(format!("/proc/{pid}/comm")).ok()?.trim_end().to_owned())
}

#[cfg(target_os = "linux")]
fn end(pid: u32) -> Result<(), Failure> {
    use rustix::io::Errno;
    use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

    let failed =
        |error: Errno| Failure::Other(format!("process {pid} cannot be told to stop: {}", std::io::Error::from(error)));
    let Some(process) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return Ok(()) };
    let process = match pidfd_open(process, PidfdFlags::empty()) {
        Ok(process) => process,
        Err(Errno::SRCH) => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    // Looked at again now that the number cannot become another process's.
    if name(pid).as_deref() != Some("ssoctld") {
        return Ok(());
    }
    match pidfd_send_signal(&process, Signal::TERM) {
        Ok(()) => {}
        Err(Errno::SRCH) => return Ok(()),
        Err(error) => return Err(failed(error)),
    }
    let begin = Instant::now();
    while is_alive(pid) {
        if begin.elapsed() > PATIENCE {
            return Err(Failure::Other(format!(
                "ssoctld (process {pid}) has not ended within {} s; if it hangs, run: kill -9 {pid}",
                PATIENCE.as_secs()
            )));
        }
        thread::sleep(PAUSE);
    }
    Ok(())
}

/// Whether it runs: one that nobody has waited for is over, too (proc_pid_stat(5)).
#[cfg(target_os = "linux")]
fn is_alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(before, rest)| before.ends_with("(ssoctld") && !rest.starts_with(['Z', 'X']))
}

/// Here the kernel does not tell who listens, so it does not come to this.
#[cfg(not(target_os = "linux"))]
fn end(_: u32) -> Result<(), Failure> {
    Ok(())
}

fn say(text: &str) -> Result<(), Failure> {
    output::write(format!("{text}\n").as_bytes())
}
