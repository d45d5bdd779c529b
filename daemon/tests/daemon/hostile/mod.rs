//! Local programs that do not behave, against the real daemon.
#![allow(clippy::print_stdout, reason = "figures and seeds are worth reading when something does not hold")]

mod crowd;
mod files;
mod other_user;
mod requests;
mod slow;

use std::path::{Path, PathBuf};

use identity_center_simulator::{Approval, Settings, Simulator};
use tempfile::TempDir;

use crate::harness::Process;

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

    async fn started_by(command: impl FnOnce(&Path, &Simulator) -> std::process::Command) -> Self {
        let settings = Settings { approval: Approval::Preauthorised, ..Settings::default() };
        let (home, simulator) = (tempfile::tempdir().unwrap(), Simulator::start(settings).unwrap());
        let daemon = Process::run(home.path(), &mut command(home.path(), &simulator)).await;
        daemon.sign_in().await;
        Self { home, _simulator: simulator, daemon }
    }

    fn socket(&self) -> PathBuf {
        self.home.path().join("socket")
    }
}
