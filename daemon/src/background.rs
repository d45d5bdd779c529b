//! `ssoctld --background`: a process between whoever calls and the daemon, which the caller waits for.
//!
//! It leaves behind what the caller had, has the person's service manager give it a place of its own, starts the daemon, and
//! ends when that is ready, or with its exit code when it failed. So the daemon is nobody's child, and has nothing that
//! belongs to whoever happened to call first: no descriptor of a lock or a pipe, no blocked or ignored signal, no control
//! group that ends with a job, no limit of a script, no terminal.

use std::ffi::OsString;
use std::io::{self, BufReader, Read as _, Write as _};
use std::os::fd::RawFd;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::Context;
use nix::sys::signal::SigSet;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use ssoctld::service_manager::scope;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::{BACKGROUND, TELL_STARTER, WITHOUT_SERVICE_MANAGER};

/// What the daemon says to the process that starts it: that it runs, and that it serves.
const BORN: u8 = b'1';
const READY: u8 = b'2';
/// The first descriptor that nobody is meant to have inherited.
const FIRST_UNKNOWN: RawFd = 3;
/// Where the kernel does not tell which descriptors are open, these may be.
const UNKNOWN_LIMIT: RawFd = 65_536;

/// Who is asked for a place for the daemon.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// The person's service manager, if there is one.
    OfServiceManager,
    /// Nobody, because the service manager is known to hang.
    OfCaller,
}

/// Starts the daemon with the arguments of this process, and waits until it is ready.
pub(crate) fn start(place: Place) -> anyhow::Result<ExitCode> {
    close_descriptors();
    // What is caught here is the default again in what is executed from here.
    let _caught = catch_signals().context("failed to reset signals")?;
    raise_limits();
    let own = std::env::current_exe().context("failed to find ssoctld's own path")?;
    let arguments: Vec<OsString> = std::env::args_os()
        .skip(1)
        .filter(|argument| argument != BACKGROUND && argument != WITHOUT_SERVICE_MANAGER)
        .collect();
    let in_scope = (place == Place::OfServiceManager).then(|| scope::command(&own)).flatten();
    if let Some(mut command) = in_scope
        && let Ok(starting) = Starting::begin(&mut command, &arguments)
    {
        match starting.said_within(scope::PATIENCE) {
            Some(BORN) => return starting.finish(),
            Some(_) | None => starting.give_up(),
        }
        tracing::warn!("the service manager gives the daemon no place of its own; it is started without");
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
        let mut process =
            command.arg(TELL_STARTER).args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let output = process.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let (sender, words) = mpsc::channel();
        thread::spawn(move || {
            BufReader::new(output).bytes().map_while(Result::ok).all(|word| sender.send(word).is_ok())
        });
        Ok(Self { process, words })
    }

    /// The next word, or none if there is no such process any more or it says nothing.
    fn said_within(&self, patience: Duration) -> Option<u8> {
        self.words.recv_timeout(patience).ok()
    }

    fn give_up(mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
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
        // It has said why.
        let code = status.code().and_then(|code| u8::try_from(code).ok()).filter(|code| *code != 0);
        Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
    }
}

/// What the daemon does first that was started here: it leaves the terminal, and tells that it is no longer `systemd-run`.
pub(crate) fn begin() -> anyhow::Result<()> {
    rustix::process::setsid().context("failed to leave the terminal's session")?;
    tell(BORN);
    Ok(())
}

/// Tells the process above that the daemon is ready, and lets go of the pipe to it.
pub(crate) fn ready() {
    tell(READY);
    if let Err(error) = nix::unistd::dup2_stdout(io::stderr()) {
        tracing::warn!(%error, "standard output stays connected to the process that started this one");
    }
}

fn tell(word: u8) {
    // Nobody may be waiting any more, and the daemon serves all the same.
    let _ = io::stdout().write_all(&[word]).and_then(|()| io::stdout().flush());
}

/// Closes what the caller had open beyond standard input, output and error. Called before anything is opened here.
fn close_descriptors() {
    for descriptor in open_descriptors() {
        // One that was listed to list them is closed already.
        let _ = nix::unistd::close(descriptor);
    }
}

fn open_descriptors() -> Vec<RawFd> {
    let directory = if cfg!(target_os = "linux") { "/proc/self/fd" } else { "/dev/fd" };
    let Ok(entries) = std::fs::read_dir(directory) else {
        let limit = getrlimit(Resource::Nofile).maximum.and_then(|limit| RawFd::try_from(limit).ok());
        return (FIRST_UNKNOWN..limit.unwrap_or(UNKNOWN_LIMIT).min(UNKNOWN_LIMIT)).collect();
    };
    let number = |entry: std::fs::DirEntry| entry.file_name().to_str()?.parse().ok();
    entries.flatten().filter_map(number).filter(|&descriptor| descriptor >= FIRST_UNKNOWN).collect()
}

/// Blocks no signal and ignores none: all are caught, but those that cannot be, and those that a fault raises (SIGILL, SIGFPE,
/// SIGSEGV).
fn catch_signals() -> anyhow::Result<tokio::runtime::Runtime> {
    unblock_signals()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    {
        let _inside = runtime.enter();
        for number in 1..=LAST_SIGNAL {
            // A number that means no signal is refused.
            let _ = signal(SignalKind::from_raw(number));
        }
    }
    Ok(runtime)
}

#[cfg(target_os = "linux")]
const LAST_SIGNAL: i32 = 64;
#[cfg(not(target_os = "linux"))]
const LAST_SIGNAL: i32 = 31;

/// Blocks no signal in this thread and those that it starts.
pub(crate) fn unblock_signals() -> anyhow::Result<()> {
    SigSet::empty().thread_set_mask().context("failed to unblock signals")
}

/// Lifts what a script allowed itself (`ulimit -t`, `-f`, `-v`, `-d`) as far as that may be done.
fn raise_limits() {
    for resource in [Resource::Cpu, Resource::Fsize, Resource::As, Resource::Data] {
        let limit = getrlimit(resource);
        if limit.current != limit.maximum {
            // The daemon runs with the lower one as well.
            let _ = setrlimit(resource, Rlimit { current: limit.maximum, ..limit });
        }
    }
}
