//! `ssoctl service`: the daemon as a service of systemd or launchd.
//!
//! Everything is done by the service manager's own command, so that no library of it is linked here.

mod launchd;
mod systemd;

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio, Termination};

use clap::{Args, Subcommand};
use ssoctl_files::directory;
use ssoctl_files::owner::refuse_foreign_place;

use super::Verb;
use crate::connection::Starting;
use crate::failure::Failure;
use crate::{installation, output};

/// Run ssoctld as a service of systemd or launchd
///
/// A service starts at login, so that sign-ins are renewed and notices shown before the first call of ssoctl, and starts again if
/// it fails; calls wait while it restarts. Without it, ssoctl starts ssoctld when it is needed.
#[derive(Args, Debug)]
pub(crate) struct Service {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Clone, Copy, Debug)]
enum Action {
    /// Install it for you alone, and start it now and at each login; update it if it is installed
    ///
    /// Where a package has brought the service's units for everybody, they are enabled for you, and no unit is written.
    Install,
    /// Stop it and remove it; sign-ins and the configuration stay
    ///
    /// The units of a package stay, too, but do not start at login any more.
    Uninstall,
    /// Show its state, as the service manager knows it
    Status,
    /// Restart it; calls wait meanwhile
    Restart,
    /// Stop it until the next login or call
    Stop,
    /// Show its log
    Logs {
        /// Show new lines until Ctrl-C
        #[arg(long, short)]
        follow: bool,
        /// Number of lines to begin with
        #[arg(long, short = 'n', value_name = "NUMBER", default_value_t = 100)]
        lines: u32,
    },
}

impl Verb for Service {
    fn run(self, _: Starting) -> Result<impl Termination, Failure> {
        if cfg!(target_os = "macos") { launchd::run(self.action) } else { systemd::run(self.action) }
    }
}

/// Whether the service runs the daemon.
pub(super) fn is_active() -> bool {
    if cfg!(target_os = "macos") { launchd::is_active() } else { systemd::is_active() }
}

/// Stops the service's daemon and leaves its socket, so that the next call starts it again.
pub(super) fn stop_daemon() -> Result<(), Failure> {
    if cfg!(target_os = "macos") { launchd::stop_daemon() } else { systemd::stop_daemon() }
}

/// Whether a file had its text already.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Placed {
    Unchanged,
    Written,
}

/// Makes sure that a file has this text. The file is replaced in one step.
fn place(path: &Path, text: &str) -> Result<Placed, Failure> {
    if fs::read(path).is_ok_and(|found| found == text.as_bytes()) {
        return Ok(Placed::Unchanged);
    }
    let write = || -> io::Result<()> {
        let directory = path.parent().unwrap_or(Path::new("/"));
        directory::make(directory, 0o755)?;
        refuse_foreign_place(path)?;
        let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o644)
            .open(&temporary)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .and_then(|()| fs::rename(&temporary, path));
        if written.is_err() {
            // The first error is reported.
            let _ = fs::remove_file(&temporary);
        }
        written
    };
    write().map_err(|error| Failure::Other(format!("cannot write {}: {error}", path.display())))?;
    output::line(&format!("wrote {}", path.display()))?;
    Ok(Placed::Written)
}

/// Removes a file, if there is one, and says so.
fn remove(path: &Path) -> Result<(), Failure> {
    match fs::remove_file(path) {
        Ok(()) => output::line(&format!("removed {}", path.display())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Failure::Other(format!("cannot remove {}: {error}", path.display()))),
    }
}

/// The daemon's program, as the service runs it.
fn program() -> Result<String, Failure> {
    path_text(installation::lasting(&installation::daemon().map_err(Failure::Other)?))
}

/// A path for a file of the service manager.
fn path_text(path: PathBuf) -> Result<String, Failure> {
    let is_plain = |text: &String| !text.chars().any(char::is_control);
    path.into_os_string().into_string().ok().filter(is_plain).ok_or_else(|| {
        Failure::Other("a path with control characters, or that is not UTF-8, cannot be part of a service".to_owned())
    })
}

/// Runs a command of the service manager without a time limit.
fn ask(command: &mut Command) -> io::Result<Output> {
    command.stdin(Stdio::null()).output()
}

/// Runs a command that should succeed.
fn carry_out(command: &mut Command, what: &str) -> Result<(), Failure> {
    let failed = |why: &str| Failure::Other(format!("{what} failed: {why}"));
    let output = ask(command).map_err(|error| failed(&error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(failed(String::from_utf8_lossy(&output.stderr).trim()))
}

/// Runs a command whose output is for the person.
fn show(command: &mut Command) -> Result<(), Failure> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.status().map_err(|error| Failure::Other(format!("{program} cannot be run: {error}")))?;
    if status.success() { Ok(()) } else { Err(Failure::Other(format!("{program} ended with {status}"))) }
}
