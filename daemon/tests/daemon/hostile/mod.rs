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
use std::process::{Command, Output, Stdio};

use identity_center_simulator::{Approval, Settings, Simulator};
use tempfile::TempDir;

use crate::harness::Process;
use crate::skipping::skip;

/// `nobody`, a user on every system.
const NOBODY: &str = "65534";

/// Runs this as the superuser, which takes to be one, or `sudo` without a password; or tells that nobody may.
fn as_superuser(command: &[&str]) -> Option<Output> {
    let sudo: &[&str] = if rustix::process::geteuid().is_root() { &[] } else { &["sudo", "--non-interactive"] };
    let words = [sudo, command].concat();
    let ran = Command::new(words[0]).args(&words[1..]).output().ok();
    let ran = ran.filter(|ran| !String::from_utf8_lossy(&ran.stderr).contains("sudo:"));
    if ran.is_none() {
        skip("acting as the superuser", &format!("{command:?}, or the right to use it, is missing"));
    }
    ran
}

/// The daemon, started with these words before its name.
fn started_through(starter: &[&str], home: &Path, simulator: &Simulator) -> Command {
    let direct = Process::command(home, simulator);
    let mut command = Command::new(starter[0]);
    command.args(&starter[1..]).arg(direct.get_program()).env_clear();
    command.envs(direct.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let log = std::fs::File::options().append(true).open(home.join("log")).unwrap();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    command
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
