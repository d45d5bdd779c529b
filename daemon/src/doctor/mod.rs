//! `ssoctld doctor`: everything that can be wrong on this machine, and what to do about it.
//!
//! Where a daemon runs, its own environment counts, and not that of whoever asks: the facts are gathered with the environment that
//! it has, and how the caller's differs is a finding of its own.
//!
//! Gathering facts (`gather`) is apart from judging them (everything else, pure). Nothing is changed, nobody is asked, no
//! daemon is started, and no secret is read: of records and of the token cache only owners and modes are looked at.
//!
//! | module | judges |
//! |---|---|
//! | `shell` | how the shell that doctor is run from differs from the daemon |
//! | `daemon` | who answers on the socket, the socket itself, the secret store |
//! | `state` | the state directory and who has its lock |
//! | `service` | what the service manager says of us |
//! | `desktop` | the session's bus, the keyring, the notification server, the browser |
//! | `configuration` | both files, and the AWS token cache |
//! | `network` | certificates, proxies, endpoints, and the clock |

mod configuration;
mod daemon;
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "elsewhere there is no D-Bus to find anybody on"))]
mod desktop;
mod finding;
mod gather;
mod network;
mod place;
mod report;
#[cfg_attr(target_os = "macos", allow(dead_code, reason = "units are systemd's"))]
mod service;
mod shell;
mod state;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ssoctl_files::holder;
use ssoctl_protocol::{SocketOwner, SocketPath};

use crate::clock::Clock;
use crate::config::{self, Config, Environment, Paths};
use ssoctl_protocol::settings::{Settings, session_bus};

pub use finding::{Finding, Verdict};
pub use report::{Colour, Report};
pub use shell::{Shell, in_environment_of};

/// How long one look may take. All but reading the configuration happen at the same time.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is looked at.
pub struct Subject {
    /// The configuration files.
    pub paths: Paths,
    /// The environment that the configuration depends on.
    pub environment: Environment,
    /// The daemon's socket.
    pub socket: SocketPath,
    /// Whose process is believed to be the daemon.
    pub believed: SocketOwner,
    /// The daemon's state directory.
    pub state_directory: PathBuf,
    /// The shell from which this is asked.
    pub shell: Shell,
}

/// What the daemon that runs says of itself; nothing if none does.
pub async fn settings_of_daemon(subject: &Subject, clock: Arc<dyn Clock>) -> Option<Settings> {
    let (answer, _) = Within(clock).ask_daemon(subject).await;
    match answer {
        // A daemon of an earlier version says nothing of itself.
        daemon::Answer::Status(status) => Some(status.settings).filter(|settings| !settings.config_toml.is_empty()),
        _ => None,
    }
}

/// Looks at everything. Takes about ten seconds where nothing answers.
pub async fn examine(subject: Subject, clock: Arc<dyn Clock>) -> Report {
    let within = Within(clock);
    let (daemon, found_at) = within.ask_daemon(&subject).await;
    let Subject { paths, environment, socket, state_directory, shell, .. } = subject;
    // The same socket may have another path where it is seen from elsewhere.
    let shown_socket = found_at.as_ref().map(|_| shell.settings.socket.clone()).unwrap_or_default();
    let of_shell = Settings { socket: shown_socket, ..shell.settings.clone() };
    let socket = found_at.map_or(socket, SocketPath::Chosen);
    let settings = match &daemon {
        daemon::Answer::Status(status) => Some(&status.settings),
        _ => None,
    };
    let home = environment.home.clone();
    let loading = gather::blocking({
        let (paths, environment) = (paths.clone(), environment.clone());
        move || config::load(&paths, &environment)
    });
    let loaded = within.limit(loading).await.flatten();
    let named = match shell.names.clone() {
        Some(file) => {
            Some(within.limit(shell::read_named(&paths, file, &environment, loaded.as_ref())).await.flatten())
        }
        None => None,
    };
    let config = named.as_ref().and_then(|named| named.as_ref()?.as_ref().ok()).or(loaded.as_ref()).cloned();
    let config = config.unwrap_or_default();
    let of_process = || session_bus(|name| std::env::var_os(name));
    let bus_address = settings.map_or_else(of_process, |settings| settings.session_bus.clone());
    let (files, manager, bus, screen, network) = tokio::join!(
        within.limit(gather::files::look(socket.path().to_owned(), state_directory, home)),
        within.limit(gather::service::ask()),
        within.limit(gather::bus::ask(&bus_address)),
        within.limit(gather::screen::look(&config)),
        gather::network::ask(&config, &*within.0, PATIENCE),
    );
    let us = rustix::process::geteuid().as_raw();
    let mut findings = vec![daemon::judge(&daemon, ssoctl_protocol::VERSION, socket.path())];
    findings.extend(shell::judge(settings, &of_shell));
    match files.flatten() {
        Some(files) => {
            let (directory, unwritable) = (&files.socket_directory, files.socket_unwritable.as_deref());
            findings.push(daemon::judge_socket(&socket, directory, &files.socket, unwritable, us));
            findings.push(state::judge(&files.state, &daemon, socket.path(), us));
            findings.push(daemon::judge_store(&daemon));
            findings.extend(files.cache.map(|cache| configuration::judge_cache(&cache, us)));
        }
        None => findings.push(Finding::problem(
            "files",
            "the file system of your home directory does not answer",
            "check the mounts of your home directory and of $XDG_RUNTIME_DIR",
        )),
    }
    let manager = manager.unwrap_or_else(|| service::Manager::Unreachable("no answer in time".to_owned()));
    findings.push(service::judge(&manager));
    findings.extend(service::judge_sandbox(&manager, gather::service::user_namespaces()));
    let display = screen.as_ref().map_or(crate::desktop::Display::Missing, |screen| screen.display);
    let bus = bus.unwrap_or_else(|| desktop::Bus::Broken("no answer in time".to_owned()));
    let store = match &daemon {
        daemon::Answer::Status(status) => {
            Some(match (status.secret_store.kind.as_str(), &status.secret_store.reason) {
                ("file", Some(reason)) => desktop::Store::FallbackFiles(reason),
                (kind, _) => desktop::Store::Chosen(kind),
            })
        }
        _ => None,
    };
    let notifications = loaded.as_ref().map_or(config.notifications, |own| own.notifications);
    findings.extend(desktop::judge_bus(&bus, display, notifications, store));
    findings.extend(screen.map(|screen| desktop::judge_browser(&screen)));
    match (shell.names, named) {
        (Some(file), Some(named)) => findings.extend(shell::judge_named(&file, named, &paths)),
        _ => findings.extend(judge_configuration(loaded.as_ref(), &paths)),
    }
    findings.extend(network::judge(&network));
    if let daemon::Answer::Status(status) = &daemon {
        findings.extend(daemon::judge_left_records(status));
        // What it says of its own that was not seen from here.
        for problem in &status.machine_problems {
            if !findings.iter().any(|finding| finding.message == problem.message) {
                findings.push(Finding::warning("machine", problem.message.clone(), problem.remedy.clone()));
            }
        }
    }
    Report::new(findings)
}

fn judge_configuration(loaded: Option<&Config>, paths: &Paths) -> Vec<Finding> {
    match loaded {
        Some(config) => configuration::judge(config, paths),
        None => vec![Finding::problem(
            "configuration",
            format!("reading {} and {} takes too long", paths.own.display(), paths.aws.display()),
            "check the mounts of your home directory",
        )],
    }
}

/// A deadline for whatever may hang.
struct Within(Arc<dyn Clock>);

impl Within {
    /// Asks the daemon, also one that listens elsewhere than where it is looked for, and returns where that is.
    async fn ask_daemon(&self, subject: &Subject) -> (daemon::Answer, Option<PathBuf>) {
        let ask = async |socket: &Path| {
            let answer = self.limit(gather::daemon::ask(socket, subject.believed)).await;
            answer.unwrap_or(daemon::Answer::Late)
        };
        let answer = ask(subject.socket.path()).await;
        if answer == daemon::Answer::Nobody && matches!(subject.socket, SocketPath::Default(_)) {
            let sockets = holder::sockets(Some(subject.state_directory.clone()), subject.environment.home.clone());
            for socket in sockets.filter(|socket| socket != subject.socket.path()) {
                if let found @ daemon::Answer::Status(_) = ask(&socket).await {
                    return (found, Some(socket));
                }
            }
        }
        (answer, None)
    }

    async fn limit<T>(&self, look: impl Future<Output = T>) -> Option<T> {
        let deadline = self.0.sleep_until(self.0.now().boot + PATIENCE);
        tokio::select! {
            found = look => Some(found),
            () = deadline => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    #[tokio::test]
    async fn what_hangs_is_given_up_after_its_time() {
        let clock = Arc::new(ManualClock::at(std::time::SystemTime::UNIX_EPOCH));
        let within = Within(clock.clone());
        let (hanging, ()) = tokio::join!(within.limit(std::future::pending::<()>()), async { clock.advance(PATIENCE) });
        assert_eq!(hanging, None);
        assert_eq!(within.limit(async { 1 }).await, Some(1));
    }
}
