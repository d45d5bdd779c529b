//! A home in which daemons live and die.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use identity_center_simulator::{Settings, Simulator};
use tempfile::TempDir;
use test_support::service::simulator;

use crate::harness::{Process, session};
use crate::keyring::stage::Stage;

/// Shared by all daemons of a test.
pub(crate) struct Scene {
    pub(crate) simulator: Simulator,
    /// The `secret_store`.
    pub(crate) store: &'static str,
    home: PathBuf,
    /// The address of the session's bus, if there is one.
    pub(crate) bus: Option<String>,
    /// The home, unless somebody else has it.
    _directory: Option<TempDir>,
}

impl Scene {
    /// A home of which records are kept in files, with so many sessions.
    pub(crate) fn with_files(settings: Settings, sessions: usize) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path().to_owned();
        Self { simulator: simulator(settings), store: "file", home, bus: None, _directory: Some(directory) }
            .configured(sessions)
    }

    /// The home with this keyring, with so many sessions.
    pub(crate) fn with_keyring(stage: &Stage, settings: Settings, sessions: usize) -> Self {
        let (home, bus) = (stage.home().to_owned(), Some(stage.address.clone()));
        Self { simulator: simulator(settings), store: "keyring", home, bus, _directory: None }.configured(sessions)
    }

    /// Configures so many sessions, `s0`, `s1` and so on.
    fn configured(self, sessions: usize) -> Self {
        let mut configuration = format!("secret_store = \"{}\"\nnotifications = \"off\"\n", self.store);
        for number in 0..sessions {
            configuration += &session(&name(number), &format!("https://{}.awsapps.com/start", name(number)));
        }
        fs::write(self.home().join("config.toml"), configuration).unwrap();
        self
    }

    pub(crate) fn home(&self) -> &Path {
        &self.home
    }

    pub(crate) fn records(&self) -> PathBuf {
        self.home.join("state/records")
    }

    /// Records that are not in their place.
    pub(crate) fn unfinished(&self) -> usize {
        let records = fs::read_dir(self.records()).into_iter().flatten().flatten();
        records.filter(|record| record.file_name().to_string_lossy().starts_with('.')).count()
    }

    /// The command that starts the daemon.
    pub(crate) fn command(&self) -> Command {
        self.on_the_bus(Process::command(&self.home, &self.simulator))
    }

    /// Starts the daemon through another program with these arguments.
    pub(crate) fn command_by(&self, words: &[&str]) -> Command {
        self.on_the_bus(Process::command_by(words, &self.home, &self.simulator))
    }

    fn on_the_bus(&self, mut command: Command) -> Command {
        command.envs(self.bus.as_ref().map(|address| ("DBUS_SESSION_BUS_ADDRESS", address)));
        command
    }

    pub(crate) async fn start(&self) -> Process {
        self.start_by(&mut self.command()).await
    }

    /// Starts this and waits until it answers.
    pub(crate) async fn start_by(&self, command: &mut Command) -> Process {
        Process::run(&self.home, command).await
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.home.join("log")).unwrap_or_default()
    }
}

/// The name of a session.
pub(crate) fn name(number: usize) -> String {
    format!("s{number}")
}
