//! Roles as timelines. [`Timeline`] drives one [`Roles`] and holds it to its rules after every step.

mod failures_tests;
mod limits_tests;
mod lists_tests;
mod renewal_tests;

use std::time::Duration;

use super::super::PortalAnswer;
use super::super::callers::{self, LiveKeys};
use super::*;
use crate::portal::{Account, AccountId, Assignment, Keys, PageToken, PortalError, PortalErrorName, RoleName};
use crate::session::state::tests::{NOW, mins, quiet, secs};
use crate::transport::ErrorNames;

/// An answer, as data.
#[derive(PartialEq, Debug)]
pub(super) enum Answer {
    Credentials(LiveKeys),
    Accounts(Arc<Vec<Account>>),
    Roles(Arc<Vec<String>>),
    Refused(RoleRefusal),
}

/// The roles of one session, their present, and the calls that are under way. After every step it checks that one call for
/// each subject is under way at most, and that a wake-up always has something to do.
pub(super) struct Timeline {
    pub(super) roles: Roles,
    pub(super) cx: Context,
    /// The session's live token.
    pub(super) token: Option<Arc<AccessToken>>,
    pub(super) under_way: Vec<(Ticket, Subject, Option<PageToken>)>,
    pub(super) rejected: usize,
    /// How many calls have begun.
    pub(super) calls: usize,
    callers: Vec<Caller>,
}

/// A caller that waits, and what it was told.
struct Caller {
    hear: Option<Box<dyn FnMut() -> Option<Answer>>>,
    answer: Option<Answer>,
}

/// A question, and how to hear its answer.
type Asking = (RoleQuestion, Box<dyn FnMut() -> Option<Answer>>);

fn channel<T: 'static>(
    answer: fn(T) -> Answer,
    question: impl FnOnce(callers::RoleReply<T>) -> RoleQuestion,
) -> Asking {
    let (sender, mut receiver) = tokio::sync::oneshot::channel();
    let hear = move || receiver.try_recv().ok().map(|told: Result<T, _>| told.map_or_else(Answer::Refused, answer));
    (question(sender.into()), Box::new(hear))
}

pub(super) fn all_accounts() -> Asking {
    channel(Answer::Accounts, |reply| RoleQuestion::Accounts { reply })
}

pub(super) fn all_roles(account: AccountId) -> Asking {
    channel(Answer::Roles, |reply| RoleQuestion::Roles { account, reply })
}

impl Timeline {
    pub(super) fn start() -> Self {
        let mut cx = Context::new(quiet(), 7);
        cx.now.boot = BootTime::from_boot(mins(6000));
        let token = AccessToken {
            value: "live".into(),
            token_type: "Bearer".into(),
            issuer: crate::issuer::Issuer::aws("eu-west-1"),
        };
        Self {
            roles: Roles::default(),
            cx,
            token: Some(Arc::new(token)),
            under_way: Vec::new(),
            rejected: 0,
            calls: 0,
            callers: Vec::new(),
        }
    }

    /// Credentials of `role` that live for an hour have just been given to somebody.
    pub(super) fn holding(role: &str) -> Self {
        let mut t = Self::start();
        t.ask(role, NOW);
        t.gives("first", mins(60));
        t
    }

    /// The same when its renewal is due, and the call is under way.
    pub(super) fn renewing(role: &str) -> Self {
        let mut t = Self::holding(role);
        t.advance(mins(41));
        t
    }

    pub(super) fn now(&self) -> BootTime {
        self.cx.now.boot
    }

    pub(super) fn ask(&mut self, role: &str, min_valid: Duration) -> usize {
        let assignment = assignment(role);
        self.ask_for(channel(Answer::Credentials, |reply| RoleQuestion::Credentials { assignment, min_valid, reply }))
    }

    /// Returns the caller's number.
    pub(super) fn ask_for(&mut self, (question, hear): Asking) -> usize {
        self.callers.push(Caller { hear: Some(hear), answer: None });
        self.roles.asked(question, &mut self.cx);
        self.roles.begin(self.token.as_ref(), &mut self.cx);
        self.check();
        self.callers.len() - 1
    }

    pub(super) fn leaves(&mut self, caller: usize) {
        self.callers[caller].hear = None;
        self.roles.callers_left();
    }

    pub(super) fn told(&self, caller: usize) -> &Answer {
        self.callers[caller].answer.as_ref().expect("an answer")
    }

    pub(super) fn is_waiting(&self, caller: usize) -> bool {
        self.callers[caller].answer.is_none()
    }

    pub(super) fn refusal(&self, caller: usize) -> &RoleRefusal {
        match self.told(caller) {
            Answer::Refused(refusal) => refusal,
            other => panic!("{other:?}"),
        }
    }

    /// The access key id of the credentials that a caller was given.
    pub(super) fn key(&self, caller: usize) -> &str {
        match self.told(caller) {
            Answer::Credentials((keys, expires)) => {
                assert!(*expires > self.now(), "handed out after its end");
                &keys.access_key_id
            }
            other => panic!("{other:?}"),
        }
    }

    /// The same for a caller that is served at once.
    pub(super) fn served(&mut self, role: &str) -> String {
        let caller = self.ask(role, NOW);
        self.key(caller).to_owned()
    }

    /// The oldest call ends like this.
    pub(super) fn ends(&mut self, result: Result<PortalAnswer, PortalError>) {
        let (ticket, subject, _) = self.under_way.remove(0);
        self.rejected += usize::from(self.roles.portal_answered(ticket, subject, result, &mut self.cx).is_some());
        self.drive();
    }

    pub(super) fn gives(&mut self, key: &str, life: Duration) {
        self.ends(Ok(PortalAnswer::Credentials(keys(key), life)));
    }

    pub(super) fn fails(&mut self, error: PortalError) {
        self.ends(Err(error));
    }

    /// The session has no token for the calls that wait for one.
    pub(super) fn token_refused(&mut self, refusal: &Refusal) {
        assert!(self.roles.needs_token(self.now()), "nothing waits for a token");
        self.roles.asks_for_token();
        self.roles.token_refused(refusal, &mut self.cx);
        self.drive();
    }

    pub(super) fn another_sign_in(&mut self) {
        let next = self.roles.epoch.next();
        self.roles.note_sign_in(next, &self.cx);
        self.drive();
    }

    /// Lets time pass, with every wake-up on the way.
    pub(super) fn advance(&mut self, duration: Duration) {
        let end = self.now() + duration;
        while let Some(wake_at) = self.wake_at().filter(|wake_at| *wake_at <= end) {
            self.cx.now.boot = self.now().max(wake_at);
            self.drive();
        }
        self.cx.now.boot = end;
    }

    fn wake_at(&self) -> Option<BootTime> {
        self.roles.wake_at(self.token.is_none(), self.now()).filter(|_| !self.cx.stopping)
    }

    pub(super) fn wakes_in(&self) -> Option<Duration> {
        self.wake_at().map(|wake_at| wake_at.since(self.now()))
    }

    pub(super) fn drive(&mut self) {
        self.roles.drive(self.token.as_ref(), &mut self.cx);
        self.check();
    }

    fn check(&mut self) {
        for effect in std::mem::take(&mut self.cx.effects) {
            let Effect::AskPortal(ticket, subject, page, _) = effect else { panic!("{effect:?}") };
            self.calls += 1;
            self.under_way.push((ticket, subject, page));
        }
        std::mem::take(&mut self.cx.answers).send();
        for caller in &mut self.callers {
            if let Some(answer) = caller.hear.as_mut().and_then(|hear| hear()) {
                assert!(caller.answer.replace(answer).is_none(), "two answers to one caller");
            }
        }
        let current = |(ticket, subject, _): &&(Ticket, Subject, Option<PageToken>)| {
            let job = self.roles.jobs.get(subject);
            job.is_some_and(|job| matches!(job.attempt, Attempt::UnderWay(under_way, _) if under_way == *ticket))
        };
        let subjects: Vec<&Subject> = self.under_way.iter().filter(current).map(|(_, subject, _)| subject).collect();
        assert!(subjects.iter().all(|one| subjects.iter().filter(|other| one == *other).count() == 1), "{subjects:?}");
        assert!(self.wake_at().is_none_or(|wake_at| wake_at > self.now()), "a wake-up without end");
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

pub(super) fn named(name: PortalErrorName) -> PortalError {
    PortalError::Service { name, description: String::new(), may_pass: name.may_pass(), retry_after: None }
}

#[test]
fn fifty_callers_for_a_new_role_cause_one_call_and_get_the_same() {
    let mut t = Timeline::start();
    let callers: Vec<usize> = (0..50).map(|_| t.ask("Admin", NOW)).collect();
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
fn another_sign_in_forgets_all_credentials_and_serves_waiting_callers() {
    let mut t = Timeline::holding("Admin");
    let waiting = t.ask("Reader", NOW);
    t.another_sign_in();
    // The answer to the call of the earlier sign-in has nothing to say.
    t.gives("of somebody else", mins(60));
    assert!(t.is_waiting(waiting));
    t.gives("mine", mins(60));
    assert_eq!(t.key(waiting), "mine");
    let admin = t.ask("Admin", NOW);
    assert!(t.is_waiting(admin), "what was held is gone");
}

#[test]
fn a_caller_that_leaves_is_forgotten_and_its_credentials_are_kept_for_the_next() {
    let mut t = Timeline::start();
    let caller = t.ask("Admin", NOW);
    t.leaves(caller);
    assert_eq!(t.wakes_in(), None);
    t.gives("first", mins(60));
    assert_eq!((t.served("Admin").as_str(), t.calls), ("first", 1));
}

#[test]
fn a_stop_answers_everybody_and_begins_nothing() {
    let mut t = Timeline::start();
    let caller = t.ask("Admin", NOW);
    t.cx.stopping = true;
    t.drive();
    let late = t.ask("Reader", NOW);
    for caller in [caller, late] {
        assert_eq!(t.refusal(caller), &RoleRefusal::Session(Refusal::ShuttingDown));
    }
    assert_eq!((t.calls, t.wakes_in()), (1, None));
}
