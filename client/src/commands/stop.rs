//! `ssoctl stop`: ends the daemon, started in any way. The next call starts it again.

use std::fs;
use std::process::Termination;

use clap::Args;

use super::{Verb, service};
use crate::connection::{Daemon, Starting, VersionWarning};
use crate::failure::Failure;
use crate::output;
use crate::socket::Listener;

/// End the daemon; the next call starts it again
///
/// If ssoctl started the daemon, it is told to end; the daemon of a service is stopped by the service manager.
/// Sign-ins are kept, and so are the records of pending sign-ins. After an update, use this to run the new version.
#[derive(Args, Debug)]
pub(crate) struct Stop {}

impl Verb for Stop {
    fn run(self, starting: Starting) -> Result<impl Termination, Failure> {
        match Daemon::find(starting, VersionWarning::Silent)?.listener()? {
            None => output::line("no daemon runs"),
            Some(Listener::Process(pid)) if name(pid).as_deref() == Some("ssoctld") => {
                end(pid)?;
                output::line(&format!("stopped ssoctld (process {pid}); the next call of ssoctl starts it again"))
            }
            // The service manager has made the socket, so it is the listener.
            Some(_) if service::is_active() => {
                service::stop_daemon()?;
                output::line("stopped the service; the next call of ssoctl starts it again")
            }
            Some(_) => Err(Failure::Other(
                "the daemon that answers was not started on this machine, or is in another container; stop it where it runs"
                    .to_owned(),
            )),
        }
    }
}

/// The name of a process (proc_pid_comm(5)).
fn name(pid: u32) -> Option<String> {
    Some(fs::read_to_string(format!("/proc/{pid}/comm")).ok()?.trim_end().to_owned())
}

#[cfg(target_os = "linux")]
fn end(pid: u32) -> Result<(), Failure> {
    use rustix::io::Errno;
    use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
    use std::thread;
    use std::time::{Duration, Instant};

    /// The longest time for a daemon to end. It answers the callers that wait, and writes its records.
    const PATIENCE: Duration = Duration::from_secs(10);
    const PAUSE: Duration = Duration::from_millis(10);

    let Some(process) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return Ok(()) };
    let signalled = pidfd_open(process, PidfdFlags::empty()).and_then(|process| {
        // Checked again, because from here on the number cannot become another process's.
        match name(pid).as_deref() {
            Some("ssoctld") => pidfd_send_signal(&process, Signal::TERM),
            _ => Err(Errno::SRCH),
        }
    });
    match signalled {
        Ok(()) => {}
        Err(Errno::SRCH) => return Ok(()),
        Err(error) => {
            let error = std::io::Error::from(error);
            return Err(Failure::Other(format!("process {pid} cannot be told to stop: {error}")));
        }
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

/// Whether a process runs and is not a zombie (proc_pid_stat(5)).
#[cfg(target_os = "linux")]
fn is_alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(before, rest)| before.ends_with("(ssoctld") && !rest.starts_with(['Z', 'X']))
}

/// Never called here, because the kernel does not tell who listens.
#[cfg(not(target_os = "linux"))]
fn end(_: u32) -> Result<(), Failure> {
    Ok(())
}
