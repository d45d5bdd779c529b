//! A daemon that holds a token, in a temporary home.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use identity_center_simulator::{Approval, Settings, Simulator};
use tempfile::TempDir;
use test_support::daemon;
use test_support::part::Part;

use crate::contest::Contestant;

/// A profile whose account and role the simulator has.
pub(crate) const PROFILE: &str = "dev";

/// The name of [`Stage::limit`] in the table.
pub(crate) const LIMIT: &str = "limit";

/// The names of what [`Stage::tab`] measures.
pub(crate) const TAB_FOR_A_VERB: &str = "a TAB for a verb, static";
pub(crate) const TAB_FOR_A_NAME: &str = "a TAB for a profile, static";

/// The release builds that are measured, and the daemon.
pub(crate) struct Binaries {
    pub(crate) plain: PathBuf,
    pub(crate) linked_statically: PathBuf,
    /// `limit.rs` as a static program.
    pub(crate) limit: PathBuf,
    daemon: PathBuf,
}

pub(crate) struct Stage {
    pub(crate) binaries: Binaries,
    pub(crate) home: TempDir,
    _daemon: Part,
    /// Stops when it is dropped.
    simulator: Simulator,
}

impl Stage {
    /// # Panics
    /// If a part cannot be built or started: then there is nothing to measure.
    pub(crate) fn set() -> Self {
        let binaries = Binaries::build();
        let simulator = Simulator::start(Settings {
            approval: Approval::Automatic { after: Duration::ZERO },
            // No token is renewed during the measurement.
            token_lifetime: Duration::from_hours(8),
            ..Settings::default()
        })
        .expect("the simulator starts");
        let home = tempfile::tempdir().expect("a temporary directory");
        let configuration = format!(
            "[sso-session corp]\nsso_start_url = {}/start\nsso_region = eu-west-1\n\
             sso_registration_scopes = sso:account:access\n\
             [profile {PROFILE}]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = ReadOnlyAccess\n\
             region = eu-west-1\n",
            simulator.url()
        );
        fs::write(home.path().join("config"), configuration).expect("a file in it");
        let (socket, log) = (home.path().join("s.sock"), home.path().join("log"));
        let mut daemon = Command::new(&binaries.daemon);
        daemon
            .env_clear()
            .env("HOME", home.path())
            .env("PATH", env::var_os("PATH").unwrap_or_default())
            .env("AWS_CONFIG_FILE", home.path().join("config"))
            .env("AWS_ENDPOINT_URL_SSO_OIDC", simulator.url())
            .env("AWS_ENDPOINT_URL_SSO", simulator.url())
            .env("SSOCTL_CONFIG", own_configuration(home.path()))
            .env("SSOCTL_SOCKET", &socket)
            .env("SSOCTL_STATE_DIR", home.path().join("state"));
        let daemon = Part::from(daemon::start(daemon, &socket, &log));
        let stage = Self { binaries, home, _daemon: daemon, simulator };
        stage.run(&["login", "corp", "--if-needed", "--no-browser"]);
        stage
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.home.path().join("s.sock")
    }

    /// One round trip over the daemon's socket by a static program that does nothing else.
    pub(crate) fn limit(&self) -> Contestant {
        Contestant::new(LIMIT, &self.binaries.limit, &[&self.socket().to_string_lossy()])
    }

    /// `ssoctl token --json` by one of its builds.
    pub(crate) fn client(&self, name: &str, binary: &Path) -> Contestant {
        Contestant::new(name, binary, &["token", "--json"]).with("SSOCTL_SOCKET", self.socket())
    }

    /// `ssoctl prompt`, as a shell has it drawn before each command.
    pub(crate) fn prompt(&self) -> Contestant {
        let arguments = ["prompt", "--for", "bash"];
        Contestant::new("ssoctl prompt, static", &self.binaries.linked_statically, &arguments)
            .with("SSOCTL_SOCKET", self.socket())
    }

    /// What a shell runs for a TAB behind these words.
    pub(crate) fn tab(&self, name: &str, words: &[&str]) -> Contestant {
        let arguments = [&["completion", "zsh", "--", "ssoctl"], words].concat();
        Contestant::new(name, &self.binaries.linked_statically, &arguments).with("SSOCTL_SOCKET", self.socket())
    }

    /// `ssoctl credential-process`, with the role's credentials in the daemon's memory.
    pub(crate) fn credential_process(&self) -> Contestant {
        let arguments = ["credential-process", "--profile", PROFILE];
        Contestant::new("ssoctl credential-process", &self.binaries.plain, &arguments)
            .with("SSOCTL_SOCKET", self.socket())
    }

    /// The output of `ssoctl credential-process`.
    pub(crate) fn credentials(&self) -> String {
        self.run(&["credential-process", "--profile", PROFILE])
    }

    /// The output of `ssoctl` with these arguments.
    fn run(&self, arguments: &[&str]) -> String {
        let mut client = Command::new(&self.binaries.plain);
        client.args(arguments).env_clear().env("SSOCTL_SOCKET", self.socket());
        let output = client.output().expect("the client runs");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    /// The address of the service, for AWS's own tools.
    pub(crate) fn service(&self) -> String {
        self.simulator.url()
    }
}

/// No notification appears on the person's desktop, and no keyring is used.
fn own_configuration(home: &Path) -> PathBuf {
    let path = home.join("config.toml");
    fs::write(&path, "secret_store = \"memory\"\nnotifications = \"off\"\n").expect("a file in it");
    path
}

impl Binaries {
    /// Builds what cargo has not built for the benchmark itself. The static client is built as in docs/install.md, in a target directory of
    /// its own, because the next build of the workspace would overwrite it otherwise.
    fn build() -> Self {
        let plain = PathBuf::from(env!("CARGO_BIN_EXE_ssoctl"));
        let release = plain.parent().expect("a file is in a directory");
        let target = release.parent().expect("a profile is in the target directory");
        let of_its_own = target.join("static");
        cargo(&["build", "--release", "--package", "ssoctld", "--bin", "ssoctld"], target, &[]);
        let linking = ["--", "-C", "target-feature=+crt-static"];
        cargo(&["rustc", "--release", "--package", "ssoctl", "--bin", "ssoctl"], &of_its_own, &linking);
        let limit = of_its_own.join("limit");
        let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
        rustc.args(["--edition", "2024"]);
        // As in the profile `release`, and static.
        for option in ["opt-level=s", "lto=fat", "codegen-units=1", "strip=symbols", "target-feature=+crt-static"] {
            rustc.args(["-C", option]);
        }
        rustc.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/processes/limit.rs")).arg("-o").arg(&limit);
        let status = rustc.status();
        assert!(status.as_ref().is_ok_and(std::process::ExitStatus::success), "{rustc:?}: {status:?}");
        Self {
            daemon: target.join("release/ssoctld"),
            linked_statically: of_its_own.join("release/ssoctl"),
            limit,
            plain,
        }
    }
}

fn cargo(command: &[&str], target: &Path, for_the_compiler: &[&str]) {
    let status = Command::new(env!("CARGO"))
        .args(command)
        .args(["--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml")])
        .arg("--target-dir")
        .arg(target)
        .args(for_the_compiler)
        .status();
    assert!(status.as_ref().is_ok_and(std::process::ExitStatus::success), "cargo {command:?}: {status:?}");
}
