//! `ssoctl service`: the daemon as a service of systemd or launchd.
//!
//! Everything is done by the manager's own command, so that nothing of it is linked here.

mod launchd;
mod systemd;

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use ssoctl_files::directory;
use ssoctl_files::owner::refuse_foreign_place;

use crate::cli::ServiceAction;
use crate::failure::Failure;
use crate::output;
use crate::render;
use crate::start::{self, manager};

pub(super) fn run(action: ServiceAction) -> Result<(), Failure> {
    if cfg!(target_os = "macos") { launchd::run(action) } else { systemd::run(action) }
}

/// Whether the service runs the daemon.
pub(super) fn is_active() -> bool {
    if cfg!(target_os = "macos") { launchd::is_active() } else { systemd::is_active() }
}

/// Stops the service's daemon and leaves its socket, so that the next call starts it again.
pub(super) fn stop_daemon() -> Result<(), Failure> {
    if cfg!(target_os = "macos") { launchd::stop_daemon() } else { systemd::stop_daemon() }
}

/// What became of a file that should have this text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Placed {
    Unchanged,
    Written,
}

/// Makes sure that a file has this text, at once and wholly.
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
            // The first error is the one worth telling.
            let _ = fs::remove_file(&temporary);
        }
        written
    };
    write().map_err(|error| Failure::Other(format!("cannot write {}: {error}", path.display())))?;
    say(&format!("wrote {}", path.display()))?;
    Ok(Placed::Written)
}

/// Removes a file, and says so. False if there was none.
fn remove(path: &Path) -> Result<bool, Failure> {
    match fs::remove_file(path) {
        Ok(()) => say(&format!("removed {}", path.display())).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Failure::Other(format!("cannot remove {}: {error}", path.display()))),
    }
}

/// The daemon that the service is to run.
fn program() -> Result<String, Failure> {
    let path = start::program().ok_or_else(|| {
        Failure::Other("ssoctld is neither beside ssoctl nor on PATH; install it, then try again".to_owned())
    })?;
    text(start::lasting(&path))
}

/// A path as it stands in a file for a service manager.
fn text(path: PathBuf) -> Result<String, Failure> {
    let plain = |text: &String| !text.chars().any(char::is_control);
    path.into_os_string().into_string().ok().filter(plain).ok_or_else(|| {
        Failure::Other("a path with control characters, or that is not UTF-8, cannot be part of a service".to_owned())
    })
}

/// Runs a manager's command, and keeps what it says.
fn ask(command: &mut Command) -> io::Result<Output> {
    command.stdin(Stdio::null()).output()
}

/// The same for what is answered at once by a manager that does not hang.
fn ask_briefly(command: &mut Command) -> io::Result<Output> {
    manager::run(command.stdout(Stdio::piped()).stderr(Stdio::piped()))
}

/// Runs a manager's command that should succeed.
fn carry_out(command: &mut Command, what: &str) -> Result<(), Failure> {
    let failed = |why: &str| Failure::Other(format!("{what} failed: {why}"));
    let output = ask(command).map_err(|error| failed(&error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(failed(String::from_utf8_lossy(&output.stderr).trim()))
}

/// Lets a command speak for itself.
fn show(command: &mut Command) -> Result<(), Failure> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.status().map_err(|error| Failure::Other(format!("{program} cannot be run: {error}")))?;
    if status.success() { Ok(()) } else { Err(Failure::Other(format!("{program} ended with {status}"))) }
}

fn say(text: &str) -> Result<(), Failure> {
    output::write(format!("{}\n", render::printable(text)).as_bytes())
}
