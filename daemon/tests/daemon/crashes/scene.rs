//! A home in which daemons live and die.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use identity_center_simulator::Simulator;
use rustix::process::Signal;
use ssoctl_protocol::{SessionStatus, Token};

use test_support::waiting::until_so;

use crate::harness::{Answer, Process, session};

/// Shared by all daemons of a test.
#[derive(Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) home: &'a Path,
    pub(crate) simulator: &'a Simulator,
    /// The `secret_store`.
    pub(crate) store: &'static str,
    /// The address of the session's bus, if there is one.
    pub(crate) bus: Option<&'a str>,
}

impl Scene<'_> {
    /// Configures so many sessions, `s0`, `s1` and so on.
    pub(crate) fn configure(&self, sessions: usize) {
        let mut configuration = format!("secret_store = \"{}\"\nnotifications = \"off\"\n", self.store);
        for number in 0..sessions {
            configuration += &session(&name(number), &format!("https://{}.awsapps.com/start", name(number)));
        }
        fs::write(self.home.join("config.toml"), configuration).unwrap();
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
        self.on_the_bus(Process::command(self.home, self.simulator))
    }

    /// Starts the daemon through another program with these arguments.
    pub(crate) fn command_by(&self, words: &[&str]) -> Command {
        self.on_the_bus(Process::command_by(words, self.home, self.simulator))
    }

    fn on_the_bus(&self, mut command: Command) -> Command {
        command.envs(self.bus.map(|address| ("DBUS_SESSION_BUS_ADDRESS", address)));
        command
    }

    pub(crate) async fn start(&self) -> Daemon {
        self.start_by(&mut self.command()).await
    }

    /// Starts this and waits until it answers.
    pub(crate) async fn start_by(&self, command: &mut Command) -> Daemon {
        Daemon(Process::run(self.home, command).await)
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.home.join("log")).unwrap_or_default()
    }
}

/// The name of a session.
pub(crate) fn name(number: usize) -> String {
    format!("s{number}")
}

/// A running daemon, which is asked for the session `s0`. It is killed when it is dropped.
pub(crate) struct Daemon(pub(crate) Process);

impl Daemon {
    pub(crate) async fn request(&self, request: &str) -> Answer {
        self.0.request(request).await
    }

    pub(crate) async fn status(&self) -> SessionStatus {
        self.request("GET /v1/sessions/s0").await.json()
    }

    /// The token of `s0`, which has to be at hand.
    pub(crate) async fn token(&self) -> String {
        let answer = self.request("GET /v1/sessions/s0/token").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json::<Token>().access_token.expose().clone()
    }

    /// Signs in to `s0` again, and returns the new token.
    pub(crate) async fn sign_in(&self) -> String {
        let before = self.request("GET /v1/sessions/s0/token").await.body;
        self.request("POST /v1/sessions/s0/login").await;
        let is_new = async || {
            let now = self.request("GET /v1/sessions/s0/token").await;
            now.status == 200 && now.body != before
        };
        until_so("somebody is signed in", is_new).await;
        self.token().await
    }

    /// Waits until the status of `s0` is like this.
    pub(crate) async fn until(&self, what: &str, is_so: impl Fn(&SessionStatus) -> bool) {
        until_so(what, async || is_so(&self.status().await)).await;
    }

    pub(crate) async fn kill(self) {
        self.0.signal(Signal::KILL);
        self.0.ended().await;
    }
}
