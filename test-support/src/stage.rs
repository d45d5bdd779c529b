//! The home, the service, the daemon, and the end of all of them.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use identity_center_simulator::{Approval, PendingAuthorization, Settings, Simulator};
use rustix::process::{Pid, Signal};
use serde_json::Value;
use tempfile::TempDir;

use crate::binaries::binaries;
use crate::client::{Outcome, Running};
use crate::part::path;
use crate::{daemon, set_mode, socket, until};

/// One person's machine, without any setting of the real one. When it is dropped, its processes end, its files are
/// removed, and its logs and messages are checked: no secret in them, and no rule of the service broken.
pub struct Stage {
    /// The service that everything here talks to.
    pub identity_center: Simulator,
    daemon: Mutex<Option<Child>>,
    clients: AtomicUsize,
    home: TempDir,
}

/// The start URL of [`CORP`].
pub const START_URL: &str = "https://corp.awsapps.com/start";

/// The AWS configuration of a person with one session, `corp`.
pub const CORP: &str = "\
[sso-session corp]
sso_start_url = https://corp.awsapps.com/start
sso_region = eu-west-1
sso_registration_scopes = sso:account:access
";

/// A role of the session `corp`.
pub const DEV: &str = "
[profile dev]
sso_session = corp
sso_account_id = 111122223333
sso_role_name = AdministratorAccess
region = eu-central-1
";

/// A role that the person does not have, half a role, and a sign-in of the old kind.
const PROFILES: &str = "
[profile nobody]
sso_session = corp
sso_account_id = 111122223333
sso_role_name = NobodyHasThis

[profile half]
sso_session = corp

[profile legacy]
sso_start_url = https://corp.awsapps.com/start
sso_region = eu-west-1
sso_account_id = 444455556666
sso_role_name = ReadOnlyAccess
";

/// The profile `tool`, whose `credential_process` is `ssoctl`.
fn tool_profiles() -> String {
    format!(
        "\n[profile tool]\ncredential_process = {} credential-process --profile dev\nregion = eu-central-1\n\
         [profile assumed]\nrole_arn = arn:aws:iam::444455556666:role/Assumed\nsource_profile = tool\n\
         region = eu-central-1\n",
        binaries().ssoctl.display()
    )
}

/// The lines of an AWS configuration file by which the AWS CLI finds the service at this URL.
pub fn services_at(url: &str) -> String {
    format!(
        "[default]\nservices = here\n[services here]\nsso_oidc =\n  endpoint_url = {url}\nsso =\n  endpoint_url = {url}\n"
    )
}

impl Stage {
    /// A home without any configuration, and no daemon.
    pub fn bare(settings: Settings) -> Self {
        let home = tempfile::Builder::new().prefix("ssoctl-").tempdir().expect("a temporary directory");
        for directory in ["run", "said", ".aws"] {
            fs::create_dir(home.path().join(directory)).expect("a directory");
        }
        Self {
            identity_center: Simulator::start(settings).expect("a free port on loopback"),
            daemon: Mutex::new(None),
            clients: AtomicUsize::new(0),
            home,
        }
    }

    /// A home with this AWS configuration, and no daemon.
    pub fn without_daemon(settings: Settings, aws: &str) -> Self {
        let stage = Self::bare(settings);
        stage.write(".aws/config", aws);
        stage
    }

    /// A home with this AWS configuration, and a daemon that runs.
    pub fn configured(settings: Settings, aws: &str) -> Self {
        Self::without_daemon(settings, aws).started()
    }

    /// A home with the session `corp`, and a daemon that runs.
    pub fn with_corp(settings: Settings) -> Self {
        Self::configured(settings, CORP).signed_out()
    }

    /// The same after a sign-in.
    pub fn signed_in(settings: Settings) -> Self {
        Self::with_corp(settings).and_signed_in()
    }

    /// A home with the session `corp`, the profiles [`DEV`] and others, the profile `tool` that calls `ssoctl`, and a daemon that runs.
    pub fn with_profiles(settings: Settings) -> Self {
        Self::configured(settings, &[CORP, DEV, PROFILES, &tool_profiles()].concat()).signed_out()
    }

    /// The same after a sign-in.
    pub fn with_roles(settings: Settings) -> Self {
        Self::with_profiles(settings).and_signed_in()
    }

    /// The same with a daemon that runs.
    pub fn started(self) -> Self {
        self.start_daemon();
        self
    }

    /// The same once the daemon has found nobody signed in to `corp`.
    pub fn signed_out(self) -> Self {
        self.wait_for_state("corp", "signed_out");
        self
    }

    /// The same after a sign-in to `corp` that is in the store.
    pub fn and_signed_in(self) -> Self {
        self.sign_in("corp");
        until("the record is written", || (self.status("corp")["unsaved"] == false).then_some(()));
        self
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The default socket of this home.
    pub fn socket(&self) -> PathBuf {
        self.home().join("run/ssoctl/ssoctld.sock")
    }

    /// The default directory of records and the lock.
    pub fn state_directory(&self) -> PathBuf {
        let below =
            if cfg!(target_os = "macos") { "Library/Application Support/ssoctl" } else { ".local/state/ssoctl" };
        self.home().join(below)
    }

    /// The path of the daemon's log: the default one.
    pub fn log(&self) -> PathBuf {
        let below = if cfg!(target_os = "macos") { "Library/Logs/ssoctl" } else { ".local/state/ssoctl" };
        self.home().join(below).join("ssoctld.log")
    }

    /// Writes a file below the home, to which the owner alone can write, whatever the umask. Returns its path.
    pub fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.home().join(path);
        fs::create_dir_all(path.parent().expect("a file is in a directory")).expect("a directory");
        fs::write(&path, text).expect("a file in the temporary directory");
        set_mode(&path, 0o600);
        path
    }

    /// The lines of an AWS configuration file by which the AWS CLI finds the simulated service.
    pub fn services(&self) -> String {
        services_at(&self.identity_center.url())
    }

    /// Writes the daemon's own configuration file.
    pub fn write_own_config(&self, text: &str) {
        let below = if cfg!(target_os = "macos") { "Library/Application Support/ssoctl" } else { ".config/ssoctl" };
        self.write(&format!("{below}/config.toml"), text);
    }

    /// A command in a clean environment.
    fn command(&self, program: &Path) -> Command {
        let url = self.identity_center.url();
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", path())
            .env("HOME", self.home())
            .env("XDG_RUNTIME_DIR", self.home().join("run"))
            .env("AWS_ENDPOINT_URL_SSO_OIDC", &url)
            .env("AWS_ENDPOINT_URL_SSO", &url)
            // The more is logged, the more could leak.
            .env("SSOCTL_LOG", "trace")
            .current_dir(self.home());
        command
    }

    // The daemon.

    /// `ssoctld`, to be run with [`Stage::finish`]; one that lives is started with [`Stage::start_daemon`].
    pub fn ssoctld(&self) -> Command {
        self.command(&binaries().ssoctld)
    }

    /// Starts the daemon and waits until it answers.
    pub fn start_daemon(&self) {
        self.start_daemon_by(self.ssoctld());
    }

    /// The same with the service at this URL.
    pub fn start_daemon_at(&self, service: &str) {
        let mut command = self.ssoctld();
        command.env("AWS_ENDPOINT_URL_SSO_OIDC", service).env("AWS_ENDPOINT_URL_SSO", service);
        self.start_daemon_by(command);
    }

    /// The same with the service that its files name.
    pub fn start_daemon_by_its_files(&self) {
        let mut command = self.ssoctld();
        command.env_remove("AWS_ENDPOINT_URL_SSO_OIDC").env_remove("AWS_ENDPOINT_URL_SSO");
        self.start_daemon_by(command);
    }

    /// The same by a command that becomes `ssoctld`, or starts it.
    pub fn start_daemon_by(&self, command: Command) {
        let mut daemon = self.daemon();
        assert!(daemon.is_none(), "there is one daemon at a time");
        *daemon = Some(daemon::start(command, &self.socket(), &self.log()));
    }

    /// Ends the daemon that was started here.
    pub fn end_daemon(&self, signal: Signal) -> ExitStatus {
        let child = self.daemon().take().expect("the daemon was started");
        daemon::end(child, signal)
    }

    /// The process id of the daemon that was started here.
    pub fn daemon_pid(&self) -> Pid {
        Pid::from_child(self.daemon().as_ref().expect("the daemon was started"))
    }

    fn daemon(&self) -> MutexGuard<'_, Option<Child>> {
        self.daemon.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // Clients.

    /// `ssoctl` with these arguments, to be run with [`Stage::start`] or [`Stage::finish`].
    pub fn ssoctl<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = self.command(&binaries().ssoctl);
        command.args(arguments);
        command
    }

    /// Starts a client.
    pub fn start(&self, client: Command) -> Running {
        let number = self.clients.fetch_add(1, Ordering::Relaxed);
        Running::start(client, self.home().join(format!("said/{number}")))
    }

    /// Runs a client to its end.
    pub fn finish(&self, client: Command) -> Outcome {
        self.start(client).finish()
    }

    /// Runs `ssoctl` with these arguments to its end.
    pub fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Outcome {
        self.finish(self.ssoctl(arguments))
    }

    /// Runs `ssoctl` to its end in a shell that names this AWS configuration file.
    pub fn run_with(&self, config: impl AsRef<OsStr>, arguments: &[&str]) -> Outcome {
        self.run_in(&[("AWS_CONFIG_FILE", config)], arguments)
    }

    /// Runs `ssoctl` to its end in a shell with these variables.
    pub fn run_in<V: AsRef<OsStr>>(&self, variables: &[(&str, V)], arguments: &[&str]) -> Outcome {
        let mut command = self.ssoctl(arguments);
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        self.finish(command)
    }

    /// A program with the profiles of [`Stage::with_profiles`], which knows nothing of ssoctl but its socket's place.
    pub fn tool(&self, program: &OsStr) -> Command {
        let mut command = self.command(Path::new(program));
        for variable in ["AWS_ENDPOINT_URL_SSO_OIDC", "AWS_ENDPOINT_URL_SSO", "SSOCTL_LOG"] {
            command.env_remove(variable);
        }
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        command
    }

    /// The credentials that the daemon has for the profile `dev`.
    pub fn credentials_of_dev(&self) -> Value {
        self.request("GET", "/v1/credentials?profile=dev").1
    }

    /// Signs in without a person, for tests in which the sign-in itself does not matter.
    pub fn sign_in(&self, session: &str) {
        let mut approval = Approval::Preauthorised;
        let mut swap =
            || self.identity_center.settings(|settings| std::mem::swap(&mut settings.approval, &mut approval));
        swap();
        self.run(["login", "--flow", "device", "--no-browser", session]).exits(0);
        swap();
    }

    /// Approves what is pending, or will be, as the person would.
    pub fn approve(&self) {
        let pending = self.identity_center.wait_for_pending();
        self.identity_center.approve(&pending.user_code).expect("it is pending");
    }

    /// Waits until a client shows the code that it waits for, and returns what the service knows of it. An approval that
    /// comes earlier may be found before any code has to be shown.
    pub fn shown_by(&self, client: &Running) -> PendingAuthorization {
        let is_shown = |pending: &PendingAuthorization| client.said().contains(&pending.user_code);
        until("a client shows its code", || self.identity_center.pending().into_iter().find(is_shown))
    }

    /// Approves the code that a client shows, as the person would who reads it.
    pub fn approve_shown_by(&self, client: &Running) {
        self.identity_center.approve(&self.shown_by(client).user_code).expect("it is pending");
    }

    /// The JSON of `ssoctl status --json` for one session.
    pub fn status(&self, session: &str) -> Value {
        self.run(["status", "--json", session]).exits(0).json()["sessions"][0].clone()
    }

    /// Waits until a session is in this state.
    pub fn wait_for_state(&self, session: &str, state: &str) {
        until(&format!("{session} is {state}"), || (self.status(session)["state"] == state).then_some(()));
    }

    /// Waits until the daemon knows of so many clients that wait for this session: a client shows its page before it asks to wait.
    pub fn wait_for_waiters(&self, session: &str, count: usize) {
        until("the clients wait", || (self.status(session)["waiting_count"] == count).then_some(()));
    }

    /// Sends a request to the daemon as any other tool would.
    pub fn request(&self, method: &str, target: &str) -> (u16, Value) {
        socket::request(&self.socket(), method, target).expect("the daemon answers")
    }

    // The end.

    /// Ends every daemon of this home. Called again when the stage is dropped.
    pub fn end_daemons(&self) {
        if let Some(child) = self.daemon().take() {
            daemon::end(child, Signal::KILL);
        }
        daemon::end_holder(&self.state_directory());
    }

    /// The logs of the daemons, and the standard errors of the clients.
    pub fn everything_said(&self) -> Vec<(PathBuf, String)> {
        let said = fs::read_dir(self.home().join("said")).expect("the directory of what was said");
        let mut paths: Vec<PathBuf> = said.map(|entry| entry.expect("an entry").path()).collect();
        paths.extend(Some(self.log()).filter(|log| log.exists()));
        let read = |path: PathBuf| {
            let text = String::from_utf8_lossy(&fs::read(&path).expect("a file that was written here")).into_owned();
            (path, text)
        };
        paths.into_iter().map(read).collect()
    }

    /// Checks that no log or message holds a secret, and that no rule of the service was broken.
    pub fn judge(&self) {
        let secrets = self.identity_center.secrets();
        for (path, text) in self.everything_said() {
            let leaked = secrets.iter().any(|secret| text.contains(secret));
            assert!(!leaked, "a secret is in {}:\n{text}", path.display());
        }
        assert_eq!(self.identity_center.violations(), Vec::<String>::new(), "a well-behaved client does not do this");
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.end_daemons();
        if !std::thread::panicking() {
            self.judge();
        }
    }
}
