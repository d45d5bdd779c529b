//! Getting a token or credentials, and waiting for a person where one is needed.
//!
//! Without `--wait`, and wherever the daemon has what is wanted, this is one request. Where a person is needed and `--wait`
//! allows it, the flow is started or joined by a request of its own, because its code has to be shown before the long
//! wait begins.

use std::thread;
use std::time::{Duration, Instant};

use ssoctl_protocol::route::Query;
use ssoctl_protocol::{ErrorCode, Login, Route};

use super::{ask_patiently, name, unknown_login};
use crate::connection::Daemon;
use crate::environment;
use crate::failure::Failure;
use crate::http::Answer;
use crate::render;

/// Between two questions while the store is still closed. The daemon itself waits before it answers, so this is only
/// the brake.
const PAUSE: Duration = Duration::from_millis(500);

/// Asks for a token or for credentials, and for up to `limit` waits for a person if it has to be.
pub(super) fn obtain(daemon: &Daemon, route: &Route, query: &Query, limit: Duration) -> Result<Answer, Failure> {
    match daemon.ask(route, query) {
        Err(failure) if !limit.is_zero() => wait(daemon, route, query, limit, failure),
        outcome => outcome,
    }
}

/// How long a daemon that stops, and the one that takes its place, may take: 5 s to stop and some to start.
const RESTART_PATIENCE: Duration = Duration::from_secs(10);

/// Whether a flow is wanted even where there is a live token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Asking {
    IfNeeded,
    Always,
}

/// Waits for a person, after the first request has failed.
fn wait(
    daemon: &Daemon,
    route: &Route,
    query: &Query,
    limit: Duration,
    mut failure: Failure,
) -> Result<Answer, Failure> {
    let begin = Instant::now();
    let left = || limit.saturating_sub(begin.elapsed());
    // Somebody else may have signed in since the first request, so nobody is asked in vain. A token that is there but
    // too short for `--min-valid` does need a flow.
    const ATTEMPTS: [Asking; 2] = [Asking::IfNeeded, Asking::Always];
    let mut attempts = ATTEMPTS.into_iter();
    let mut has_restarted = false;
    loop {
        let Failure::Problem(problem) = &failure else { return Err(failure) };
        let mut query = query.clone();
        match problem.code {
            ErrorCode::SignInRequired => {
                let Some(asking) = attempts.next() else { return Err(failure) };
                let name = match &problem.session {
                    Some(name) => name.clone(),
                    None => name(daemon, query.selector.clone())?,
                };
                if let Shown::Code = show_flow(daemon, &name, asking, limit)? {
                    query.wait = left().as_secs().max(1);
                }
            }
            // The store is still opening, perhaps because a person is asked for its password. Waiting in the daemon
            // could start a flow that nobody sees the code of, so it is asked again and again instead.
            ErrorCode::StoreUnavailable if !left().is_zero() => thread::sleep(PAUSE.min(left())),
            // With the daemon the flow went, and may be needed anew.
            ErrorCode::ShuttingDown if !left().is_zero() && !has_restarted => {
                has_restarted = true;
                attempts = ATTEMPTS.into_iter();
                match ask_the_next(daemon, route, &query, RESTART_PATIENCE.min(left())) {
                    Ok(answer) => return Ok(answer),
                    Err(next) => failure = next,
                }
                continue;
            }
            _ => return Err(failure),
        }
        match daemon.ask(route, &query) {
            Ok(answer) => return Ok(answer),
            Err(next) => failure = next,
        }
    }
}

/// Asks until the daemon that stops is gone and the next one answers, which the service manager starts, or this does.
fn ask_the_next(daemon: &Daemon, route: &Route, query: &Query, limit: Duration) -> Result<Answer, Failure> {
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

/// What became of the attempt to show a flow.
enum Shown {
    Code,
    /// There is a token meanwhile.
    Nothing,
}

/// Starts or joins the flow and shows its code.
fn show_flow(daemon: &Daemon, name: &str, asking: Asking, limit: Duration) -> Result<Shown, Failure> {
    let query = Query { if_needed: asking == Asking::IfNeeded, ..Query::default() };
    match ask_patiently(daemon, &Route::StartLogin(name.to_owned()), &query, None)? {
        Login::Pending { login, .. } => {
            render::invitation(name, &login, environment::now());
            render::line(&format!("Waiting up to {} for the sign-in.", render::duration(limit)));
            Ok(Shown::Code)
        }
        Login::SignedIn { .. } => Ok(Shown::Nothing),
        _ => Err(unknown_login()),
    }
}
