//! Requests that need a signed-in person, and waiting for a person to sign in.
//!
//! Without `--wait`, and if the daemon has a token that lives long enough, this is one request. If a person is needed and `--wait`
//! allows it, the flow is started or joined by a separate request, because its code has to be shown before the long
//! wait begins.

use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use ssoctl_protocol::route::Query;
use ssoctl_protocol::{ErrorCode, Login, RoleCredentials, Route};

use super::choosing::{self, Pick};
use super::selection::RoleArguments;
use crate::connection::{Daemon, Starting, VersionWarning};
use crate::environment;
use crate::failure::Failure;
use crate::http::Answer;
use crate::render;

/// The pause between two requests while the store is locked. The daemon itself waits before it answers, so this is only a
/// limit.
const PAUSE: Duration = Duration::from_millis(500);

/// The longest time for one daemon to stop and the next to start: 5 s to stop, and some seconds to start.
const RESTART_PATIENCE: Duration = Duration::from_secs(10);

#[derive(Args, Clone, Copy, Debug, Default)]
pub(super) struct MinValid {
    /// Least remaining life of the token or the credentials, such as 90s, 5m, 1h, or a number of seconds
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "0", hide_default_value = true)]
    pub(super) min_valid: Duration,
}

#[derive(Args, Clone, Copy, Debug, Default)]
pub(super) struct Wait {
    /// Longest wait for a person to sign in: code and page are shown on standard error, and no browser is opened; default: do
    /// not wait, and fail with exit code 3
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "0", hide_default_value = true)]
    wait: Duration,
}

impl Wait {
    /// Starts the clock: the time counts for all requests of a command together.
    pub(super) fn begin(self) -> Waiting {
        Waiting { began: Instant::now(), limit: self.wait }
    }
}

/// For verbs that print credentials of a role or hand them on.
#[derive(Args, Debug)]
pub(super) struct CredentialsArguments {
    #[command(flatten)]
    role: RoleArguments,
    #[command(flatten)]
    pub(super) min_valid: MinValid,
    #[command(flatten)]
    wait: Wait,
}

impl CredentialsArguments {
    pub(super) fn request(self, starting: Starting, warning: VersionWarning) -> Result<RoleCredentials, Failure> {
        let daemon = Daemon::find(starting, warning)?;
        let query = self.role.query(self.min_valid.min_valid)?;
        daemon.read(&self.wait.begin().ask(&daemon, &Route::Credentials, &query)?)
    }

    /// The same, where a person may pick the role.
    pub(super) fn request_or_pick(self, pick: Pick, starting: Starting) -> Result<RoleCredentials, Failure> {
        let daemon = Daemon::find(starting, VersionWarning::Shown)?;
        let query = self.role.query(self.min_valid.min_valid)?;
        let ask = |query: &Query| self.wait.begin().ask(&daemon, &Route::Credentials, query);
        daemon.read(&choosing::with_role(&daemon, query, pick, ask)?)
    }
}

/// The time that a command may spend on waiting for a person.
pub(super) struct Waiting {
    began: Instant,
    limit: Duration,
}

impl Waiting {
    fn left(&self) -> Duration {
        self.limit.saturating_sub(self.began.elapsed())
    }

    /// Sends a request that needs a signed-in person, and waits for the sign-in if necessary.
    pub(super) fn ask(&self, daemon: &Daemon, route: &Route, query: &Query) -> Result<Answer, Failure> {
        match daemon.ask(route, query) {
            Err(failure) if !self.limit.is_zero() => self.wait(daemon, route, query, failure),
            outcome => outcome,
        }
    }

    /// Waits for a person, after the first request has failed.
    fn wait(&self, daemon: &Daemon, route: &Route, query: &Query, mut failure: Failure) -> Result<Answer, Failure> {
        let (mut has_shown, mut has_restarted) = (false, false);
        loop {
            let Failure::Problem(problem) = &failure else { return Err(failure) };
            let mut query = query.clone();
            let outcome = match (&problem.code, &problem.session) {
                (ErrorCode::SignInRequired, Some(session)) if !has_shown => {
                    has_shown = true;
                    // Role credentials outlive the token, which only has to be live for them.
                    let min_valid = if matches!(route, Route::Token) { query.min_valid } else { 0 };
                    if self.show_flow(daemon, session, min_valid)? {
                        query.wait = self.left().as_secs().max(1);
                    }
                    daemon.ask(route, &query)
                }
                // The store is still opening, perhaps because a person is asked for its password. Waiting in the daemon
                // could start a flow and not show its code, so the request is repeated instead.
                (ErrorCode::StoreUnavailable, _) if !self.left().is_zero() => {
                    thread::sleep(PAUSE.min(self.left()));
                    daemon.ask(route, &query)
                }
                // The flow has ended with the daemon, and a new one may be needed.
                (ErrorCode::ShuttingDown, _) if !self.left().is_zero() && !has_restarted => {
                    (has_shown, has_restarted) = (false, true);
                    ask_the_next_daemon(daemon, route, &query, RESTART_PATIENCE.min(self.left()))
                }
                _ => return Err(failure),
            };
            match outcome {
                Ok(answer) => return Ok(answer),
                Err(next) => failure = next,
            }
        }
    }

    /// Starts or joins the flow and shows its code. Returns false if the person has signed in since the first request.
    fn show_flow(&self, daemon: &Daemon, session: &str, min_valid: u64) -> Result<bool, Failure> {
        let query = Query { if_needed: true, min_valid, ..Query::default() };
        match daemon.fetch(&Route::StartLogin(session.to_owned()), &query)? {
            Login::Pending { login, .. } => {
                let ssh = environment::ssh_connection();
                render::invitation(session, &login, ssh.as_deref(), environment::now());
                render::line(&format!("Waiting up to {} for the sign-in.", render::duration(self.left())));
                Ok(true)
            }
            Login::SignedIn { .. } => Ok(false),
            _ => Err(unknown_login()),
        }
    }
}

/// Repeats a request until the daemon that stops is gone and the next one answers, which the service manager or this process
/// starts.
fn ask_the_next_daemon(daemon: &Daemon, route: &Route, query: &Query, limit: Duration) -> Result<Answer, Failure> {
    let begin = Instant::now();
    loop {
        thread::sleep(PAUSE);
        let outcome = daemon.ask(route, query);
        let is_still_away = match &outcome {
            Err(Failure::Unreachable(_)) => true,
            Err(Failure::Problem(problem)) => problem.code == ErrorCode::ShuttingDown,
            _ => false,
        };
        if !is_still_away || begin.elapsed() > limit {
            return outcome;
        }
    }
}

/// The failure for an answer of a later version.
pub(super) fn unknown_login() -> Failure {
    Failure::Other("the daemon's answer is of a kind that this version does not know; update ssoctl".to_owned())
}

/// Reads `5m`, `1h 30m` or a plain number of seconds. Fractions of a second are rounded up, because the local API takes
/// whole seconds, and less than was asked for would be wrong.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let given = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => humantime::parse_duration(text)
            .map_err(|_| "expected one like 90s, 5m or 1h 30m, or a number of seconds")?,
    };
    Ok(Duration::from_secs(given.as_secs().saturating_add(u64::from(given.subsec_nanos() > 0))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them_and_rounded_up_to_seconds() {
        for (text, seconds) in [("0", 0), ("90", 90), ("5m", 300), ("1h 30m", 5400), ("1500ms", 2), ("1ns", 1)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "soon", "-5", "5 parsecs", "1.5"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
