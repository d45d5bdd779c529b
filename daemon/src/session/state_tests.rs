//! The life of a token as timelines. [`Timeline`] drives one [`State`] and holds it to its rules after every step; the
//! modules below tell the stories, by theme.

mod adopting_tests;
mod answers_tests;
mod attention_tests;
mod browser_flow_tests;
mod callers_tests;
mod cap_tests;
mod flow_tests;
mod logout_tests;
mod questions_tests;
mod refresh_tests;
mod rejected_tests;
mod shared_store_tests;
mod start_url_tests;
mod store_tests;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use super::*;
use crate::config::{Notifications, SignInSetting};
use crate::issuer::Issuer;
use crate::notice::{Notice, Presence};
use crate::oidc::{CallError, DeviceAuthorization, ErrorName, Grant, Issued, Registration};
use crate::session::callers::{Forgotten, PortalOutcome, Refusal};
use crate::session::event::CallbackPage;
use crate::session::flow::FlowEnd;
use crate::session::flow::FlowTarget;
use crate::session::policy;
use crate::session::{AccessToken, Record, Renewal};
use crate::transport::ErrorNames;
use answers_tests::*;
use questions_tests::*;

/// For a caller that does not wait, and for one to which any live token will do.
pub(in crate::session) const NOW: Duration = Duration::ZERO;
pub(super) const SECOND: Duration = Duration::from_secs(1);
/// How long the codes of a [`Timeline`] live.
pub(super) const CODE_LIFETIME: Duration = Duration::from_secs(600);

pub(in crate::session) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(in crate::session) const fn mins(minutes: u64) -> Duration {
    secs(60 * minutes)
}

pub(super) const fn hours(hours: u64) -> Duration {
    mins(60 * hours)
}

/// The behaviour of the store.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Store {
    Prompt,
    Failing,
    Hanging,
}

/// The answer to polls that no test answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Polls {
    /// The service says that nobody has decided yet.
    Pending,
    Unanswered,
}

/// One session, its present, and what is under way. After every step it checks that no refresh token is in two requests,
/// that one flow at most is open, that nobody polls too fast, and that a wake-up always has something to do.
pub(super) struct Timeline {
    pub(super) state: State,
    pub(super) now: Now,
    pub(super) store: Store,
    pub(super) polls: Polls,
    pub(super) record: Option<Record>,
    under_way: Vec<Effect>,
    answers: BTreeMap<AskId, Answer>,
    waiting: BTreeMap<AskId, Hear>,
    /// The pages that were opened for the person.
    pub(super) opened: Vec<String>,
    /// The flow at the browser whose listener is open.
    pub(super) listening: Option<u64>,
    /// What browsers were told.
    pub(super) callback_ends: Vec<FlowEnd>,
    begun: BTreeMap<&'static str, usize>,
    /// The notice on the screen, and all before it.
    pub(super) screen: Option<Notice>,
    pub(super) shown: Vec<Notice>,
    asked: u64,
    polled: Option<(u64, BootTime, Duration)>,
}

impl Timeline {
    /// A session whose store has been asked and has not answered.
    pub(super) fn loading() -> Self {
        Self::loading_with(quiet())
    }

    pub(super) fn loading_with(terms: Terms) -> Self {
        let mut timeline = Self {
            state: State::new(terms, 7),
            now: Now { boot: BootTime::from_boot(hours(100)), wall: SystemTime::UNIX_EPOCH + hours(500_000) },
            store: Store::Prompt,
            polls: Polls::Pending,
            record: None,
            under_way: Vec::new(),
            answers: BTreeMap::new(),
            waiting: BTreeMap::new(),
            opened: Vec::new(),
            listening: None,
            callback_ends: Vec::new(),
            begun: BTreeMap::new(),
            screen: None,
            shown: Vec::new(),
            asked: 0,
            polled: None,
        };
        timeline.on(Event::PresenceChanged(Presence::Present));
        assert_eq!(timeline.begun("Load"), 1);
        timeline
    }

    pub(super) fn signed_out() -> Self {
        Self::signed_out_with(quiet())
    }

    pub(super) fn signed_out_with(terms: Terms) -> Self {
        let mut timeline = Self::loading_with(terms);
        timeline.loaded(Ok(None));
        timeline
    }

    /// A session after a restart, and what the store kept: a token of an hour that has just been received.
    pub(super) fn restarted() -> (Self, Option<Record>) {
        let before = Self::signed_in(hours(1));
        let mut timeline = Self::loading();
        timeline.now = before.now;
        (timeline, before.record)
    }

    /// A session that has no token, and whose code is shown.
    pub(super) fn with_open_flow() -> Self {
        let mut timeline = Self::signed_out();
        timeline.open_flow();
        timeline
    }

    /// A session that has just been signed in to, with a token of this lifetime that can be refreshed.
    pub(super) fn signed_in(lifetime: Duration) -> Self {
        let mut timeline = Self::signed_out();
        timeline.sign_in(issued(1, lifetime));
        timeline
    }

    /// The same with a token that nobody can refresh.
    pub(super) fn signed_in_alone(lifetime: Duration) -> Self {
        let mut timeline = Self::signed_out();
        timeline.sign_in(issued_alone(1, lifetime));
        timeline
    }

    /// A session of a portal that has turned out to cap: a second sign-in after five hours has moved no end.
    pub(super) fn capped_with(terms: Terms) -> Self {
        let mut timeline = Self::signed_out_with(terms);
        timeline.sign_in(issued_alone(1, hours(8)));
        timeline.advance(hours(5));
        timeline.sign_in(issued_alone(2, hours(3)));
        timeline
    }

    /// A token of an hour lives for fifteen minutes yet, and its refresh is under way.
    pub(super) fn refreshing() -> Self {
        let mut timeline = Self::signed_in(hours(1));
        timeline.advance(mins(45));
        timeline
    }

    /// Goes through a whole flow, or the rest of it.
    pub(super) fn sign_in(&mut self, issued: Issued) {
        self.polls = Polls::Unanswered;
        self.ask(Want::Login { need: Need::Always });
        if self.is_under_way("Register") || self.is_under_way("AuthorizeDevice") {
            self.gets_code();
        }
        while !self.is_under_way("CreateToken") {
            self.advance(SECOND);
        }
        self.polls(Ok(issued));
        self.polls = Polls::Pending;
    }

    /// Opens a flow up to the point where its code is shown, and leaves its poll to [`Polls`].
    pub(super) fn open_flow(&mut self) -> AskId {
        let caller = self.ask(Want::Login { need: Need::Always });
        self.gets_code();
        self.settle_polls();
        caller
    }

    /// The service registers the client if it is asked to, and gives it a code.
    pub(super) fn gets_code(&mut self) {
        if self.is_under_way("Register") {
            self.registers(Ok(registration("client", self.now)));
        }
        self.authorizes(Ok(authorization()));
    }

    /// Signs out, and the portal is told.
    pub(super) fn sign_out(&mut self) -> AskId {
        let caller = self.ask(Want::Logout(Forgotten::Token));
        self.portal_answers(Ok(()));
        caller
    }

    // Callers.

    pub(super) fn ask(&mut self, want: Want) -> AskId {
        self.asked += 1;
        let id = AskId(self.asked);
        let (question, hear) = want.question();
        self.waiting.insert(id, hear);
        self.on(Event::Asked(question));
        id
    }

    pub(super) fn ask_token(&mut self, min_valid: Duration, wait: Duration) -> AskId {
        self.ask(Want::Token { min_valid, wait })
    }

    /// The answer to this caller.
    #[track_caller]
    pub(super) fn told(&self, id: AskId) -> &Answer {
        self.answers.get(&id).unwrap_or_else(|| panic!("{id:?} has not been answered"))
    }

    pub(super) fn is_waiting(&self, id: AskId) -> bool {
        !self.answers.contains_key(&id)
    }

    #[track_caller]
    pub(super) fn refusal(&self, id: AskId) -> &Refusal {
        match self.told(id) {
            Answer::Refused(refusal) => refusal,
            other => panic!("not refused: {other:?}"),
        }
    }

    /// The text of the token that this caller was given.
    #[track_caller]
    pub(super) fn token(&self, id: AskId) -> &str {
        match self.told(id) {
            Answer::Token(token, expires) if *expires > self.now.boot => token.value.expose(),
            other => panic!("not a live token: {other:?}"),
        }
    }

    /// The text of the token that a caller is given who does not wait.
    #[track_caller]
    pub(super) fn served(&mut self) -> String {
        let caller = self.ask_token(NOW, NOW);
        self.token(caller).to_owned()
    }

    /// Why such a caller is given none.
    #[track_caller]
    pub(super) fn refused(&mut self, min_valid: Duration, wait: Duration) -> Refusal {
        let caller = self.ask_token(min_valid, wait);
        self.refusal(caller).clone()
    }

    // What the service and the store are asked for.

    /// The text of the token in the store.
    #[track_caller]
    pub(super) fn stored_token(&self) -> &str {
        let token = self.record.as_ref().and_then(|record| record.token.as_ref());
        token.expect("a token").access.value.expose()
    }

    /// The number of times that this effect has begun.
    pub(super) fn begun(&self, effect: &str) -> usize {
        self.begun.get(effect).copied().unwrap_or_default()
    }

    pub(super) fn is_under_way(&self, effect: &str) -> bool {
        self.under_way.iter().any(|known| name(known) == effect)
    }

    #[track_caller]
    fn end(&mut self, effect: &str) -> Effect {
        let index = self.under_way.iter().position(|known| name(known) == effect);
        self.under_way.remove(index.unwrap_or_else(|| panic!("no {effect} is under way")))
    }

    // Time.

    /// Lets time pass, waking the state whenever it wants to be woken.
    pub(super) fn advance(&mut self, duration: Duration) {
        let end = self.now.boot + duration;
        while let Some((wake_at, _)) = self.state.wake_at(self.now).filter(|(wake_at, _)| *wake_at <= end) {
            self.jump(wake_at.since(self.now.boot));
            self.on(Event::Tick);
        }
        self.jump(end.since(self.now.boot));
    }

    /// Lets time pass without waking anybody, as a suspend does.
    pub(super) fn jump(&mut self, duration: Duration) {
        self.now.boot = self.now.boot + duration;
        self.now.wall += duration;
    }

    /// When the state wants to be woken, from now.
    pub(super) fn wakes_in(&self) -> Option<Duration> {
        self.state.wake_at(self.now).map(|(wake_at, _)| wake_at.since(self.now.boot))
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        self.state.snapshot(self.now)
    }

    pub(super) fn trouble(&self) -> &'static str {
        self.snapshot().trouble.map_or("", |trouble| trouble.code)
    }

    // Steps.

    pub(super) fn on(&mut self, event: Event) {
        self.step(event);
        self.settle_store();
        self.settle_polls();
        // A wake-up that is due at once comes at once; one that has nothing to do would come for ever.
        for _ in 0..8 {
            match self.state.wake_at(self.now) {
                Some((wake_at, _)) if wake_at <= self.now.boot => self.step(Event::Tick),
                _ => return,
            }
            self.settle_store();
            self.settle_polls();
        }
        panic!("the state wants to be woken again and again and does nothing");
    }

    fn settle_store(&mut self) {
        // Later reads are answered here; the first one is the test's.
        while self.is_under_way("Load") && !self.snapshot().loading && self.store != Store::Hanging {
            self.end("Load");
            let found =
                if self.store == Store::Prompt { Ok(self.record.clone()) } else { Err("it is locked".to_owned()) };
            self.step(Event::Loaded(found));
        }
        while self.is_under_way("Store") && self.store != Store::Hanging {
            let Effect::Store(record) = self.end("Store") else { unreachable!() };
            if self.store == Store::Prompt {
                self.record = Some(record);
                self.step(Event::Stored(Ok(())));
            } else {
                self.step(Event::Stored(Err("the disk is full".to_owned())));
            }
        }
    }

    fn settle_polls(&mut self) {
        while self.polls == Polls::Pending && self.is_under_way("CreateToken") && self.listening.is_none() {
            let Effect::CreateToken(flow, ..) = self.end("CreateToken") else { unreachable!() };
            self.step(Event::TokenCreated(flow, Err(service(ErrorName::AuthorizationPending))));
        }
    }

    fn step(&mut self, event: Event) {
        for effect in self.state.on(event, self.now) {
            *self.begun.entry(name(&effect)).or_default() += 1;
            match effect {
                Effect::OpenPage(flow) => self.opened.push(flow.page),
                Effect::EndCallback(flow, end) => {
                    if let Some(listening) = self.listening.take() {
                        assert_eq!(listening, flow, "the listener of another flow is closed");
                        self.callback_ends.push(end);
                    }
                }
                Effect::Show(notice) => {
                    self.screen = Some(notice.clone());
                    self.shown.push(notice);
                }
                Effect::Withdraw => assert!(self.screen.take().is_some(), "nothing is shown that could be taken back"),
                effect => {
                    self.check(&effect);
                    self.under_way.push(effect);
                }
            }
        }
        self.state.answers().send();
        self.hear();
    }

    /// Hears what was answered. A way for an answer takes one.
    fn hear(&mut self) {
        let answered = self.waiting.iter_mut().filter_map(|(id, hear)| Some((*id, hear()?)));
        self.answers.extend(answered.collect::<Vec<_>>());
        let answers = &self.answers;
        self.waiting.retain(|id, _| !answers.contains_key(id));
    }

    /// A caller waits no longer.
    pub(super) fn leaves(&mut self, caller: AskId) {
        self.waiting.remove(&caller);
        self.on(Event::CallersLeft);
    }

    fn check(&mut self, effect: &Effect) {
        let now = self.now.boot;
        match effect {
            Effect::Refresh(epoch, renewal) => assert!(
                !self.under_way.iter().any(|known| match known {
                    Effect::Refresh(other, sent) => other == epoch || sent.refresh_token == renewal.refresh_token,
                    _ => false,
                }),
                "two refreshes at once"
            ),
            Effect::CreateToken(_, _, Grant::AuthorizationCode { .. }) => {}
            Effect::CreateToken(flow, ..) => {
                let (opened, last, interval) = self.polled.expect("an authorization before a poll");
                assert_eq!(*flow, opened);
                assert!(last == BootTime::default() || now.since(last) >= interval, "polled too fast");
                self.polled = Some((opened, now, interval));
            }
            _ => {}
        }
        let kind = name(effect);
        let may_overlap = matches!(kind, "Refresh" | "EndPortalSession");
        assert!(may_overlap || !self.is_under_way_for_the_same_flow(effect), "two of {kind} at once");
    }

    fn is_under_way_for_the_same_flow(&self, effect: &Effect) -> bool {
        let flow = |effect: &Effect| match effect {
            Effect::ResolveStartUrl(flow)
            | Effect::Register(flow, ..)
            | Effect::AuthorizeDevice(flow, _)
            | Effect::OpenCallback(flow, ..)
            | Effect::CreateToken(flow, ..) => Some(*flow),
            _ => None,
        };
        self.under_way
            .iter()
            .any(|known| flow(known) == flow(effect) && (flow(known).is_some() || name(known) == name(effect)))
    }
}

pub(super) const fn name(effect: &Effect) -> &'static str {
    match effect {
        Effect::Load => "Load",
        Effect::Store(_) => "Store",
        Effect::ResolveStartUrl(_) => "ResolveStartUrl",
        Effect::Register(..) => "Register",
        Effect::OpenCallback(..) => "OpenCallback",
        Effect::EndCallback(..) => "EndCallback",
        Effect::AuthorizeDevice(..) => "AuthorizeDevice",
        Effect::CreateToken(..) => "CreateToken",
        Effect::Refresh(..) => "Refresh",
        Effect::EndPortalSession(_) => "EndPortalSession",
        Effect::AskPortal(..) => "AskPortal",
        Effect::Show(_) => "Show",
        Effect::Withdraw => "Withdraw",
        Effect::OpenPage(_) => "OpenPage",
    }
}

/// Terms under which nobody is told anything, for tests that are about something else.
pub(in crate::session) fn quiet() -> Terms {
    Terms { notifications: Notifications::Off, ..noticed() }
}

/// Terms under which the person is told, and signs in by a code.
pub(super) fn noticed() -> Terms {
    Terms {
        name: "corp".into(),
        target: Some(FlowTarget {
            target: Target { issuer: Issuer::aws("eu-west-1"), resolved: None },
            may_move: false,
        }),
        refresh_before: None,
        notify_before: None,
        notifications: Notifications::On,
        sign_in: SignInSetting::Device,
    }
}
