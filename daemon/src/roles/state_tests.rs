//! Roles as timelines. [`Timeline`] drives one [`State`] and holds it to its rules after every step.

mod failures_tests;
mod limits_tests;
mod lists_tests;
mod renewal_tests;

use super::*;
use crate::portal::{AccountId, Assignment, ErrorName, RoleName};
use crate::transport::ErrorNames;

pub(super) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) const fn mins(minutes: u64) -> Duration {
    secs(60 * minutes)
}

pub(super) const NOW: Duration = Duration::ZERO;

/// The roles of one session, their present, and the calls that are under way. After every step it checks that one call for
/// each subject is under way at most, and that a wake-up always has something to do.
pub(super) struct Timeline {
    pub(super) state: State,
    pub(super) now: BootTime,
    pub(super) under_way: Vec<(Ticket, Subject, Option<PageToken>)>,
    pub(super) rejected: usize,
    answers: BTreeMap<AskId, Answer>,
    /// How many calls have begun.
    pub(super) calls: usize,
    asked: u64,
}

impl Timeline {
    pub(super) fn start() -> Self {
        Self {
            state: State::new(7),
            now: BootTime::from_boot(mins(6000)),
            under_way: Vec::new(),
            rejected: 0,
            answers: BTreeMap::new(),
            calls: 0,
            asked: 0,
        }
    }

    /// Credentials of `role` that live for an hour have just been given to somebody.
    pub(super) fn holding(role: &str) -> Self {
        let mut t = Self::start();
        t.ask(role, NOW);
        t.gives("first", mins(60));
        t
    }

    pub(super) fn ask(&mut self, role: &str, min_valid: Duration) -> AskId {
        self.ask_for(Want::Credentials { assignment: assignment(role), min_valid })
    }

    pub(super) fn ask_for(&mut self, want: Want) -> AskId {
        self.asked += 1;
        let id = AskId(self.asked);
        self.on(Event::Asked(id, want));
        id
    }

    /// What a caller was told, whose end it is then.
    pub(super) fn told(&self, id: AskId) -> &Answer {
        self.answers.get(&id).expect("an answer")
    }

    pub(super) fn is_waiting(&self, id: AskId) -> bool {
        !self.answers.contains_key(&id)
    }

    pub(super) fn refusal(&self, id: AskId) -> &Refusal {
        match self.told(id) {
            Answer::Refused(refusal) => refusal,
            other => panic!("{other:?}"),
        }
    }

    /// The access key id of the credentials that a caller was given.
    pub(super) fn key(&self, id: AskId) -> &str {
        match self.told(id) {
            Answer::Credentials(keys, expires) => {
                assert!(*expires > self.now, "handed out after its end");
                &keys.access_key_id
            }
            other => panic!("{other:?}"),
        }
    }

    /// The oldest call ends like this.
    pub(super) fn ends(&mut self, result: Result<Reply, Failure>) {
        let (ticket, subject, _) = self.under_way.remove(0);
        self.on(Event::Ended(subject, ticket, result));
    }

    pub(super) fn gives(&mut self, key: &str, life: Duration) {
        self.ends(Ok(Reply::Credentials(keys(key), life)));
    }

    pub(super) fn fails(&mut self, error: PortalError) {
        self.ends(Err(Failure::Portal(error)));
    }

    /// Lets time pass, with every wake-up on the way.
    pub(super) fn advance(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(wake_at) = self.state.wake_at(self.now).filter(|wake_at| *wake_at <= end) {
            self.now = self.now.max(wake_at);
            self.on(Event::Tick);
        }
        self.now = end;
    }

    pub(super) fn wakes_in(&self) -> Option<Duration> {
        self.state.wake_at(self.now).map(|wake_at| wake_at.since(self.now))
    }

    pub(super) fn on(&mut self, event: Event) {
        for effect in self.state.on(event, self.now) {
            match effect {
                Effect::Call(ticket, subject, page) => {
                    self.calls += 1;
                    self.under_way.push((ticket, subject, page));
                }
                Effect::Reject(_) => self.rejected += 1,
                Effect::Answer(id, answer) => {
                    assert!(self.answers.insert(id, answer).is_none(), "two answers to one caller");
                }
            }
        }
        let current = |(ticket, subject, _): &&(Ticket, Subject, Option<PageToken>)| {
            self.state.jobs.get(subject).is_some_and(|job| job.attempt == Attempt::UnderWay(*ticket))
        };
        let subjects: Vec<&Subject> = self.under_way.iter().filter(current).map(|(_, subject, _)| subject).collect();
        assert!(subjects.iter().all(|one| subjects.iter().filter(|other| one == *other).count() == 1), "{subjects:?}");
        assert!(self.state.wake_at(self.now).is_none_or(|wake_at| wake_at > self.now), "a wake-up without end");
    }
}

pub(super) fn assignment(role: &str) -> Assignment {
    Assignment {
        account: AccountId::new("111122223333").expect("an account"),
        role: RoleName::new(role).expect("a role"),
    }
}

pub(super) fn keys(key: &str) -> Arc<Keys> {
    Arc::new(Keys { access_key_id: key.into(), secret_access_key: "secret".into(), session_token: "token".into() })
}

pub(super) fn network() -> PortalError {
    PortalError::Network("nobody answers".into())
}

pub(super) fn named(name: ErrorName) -> PortalError {
    PortalError::Service { name, description: String::new(), may_pass: name.may_pass(), retry_after: None }
}

#[test]
fn fifty_callers_for_a_new_role_cause_one_call_and_get_the_same() {
    let mut t = Timeline::start();
    let callers: Vec<AskId> = (0..50).map(|_| t.ask("Admin", NOW)).collect();
    assert_eq!(t.calls, 1);
    t.gives("first", mins(60));
    assert!(callers.iter().all(|caller| t.key(*caller) == "first"));
    let later = t.ask("Admin", mins(30));
    assert_eq!((t.key(later), t.calls), ("first", 1));
}

#[test]
fn roles_are_told_apart() {
    let mut t = Timeline::start();
    let (admin, reader) = (t.ask("Admin", NOW), t.ask("Reader", NOW));
    assert_eq!(t.calls, 2);
    t.gives("of admin", mins(60));
    t.gives("of reader", mins(60));
    assert_eq!((t.key(admin), t.key(reader)), ("of admin", "of reader"));
}

#[test]
fn another_sign_in_forgets_everything_and_who_waits_is_served_from_it() {
    let mut t = Timeline::holding("Admin");
    let waiting = t.ask("Reader", NOW);
    t.on(Event::LineageChanged);
    // The answer to the call of the earlier sign-in has nothing to say.
    t.gives("of somebody else", mins(60));
    assert!(t.is_waiting(waiting));
    t.gives("mine", mins(60));
    assert_eq!(t.key(waiting), "mine");
    let admin = t.ask("Admin", NOW);
    assert!(t.is_waiting(admin), "what was held is gone");
}

#[test]
fn a_caller_that_leaves_is_forgotten_and_what_it_wanted_is_kept_for_the_next() {
    let mut t = Timeline::start();
    let caller = t.ask("Admin", NOW);
    t.on(Event::Left(caller));
    assert_eq!(t.wakes_in(), None);
    t.gives("first", mins(60));
    let next = t.ask("Admin", NOW);
    assert_eq!((t.key(next), t.calls), ("first", 1));
}

#[test]
fn a_stop_answers_everybody_and_begins_nothing() {
    let mut t = Timeline::start();
    let caller = t.ask("Admin", NOW);
    t.on(Event::Stop);
    let late = t.ask("Reader", NOW);
    for caller in [caller, late] {
        assert_eq!(t.refusal(caller), &Refusal::Session(session::ask::Refusal::ShuttingDown));
    }
    assert_eq!((t.calls, t.wakes_in()), (1, None));
}
