//! `ssoctld doctor`: everything that can be wrong on this machine, and what to do about it.
//!
//! Gathering facts (`gather`) is apart from judging them (everything else, pure). Nothing is changed, nobody is asked, no
//! daemon is started, and no secret is read: of records and of the token cache only owners and modes are looked at.
//!
//! | module | judges |
//! |---|---|
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
mod state;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ssoctl_protocol::{SocketOwner, SocketPath};

use crate::clock::Clock;
use crate::config::{self, Config, Environment, Paths};

pub use finding::{Finding, Verdict};
pub use report::{Colour, Report};

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
}

/// Looks at everything. Takes about ten seconds where nothing answers.
pub async fn examine(subject: Subject, clock: Arc<dyn Clock>) -> Report {
    let Subject { paths, environment, socket, believed, state_directory } = subject;
    let within = Within(clock);
    let home = environment.home.clone();
    let loading = gather::blocking({
        let (paths, environment) = (paths.clone(), environment.clone());
        move || config::load(&paths, &environment)
    });
    let loaded = within.limit(loading).await.flatten();
    let config = loaded.clone().unwrap_or_default();
    let (daemon, files, manager, bus, screen, network) = tokio::join!(
        within.limit(gather::daemon::ask(socket.path(), believed)),
        within.limit(gather::files::look(socket.path().to_owned(), state_directory, home)),
        within.limit(gather::service::ask()),
        within.limit(gather::bus::ask()),
        within.limit(gather::screen::look(&config)),
        gather::network::ask(&config, &*within.0, PATIENCE),
    );
    let daemon = daemon.unwrap_or(daemon::Answer::Late);
    let us = rustix::process::geteuid().as_raw();
    let mut findings = vec![daemon::judge(&daemon, ssoctl_protocol::VERSION, socket.path())];
    match files.flatten() {
        Some(files) => {
            findings.push(daemon::judge_socket(&socket, &files.socket_directory, &files.socket, us));
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
    if let daemon::Answer::Status(status) = &daemon {
        let problems = status.machine_problems.iter();
        findings.extend(problems.map(|it| Finding::warning("machine", it.message.clone(), it.remedy.clone())));
    }
    let manager = manager.unwrap_or_else(|| service::Manager::Unreachable("no answer in time".to_owned()));
    findings.push(service::judge(&manager));
    findings.extend(service::judge_sandbox(&manager, gather::service::user_namespaces()));
    let display = screen.as_ref().map_or(crate::desktop::Display::Missing, |screen| screen.display);
    let bus = bus.unwrap_or_else(|| desktop::Bus::Broken("no answer in time".to_owned()));
    let store = match &daemon {
        daemon::Answer::Status(status)
            if status.secret_store.kind == "file" && status.secret_store.reason.is_some() =>
        {
            Some(desktop::FILES_FOR_WANT)
        }
        daemon::Answer::Status(status) => Some(status.secret_store.kind.as_str()),
        _ => None,
    };
    findings.extend(desktop::judge_bus(&bus, display, config.notifications, store));
    findings.extend(screen.map(|screen| desktop::judge_browser(&screen)));
    findings.extend(judge_configuration(loaded.as_ref(), &paths));
    findings.extend(network::judge(&network));
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
