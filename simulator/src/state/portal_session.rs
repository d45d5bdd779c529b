//! Portal sessions: a person being signed in. Their end is the cap on every token (observed).

use std::time::SystemTime;

use super::Service;
use crate::clock::later;

/// Whoever approves without saying who.
pub(crate) const DEFAULT_PERSON: &str = "jane";

pub(super) struct PortalSession {
    person: String,
    start_url: String,
    ends_at: SystemTime,
    course: Course,
}

#[derive(Debug, PartialEq)]
enum Course {
    /// It runs until its time is over.
    Running,
    LoggedOut,
}

/// A session's place in the list; sessions are never taken off it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SessionId(usize);

impl PortalSession {
    fn is_live(&self, now: SystemTime) -> bool {
        self.course == Course::Running && now < self.ends_at
    }
}

impl Service {
    /// The live session of this person at this portal; a new one only where there is none, so that signing in again
    /// early extends nothing.
    pub(super) fn join_session(&mut self, person: &str, start_url: &str, now: SystemTime) -> SessionId {
        let start_url = normalised_start_url(start_url);
        let live = self
            .portal_sessions
            .iter()
            .position(|known| known.person == person && known.start_url == start_url && known.is_live(now));
        SessionId(live.unwrap_or_else(|| {
            self.portal_sessions.push(PortalSession {
                person: person.to_owned(),
                start_url: start_url.to_owned(),
                ends_at: later(now, self.settings.portal_session),
                course: Course::Running,
            });
            self.portal_sessions.len() - 1
        }))
    }

    /// When the session ends, if it has not ended yet.
    pub(super) fn live_until(&self, SessionId(index): SessionId, now: SystemTime) -> Option<SystemTime> {
        let session = &self.portal_sessions[index];
        session.is_live(now).then_some(session.ends_at)
    }

    pub(super) fn end_session(&mut self, SessionId(index): SessionId) {
        self.portal_sessions[index].course = Course::LoggedOut;
    }

    /// Signs everybody out.
    pub(crate) fn end_portal_sessions(&mut self) {
        for session in &mut self.portal_sessions {
            session.course = Course::LoggedOut;
        }
    }

    /// Person, start URL and end of each live session.
    pub(crate) fn live_sessions(&self, now: SystemTime) -> impl Iterator<Item = (&str, &str, SystemTime)> {
        self.portal_sessions
            .iter()
            .filter(move |session| session.is_live(now))
            .map(|session| (session.person.as_str(), session.start_url.as_str(), session.ends_at))
    }
}

/// People write one portal's URL with and without `/`, `#` or `#/` at its end.
pub(super) fn normalised_start_url(url: &str) -> &str {
    url.trim_end_matches(['/', '#'])
}
