//! Being a command's parent: signals to this process reach the command, and its end is this process's end. The first process of a
//! PID namespace is also the parent of all orphans, and reaps them.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ExitCode, ExitStatus};

use rustix::io::retry_on_intr;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, wait};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::low_level::siginfo::Origin;

/// The signals that are passed on. SIGTSTP and SIGCONT are not: the terminal stops and continues the whole process group,
/// and a stopped command asks for no credentials.
const PASSED_ON: [Signal; 7] =
    [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT, Signal::USR1, Signal::USR2, Signal::WINCH];
/// The signals that the terminal sends to the whole foreground process group, and so to the command, too.
const FROM_THE_TERMINAL: [Signal; 3] = [Signal::INT, Signal::QUIT, Signal::WINCH];

pub(crate) struct Attendance {
    signals: SignalsInfo<WithOrigin>,
}

impl Attendance {
    /// Begins to catch signals, before the command starts, so that it misses none.
    ///
    /// A signal that this process ignores, because of `nohup` for instance, stays ignored: a child inherits that, but would not
    /// inherit that the signal is caught.
    pub(crate) fn begin() -> io::Result<Self> {
        let ignored = ignored();
        let caught = PASSED_ON.into_iter().filter(|signal| !ignored.contains(signal)).chain([Signal::CHILD]);
        Ok(Self { signals: SignalsInfo::new(caught.map(Signal::as_raw))? })
    }

    /// Starts the command and waits for its end.
    pub(crate) fn attend(mut self, start: impl FnOnce() -> io::Result<Child>) -> io::Result<ExitStatus> {
        let mut child = start()?;
        loop {
            for origin in self.signals.wait() {
                pass_on(&origin, &child);
            }
            // The first process has no children but the command and orphans.
            let ended = if is_init() { reap_all(&child)? } else { child.try_wait()? };
            if let Some(status) = ended {
                return Ok(status);
            }
        }
    }
}

/// Whether this is the first process of its PID namespace.
pub(crate) fn is_init() -> bool {
    rustix::process::getpid() == Pid::INIT
}

/// Reaps every child that has ended, and returns the status of the command if it was among them.
fn reap_all(command: &Child) -> io::Result<Option<ExitStatus>> {
    while let Some((pid, status)) = retry_on_intr(|| wait(WaitOptions::NOHANG))? {
        if pid == Pid::from_child(command) {
            return Ok(Some(ExitStatus::from_raw(status.as_raw())));
        }
    }
    Ok(None)
}

fn pass_on(origin: &Origin, child: &Child) {
    let Some(signal) = Signal::from_named_raw(origin.signal) else { return };
    let was_sent_by_process = origin.process.is_some();
    if PASSED_ON.contains(&signal) && (was_sent_by_process || !FROM_THE_TERMINAL.contains(&signal)) {
        // It may have ended. Its process id is not reused before this process has waited for it.
        let _ = kill_process(Pid::from_child(child), signal);
    }
}

/// The command's exit code as a shell would show it: 128+N where signal N ended it.
pub(crate) fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX))
}

/// The signals that this process ignores. Safe code can find out on Linux only; elsewhere none counts as ignored.
fn ignored() -> Vec<Signal> {
    let status =
        if cfg!(target_os = "linux") { std::fs::read_to_string("/proc/self/status") } else { return Vec::new() };
    let mask = status.ok().and_then(|status| ignored_mask(&status)).unwrap_or(0);
    PASSED_ON.into_iter().filter(|signal| mask & (1 << (signal.as_raw() - 1)) != 0).collect()
}

/// The line `SigIgn:` of proc(5): a bit for each signal, that of signal 1 the lowest.
fn ignored_mask(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
    u64::from_str_radix(line.trim(), 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_a_signal_ended_has_the_exit_code_that_shells_show() {
        let code = |raw| exit_code(ExitStatus::from_raw(raw));
        assert_eq!(code(0), ExitCode::from(0));
        assert_eq!(code(7 << 8), ExitCode::from(7));
        assert_eq!(code(255 << 8), ExitCode::from(255));
        assert_eq!(code(15), ExitCode::from(143));
    }

    #[test]
    fn ignored_signals_are_read_from_the_status_of_the_process() {
        let status = "Name:\tx\nSigBlk:\t0000000000000001\nSigIgn:\t0000000000001001\nSigCgt:\t0000000000000002\n";
        assert_eq!(ignored_mask(status), Some(0x1001));
        assert_eq!(ignored_mask("Name:\tSigIgn:\n"), None);
    }
}
