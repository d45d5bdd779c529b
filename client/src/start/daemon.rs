//! The daemon as a process of its own, started by the client.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::fs::{FlockOperation, flock};
use ssoctl_files::{directory, log_file, own_file};

use super::{NotStarted, log, passed_on};
use crate::environment;

/// Starts one daemon, once, unless another client is at it.
pub(super) struct Starter {
    program: PathBuf,
    log: PathBuf,
    /// Who holds the lock on this file starts the daemon. Closing it, also by dying, lets go of it.
    lock: File,
    started: Option<Started>,
    manager: Manager,
}

/// What has become of the daemon that a starter may have started.
pub(super) enum Start {
    /// Another client is starting one, or it has come up by itself.
    OfSomebodyElse,
    /// It is not ready yet.
    Pending,
    /// It is ready, and the process that started it is gone.
    Done,
    /// It has ended like this.
    Failed(String),
}

/// What is known of the person's service manager.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Manager {
    /// Nothing is known to be wrong with it.
    Usable,
    /// It does not answer in time.
    Hangs,
}

struct Started {
    /// `ssoctld --background`, which ends when the daemon is ready, and then the daemon is nobody's child.
    child: Child,
    /// The length of the log before the daemon wrote to it.
    log_length: u64,
}

impl Starter {
    pub(super) fn new(manager: Manager) -> Result<Self, NotStarted> {
        let program = find().ok_or(NotStarted::NothingToStart)?;
        let directory = environment::home_directory()
            .map(|home| log::directory(&home))
            .ok_or_else(|| NotStarted::NoLog("there is no home directory for its log; set HOME".to_owned()))?;
        let fails = |path: &Path, error| NotStarted::NoLog(format!("cannot write {}: {error}", path.display()));
        directory::private(&directory).map_err(|error| fails(&directory, error))?;
        let lock_path = directory.join("ssoctld.starting");
        let lock = own_file::open(&lock_path).map_err(|error| fails(&lock_path, error))?;
        Ok(Self { program, log: directory.join("ssoctld.log"), lock, started: None, manager })
    }

    /// Starts the daemon if no other client is starting one. `connect` looks once more whether one has come up before
    /// the lock was had.
    pub(super) fn start_unless_somebody_does(
        &mut self,
        connect: impl Fn() -> Result<Option<UnixStream>, NotStarted>,
    ) -> Result<(), NotStarted> {
        if self.started.is_some() || flock(&self.lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Ok(());
        }
        if connect()?.is_none() {
            self.started = Some(self.spawn()?);
        }
        Ok(())
    }

    fn spawn(&self) -> Result<Started, NotStarted> {
        let no_log = |error| NotStarted::NoLog(format!("cannot write {}: {error}", self.log.display()));
        let output = log_file::open(&self.log).map_err(no_log)?;
        let errors = output.try_clone().map_err(no_log)?;
        let log_length = output.metadata().map_or(0, |metadata| metadata.len());
        let child = Command::new(&self.program)
            .arg("--background")
            .arg("--log-file")
            .arg(&self.log)
            .args((self.manager == Manager::Hangs).then_some("--without-service-manager"))
            .env_clear()
            .envs(passed_on::variables())
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .map_err(|error| NotStarted::NotExecutable(format!("{}: {error}", self.program.display())))?;
        Ok(Started { child, log_length })
    }

    /// What has become of the daemon that was started here.
    pub(super) fn look(&mut self) -> Start {
        let Some(started) = &mut self.started else { return Start::OfSomebodyElse };
        match started.child.try_wait() {
            Ok(None) => Start::Pending,
            Ok(Some(status)) if status.success() => Start::Done,
            Ok(Some(status)) => Start::Failed(status.to_string()),
            Err(error) => Start::Failed(error.to_string()),
        }
    }

    pub(super) fn log(&self) -> &Path {
        &self.log
    }

    /// The last lines that the daemon wrote.
    pub(super) fn last_words(&self) -> String {
        self.started.as_ref().map_or_else(String::new, |started| log::end_of(&self.log, started.log_length))
    }
}

/// The `ssoctld` beside this binary, or beside what a link to it points at, else the first one on `PATH`.
pub(crate) fn find() -> Option<PathBuf> {
    const NAME: &str = "ssoctld";
    let beside = |binary: PathBuf| binary.with_file_name(NAME);
    let own = env::current_exe().ok();
    let resolved = own.as_ref().and_then(|own| fs::canonicalize(own).ok());
    let on_path = environment::variable("PATH").unwrap_or_default();
    let beside_this_one = own.into_iter().chain(resolved).map(beside);
    beside_this_one.chain(candidates(&on_path, NAME)).find(|path| is_executable(path))
}

/// A relative entry of `PATH` means whatever directory somebody stands in, which is no place to take a daemon from.
fn candidates(path: &OsStr, name: &str) -> Vec<PathBuf> {
    env::split_paths(path).filter(|directory| directory.is_absolute()).map(|directory| directory.join(name)).collect()
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_is_never_taken_from_a_relative_entry_of_path() {
        let path = OsStr::new("/usr/bin:.::bin:/opt/bin");
        assert_eq!(candidates(path, "d"), [PathBuf::from("/usr/bin/d"), PathBuf::from("/opt/bin/d")]);
    }
}
