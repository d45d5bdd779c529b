//! The AWS CLI 2 and the daemon at AWS's own host names: no endpoint is configured, both find the simulator by its name and trust
//! it for its certificate, and they share `~/.aws/sso/cache`.
//!
//! Debian's package `awscli` is version 2.9.19. It signs in by the device flow, and writes and reads the token files.

mod authorization_code;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use identity_center_simulator::{Approval, Grant, Operation, Settings, Simulator};
use serde_json::Value;
use ssoctl_protocol::SessionState;
use ssoctld::token_files::file;
use tempfile::TempDir;

use crate::desktop::stage::{Stage, play};
use crate::harness::{Process, hours, mins};
use crate::network::front::{Front, Manner, authority};
use test_support::service::{preauthorised, simulator};
use test_support::stage::{CORP, DEV};
use test_support::waiting::{in_time, until_so};

const AWS: &str = "/usr/bin/aws";

/// The names in its certificate, `aws.pem`.
const HOSTS: Stage = Stage::Loopback(&["oidc.eu-west-1.amazonaws.com", "portal.sso.eu-west-1.amazonaws.com"]);

/// A token of a minute is renewed when it is ten seconds old.
const OWN_CONFIG: &str = "secret_store = \"file\"\n[session.corp]\nrefresh_before = \"50s\"\n";

/// A home with this configuration, the daemon, and the service under AWS's names.
struct Machine {
    daemon: Process,
    simulator: Simulator,
    _front: Front,
    home: TempDir,
    /// The AWS CLI.
    aws: OsString,
}

impl Machine {
    async fn start(token_lifetime: Duration) -> Self {
        Self::with(AWS.into(), token_lifetime).await
    }

    async fn with(aws: OsString, token_lifetime: Duration) -> Self {
        let simulator = simulator(Settings { portal_session: hours(24 * 30), token_lifetime, ..preauthorised() });
        let front = Front::at(443, &simulator, Manner::Tls("aws.pem"));
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join(".aws")).unwrap();
        std::fs::write(home.path().join(".aws/config"), [CORP, DEV].concat()).unwrap();
        std::fs::write(home.path().join("config.toml"), OWN_CONFIG).unwrap();
        let mut command = Process::command(home.path(), &simulator);
        command.env_remove("AWS_ENDPOINT_URL_SSO_OIDC").env_remove("AWS_ENDPOINT_URL_SSO");
        command.env("AWS_CA_BUNDLE", authority());
        let daemon = Process::run(home.path(), &mut command).await;
        Self { daemon, simulator, _front: front, home, aws }
    }

    /// Runs the AWS CLI in this home.
    async fn aws(&self, arguments: &[&str]) -> Output {
        let mut command = tokio::process::Command::new(&self.aws);
        command.args(arguments).env_clear().env("HOME", self.home.path()).env("PATH", "/usr/bin:/bin");
        command.env("AWS_CA_BUNDLE", authority()).env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_PAGER", "");
        command.env("BROWSER", format!("{} %s", self.browser().display()));
        in_time(&format!("aws {arguments:?} ends"), command.kill_on_drop(true).output()).await.unwrap()
    }

    /// Where the AWS CLI looks for a browser.
    fn browser(&self) -> PathBuf {
        self.home.path().join("browser")
    }

    /// The credentials that the AWS CLI gets for the profile with the session's token, and not from its own cache.
    async fn exported(&self) -> Output {
        let _ = std::fs::remove_dir_all(self.home.path().join(".aws/cli"));
        self.aws(&["configure", "export-credentials", "--profile", "dev"]).await
    }

    async fn until_it_is(&self, state: SessionState) {
        self.daemon.until("the session's state is the expected one", |status| status.state == state).await;
    }

    fn token_file(&self) -> PathBuf {
        self.home.path().join(".aws/sso/cache").join(file::name("corp"))
    }

    /// Waits until the token file has the daemon's token, and nothing that could renew it.
    async fn until_published(&self) {
        let is_published = async || {
            let (token, content) = (self.daemon.access_token().await, json(&self.token_file()));
            content["accessToken"] == token.as_str() && content.get("refreshToken").is_none()
        };
        until_so("the token file is the daemon's", is_published).await;
    }

    fn judge(&self) {
        assert_eq!(self.simulator.violations(), Vec::<String>::new());
        let log = self.daemon.log();
        assert!(!self.simulator.secrets().iter().any(|secret| log.contains(secret)), "a secret in the log: {log}");
    }
}

/// A test that fails shows what the daemon and the browser did.
impl Drop for Machine {
    #[allow(clippy::print_stderr, reason = "a test that fails shows it")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            let browser = std::fs::read_to_string(self.browser().with_extension("log"));
            eprintln!("the daemon:\n{}\nthe browser:\n{}", self.daemon.log(), browser.unwrap_or_default());
        }
    }
}

fn json(path: &Path) -> Value {
    std::fs::read(path).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
}

#[track_caller]
fn succeeded(output: &Output) {
    assert!(output.status.success(), "{output:?}");
}

#[track_caller]
fn failed(output: &Output, words: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains(words), "{output:?}");
}

#[test]
fn it_works_with_the_token_that_the_daemon_publishes_and_not_after_a_sign_out() {
    play(HOSTS, &[AWS], || async {
        let machine = Machine::start(hours(1)).await;
        machine.daemon.sign_in().await;
        machine.until_published().await;
        let exported = machine.exported().await;
        succeeded(&exported);
        let credentials: Value = serde_json::from_slice(&exported.stdout).unwrap();
        assert!(credentials["AccessKeyId"].as_str().unwrap().starts_with("ASIA"), "{credentials}");
        // With the daemon's sign-in, and without one of the AWS CLI.
        assert_eq!(machine.simulator.calls(Operation::GetRoleCredentials), 1);
        assert_eq!(machine.simulator.calls(Operation::RegisterClient), 1);
        assert_eq!(machine.simulator.calls(Operation::CreateToken), 1);

        assert_eq!(machine.daemon.request("POST /v1/sessions/corp/logout").await.status, 200);
        assert!(!machine.token_file().exists());
        failed(&machine.exported().await, "Error loading SSO Token");
        machine.judge();
    });
}

#[test]
fn its_own_sign_in_is_taken_over_and_renewed_and_its_sign_out_ends_both() {
    play(HOSTS, &[AWS], || async {
        let machine = Machine::start(mins(1)).await;
        succeeded(&machine.aws(&["sso", "login", "--sso-session", "corp", "--no-browser"]).await);
        machine.until_it_is(SessionState::SignedIn).await;
        assert!(machine.daemon.status().await.refreshable);
        machine.until_published().await;
        let is_renewed = async || machine.simulator.token_calls(Grant::RefreshToken) > 0;
        until_so("the daemon has renewed it", is_renewed).await;
        // As the client that the AWS CLI has registered.
        assert_eq!(machine.simulator.calls(Operation::RegisterClient), 1);
        machine.until_published().await;
        succeeded(&machine.exported().await);

        // The file vanishes, and the portal says that the sign-in has ended.
        succeeded(&machine.aws(&["sso", "logout"]).await);
        assert_eq!(machine.simulator.calls(Operation::Logout), 1);
        machine.until_it_is(SessionState::SignedOut).await;
        assert_eq!(machine.daemon.request("GET /v1/token").await.code(), "sign_in_required");
        assert!(!machine.token_file().exists());
        assert_eq!(machine.simulator.calls(Operation::StartDeviceAuthorization), 1);
        machine.judge();
    });
}

#[test]
fn its_sign_in_that_is_denied_changes_nothing() {
    play(HOSTS, &[AWS], || async {
        let machine = Machine::start(hours(1)).await;
        let token = machine.daemon.sign_in().await;
        machine.until_published().await;
        machine.simulator.set_approval(Approval::Manual);
        let login = machine.aws(&["sso", "login", "--sso-session", "corp", "--no-browser"]);
        let deny = async {
            let pending = machine.simulator.next_pending().await;
            machine.simulator.deny(&pending.user_code).unwrap();
        };
        let (login, ()) = tokio::join!(login, deny);
        failed(&login, "AccessDenied");
        assert_eq!(machine.daemon.access_token().await, token);
        machine.until_published().await;
        succeeded(&machine.exported().await);
        machine.judge();
    });
}
