//! Signing out of one session, and of everything.

use std::sync::Arc;

use ssoctl_protocol::body::{Logout, LogoutAll, PortalSession};
use ssoctl_protocol::grant::GrantEndReason;
use ssoctl_protocol::{ErrorCode, Problem, Query};

use super::handlers::Api;
use super::reply::unexpected;
use crate::audit::{AuditEvent, Happened};
use crate::caller::Caller;
use crate::directory::Entry;
use crate::grants::Unsaved;
use crate::session::callers::{Forgotten, PortalOutcome, Refusal};

impl Api {
    pub(super) async fn logout(&self, query: &Query, caller: &Caller) -> Result<Logout, Problem> {
        let entry = self.entry(query).await?;
        self.note(Happened::new(AuditEvent::Logout).to_session(&entry.config.name), caller);
        let grants = self.shown.grants.signed_out(&entry.config.identity.key()).await;
        let answer = entry.session.logout(forgotten(query)).await;
        let mut logout = self.logged_out(&entry, answer)?;
        if let Err(unsaved) = grants {
            let told = logout.detail.take().map(|detail| format!("{detail}; ")).unwrap_or_default();
            logout.detail = Some(format!("{told}{}", not_ended(&unsaved)));
        }
        Ok(logout)
    }

    /// Signs out of every session of every configuration, and ends what else is in the store and in token files.
    pub(super) async fn logout_all(&self, query: &Query, caller: &Caller) -> Result<LogoutAll, Problem> {
        let forgotten = forgotten(query);
        self.note(Happened::new(AuditEvent::Logout), caller);
        let (_, unsaved) = self.shown.grants.end(GrantEndReason::SignedOut, None, |_| true).await;
        let directory = Arc::clone(&self.shown.directory.borrow());
        let asking: Vec<_> = directory
            .entries()
            .iter()
            .map(|entry| {
                let session = Arc::clone(&entry.session);
                (entry, tokio::spawn(async move { session.logout(forgotten).await }))
            })
            .collect();
        let mut all = LogoutAll { problems: unsaved.iter().map(not_ended).collect(), ..LogoutAll::default() };
        for (entry, answer) in asking {
            match answer.await.map_err(|_| unexpected()).and_then(|answer| self.logged_out(entry, answer)) {
                Ok(logout) => all.sessions.push(logout),
                Err(problem) if problem.code == ErrorCode::ShuttingDown => return Err(problem),
                Err(problem) => all.problems.push(format!("session {:?}: {}", entry.config.name, problem.detail)),
            }
        }
        let (ended, left) = self.shown.left_records.end().await;
        all.records = ended;
        all.problems.extend(left);
        let current = Arc::clone(&self.shown.directory.borrow());
        let live: Vec<_> =
            current.entries().iter().filter_map(|entry| entry.session.snapshot().token.clone()).collect();
        all.problems.extend(self.shown.token_files.remove_published(&live).await);
        Ok(all)
    }

    fn logged_out(&self, entry: &Entry, outcome: Result<PortalOutcome, Refusal>) -> Result<Logout, Problem> {
        let (portal, detail) = match outcome.map_err(|refusal| self.refused(entry, refusal))? {
            PortalOutcome::Ended => (PortalSession::Ended, None),
            PortalOutcome::NothingToEnd => (PortalSession::NothingToEnd, None),
            PortalOutcome::NotTold(error) => (PortalSession::NotTold, Some(error.to_string())),
            PortalOutcome::Deferred(why) => (PortalSession::Deferred, why),
        };
        Ok(Logout { session: entry.config.name.clone(), portal, detail })
    }
}

fn not_ended(unsaved: &Unsaved) -> String {
    format!("a restarted daemon may serve the grants again: {unsaved}")
}

const fn forgotten(query: &Query) -> Forgotten {
    if query.forget { Forgotten::Everything } else { Forgotten::Token }
}
