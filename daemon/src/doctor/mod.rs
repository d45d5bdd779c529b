//! `ssoctld doctor`: checks everything that can be wrong on this machine, and says what to do about it.
//!
//! If a daemon runs, the environment of the daemon is checked, and not that of the caller: this program runs again with the
//! daemon's environment, and differences of the caller's environment are a separate finding.
//!
//! Each module gathers facts (`find`, `ask`) and judges them (`judge`, pure). Nothing is changed, the person is not asked, no
//! daemon is started, and no secret is read: of records and of the token cache only owners and modes are read.

mod browser;
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "only Linux uses D-Bus"))]
mod bus;
mod configuration;
mod daemon;
mod network;
mod place;
mod report;
#[cfg_attr(target_os = "macos", allow(dead_code, reason = "only systemd has units"))]
mod service;
mod shell;
mod socket;
mod start_url;
mod state;
mod time_limit;
mod token_cache;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ssoctl_files::holder;
use ssoctl_protocol::settings::Settings;
use ssoctl_protocol::{SocketOwner, SocketPath, VERSION};

use crate::clock::Clock;
use crate::config::{Environment, Paths};
use crate::desktop;
use crate::inquiry::Unanswered;

pub use report::{Check, Colour, Finding, Report, Verdict};
pub use shell::{Shell, in_environment_of};

/// The object of doctor's checks.
pub struct CheckInput {
    pub paths: Paths,
    pub environment: Environment,
    pub socket: SocketPath,
    /// The user whose process is accepted as the daemon.
    pub believed: SocketOwner,
    pub state_directory: PathBuf,
    pub shell: Shell,
}

/// The settings of the daemon that runs, if one does and reports them.
pub async fn settings_of_daemon(subject: &CheckInput, clock: Arc<dyn Clock>) -> Option<Settings> {
    let (answer, _) = ask_daemon(subject, &time_limit::TimeLimit(clock)).await;
    // A daemon of an earlier version reports none.
    answer.ok().map(|status| status.settings).filter(|settings| !settings.config_toml.is_empty())
}

/// Checks everything. Takes about ten seconds if nothing answers.
pub async fn examine(subject: CheckInput, clock: Arc<dyn Clock>) -> Report {
    let limit = time_limit::TimeLimit(clock);
    let (answer, found_at) = ask_daemon(&subject, &limit).await;
    let CheckInput { paths, environment, socket, state_directory, mut shell, .. } = subject;
    if found_at.is_none() {
        // The same socket may have another path where it is seen from elsewhere.
        shell.settings.socket.clear();
    }
    let socket = found_at.map_or(socket, SocketPath::Chosen);
    let status = answer.as_ref().ok();
    let settings = status.map(|status| &status.settings);
    let home = environment.home.clone();
    let configured = configuration::examine(paths, environment, shell.names, &limit).await;
    let files = {
        let (socket, answer) = (socket.clone(), answer.clone());
        move || {
            let state = state::StateDirectory::find(state_directory).judge(&answer, socket.path());
            let cache = home.map(|home| token_cache::TokenCache::find(&home).judge());
            let socket = socket::Socket::find(socket).judge();
            [socket, state, daemon::judge_store(&answer)].into_iter().chain(cache).collect()
        }
    };
    let around = desktop::DesktopEnvironment::from_process();
    let config = Arc::clone(&configured.config);
    let (files, service, bus, browser, network, start_urls) = tokio::join!(
        limit.run(files),
        service::examine(&limit),
        bus::examine(
            settings.map(|settings| settings.session_bus.as_str()),
            around.display,
            configured.notifications,
            status.map(|status| &status.secret_store),
            &limit
        ),
        limit.run(move || browser::examine(&config, around)),
        network::examine(&configured.config, &limit),
        start_url::examine(&configured.config, &limit),
    );
    let mut findings = vec![daemon::judge(&answer, VERSION, socket.path())];
    findings.extend(shell::judge(settings, &shell.settings));
    findings.extend(files.unwrap_or_else(|| {
        let remedy = "check the mounts of your home directory and of $XDG_RUNTIME_DIR";
        vec![Check("files").problem("the file system of your home directory does not answer", remedy)]
    }));
    findings.extend(service);
    findings.extend(bus);
    findings.extend(browser);
    findings.extend(configured.findings);
    findings.extend(network);
    findings.extend(start_urls);
    if let Some(status) = status {
        findings.extend(daemon::judge_reported(status, &findings));
    }
    Report::new(findings)
}

/// Asks the daemon, also one that listens elsewhere than at the default socket; then its socket is returned, too.
async fn ask_daemon(subject: &CheckInput, limit: &time_limit::TimeLimit) -> (daemon::HealthAnswer, Option<PathBuf>) {
    let ask = async |socket: &Path| {
        let answer = limit.wait_for(daemon::ask(socket, subject.believed)).await;
        answer.unwrap_or(Err(Unanswered::Late))
    };
    let answer = ask(subject.socket.path()).await;
    if answer == Err(Unanswered::Nobody) && matches!(subject.socket, SocketPath::Default(_)) {
        let sockets = holder::sockets(Some(subject.state_directory.clone()), subject.environment.home.clone());
        for socket in sockets.filter(|socket| socket != subject.socket.path()) {
            if let found @ Ok(_) = ask(&socket).await {
                return (found, Some(socket));
            }
        }
    }
    (answer, None)
}
