//! The newest line about each thing that is watched, in the order of their changes. Pure.
//!
//! A watcher is a [`Position`] in this order, and nothing is kept for it. A line that a later one about the same thing has replaced is gone. A
//! watcher that had not been told it has missed a change: it goes back to the beginning, where everything still is as it is now.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use ssoctl_protocol::event::Subject;
use ssoctl_protocol::{EventKind, text};

/// The number of things that are gone and remembered. A watcher that has not been told of an earlier one begins anew.
const MOST_GONE: usize = 64;

struct Line {
    subject: Subject,
    text: Bytes,
    /// The part of the text that is the state; `None` if the thing is gone.
    state: Option<Bytes>,
}

/// The lines. Numbers count changes.
pub struct Log {
    epoch: String,
    newest: u64,
    lines: BTreeMap<u64, Line>,
    places: HashMap<Subject, u64>,
    /// The newest line that has been replaced or forgotten.
    newest_replaced: u64,
    /// The newest line that has been forgotten: nothing else says that the thing is gone.
    newest_forgotten: u64,
}

/// How far a watcher has been told.
pub struct Position {
    told: u64,
    /// While everything is told: the newest change when that began.
    since: Option<u64>,
}

impl Log {
    /// A log without lines, whose changes are counted from `newest` on.
    pub fn new(epoch: &str, newest: u64) -> Self {
        let (epoch, lines, places) = (epoch.to_owned(), BTreeMap::new(), HashMap::new());
        Self { epoch, newest, lines, places, newest_replaced: 0, newest_forgotten: 0 }
    }

    /// The number of the newest change.
    pub const fn newest(&self) -> u64 {
        self.newest
    }

    /// Where a watcher begins that is to be told everything.
    pub const fn beginning(&self) -> Position {
        Position { told: 0, since: Some(self.newest) }
    }

    /// Notes the state of a thing, as JSON; `None` if it is gone. Returns whether that is a change.
    pub fn note(&mut self, subject: Subject, state: Option<&[u8]>) -> bool {
        let place = self.places.get(&subject).copied();
        let known = place.and_then(|place| self.lines.get(&place)).and_then(|line| line.state.as_deref());
        if known == state {
            return false;
        }
        if let Some(place) = place {
            self.lines.remove(&place);
            self.newest_replaced = self.newest_replaced.max(place);
        }
        self.newest += 1;
        let line = self.line(subject.clone(), state);
        self.places.insert(subject, self.newest);
        self.lines.insert(self.newest, line);
        if state.is_none() {
            self.forget_most_gone();
        }
        true
    }

    fn line(&self, subject: Subject, state: Option<&[u8]>) -> Line {
        let [there, gone] = subject.kinds();
        let Some(state) = state else {
            let (Subject::Session(name) | Subject::Grant(name)) = &subject else {
                return self.line(subject, Some(b"null"));
            };
            let name = serde_json::Value::from(name.as_str()).to_string();
            let text = format!("{},\"name\":{}}}\n", self.head(gone), text::in_json(&name)).into();
            return Line { subject, text, state: None };
        };
        let mut text = format!("{},\"{}\":", self.head(there), there.as_str()).into_bytes();
        let begin = text.len();
        text.extend_from_slice(state);
        text.extend_from_slice(b"}\n");
        let text = Bytes::from(text);
        let state = Some(text.slice(begin..text.len() - 2));
        Line { subject, text, state }
    }

    /// A line that tells no change.
    pub fn remark(&self, kind: EventKind) -> Bytes {
        format!("{}}}\n", self.head(kind)).into()
    }

    /// The beginning of a line that has the newest number.
    fn head(&self, kind: EventKind) -> String {
        format!("{{\"epoch\":\"{}\",\"seq\":{},\"kind\":\"{}\"", self.epoch, self.newest, kind.as_str())
    }

    fn forget_most_gone(&mut self) {
        let mut gone = self.lines.iter().filter(|(_, line)| line.state.is_none()).map(|(place, _)| *place);
        let first = gone.next();
        if gone.count() < MOST_GONE {
            return;
        }
        if let Some((place, line)) = first.and_then(|first| self.lines.remove_entry(&first)) {
            self.places.remove(&line.subject);
            self.newest_forgotten = place;
            self.newest_replaced = self.newest_replaced.max(place);
        }
    }

    /// The next line for a watcher who wants to know about these things; `None` if it has been told everything.
    pub fn next(&self, at: &mut Position, wants: impl Fn(&Subject) -> bool) -> Option<Bytes> {
        let has_missed = match at.since {
            Some(since) => self.newest_forgotten > at.told.max(since),
            None => self.newest_replaced > at.told,
        };
        if has_missed {
            *at = self.beginning();
            return Some(self.remark(EventKind::Resync));
        }
        let after = self.lines.range(at.told + 1..);
        let is_told = |place: u64, line: &Line| {
            // Everything has been told without what was gone before.
            let is_state = line.state.is_some() || at.since.is_none_or(|since| place > since);
            is_state && wants(&line.subject)
        };
        if let Some((place, line)) = after.into_iter().find(|(place, line)| is_told(**place, line)) {
            at.told = *place;
            return Some(line.text.clone());
        }
        at.told = self.newest;
        at.since.take().map(|_| self.remark(EventKind::Current))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(name: &str) -> Subject {
        Subject::Session(name.to_owned())
    }

    /// The lines for a watcher until it has been told everything, each as its kind, number and state or name.
    fn told(log: &Log, at: &mut Position) -> Vec<String> {
        told_of(log, at, |_| true)
    }

    fn told_of(log: &Log, at: &mut Position, wants: impl Fn(&Subject) -> bool) -> Vec<String> {
        let next = || log.next(at, &wants).map(|line| short(&line));
        std::iter::from_fn(next).collect()
    }

    fn short(line: &[u8]) -> String {
        let line: serde_json::Value = serde_json::from_slice(line).unwrap();
        assert_eq!(line["epoch"], "e");
        let what =
            line.as_object().unwrap().iter().find(|(name, _)| !["epoch", "seq", "kind"].contains(&name.as_str()));
        let what = what.map(|(_, value)| format!(" {value}")).unwrap_or_default();
        format!("{} {}{what}", line["seq"], line["kind"].as_str().unwrap())
    }

    #[test]
    fn a_watcher_is_told_everything_and_then_each_change() {
        let mut log = Log::new("e", 0);
        log.note(Subject::Daemon, Some(b"1"));
        log.note(session("a"), Some(b"{\"x\":1}"));
        let mut at = log.beginning();
        assert_eq!(told(&log, &mut at), ["1 daemon 1", "2 session {\"x\":1}", "2 current"]);
        assert_eq!(told(&log, &mut at), [""; 0]);
        assert!(!log.note(Subject::Daemon, Some(b"1")), "the same as before");
        assert!(!log.note(session("b"), None), "it never was there");
        assert_eq!(told(&log, &mut at), [""; 0]);
        log.note(session("a"), Some(b"2"));
        assert_eq!(told(&log, &mut at), ["3 session 2"]);
        log.note(session("a"), None);
        log.note(Subject::Grant("g\u{1b}".to_owned()), Some(b"3"));
        log.note(Subject::Grant("g\u{1b}".to_owned()), None);
        assert_eq!(told(&log, &mut at), ["6 resync", "1 daemon 1", "6 current"]);
        log.note(session("c"), None);
        log.note(session("c"), Some(b"4"));
        assert_eq!(told(&log, &mut at), ["7 session 4"]);
        log.note(session("c"), None);
        assert_eq!(told(&log, &mut at), ["8 session_gone \"c\""]);
        assert_eq!(told(&log, &mut log.beginning()), ["1 daemon 1", "8 current"], "what is gone is no state");
    }

    #[test]
    fn a_watcher_that_has_missed_a_state_is_told_everything_anew_and_one_that_has_not_is_not() {
        let mut log = Log::new("e", 10);
        log.note(session("a"), Some(b"1"));
        log.note(session("b"), Some(b"1"));
        let (mut quick, mut slow) = (log.beginning(), log.beginning());
        assert_eq!((told(&log, &mut quick).len(), told(&log, &mut slow).len()), (3, 3));
        log.note(session("a"), Some(b"2"));
        assert_eq!(told(&log, &mut quick), ["13 session 2"]);
        log.note(session("b"), Some(b"2"));
        log.note(session("a"), Some(b"3"));
        assert_eq!(told(&log, &mut quick), ["14 session 2", "15 session 3"]);
        assert_eq!(told(&log, &mut slow), ["15 resync", "14 session 2", "15 session 3", "15 current"]);
        // Several changes of different things are no loss, however many.
        log.note(session("c"), Some(b"1"));
        log.note(session("a"), Some(b"4"));
        assert_eq!(told(&log, &mut slow), ["16 session 1", "17 session 4"]);
    }

    #[test]
    fn what_changes_while_everything_is_told_is_told_as_it_is_in_the_end() {
        let mut log = Log::new("e", 0);
        for name in ["a", "b", "c"] {
            log.note(session(name), Some(b"1"));
        }
        let mut at = log.beginning();
        let next = |log: &Log, at: &mut Position| log.next(at, |_| true).map(|line| short(&line)).unwrap();
        assert_eq!(next(&log, &mut at), "1 session 1");
        log.note(session("a"), Some(b"2"));
        log.note(session("a"), Some(b"3"));
        log.note(session("b"), None);
        log.note(session("d"), Some(b"1"));
        let rest = ["3 session 1", "5 session 3", "6 session_gone \"b\"", "7 session 1", "7 current"];
        assert_eq!(told(&log, &mut at), rest);
    }

    #[test]
    fn of_all_that_is_gone_the_last_is_remembered_and_who_was_not_told_of_the_rest_begins_anew() {
        let mut log = Log::new("e", 0);
        log.note(Subject::Daemon, Some(b"1"));
        let mut names: Vec<String> = (0..=MOST_GONE).map(|number| format!("s{number}")).collect();
        for name in &names {
            log.note(session(name), Some(b"1"));
        }
        let (mut at, mut half_told) = (log.beginning(), log.beginning());
        told(&log, &mut at);
        log.next(&mut half_told, |_| true);
        log.next(&mut half_told, |_| true);
        let last = names.pop().unwrap();
        for name in &names {
            log.note(session(name), None);
        }
        assert_eq!(told(&log, &mut at).len(), MOST_GONE);
        let mut slow = Position { told: at.told, since: None };
        log.note(session("more"), Some(b"1"));
        log.note(session(&last), None);
        assert!(told(&log, &mut slow)[0].ends_with("session 1"));
        assert!(log.lines.len() <= 2 + MOST_GONE && log.places.len() == log.lines.len());
        // The first of them was told to this one, and that it is gone is told nowhere any more.
        assert!(told(&log, &mut half_told)[0].ends_with("resync"));
    }

    #[test]
    fn a_watcher_is_told_about_what_it_wants_and_about_nothing_else() {
        let mut log = Log::new("e", 0);
        for subject in [Subject::Daemon, session("a"), session("b"), Subject::Grant("a".to_owned())] {
            log.note(subject, Some(b"1"));
        }
        let wants = |subject: &Subject| *subject == session("b");
        let mut at = log.beginning();
        assert_eq!(told_of(&log, &mut at, wants), ["3 session 1", "4 current"]);
        log.note(session("a"), Some(b"2"));
        assert_eq!(told_of(&log, &mut at, wants), [""; 0]);
        log.note(session("a"), Some(b"3"));
        log.note(session("b"), Some(b"2"));
        assert_eq!(told_of(&log, &mut at, wants), ["7 session 2"]);
    }
}
