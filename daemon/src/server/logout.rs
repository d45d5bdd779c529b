//! Signing out: of one session, and of everything.

use std::sync::Arc;

use ssoctl_protocol::body::{Logout, LogoutAll, PortalSession};
use ssoctl_protocol::{ErrorCode, Problem};

use super::handlers::Api;
use super::reply::{Reply, ok, unexpected};
use super::translate;
use crate::directory::Entry;
use crate::session::ask::{Answer, Forgotten, PortalOutcome, Want};

impl Api {
    pub(super) async fn logout(&self, entry: &Entry, forgotten: Forgotten) -> Reply {
        let answer = entry.session.ask(Want::Logout(forgotten)).await;
        ok(&self.logged_out(entry, answer)?)
    }

    /// Signs out of every session of every configuration, and ends what else is in the store and in token files.
    pub(super) async fn logout_all(&self, forgotten: Forgotten) -> Reply {
        let directory = Arc::clone(&self.directory.borrow());
        let asks = directory.entries().iter().map(|entry| {
            let session = Arc::clone(&entry.session);
            (entry, tokio::spawn(async move { session.ask(Want::Logout(forgotten)).await }))
        });
        let mut all = LogoutAll::default();
        for (entry, answer) in asks.collect::<Vec<_>>() {
            match answer.await.map_err(|_| unexpected()).and_then(|answer| self.logged_out(entry, answer)) {
                Ok(logout) => all.sessions.push(logout),
                Err(problem) if problem.code == ErrorCode::ShuttingDown => return Err(problem),
                Err(problem) => all.problems.push(format!("session {:?}: {}", entry.config.name, problem.detail)),
            }
        }
        let outcome = self.left_records.end().await;
        all.records = outcome.ended.into_iter().map(translate::ended).collect();
        all.problems.extend(outcome.problems);
        let current = Arc::clone(&self.directory.borrow());
        let live: Vec<_> =
            current.entries().iter().filter_map(|entry| entry.session.snapshot().token.clone()).collect();
        all.problems.extend(self.token_files.remove_published(&live).await);
        ok(&all)
    }

    fn logged_out(&self, entry: &Entry, answer: Answer) -> Result<Logout, Problem> {
        let (portal, detail) = match answer {
            Answer::LoggedOut(PortalOutcome::Ended) => (PortalSession::Ended, None),
            Answer::LoggedOut(PortalOutcome::NothingToEnd) => (PortalSession::NothingToEnd, None),
            Answer::LoggedOut(PortalOutcome::NotTold(error)) => (PortalSession::NotTold, Some(error.to_string())),
            Answer::LoggedOut(PortalOutcome::Deferred(why)) => (PortalSession::Deferred, why),
            Answer::Refused(refusal) => return Err(self.refused(entry, refusal)),
            _ => return Err(unexpected()),
        };
        Ok(Logout { session: entry.config.name.clone(), portal, detail })
    }
}
