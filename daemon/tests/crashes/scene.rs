//! A home in which daemons live and die.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use identity_center_simulator::Simulator;
use rustix::process::{Pid, Signal, kill_process};
use ssoctl_protocol::{SessionStatus, Token};

use crate::http::{Answer, exchange};
use crate::stage::until;

/// What all daemons of a test have in common.
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
            configuration += &format!(
                "[session.{0}]\nstart_url = \"https://{0}.awsapps.com/start\"\nregion = \"eu-west-1\"\n",
                name(number)
            );
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

    /// How the daemon is started.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ssoctld"));
        self.set(&mut command);
        command
    }

    /// Gives a command the daemon's surroundings.
    pub(crate) fn set(&self, command: &mut Command) {
        let log = File::options().create(true).append(true).open(self.home.join("log")).unwrap();
        command
            .env_clear()
            .env("HOME", self.home)
            .env("SSOCTL_SOCKET", self.home.join("socket"))
            .env("SSOCTL_STATE_DIR", self.home.join("state"))
            .env("SSOCTL_CONFIG", self.home.join("config.toml"))
            .env("AWS_ENDPOINT_URL_SSO_OIDC", self.simulator.url())
            .env("AWS_ENDPOINT_URL_SSO", self.simulator.url())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        if let Some(address) = self.bus {
            command.env("DBUS_SESSION_BUS_ADDRESS", address);
        }
    }

    pub(crate) async fn start(&self) -> Daemon {
        self.start_by(&mut self.command()).await
    }

    /// Starts this and waits until it answers.
    pub(crate) async fn start_by(&self, command: &mut Command) -> Daemon {
        let daemon = Daemon { child: command.spawn().unwrap(), socket: self.home.join("socket") };
        until(&format!("the daemon answers: {}", self.log()), async || {
            exchange(&daemon.socket, "GET /v1/health", "", b"").await.is_ok()
        })
        .await;
        daemon
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.home.join("log")).unwrap_or_default()
    }
}

/// The name of a session.
pub(crate) fn name(number: usize) -> String {
    format!("s{number}")
}

/// A running daemon. It is killed when it is dropped.
pub(crate) struct Daemon {
    child: Child,
    pub(crate) socket: PathBuf,
}

impl Daemon {
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub(crate) async fn request(&self, request: &str) -> Answer {
        exchange(&self.socket, request, "", b"").await.expect("an answer")
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

    /// Signs in to `s0`, whoever is signed in, and returns the new token.
    pub(crate) async fn sign_in(&self) -> String {
        let before = self.request("GET /v1/sessions/s0/token").await.body;
        self.request("POST /v1/sessions/s0/login").await;
        let is_new = async || {
            let now = self.request("GET /v1/sessions/s0/token").await;
            now.status == 200 && now.body != before
        };
        until("somebody is signed in", is_new).await;
        self.token().await
    }

    /// Waits until the status of `s0` is like this.
    pub(crate) async fn until(&self, what: &str, is_so: impl Fn(&SessionStatus) -> bool) {
        until(what, async || is_so(&self.status().await)).await;
    }

    /// Waits for the end of one that was killed.
    pub(crate) async fn ended(mut self) {
        let child = std::sync::Mutex::new(&mut self.child);
        until("the daemon ends", async || child.lock().unwrap().try_wait().unwrap().is_some()).await;
    }

    pub(crate) async fn kill(self) {
        kill_process(self.pid(), Signal::KILL).unwrap();
        self.ended().await;
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
