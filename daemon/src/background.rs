//! `ssoctld --background`: a process between the caller and the daemon, for which the caller waits.
//!
//! It closes inherited descriptors, resets signals and limits, starts the daemon in a scope of the user's service manager if there
//! is one, and ends when the daemon is ready, or with its exit code when it failed. So the daemon is not a child of the caller, and
//! inherits nothing from it: no descriptor of a lock or a pipe, no blocked or ignored signal, no control group that ends with a
//! job, no limit of a script, no terminal.

use std::ffi::OsString;
use std::io::{self, BufReader, Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::thread;

use anyhow::Context;
use nix::sys::signal::SigSet;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use ssoctld::service_manager::scope;
use tokio::signal::unix::{SignalKind, signal};

use ssoctld::cli::{Arguments, BACKGROUND, TELL_STARTER, WITHOUT_SERVICE_MANAGER};

/// The messages of the daemon to the process that starts it: first that it runs, then that it serves.
const BORN: u8 = b'1';
const READY: u8 = b'2';
const LAST_SIGNAL: i32 = if cfg!(target_os = "linux") { 64 } else { 31 };

/// Starts the daemon with the arguments of this process, and waits until it is ready.
pub(crate) fn start(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    ssoctl_process::close_inherited_descriptors();
    // Executing a program resets the signals that are caught here.
    let _caught = catch_signals().context("failed to reset signals")?;
    raise_limits();
    let own = std::env::current_exe().context("failed to find ssoctld's own path")?;
    let in_scope = if arguments.without_service_manager { None } else { scope::command(&own) };
    let arguments: Vec<OsString> = std::env::args_os()
        .skip(1)
        .filter(|argument| argument != BACKGROUND && argument != WITHOUT_SERVICE_MANAGER)
        .collect();
    if let Some(mut command) = in_scope
        && let Ok(mut starting) = Starting::begin(&mut command, &arguments)
    {
        if starting.words.recv_timeout(scope::PATIENCE) == Ok(BORN) {
            return starting.finish();
        }
        // It may have ended by itself.
        let _ = starting.process.kill();
        let _ = starting.process.wait();
        tracing::warn!("the service manager does not give the daemon a scope; starting it without a scope");
    }
    Starting::begin(&mut Command::new(own), &arguments).context("failed to start the daemon")?.finish()
}

/// A daemon that was started and is not ready yet.
struct Starting {
    process: Child,
    words: mpsc::Receiver<u8>,
}

impl Starting {
    fn begin(command: &mut Command, arguments: &[OsString]) -> io::Result<Self> {
        let command = command.arg(TELL_STARTER).args(arguments);
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let output = process.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let (sender, words) = mpsc::channel();
        thread::spawn(move || {
            BufReader::new(output).bytes().map_while(Result::ok).all(|word| sender.send(word).is_ok())
        });
        Ok(Self { process, words })
    }

    /// Waits until the daemon is ready, or for its end.
    fn finish(mut self) -> anyhow::Result<ExitCode> {
        if self.words.iter().any(|word| word == READY) {
            return Ok(ExitCode::SUCCESS);
        }
        let status = self.process.wait().context("failed to wait for the daemon")?;
        if let Some(signal) = status.signal() {
            anyhow::bail!("the daemon was killed by signal {signal}");
        }
        // The daemon has printed the reason.
        let code = status.code().and_then(|code| u8::try_from(code).ok()).filter(|code| *code != 0);
        Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
    }
}

/// Leaves the terminal, and tells the starter that this process is no longer `systemd-run`. The first step of a daemon that was
/// started here.
pub(crate) fn begin() -> anyhow::Result<()> {
    rustix::process::setsid().context("failed to leave the terminal's session")?;
    tell_starter(BORN);
    Ok(())
}

/// Tells the starter that the daemon is ready, and closes the pipe to it.
pub(crate) fn ready() {
    tell_starter(READY);
    if let Err(error) = nix::unistd::dup2_stdout(io::stderr()) {
        tracing::warn!(%error, "standard output stays connected to the process that started this one");
    }
}

fn tell_starter(word: u8) {
    // If the starter has gone, the daemon serves nevertheless.
    let _ = io::stdout().write_all(&[word]).and_then(|()| io::stdout().flush());
}

/// Blocks no signal and ignores none: catches all but those that cannot be caught, and those that a fault raises (SIGILL, SIGFPE,
/// SIGSEGV).
fn catch_signals() -> anyhow::Result<tokio::runtime::Runtime> {
    unblock_signals()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let inside = runtime.enter();
    for number in 1..=LAST_SIGNAL {
        // A number that means no signal is refused.
        let _ = signal(SignalKind::from_raw(number));
    }
    drop(inside);
    Ok(runtime)
}

/// Blocks no signal in this thread and those that it starts.
pub(crate) fn unblock_signals() -> anyhow::Result<()> {
    SigSet::empty().thread_set_mask().context("failed to unblock signals")
}

/// Raises the limits that a script set for itself (`ulimit -t`, `-f`, `-v`, `-d`) as far as that is allowed.
fn raise_limits() {
    for resource in [Resource::Cpu, Resource::Fsize, Resource::As, Resource::Data] {
        let limit = getrlimit(resource);
        if limit.current != limit.maximum {
            // The daemon runs with the lower limit as well.
            let _ = setrlimit(resource, Rlimit { current: limit.maximum, ..limit });
        }
    }
}
