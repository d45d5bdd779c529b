//! The lines of `GET /v1/events`, and the state that they give.
//!
//! Each line is a whole state and no difference from an earlier one. A watcher is told everything first, up to a line of the kind
//! `current`, and then whatever changes. [`Watched`] is what whoever reads the lines has to do with them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::body::{DaemonStatus, SessionStatus};
use crate::grant::Grant;

/// One line of `GET /v1/events`. Contains no secret.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Event {
    /// A random text that each daemon process makes up when it starts.
    pub epoch: String,
    /// The number of the change that led to this state. Without `session` and `kind`, each number is told once, or the watcher is told
    /// that it has missed some (`resync`). Lines that tell no change have the number of the last one.
    pub seq: u64,
    /// What the line tells.
    pub kind: EventKind,
    /// Of the kind `daemon`: what `GET /v1/health` answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daemon: Option<DaemonStatus>,
    /// Of the kind `session`: what `GET /v1/session` answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionStatus>,
    /// Of the kind `grant`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<Grant>,
    /// Of the kinds `session_gone` and `grant_gone`: the name of what is there no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// What a line tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventKind {
    /// The daemon's own state, with its problems.
    Daemon,
    /// The state of a session.
    Session,
    /// A session is not configured any more.
    SessionGone,
    /// The state of a grant.
    Grant,
    /// A grant is forgotten.
    GrantGone,
    /// Everything has been told; from here on, whatever changes is.
    Current,
    /// The watcher has been too slow and has missed changes. Everything is told anew; what is not told again until the next
    /// `current` is there no more.
    Resync,
    /// Nothing has changed; sent to those who ask for it.
    Alive,
    /// The daemon stops. This is the last line.
    Stopping,
    /// A kind that this version does not know.
    #[serde(other)]
    Unknown,
}

impl EventKind {
    /// The kind as it is sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Daemon => "daemon",
            Self::Session => "session",
            Self::SessionGone => "session_gone",
            Self::Grant => "grant",
            Self::GrantGone => "grant_gone",
            Self::Current => "current",
            Self::Resync => "resync",
            Self::Alive => "alive",
            Self::Stopping => "stopping",
            Self::Unknown => "unknown",
        }
    }
}

/// What a watcher can ask for by `kind=`. Other lines are sent in any case.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Topic {
    /// The daemon's own state.
    Daemon,
    /// Sessions, and which are gone.
    Session,
    /// Grants, and which are gone.
    Grant,
}

impl Topic {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Daemon, Self::Session, Self::Grant];

    /// The value of `kind=`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Daemon => "daemon",
            Self::Session => "session",
            Self::Grant => "grant",
        }
    }
}

/// What the lines of a watched state are about.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Subject {
    /// The daemon itself.
    Daemon,
    /// A session by its name.
    Session(String),
    /// A grant by its name.
    Grant(String),
}

impl Subject {
    /// The kinds of the lines that tell its state and that it is gone. The daemon is never gone.
    pub const fn kinds(&self) -> [EventKind; 2] {
        match self {
            Self::Daemon => [EventKind::Daemon; 2],
            Self::Session(_) => [EventKind::Session, EventKind::SessionGone],
            Self::Grant(_) => [EventKind::Grant, EventKind::GrantGone],
        }
    }

    /// The topic that it belongs to.
    pub const fn topic(&self) -> Topic {
        match self {
            Self::Daemon => Topic::Daemon,
            Self::Session(_) => Topic::Session,
            Self::Grant(_) => Topic::Grant,
        }
    }
}

impl Event {
    /// What the line is about; `None` for one that tells of no change.
    pub fn subject(&self) -> Option<Subject> {
        let named = |name: Option<&String>, subject: fn(String) -> Subject| name.cloned().map(subject);
        match self.kind {
            EventKind::Daemon => Some(Subject::Daemon),
            EventKind::Session => named(self.session.as_ref().map(|session| &session.name), Subject::Session),
            EventKind::SessionGone => named(self.name.as_ref(), Subject::Session),
            EventKind::Grant => named(self.grant.as_ref().map(|grant| &grant.name), Subject::Grant),
            EventKind::GrantGone => named(self.name.as_ref(), Subject::Grant),
            _ => None,
        }
    }
}

/// The state that events give.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Watched {
    /// The daemon's own state, if it has been told.
    pub daemon: Option<DaemonStatus>,
    /// The sessions by their names.
    pub sessions: BTreeMap<String, SessionStatus>,
    /// The grants by their names.
    pub grants: BTreeMap<String, Grant>,
}

/// Puts the state together from the lines of one connection after the other. Until everything has been told, the state is the one before.
#[derive(Debug, Default)]
pub struct Watching {
    state: Watched,
    /// What has been told so far of everything.
    anew: Option<Watched>,
}

impl Watching {
    /// The state, in which nothing is before everything has been told for the first time.
    pub const fn state(&self) -> &Watched {
        &self.state
    }

    /// A new connection begins, on which everything is told anew.
    pub fn begin(&mut self) {
        self.anew = Some(Watched::default());
    }

    /// Takes a line in. Returns whether the state is up to date with it.
    pub fn take(&mut self, event: Event) -> bool {
        match event.kind {
            EventKind::Resync => self.begin(),
            EventKind::Current => {
                if let Some(anew) = self.anew.take() {
                    self.state = anew;
                }
            }
            _ => self.anew.as_mut().unwrap_or(&mut self.state).take(event),
        }
        self.anew.is_none()
    }
}

impl Watched {
    fn take(&mut self, event: Event) {
        let Event { kind, daemon, session, grant, name, .. } = event;
        match (kind, name) {
            (EventKind::SessionGone, Some(name)) => drop(self.sessions.remove(&name)),
            (EventKind::GrantGone, Some(name)) => drop(self.grants.remove(&name)),
            _ => {}
        }
        self.daemon = daemon.or(self.daemon.take());
        self.sessions.extend(session.map(|session| (session.name.clone(), session)));
        self.grants.extend(grant.map(|grant| (grant.name.clone(), grant)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// A line of this kind with these members.
    fn event(kind: EventKind, members: Value) -> Event {
        let mut line = json!({"epoch": "e", "seq": 1, "kind": kind});
        line.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        serde_json::from_value(line).unwrap()
    }

    fn session(name: &str) -> Event {
        let session = json!({"name": name, "start_url": "https://corp.awsapps.com/start", "region": "eu-west-1",
                             "scopes": [], "state": "signed_in", "refreshable": true});
        event(EventKind::Session, json!({"session": session}))
    }

    fn names(watching: &Watching) -> Vec<&str> {
        watching.state().sessions.keys().map(String::as_str).collect()
    }

    #[test]
    fn the_state_is_the_one_before_until_everything_has_been_told() {
        let mut watching = Watching::default();
        watching.begin();
        assert!(!watching.take(session("a")) && !watching.take(session("b")));
        assert_eq!(names(&watching), [""; 0]);
        assert!(watching.take(event(EventKind::Current, json!({}))));
        assert_eq!(names(&watching), ["a", "b"]);
        assert!(watching.take(event(EventKind::SessionGone, json!({"name": "a"}))));
        assert!(watching.take(session("c")));
        assert_eq!(names(&watching), ["b", "c"]);
        // What is not told again is there no more.
        assert!(!watching.take(event(EventKind::Resync, json!({}))));
        assert!(!watching.take(session("c")));
        assert_eq!(names(&watching), ["b", "c"]);
        assert!(watching.take(event(EventKind::Current, json!({}))));
        assert_eq!(names(&watching), ["c"]);
    }

    #[test]
    fn kinds_are_sent_by_their_names_and_those_of_a_later_version_change_nothing() {
        for kind in
            ["daemon", "session", "session_gone", "grant", "grant_gone", "current", "resync", "alive", "stopping"]
        {
            let known: EventKind = serde_json::from_value(json!(kind)).unwrap();
            assert_eq!((known.as_str(), serde_json::to_value(known).unwrap()), (kind, json!(kind)));
        }
        let newer = event(EventKind::Unknown, json!({}));
        let newer = Event { kind: serde_json::from_value(json!("weather")).unwrap(), ..newer };
        let mut watching = Watching::default();
        assert!(watching.take(newer.clone()));
        assert_eq!((newer.kind, watching.state()), (EventKind::Unknown, &Watched::default()));
    }
}
