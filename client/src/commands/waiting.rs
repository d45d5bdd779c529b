//! Getting what only somebody who is signed in gets, and waiting for a person where one is needed.
//!
//! Without `--wait`, and wherever the daemon has what is wanted, this is one request. Where a person is needed and `--wait`
//! allows it, the flow is started or joined by a request of its own, because its code has to be shown before the long
//! wait begins.

use std::thread;
use std::time::{Duration, Instant};

use ssoctl_protocol::route::Query;
use ssoctl_protocol::{ErrorCode, Login, Route};

use super::{SERVICE_CALLS, ask_patiently, unknown_login};
use crate::connection::{Daemon, Patience};
use crate::environment;
use crate::failure::Failure;
use crate::http::Answer;
use crate::render;

/// Between two questions while the store is still closed. The daemon itself waits before it answers, so this is only
/// the brake.
const PAUSE: Duration = Duration::from_millis(500);

/// How long a daemon that stops, and the one that takes its place, may take: 5 s to stop and some to start.
const RESTART_PATIENCE: Duration = Duration::from_secs(10);

/// What a command may spend on waiting for a person, over all its requests.
pub(super) struct Waiting {
    began: Instant,
    limit: Duration,
}

impl Waiting {
    /// Begins to count.
    pub(super) fn up_to(limit: Duration) -> Self {
        Self { began: Instant::now(), limit }
    }

    fn left(&self) -> Duration {
        self.limit.saturating_sub(self.began.elapsed())
    }

    /// Asks for what needs somebody who is signed in, and waits for a person if it has to be.
    pub(super) fn obtain(&self, daemon: &Daemon, route: &Route, query: &Query) -> Result<Answer, Failure> {
        match ask(daemon, route, query) {
            Err(failure) if !self.limit.is_zero() => self.wait(daemon, route, query, failure),
            outcome => outcome,
        }
    }

    /// Waits for a person, after the first request has failed.
    fn wait(&self, daemon: &Daemon, route: &Route, query: &Query, mut failure: Failure) -> Result<Answer, Failure> {
        let (mut has_asked, mut has_restarted) = (false, false);
        loop {
            let Failure::Problem(problem) = &failure else { return Err(failure) };
            let mut query = query.clone();
            match (&problem.code, &problem.session) {
                (ErrorCode::SignInRequired, Some(session)) if !has_asked => {
                    has_asked = true;
                    if let Shown::Code = self.show_flow(daemon, session, token_validity(route, &query))? {
                        query.wait = self.left().as_secs().max(1);
                    }
                }
                // The store is still opening, perhaps because a person is asked for its password. Waiting in the daemon
                // could start a flow that nobody sees the code of, so it is asked again and again instead.
                (ErrorCode::StoreUnavailable, _) if !self.left().is_zero() => thread::sleep(PAUSE.min(self.left())),
                // With the daemon the flow went, and may be needed anew.
                (ErrorCode::ShuttingDown, _) if !self.left().is_zero() && !has_restarted => {
                    (has_asked, has_restarted) = (false, true);
                    match ask_the_next(daemon, route, &query, RESTART_PATIENCE.min(self.left())) {
                        Ok(answer) => return Ok(answer),
                        Err(next) => failure = next,
                    }
                    continue;
                }
                _ => return Err(failure),
            }
            match ask(daemon, route, &query) {
                Ok(answer) => return Ok(answer),
                Err(next) => failure = next,
            }
        }
    }

    /// Starts or joins the flow and shows its code. Somebody else may have signed in since the first request, and then
    /// nobody is asked in vain.
    fn show_flow(&self, daemon: &Daemon, session: &str, min_valid: u64) -> Result<Shown, Failure> {
        let query = Query { if_needed: true, min_valid, ..Query::default() };
        match ask_patiently(daemon, &Route::StartLogin(session.to_owned()), &query, None)? {
            Login::Pending { login, .. } => {
                render::invitation(session, &login, environment::now());
                render::line(&format!("Waiting up to {} for the sign-in.", render::duration(self.left())));
                Ok(Shown::Code)
            }
            Login::SignedIn { .. } => Ok(Shown::Nothing),
            _ => Err(unknown_login()),
        }
    }
}

/// What became of the attempt to show a flow.
enum Shown {
    Code,
    /// There is a token meanwhile.
    Nothing,
}

/// How long the session's token must still live for the answer to be had, in seconds. Role credentials outlive it.
const fn token_validity(route: &Route, query: &Query) -> u64 {
    match route {
        Route::Token => query.min_valid,
        _ => 0,
    }
}

/// One question. The portal may be asked for every page of a list before it is answered.
fn ask(daemon: &Daemon, route: &Route, query: &Query) -> Result<Answer, Failure> {
    let effort = match route {
        Route::Accounts(_) | Route::Roles(..) => SERVICE_CALLS,
        _ => Duration::ZERO,
    };
    daemon.exchange(route, query, None, Patience::beyond(effort.saturating_add(Duration::from_secs(query.wait))))
}

/// Asks until the daemon that stops is gone and the next one answers, which the service manager starts, or this does.
fn ask_the_next(daemon: &Daemon, route: &Route, query: &Query, limit: Duration) -> Result<Answer, Failure> {
    let begin = Instant::now();
    loop {
        thread::sleep(PAUSE);
        let outcome = ask(daemon, route, query);
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
