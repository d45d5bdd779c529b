//! Runs a command on each change. What it is told is in its environment alone: names and messages come from elsewhere, and no shell reads
//! them.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;
use std::process::{self, Child, Stdio};

use signal_hook::consts::SIGCHLD;
use ssoctl_protocol::event::{Subject, Watched};
use ssoctl_protocol::{Event, SessionStatus, Timestamp, text};

use super::changes;
use crate::failure::Failure;

/// The longest text in a variable; Linux takes no more than 128 KiB.
const LONGEST: usize = 100 * 1024;

pub(super) struct Command {
    words: Vec<OsString>,
    child: Option<Child>,
    /// What the commands have been told.
    told: Watched,
    /// What the next ones are about.
    waiting: VecDeque<Cause>,
    /// The last line about each subject.
    lines: BTreeMap<Subject, Vec<u8>>,
}

#[derive(Clone, PartialEq, Eq)]
enum Cause {
    Change(Subject),
    /// No daemon answers any more.
    Lost,
}

impl Command {
    pub(super) const SIGNALS: &'static [i32] = &[SIGCHLD];

    pub(super) fn new(words: Vec<OsString>) -> Self {
        Self { words, child: None, told: Watched::default(), waiting: VecDeque::new(), lines: BTreeMap::new() }
    }

    /// Keeps a line for the command that it leads to.
    pub(super) fn note(&mut self, event: &Event, line: &[u8]) {
        self.lines.extend(event.subject().map(|subject| (subject, line.to_owned())));
    }

    pub(super) fn lost(&mut self) {
        self.add(Cause::Lost);
    }

    fn add(&mut self, cause: Cause) {
        if !self.waiting.contains(&cause) {
            self.waiting.push_back(cause);
        }
    }

    /// Has a command run for each change since what the last ones were told.
    pub(super) fn add_changes(&mut self, state: &Watched) {
        for subject in changes::between(&self.told, state) {
            self.add(Cause::Change(subject));
        }
    }

    /// Starts the next command if none runs. It is told the state as it is now.
    pub(super) fn go_on(&mut self, state: &Watched) -> Result<(), Failure> {
        let ended = self.child.as_mut().map(Child::try_wait).transpose().map_err(|error| self.failed(error))?;
        if ended.is_none_or(|ended| ended.is_some()) {
            self.child = self.start_next(state)?;
        }
        Ok(())
    }

    /// Runs the commands that wait to the end.
    pub(super) fn finish(mut self, state: &Watched) -> Result<(), Failure> {
        loop {
            if let Some(child) = &mut self.child {
                // However it ends.
                let _ = child.wait();
            }
            self.child = self.start_next(state)?;
            if self.child.is_none() {
                return Ok(());
            }
        }
    }

    fn start_next(&mut self, state: &Watched) -> Result<Option<Child>, Failure> {
        let Some(cause) = self.waiting.pop_front() else { return Ok(None) };
        let mut command = process::Command::new(&self.words[0]);
        command.args(&self.words[1..]).stdin(Stdio::null());
        for (name, value) in self.variables(&cause, state) {
            command.env(format!("SSOCTL_EVENT_{name}"), safe(&value));
        }
        ssoctl_process::keep_ignoring_broken_pipes(&mut command);
        if let Cause::Change(subject) = cause {
            changes::copy(&subject, state, &mut self.told);
        }
        command.spawn().map(Some).map_err(|error| self.failed(error))
    }

    fn failed(&self, error: std::io::Error) -> Failure {
        Failure::NotExecuted { command: self.words[0].to_string_lossy().into_owned(), error }
    }

    /// Every variable, so that none is inherited from elsewhere.
    fn variables(&self, cause: &Cause, state: &Watched) -> [(&'static str, String); 11] {
        let subject = match cause {
            Cause::Change(subject) => Some(subject),
            Cause::Lost => None,
        };
        let (is_there, name) = match subject {
            None | Some(Subject::Daemon) => (true, ""),
            Some(Subject::Session(name)) => (state.sessions.contains_key(name), name.as_str()),
            Some(Subject::Grant(name)) => (state.grants.contains_key(name), name.as_str()),
        };
        let kind = subject.map_or("lost", |subject| {
            let [there, gone] = subject.kinds();
            if is_there { there.as_str() } else { gone.as_str() }
        });
        let of = |watched: &'_ Watched| match subject {
            Some(Subject::Session(name)) => watched.sessions.get(name).cloned(),
            _ => None,
        };
        let (previous, session) = (of(&self.told), of(state));
        let line =
            subject.and_then(|subject| self.lines.get(subject)).map(|line| String::from_utf8_lossy(line).into_owned());
        let state_of = |session: &Option<SessionStatus>| session.as_ref().map(|session| word(session.state));
        let (previous, now) = (state_of(&previous), state_of(&session));
        let session = session.as_ref();
        let login = session.and_then(|session| session.login.as_ref());
        let at = |time: Option<Timestamp>| time.map(|time| time.to_string()).unwrap_or_default();
        [
            ("KIND", kind.to_owned()),
            ("NAME", name.to_owned()),
            ("STATE", now.unwrap_or_default()),
            ("PREVIOUS_STATE", previous.unwrap_or_default()),
            ("EXPIRES_AT", at(session.and_then(|session| session.expires_at))),
            ("SESSION_ENDS_AT", at(session.and_then(|session| session.session_ends_at))),
            ("LOGIN_KIND", login.map(|login| word(login.kind)).unwrap_or_default()),
            ("LOGIN_CODE", login.and_then(|login| login.user_code.clone()).unwrap_or_default()),
            ("LOGIN_URL", login.map(|login| login.verification_uri_complete.clone()).unwrap_or_default()),
            ("WAITING", session.map(|session| session.waiting_count.to_string()).unwrap_or_default()),
            ("JSON", line.filter(|line| line.len() <= LONGEST).unwrap_or_default()),
        ]
    }
}

/// A value as JSON has it: `signed_in`.
fn word(value: impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// A text that fits into a variable.
fn safe(text: &str) -> String {
    let short = if text.len() > LONGEST { "" } else { text };
    // No variable holds a NUL.
    if short.contains('\0') { text::line(short).into_owned() } else { short.to_owned() }
}
