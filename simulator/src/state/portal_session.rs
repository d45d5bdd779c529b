//! Portal sessions: a person being signed in. Their end is the cap on every token (observed).

use std::time::SystemTime;

use serde::Serialize;

use super::Service;
use crate::clock::{self, later};

/// The person who approves if none is named.
pub(crate) const DEFAULT_PERSON: &str = "jane";

#[derive(Serialize)]
pub(crate) struct PortalSession {
    person: String,
    start_url: String,
    #[serde(serialize_with = "clock::rfc3339")]
    ends_at: SystemTime,
    #[serde(skip)]
    logged_out: bool,
}

/// A session's place in the list; sessions are never taken off it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SessionId(usize);

impl PortalSession {
    fn is_live(&self, now: SystemTime) -> bool {
        !self.logged_out && now < self.ends_at
    }
}

impl Service {
    /// The live session of this person at this portal. A new one starts only if there is none, so that signing in
    /// again early extends nothing.
    pub(super) fn join_session(&mut self, person: &str, start_url: &str, now: SystemTime) -> SessionId {
        self.live_session(person, start_url, now).unwrap_or_else(|| {
            self.portal_sessions.push(PortalSession {
                person: person.to_owned(),
                start_url: normalised_start_url(start_url).to_owned(),
                ends_at: later(now, self.settings.portal_session),
                logged_out: false,
            });
            SessionId(self.portal_sessions.len() - 1)
        })
    }

    pub(super) fn live_session(&self, person: &str, start_url: &str, now: SystemTime) -> Option<SessionId> {
        let start_url = normalised_start_url(start_url);
        let mut sessions = self.portal_sessions.iter();
        sessions
            .position(|known| known.person == person && known.start_url == start_url && known.is_live(now))
            .map(SessionId)
    }

    /// The end of the session, if it has not ended yet.
    pub(super) fn live_until(&self, SessionId(index): SessionId, now: SystemTime) -> Option<SystemTime> {
        let session = &self.portal_sessions[index];
        session.is_live(now).then_some(session.ends_at)
    }

    /// Ends the session, and with it all of its tokens.
    pub(crate) fn end_session(&mut self, SessionId(index): SessionId) {
        self.portal_sessions[index].logged_out = true;
    }

    /// Signs all people out.
    pub(crate) fn end_portal_sessions(&mut self) {
        for session in &mut self.portal_sessions {
            session.logged_out = true;
        }
    }

    pub(crate) fn live_sessions(&self, now: SystemTime) -> Vec<&PortalSession> {
        self.portal_sessions.iter().filter(|session| session.is_live(now)).collect()
    }
}

/// People write one portal's URL with and without `/`, `#` or `#/` at its end.
pub(super) fn normalised_start_url(url: &str) -> &str {
    url.trim_end_matches(['/', '#'])
}
