//! Local programs that do not behave, against the real daemon.
#![allow(clippy::print_stdout, reason = "figures and seeds are worth reading when something does not hold")]

#[cfg(target_os = "linux")]
mod bursts;
mod crowd;
mod files;
mod floods;
mod other_user;
mod owners;
mod requests;
mod slow;
mod web_pages;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use identity_center_simulator::Simulator;
use tempfile::TempDir;
use test_support::service::{preauthorised, simulator};
use test_support::speed::has_superuser;

use crate::harness::Process;

/// `nobody`, a user on every system.
const NOBODY: &str = "65534";

/// Runs a command as root; `None` if tests that need root do not run.
fn as_superuser(command: &[&str]) -> Option<Output> {
    has_superuser().then(|| Command::new(command[0]).args(&command[1..]).output().unwrap())
}

/// A daemon with a signed-in session `corp`.
struct Victim {
    home: TempDir,
    _simulator: Simulator,
    daemon: Process,
}

impl Victim {
    async fn start() -> Self {
        Self::started_by(Process::command).await
    }

    async fn started_by(command: impl FnOnce(&Path, &Simulator) -> Command) -> Self {
        let (home, simulator) = (tempfile::tempdir().unwrap(), simulator(preauthorised()));
        let daemon = Process::run(home.path(), &mut command(home.path(), &simulator)).await;
        daemon.sign_in().await;
        Self { home, _simulator: simulator, daemon }
    }

    fn socket(&self) -> PathBuf {
        self.home.path().join("socket")
    }
}
