//! The real `ssoctld`, in a temporary home.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use identity_center_simulator::Simulator;
use rustix::process::{Pid, Signal, kill_process};
use ssoctl_protocol::{SessionStatus, StatusReport, StoreStatus, Token};
use test_support::part::within;
use test_support::waiting::until_so;

use super::{Answer, START_URL, exchange, session};

/// A running daemon. It is killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    home: PathBuf,
}

/// A daemon that ended.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) log: String,
}

impl Process {
    /// A daemon with this home directory, not started yet. It gets the session `corp` if nothing is configured.
    pub(crate) fn command(home: &Path, simulator: &Simulator) -> Command {
        Self::command_at(home, &simulator.url())
    }

    /// The same with the service at this URL.
    pub(crate) fn command_at(home: &Path, service: &str) -> Command {
        let configuration = home.join("config.toml");
        if !configuration.exists() {
            std::fs::write(&configuration, session("corp", START_URL)).expect("a file");
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_ssoctld"));
        command
            .env_clear()
            .env("HOME", home)
            .env("SSOCTL_SOCKET", home.join("socket"))
            .env("SSOCTL_STATE_DIR", home.join("state"))
            .env("SSOCTL_CONFIG", configuration)
            .env("AWS_ENDPOINT_URL_SSO_OIDC", service)
            .env("AWS_ENDPOINT_URL_SSO", service);
        Self::logged(home, command)
    }

    /// The same daemon, started by another program with these arguments.
    pub(crate) fn command_by(words: &[&str], home: &Path, simulator: &Simulator) -> Command {
        Self::logged(home, within(&Self::command(home, simulator), words[0], &words[1..]))
    }

    /// Appends what a command says on standard error to the log in this home.
    pub(crate) fn logged(home: &Path, mut command: Command) -> Command {
        let log = File::options().create(true).append(true).open(home.join("log")).expect("a file");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        command
    }

    /// Starts it and waits until it answers.
    pub(crate) async fn start(home: &Path, simulator: &Simulator) -> Self {
        Self::run(home, &mut Self::command(home, simulator)).await
    }

    /// Starts this and waits until it answers.
    pub(crate) async fn run(home: &Path, command: &mut Command) -> Self {
        let mut process = Self { child: command.spawn().expect("a process"), home: home.to_owned() };
        until_so("the daemon answers", async || {
            let ended = process.child.try_wait().expect("a child");
            assert!(ended.is_none(), "it ended: {}", process.log());
            exchange(&process.socket(), "GET /v1/health", "", b"").await.is_ok()
        })
        .await;
        process
    }

    /// Runs this to its end.
    pub(crate) async fn run_to_end(home: &Path, command: &mut Command) -> Ended {
        Self { child: command.spawn().expect("a process"), home: home.to_owned() }.ended().await
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.home.join("socket")
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("a running process");
    }

    /// Waits for its end.
    pub(crate) async fn ended(mut self) -> Ended {
        let mut status = None;
        until_so("the daemon ends", async || {
            status = self.child.try_wait().expect("a child");
            status.is_some()
        })
        .await;
        Ended { status: status.expect("it ended"), log: self.log() }
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.home.join("log")).expect("a log")
    }

    pub(crate) async fn request(&self, request: &str) -> Answer {
        exchange(&self.socket(), request, "", b"").await.expect("an answer")
    }

    pub(crate) async fn report(&self) -> StatusReport {
        self.request("GET /v1/sessions").await.json()
    }

    pub(crate) async fn store(&self) -> StoreStatus {
        self.report().await.daemon.secret_store
    }

    // The only session.

    pub(crate) async fn status(&self) -> SessionStatus {
        self.request("GET /v1/session").await.json()
    }

    pub(crate) async fn access_token_if_any(&self) -> Option<String> {
        let answer = self.request("GET /v1/token").await;
        (answer.status == 200).then(|| answer.json::<Token>().access_token.expose().clone())
    }

    pub(crate) async fn access_token(&self) -> String {
        self.access_token_if_any().await.expect("a token")
    }

    /// Signs in anew, for which the simulator needs no person, and returns the new token.
    pub(crate) async fn sign_in(&self) -> String {
        let before = self.access_token_if_any().await.unwrap_or_default();
        self.request(&format!("POST /v1/sessions/{}/login", self.status().await.name)).await;
        self.renewed(&before).await
    }

    /// The same, and waits until the token is stored.
    pub(crate) async fn sign_in_and_save(&self) -> String {
        let token = self.sign_in().await;
        self.until_saved().await;
        token
    }

    /// Waits until another token than this one is served, and returns it.
    pub(crate) async fn renewed(&self, before: &str) -> String {
        let is_new = async || self.access_token_if_any().await.is_some_and(|token| token != before);
        until_so("another token is served", is_new).await;
        self.access_token().await
    }

    /// Waits until the session's status is like this.
    pub(crate) async fn until(&self, what: &str, is_so: impl Fn(&SessionStatus) -> bool) {
        until_so(what, async || is_so(&self.status().await)).await;
    }

    /// Waits until the store's error has this in it.
    pub(crate) async fn until_store_says(&self, words: &str) {
        until_so(words, async || self.store().await.error.is_some_and(|error| error.contains(words))).await;
    }

    /// Waits until all is durable.
    pub(crate) async fn until_saved(&self) {
        until_so("all is saved", async || self.is_saved().await).await;
    }

    /// Whether all is durable.
    pub(crate) async fn is_saved(&self) -> bool {
        !self.status().await.unsaved && self.store().await.error.is_none()
    }

    /// Ends it as a crash does.
    pub(crate) async fn kill(self) {
        self.signal(Signal::KILL);
        self.ended().await;
    }

    /// Ends it as a service manager does.
    pub(crate) async fn stop(self) -> Ended {
        self.signal(Signal::TERM);
        self.ended().await
    }

    // The process.

    /// Its private memory in use, in bytes.
    pub(crate) fn memory_in_use(&self) -> u64 {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("a line of the kernel's");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
    }

    /// The number of its open files; 0 if the kernel tells only the superuser.
    pub(crate) fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.id())).map_or(0, Iterator::count)
    }

    /// A file of the process in `/proc`; empty if the kernel shows it only to the superuser.
    pub(crate) fn proc(&self, file: &str) -> String {
        match std::fs::read(format!("/proc/{}/{file}", self.id())) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => String::new(),
            Err(error) => panic!("{file}: {error}"),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
