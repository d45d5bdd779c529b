//! The daemon as a process that the client starts, and its log.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::fs::{FlockOperation, flock};
use ssoctl_files::{directory, own_file};

use super::passed_on;
use super::unit::Unit;
use crate::{environment, installation};

/// The log and the lock, below the home directory. As for the daemon, no variable of this shell but `HOME` counts.
const DIRECTORY: &str = if cfg!(target_os = "macos") { "Library/Logs/ssoctl" } else { ".local/state/ssoctl" };
/// The most bytes and lines of the log that are shown.
const LAST_BYTES: u64 = 4096;
const LAST_LINES: usize = 5;

/// Starts one daemon, once, unless another client does.
pub(super) struct Starter {
    program: PathBuf,
    pub(super) log: PathBuf,
    /// The client that holds the lock on this file starts the daemon. The lock ends with the process.
    lock: File,
    /// `ssoctld --background`, which ends when the daemon is ready.
    child: Option<Child>,
    /// The length of the log before the daemon wrote to it.
    log_length: u64,
    /// Whether the service manager is asked for a scope for the daemon.
    uses_service_manager: bool,
}

impl Starter {
    pub(super) fn new(unit: Unit) -> Result<Self, String> {
        let program =
            installation::daemon().map_err(|why| format!("no daemon runs, and {why}, or start a daemon by hand"))?;
        let home = environment::home_directory()
            .ok_or("no daemon was started: there is no home directory for its log; set HOME")?;
        let directory = home.join(DIRECTORY);
        directory::private(&directory).map_err(|error| no_log(&directory, &error))?;
        let lock_path = directory.join("ssoctld.starting");
        let lock = own_file::open(&lock_path).map_err(|error| no_log(&lock_path, &error))?;
        let log = directory.join("ssoctld.log");
        Ok(Self { program, log, lock, child: None, log_length: 0, uses_service_manager: unit != Unit::Hangs })
    }

    /// Starts the daemon if no other client is starting one. `connect` checks once more whether one has come up before this
    /// process got the lock.
    pub(super) fn start_unless_another_client_does(
        &mut self,
        connect: impl Fn() -> Result<Option<UnixStream>, String>,
    ) -> Result<(), String> {
        let is_locked = self.child.is_none() && flock(&self.lock, FlockOperation::NonBlockingLockExclusive).is_ok();
        if is_locked && connect()?.is_none() {
            self.spawn()?;
        }
        Ok(())
    }

    fn spawn(&mut self) -> Result<(), String> {
        let output = own_file::open_log(&self.log).map_err(|error| no_log(&self.log, &error))?;
        let errors = output.try_clone().map_err(|error| no_log(&self.log, &error))?;
        self.log_length = output.metadata().map_or(0, |metadata| metadata.len());
        let child = Command::new(&self.program)
            .args(["--background", "--log-file"])
            .arg(&self.log)
            .args((!self.uses_service_manager).then_some("--without-service-manager"))
            .env_clear()
            .envs(passed_on::variables())
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn();
        let program = self.program.display();
        self.child = Some(child.map_err(|error| format!("the daemon could not be started: {program}: {error}"))?);
        Ok(())
    }

    /// Whether the daemon is ready, or how it has ended; `None` while its start is pending. `Ok` also if this process has not started
    /// one.
    pub(super) fn outcome(&mut self) -> Option<Result<(), String>> {
        let Some(child) = &mut self.child else { return Some(Ok(())) };
        match child.try_wait() {
            Ok(status) => status.map(|status| if status.success() { Ok(()) } else { Err(status.to_string()) }),
            Err(error) => Some(Err(error.to_string())),
        }
    }

    pub(super) fn last_lines(&self) -> String {
        last_lines(&self.log, self.log_length).unwrap_or_default()
    }
}

fn no_log(path: &Path, error: &io::Error) -> String {
    format!("no daemon was started: cannot write {}: {error}", path.display())
}

/// The last lines that were written after the first `from` bytes, joined by ` / `; empty if there are none.
fn last_lines(log: &Path, from: u64) -> io::Result<String> {
    let mut file = own_file::open(log)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(from.max(length.saturating_sub(LAST_BYTES))))?;
    let mut bytes = Vec::new();
    file.take(LAST_BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    Ok(lines[lines.len().saturating_sub(LAST_LINES)..].join(" / "))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn only_the_newest_lines_are_quoted() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("ssoctld.log");
        fs::write(&path, "old\n1\n2\n\n3\n4\n5\n6\n").unwrap();
        assert_eq!(last_lines(&path, 4).unwrap(), "2 / 3 / 4 / 5 / 6");
        assert_eq!(last_lines(&path, 15).unwrap(), "6");
        assert_eq!(last_lines(&root.path().join("none"), 0).unwrap(), "");
    }
}
