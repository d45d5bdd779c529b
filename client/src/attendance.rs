//! Being a command's parent: signals to this process reach the command, and its end is this process's end. The first process of a
//! PID namespace is also the parent of all orphans, and reaps them.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::sync::{Mutex, PoisonError};

use nix::sys::signal::{SigSet, SigmaskHow};
use rustix::io::retry_on_intr;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, wait};
use signal_hook::SigId;
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::low_level::siginfo::Origin;
use signal_hook::low_level::unregister;

/// The signals that are passed on. SIGTSTP and SIGCONT are not: the terminal stops and continues the whole process group,
/// and a stopped command asks for no credentials.
const PASSED_ON: [Signal; 7] =
    [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT, Signal::USR1, Signal::USR2, Signal::WINCH];
/// The signals that the terminal sends to the whole foreground process group, and so to the command, too.
const FROM_THE_TERMINAL: [Signal; 3] = [Signal::INT, Signal::QUIT, Signal::WINCH];

/// What has signals do what they do by default, until a command is attended.
static DEFAULTS: Mutex<Vec<SigId>> = Mutex::new(Vec::new());

/// Registers an action that has a signal do what it does by default. It ends when a command is attended, for which the signal is passed on.
pub(crate) fn until_attended(default: SigId) {
    DEFAULTS.lock().unwrap_or_else(PoisonError::into_inner).push(default);
}

pub(crate) struct Attendance {
    signals: SignalsInfo<WithOrigin>,
}

impl Attendance {
    /// Begins to catch signals, before the command starts, so that it misses none.
    ///
    /// A signal that this process ignores, because of `nohup` for instance, stays ignored: a child inherits that, but would not
    /// inherit that the signal is caught.
    pub(crate) fn begin() -> io::Result<Self> {
        let caught = PASSED_ON.into_iter().map(Signal::as_raw).filter(|signal| !ssoctl_process::is_ignored(*signal));
        let signals = SignalsInfo::new(caught.chain([Signal::CHILD.as_raw()]))?;
        for default in DEFAULTS.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            unregister(default);
        }
        Ok(Self { signals })
    }

    /// Has signals arrive that this process was started with blocked, for it and the command.
    pub(crate) fn unblock(&self) -> io::Result<()> {
        Ok(passed_on().thread_unblock()?)
    }

    /// Starts the command and waits for its end.
    pub(crate) fn attend(self, start: impl FnOnce() -> io::Result<Child>) -> io::Result<ExitStatus> {
        self.attend_child(|| {
            let child = start()?;
            let addressee = Addressee::Child(Pid::from_child(&child));
            Ok((child, addressee))
        })
    }

    /// The same for a command that is not a child of this process: another child has started it, and handles no signals itself. That
    /// child is started with them blocked, and so is the command, which unblocks them when it can take them. `start` returns the child and
    /// the command's process, if there is one.
    pub(crate) fn attend_another(
        self,
        start: impl FnOnce(Blocked) -> io::Result<(Child, Option<i32>)>,
    ) -> io::Result<ExitStatus> {
        self.attend_child(|| {
            let (child, command) = start(Blocked)?;
            // While it is open, its id means no other process.
            Ok((child, command.and_then(Addressee::of_process).unwrap_or(Addressee::Nobody)))
        })
    }

    fn attend_child(mut self, start: impl FnOnce() -> io::Result<(Child, Addressee)>) -> io::Result<ExitStatus> {
        let (mut child, addressee) = start()?;
        loop {
            for origin in self.signals.wait() {
                pass_on(&origin, &addressee);
            }
            // The first process has no children but the command and orphans.
            let ended = if is_init() { reap_all(&child)? } else { child.try_wait()? };
            if let Some(status) = ended {
                return Ok(status);
            }
        }
    }
}

/// Starts a child to which no signal is sent.
pub(crate) struct Blocked;

impl Blocked {
    pub(crate) fn spawn(self, command: &mut Command) -> io::Result<Child> {
        let before = passed_on().thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
        let child = command.spawn();
        before.thread_set_mask()?;
        child
    }
}

fn passed_on() -> SigSet {
    PASSED_ON.into_iter().filter_map(|signal| nix::sys::signal::Signal::try_from(signal.as_raw()).ok()).collect()
}

/// Who gets the signals.
enum Addressee {
    /// It may have ended. Its process id is not reused before this process has waited for it.
    Child(Pid),
    #[cfg(target_os = "linux")]
    Process(std::os::fd::OwnedFd),
    Nobody,
}

impl Addressee {
    #[cfg(target_os = "linux")]
    fn of_process(pid: i32) -> Option<Self> {
        use rustix::process::{PidfdFlags, pidfd_open};
        pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok().map(Self::Process)
    }

    #[cfg(not(target_os = "linux"))]
    fn of_process(_: i32) -> Option<Self> {
        None
    }

    fn send(&self, signal: Signal) {
        // It may have ended.
        let _ = match self {
            Self::Child(pid) => kill_process(*pid, signal),
            #[cfg(target_os = "linux")]
            Self::Process(process) => rustix::process::pidfd_send_signal(process, signal),
            Self::Nobody => Ok(()),
        };
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

fn pass_on(origin: &Origin, addressee: &Addressee) {
    let Some(signal) = Signal::from_named_raw(origin.signal) else { return };
    let was_sent_by_process = origin.process.is_some();
    if PASSED_ON.contains(&signal) && (was_sent_by_process || !FROM_THE_TERMINAL.contains(&signal)) {
        addressee.send(signal);
    }
}

/// The command's exit code as a shell would show it: 128+N where signal N ended it.
pub(crate) fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX))
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
}
