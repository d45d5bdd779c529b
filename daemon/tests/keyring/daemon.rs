//! The real `ssoctld` with the session `corp`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use identity_center_simulator::Simulator;
use rustix::process::{Pid, Signal, kill_process};
use ssoctl_protocol::{SessionStatus, StatusReport, StoreStatus, Token};

use crate::http::{Answer, exchange};
use crate::stage::{Stage, until};

pub(crate) const START_URL: &str = "https://corp.awsapps.com/start";

/// A running daemon. It is killed when it is dropped.
pub(crate) struct Daemon {
    child: Child,
    home: PathBuf,
}

impl Daemon {
    /// A daemon on the stage's bus with this `secret_store`.
    pub(crate) async fn on(stage: &Stage, secret_store: &str) -> Self {
        Self::start(stage.home(), &stage.simulator, Some(&stage.address), secret_store).await
    }

    /// A daemon that finds its bus, if any, at this address.
    pub(crate) async fn start(home: &Path, simulator: &Simulator, bus: Option<&str>, secret_store: &str) -> Self {
        let session = format!("[session.corp]\nstart_url = \"{START_URL}\"\nregion = \"eu-west-1\"\n");
        fs::write(home.join("config.toml"), format!("secret_store = \"{secret_store}\"\n{session}")).unwrap();
        let log = File::options().create(true).append(true).open(home.join("log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_ssoctld"));
        command
            .env_clear()
            .env("HOME", home)
            .env("SSOCTL_SOCKET", home.join("socket"))
            .env("SSOCTL_STATE_DIR", home.join("state"))
            .env("SSOCTL_CONFIG", home.join("config.toml"))
            .env("AWS_ENDPOINT_URL", simulator.url())
            .env("SSOCTL_LOG", "ssoctld=trace,zbus=trace,keyring=trace,secret_service=trace")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        if let Some(address) = bus {
            command.env("DBUS_SESSION_BUS_ADDRESS", address);
        }
        let daemon = Self { child: command.spawn().unwrap(), home: home.to_owned() };
        until("the daemon answers", async || exchange(&daemon.socket(), "GET /v1/health", "", b"").await.is_ok()).await;
        daemon
    }

    fn socket(&self) -> PathBuf {
        self.home.join("socket")
    }

    pub(crate) async fn request(&self, request: &str) -> Answer {
        exchange(&self.socket(), request, "", b"").await.expect("an answer")
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.home.join("log")).unwrap()
    }

    pub(crate) async fn store(&self) -> StoreStatus {
        self.request("GET /v1/sessions").await.json::<StatusReport>().daemon.secret_store
    }

    pub(crate) async fn status(&self) -> SessionStatus {
        self.request("GET /v1/sessions/corp").await.json()
    }

    /// Signs in, whatever state the store is in, and returns the access token.
    pub(crate) async fn sign_in(&self) -> String {
        self.request("POST /v1/sessions/corp/login").await;
        until("somebody is signed in", async || self.access_token().await.is_some()).await;
        self.access_token().await.expect("a token")
    }

    pub(crate) async fn access_token(&self) -> Option<String> {
        let answer = self.request("GET /v1/token").await;
        (answer.status == 200).then(|| answer.json::<Token>().access_token.expose().clone())
    }

    /// Waits until another token than this one is served, and returns it.
    pub(crate) async fn renewed(&self, before: &str) -> String {
        let is_renewed = async || self.access_token().await.is_some_and(|token| token != before);
        until("the token is renewed", is_renewed).await;
        self.access_token().await.expect("a token")
    }

    /// Waits until the store's error has this in it.
    pub(crate) async fn until_store_says(&self, word: &str) {
        let says = async || self.store().await.error.is_some_and(|error| error.contains(word));
        until(word, says).await;
    }

    /// Waits until all is durable.
    pub(crate) async fn until_saved(&self) {
        let is_saved = async || !self.status().await.unsaved && self.store().await.error.is_none();
        until("all is saved", is_saved).await;
    }

    /// As a crash ends it.
    pub(crate) fn kill(self) {}

    /// Stops it as a service manager does.
    pub(crate) async fn stop(mut self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        let child = std::sync::Mutex::new(&mut self.child);
        until("the daemon ends", async || child.lock().unwrap().try_wait().unwrap().is_some()).await;
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
