//! A daemon and a simulator, in a home of their own that is gone afterwards.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use identity_center_simulator::{Settings, Simulator};
use tempfile::TempDir;
use test_support::daemon;
use test_support::part::Part;
use test_support::service::preauthorised;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::figures::Process;

pub(crate) struct Stage {
    daemon: Part,
    pub(crate) simulator: Simulator,
    pub(crate) home: TempDir,
}

/// For most parts: sign-ins are approved at once, and no token needs a renewal meanwhile.
pub(crate) fn settings() -> Settings {
    Settings { token_lifetime: Duration::from_secs(8 * 3600), ..preauthorised() }
}

impl Stage {
    /// With this many sessions, `s0` and so on.
    pub(crate) fn set(settings: Settings, sessions: usize) -> Self {
        let configuration = "secret_store = \"memory\"\nnotifications = \"off\"\n".to_owned();
        Self::start(settings, configuration + &configured(0..sessions), &[])
    }

    /// With the session `s0` and what else this configuration says, and this in the environment.
    pub(crate) fn set_with(settings: Settings, configuration: &str, environment: &[(&str, &str)]) -> Self {
        Self::start(settings, configuration.to_owned() + &configured(0..1), environment)
    }

    fn start(settings: Settings, configuration: String, environment: &[(&str, &str)]) -> Self {
        let simulator = Simulator::start(settings).expect("a port");
        let home = tempfile::tempdir().expect("a directory");
        fs::write(home.path().join("config.toml"), configuration).expect("a file");
        let mut command = Self::command(&home, &simulator);
        command.envs(environment.iter().copied());
        let daemon = Part::from(daemon::start(command, &home.path().join("s"), &home.path().join("log")));
        Self { daemon, simulator, home }
    }

    /// The daemon with this home, not started yet.
    pub(crate) fn command(home: &TempDir, simulator: &Simulator) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ssoctld"));
        command
            .env_clear()
            .env("HOME", home.path())
            .env("SSOCTL_SOCKET", home.path().join("s"))
            .env("SSOCTL_STATE_DIR", home.path().join("state"))
            .env("SSOCTL_CONFIG", home.path().join("config.toml"))
            .env("AWS_ENDPOINT_URL_SSO_OIDC", simulator.url())
            .env("AWS_ENDPOINT_URL_SSO", simulator.url())
            .args(["--log", "warn"]);
        command
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.home.path().join("s")
    }

    pub(crate) fn process(&self) -> Process {
        Process(self.daemon.id())
    }

    /// Asks once and returns the whole answer.
    pub(crate) async fn ask(&self, target: &str) -> String {
        ask(&self.socket(), target).await
    }

    /// Sends a request of this method without a body, and returns the whole answer.
    pub(crate) async fn send(&self, method: &str, target: &str) -> String {
        exchange(&self.socket(), request(target, "close").replacen("GET", method, 1)).await
    }

    /// Signs in to this many sessions.
    pub(crate) async fn sign_in(&self, sessions: usize) {
        for first in (0..sessions).step_by(50) {
            let asking = (first..sessions.min(first + 50)).map(|number| {
                let socket = self.socket();
                tokio::spawn(async move {
                    let answer = ask(&socket, &format!("/v1/sessions/s{number}/token?wait=60")).await;
                    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
                })
            });
            for asked in asking.collect::<Vec<_>>() {
                asked.await.expect("a token");
            }
        }
    }
}

async fn ask(socket: &Path, target: &str) -> String {
    exchange(socket, request(target, "close")).await
}

async fn exchange(socket: &Path, request: String) -> String {
    let mut stream = UnixStream::connect(socket).await.expect("a daemon");
    stream.write_all(request.as_bytes()).await.expect("a daemon that reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("a daemon that answers");
    answer
}

fn configured(sessions: std::ops::Range<usize>) -> String {
    let session = |number| {
        format!("[session.s{number}]\nstart_url = \"https://s{number}.awsapps.com/start\"\nregion = \"eu-west-1\"\n")
    };
    sessions.map(session).collect()
}

pub(crate) fn request(target: &str, connection: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: {connection}\r\n\r\n")
}
