//! The real `ssoctld` with the session `corp`.

use std::fs;
use std::path::Path;

use identity_center_simulator::{Operation, Simulator};
use rustix::process::Signal;
use ssoctl_protocol::{SessionStatus, StatusReport, StoreStatus, Token};

use crate::harness::{Answer, Process, START_URL, session};
use crate::keyring::stage::Stage;
use test_support::waiting::until_so;

/// A running daemon. It is killed when it is dropped.
pub(crate) struct Daemon(Process);

impl Daemon {
    /// A daemon on the stage's bus with this `secret_store`.
    pub(crate) async fn on(stage: &Stage, secret_store: &str) -> Self {
        Self::start(stage.home(), &stage.simulator, Some(&stage.address), secret_store).await
    }

    /// The same, with a sign-in that is saved.
    pub(crate) async fn signed_in(stage: &Stage, secret_store: &str) -> Self {
        let daemon = Self::on(stage, secret_store).await;
        daemon.sign_in().await;
        daemon.until_saved().await;
        daemon
    }

    /// Kills it: the one sign-in was enough, and another daemon serves it from the keyring.
    pub(crate) async fn kill_and_serve_by_the_next(self, stage: &Stage, secret_store: &str) {
        drop(self);
        let daemon = Self::on(stage, secret_store).await;
        until_so("the token is served", async || daemon.access_token().await.is_some()).await;
        assert_eq!((daemon.store().await.kind.as_str(), stage.files()), ("keyring", 0));
        assert_eq!((stage.simulator.calls(Operation::RegisterClient), stage.simulator.violations()), (1, vec![]));
    }

    /// A daemon that finds its bus, if any, at this address.
    pub(crate) async fn start(home: &Path, simulator: &Simulator, bus: Option<&str>, secret_store: &str) -> Self {
        let variables = bus.map(|address| ("DBUS_SESSION_BUS_ADDRESS", address));
        Self::among(home, simulator, variables.as_slice(), secret_store).await
    }

    /// A daemon with these variables.
    pub(crate) async fn among(
        home: &Path,
        simulator: &Simulator,
        variables: &[(&str, &str)],
        secret_store: &str,
    ) -> Self {
        let session = session("corp", START_URL);
        fs::write(home.join("config.toml"), format!("secret_store = \"{secret_store}\"\n{session}")).unwrap();
        let mut command = Process::command(home, simulator);
        command.env("SSOCTL_LOG", "ssoctld=trace,zbus=trace,keyring=trace,secret_service=trace");
        command.envs(variables.iter().copied());
        Self(Process::run(home, &mut command).await)
    }

    pub(crate) async fn request(&self, request: &str) -> Answer {
        self.0.request(request).await
    }

    pub(crate) fn log(&self) -> String {
        self.0.log()
    }

    pub(crate) async fn store(&self) -> StoreStatus {
        self.request("GET /v1/sessions").await.json::<StatusReport>().daemon.secret_store
    }

    /// The problems of the machine.
    pub(crate) async fn problems(&self) -> String {
        let problems = self.request("GET /v1/sessions").await.json::<StatusReport>().daemon.machine_problems;
        problems.into_iter().map(|problem| format!("{}; {}\n", problem.message, problem.remedy)).collect()
    }

    pub(crate) async fn status(&self) -> SessionStatus {
        self.request("GET /v1/sessions/corp").await.json()
    }

    /// Signs in, whatever state the store is in, and returns the access token.
    pub(crate) async fn sign_in(&self) -> String {
        self.request("POST /v1/sessions/corp/login").await;
        until_so("somebody is signed in", async || self.access_token().await.is_some()).await;
        self.access_token().await.expect("a token")
    }

    pub(crate) async fn access_token(&self) -> Option<String> {
        let answer = self.request("GET /v1/token").await;
        (answer.status == 200).then(|| answer.json::<Token>().access_token.expose().clone())
    }

    /// Waits until another token than this one is served, and returns it.
    pub(crate) async fn renewed(&self, before: &str) -> String {
        let is_renewed = async || self.access_token().await.is_some_and(|token| token != before);
        until_so("the token is renewed", is_renewed).await;
        self.access_token().await.expect("a token")
    }

    /// Waits until the store's error has this in it.
    pub(crate) async fn until_store_says(&self, word: &str) {
        let says = async || self.store().await.error.is_some_and(|error| error.contains(word));
        until_so(word, says).await;
    }

    /// Waits until all is durable.
    pub(crate) async fn until_saved(&self) {
        let is_saved = async || !self.status().await.unsaved && self.store().await.error.is_none();
        until_so("all is saved", is_saved).await;
    }

    /// As a crash ends it.
    pub(crate) fn kill(self) {}

    /// Stops it as a service manager does.
    pub(crate) async fn stop(self) {
        self.0.signal(Signal::TERM);
        self.0.ended().await;
    }
}
