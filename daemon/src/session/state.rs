//! The life of a token, pure: [`State::on`] takes what happened and when, and returns what is to be done.
//!
//! A token comes out of a device flow or a refresh, is stored, and only then handed out, so that a token that somebody
//! was given survives a crash; a store that is slow or broken delays that by [`policy::STORE_PATIENCE`] at most. What an
//! error of the service means for a refresh:
//!
//! | error | what happens |
//! |---|---|
//! | InvalidGrant, ExpiredToken, AccessDenied | the refresh token is spent; the access token lives on to its expiry |
//! | InvalidClient, UnauthorizedClient | the same, and the registration is given up |
//! | UnsupportedGrantType, InvalidScope | the refresh token is given up: the service does not take it |
//! | every other one, with or without a name | all is kept and tried again, backing off |
//! | no answer, an unusable answer, a configuration that allows no call | all is kept and tried again, backing off |
//!
//! What errors mean for a flow stands in [`super::flow`].

mod adopting;
mod flows;
mod leaving;
mod person;
mod tokens;
mod views;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ask::{
    Answer, Ask, AskId, Forget, Need, PortalOutcome, RefreshSituation, Refusal, Situation, Verdict, Want,
};
use super::attention::{self, Action, Attention, Notice, Outlook, Presence};
use super::decision::{Decision, Why};
use super::flow::{Flow, FlowEnd, FlowView};
use super::found::Found;
use super::policy::Arrival;
use super::saver::{Saver, Turn};
use super::{AccessToken, Kept, Next, Renewal, Snapshot, Terms, Token, Trouble, policy};
use crate::clock::{BootTime, Now};
use crate::oidc::{CallError, DeviceAuthorization, ErrorName, Grant, Issued, Registration, ServiceClock};

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// The store has been read; `Ok(None)`: it has nothing of this session.
    Loaded(Result<Option<Kept>, String>),
    /// What the last [`Effect::Store`] asked for is durable, or not.
    Stored(Result<(), String>),
    /// A caller came.
    Asked(AskId, Want),
    /// A caller went away.
    Left(AskId),
    /// RegisterClient has answered.
    Registered(u64, Result<Registration, CallError>),
    /// StartDeviceAuthorization has answered.
    DeviceAuthorized(u64, Result<DeviceAuthorization, CallError>),
    /// CreateToken has answered to a device code.
    Polled(u64, Result<Issued, CallError>),
    /// CreateToken has answered to a refresh token.
    Refreshed(Lineage, Result<Issued, CallError>),
    /// The portal does not accept this token, although its time has not come.
    Rejected(Arc<AccessToken>),
    /// The portal has answered to a sign-out.
    PortalLeft(Result<(), CallError>),
    /// A sign-in was found that another program has made.
    Found(AskId, Found),
    /// The portal does not know this token any more.
    EndedElsewhere(Arc<AccessToken>),
    /// The configuration has these terms now.
    TermsChanged(Terms),
    /// The person came or went.
    PresenceChanged(Presence),
    /// The person did something with the notice.
    Acted(Action),
    /// What the service's clock shows has become known, or has changed.
    ServiceClock(ServiceClock),
    /// The machine woke up, or the network changed: what failed may work now.
    Stirred,
    /// The daemon stops: everybody is answered, and nothing new begins.
    Stop,
    /// Some time has passed.
    Tick,
}

/// What is to be done. Each call and each access to the store leads to an event with its result; the numbers are those of flows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Read the store.
    Load,
    /// Make this durable.
    Store(Kept),
    /// Call RegisterClient.
    Register(u64),
    /// Call StartDeviceAuthorization.
    AuthorizeDevice(u64, Registration),
    /// Call CreateToken with a device code.
    CreateToken(u64, Registration, Grant),
    /// Call CreateToken with a refresh token.
    Refresh(Lineage, Renewal),
    /// Tell the portal that the person leaves.
    LeavePortal(Arc<AccessToken>),
    /// Tell a caller.
    Answer(AskId, Answer),
    /// Show the person this, in the place of what was shown before.
    Show(Notice),
    /// Take back what is shown.
    Withdraw,
    /// Open the page of this flow.
    OpenPage(FlowView),
}

/// Counts sign-ins and sign-outs. The answer to a refresh that began before one has nothing to say after it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Lineage(u64);

/// The session itself as a caller: it asks in the name of the person who clicked on a notice.
const OWN: AskId = AskId(u64::MAX);

/// How many ended flows are remembered for callers that still ask for their end.
const ENDED_FLOWS: usize = 8;

/// One session.
pub struct State {
    terms: Terms,
    chance: fastrand::Rng,
    saver: Saver,
    registration: Option<Registration>,
    lineage: Lineage,
    token: Option<Token>,
    /// The lineage of `token`, which is behind while a new sign-in is being stored.
    token_lineage: Lineage,
    trust: Trust,
    incoming: Option<Incoming>,
    refresh: Refresh,
    /// Where the refresh of `token` has its place.
    place: Place,
    flow: Option<Flow>,
    flows: u64,
    ended_flows: Vec<(u64, FlowEnd)>,
    late_attempt: Option<LateAttempt>,
    leaving: Option<Leaving>,
    asks: BTreeMap<AskId, Ask>,
    /// When the first of them is to be looked at again; earlier than needed where one has left.
    asks_due: Option<BootTime>,
    trouble: Option<Trouble>,
    portal_caps: bool,
    /// Whether the cap of the token was seen twice, so that another refresh would tell nothing new.
    cap_is_certain: bool,
    service_clock: ServiceClock,
    /// Set while the token is one that a daemon stored which ran before.
    read_off: Option<ReadOff>,
    attention: Attention,
    stopping: bool,
    decisions: Vec<Decision>,
}

/// A token that is being stored and not yet handed out.
struct Incoming {
    token: Token,
    arrival: Arrival,
    cap_is_certain: bool,
    /// Until when the store is waited for.
    deadline: BootTime,
}

/// What decides when a token is refreshed, besides its life.
struct Place {
    arrival: Arrival,
    /// 0 to 1.
    chance: f64,
}

/// What a wall clock that may be wrong made of a token's life.
struct ReadOff {
    /// When, and what the wall clock showed.
    at: Now,
    received: BootTime,
    expires: BootTime,
}

/// A poll whose code died before its answer came. It may still bring a token.
struct LateAttempt {
    flow: u64,
    lineage: Lineage,
    registration: Registration,
    began: BootTime,
}

/// What came of looking at a caller.
enum Settled {
    /// It is answered, or gone.
    Done,
    /// It waits, and is to be looked at again then at the latest.
    Waits(Option<BootTime>),
    /// Something was begun that others may wait for, too.
    Changed,
}

enum Refresh {
    /// `due` only while there is something to refresh with.
    Idle {
        due: Option<BootTime>,
    },
    UnderWay {
        failures: u32,
        began: BootTime,
        arrival: Arrival,
    },
    BackingOff {
        failures: u32,
        until: BootTime,
        failed_at: BootTime,
        error: CallError,
    },
}

/// What the portal thinks of the token, as far as it said.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Trust {
    /// Nobody has complained.
    #[default]
    Full,
    /// It was rejected and is being replaced with its refresh token.
    Rejected,
    /// It replaces one that was rejected. If it is rejected as well, the sign-in is over.
    Probation,
}

/// A sign-out that callers wait for.
struct Leaving {
    /// What the portal said, once it did.
    outcome: Option<PortalOutcome>,
    forget: Forget,
    /// Until when portal and store are waited for.
    deadline: BootTime,
}

impl State {
    /// A session of which nothing is known yet. Chance comes from `seed`.
    pub fn new(terms: Terms, seed: u64) -> Self {
        Self {
            terms,
            chance: fastrand::Rng::with_seed(seed),
            saver: Saver::new(),
            registration: None,
            lineage: Lineage::default(),
            token: None,
            token_lineage: Lineage::default(),
            trust: Trust::default(),
            incoming: None,
            refresh: Refresh::Idle { due: None },
            place: Place { arrival: Arrival::Planned, chance: 0.0 },
            flow: None,
            flows: 0,
            ended_flows: Vec::new(),
            late_attempt: None,
            leaving: None,
            asks: BTreeMap::new(),
            asks_due: None,
            trouble: None,
            portal_caps: false,
            cap_is_certain: false,
            service_clock: ServiceClock::default(),
            read_off: None,
            attention: Attention::default(),
            stopping: false,
            decisions: Vec::new(),
        }
    }

    /// Takes in what happened and returns what is to be done.
    pub fn on(&mut self, event: Event, now: Now) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.decisions.clear();
        match event {
            Event::Asked(id, want) => {
                self.asks.insert(id, Ask::new(want, now.boot));
                if want == Want::Logout
                    && let Some(leaving) = self.leaving.as_mut().filter(|leaving| leaving.forget == Forget::OnceTold)
                {
                    // Somebody renews, and somebody else wants to be gone in any case.
                    leaving.forget = Forget::Now;
                    self.forget();
                }
                // What has been granted already cannot be given up any more.
                if want == Want::CancelLogin && !self.flow.as_ref().is_some_and(Flow::is_granted) {
                    self.end_flow(FlowEnd::Cancelled, now);
                } else {
                    match self.settle(id, now, &mut effects) {
                        Settled::Changed => {}
                        // One more caller that gets an answer or waits: nothing has changed for anybody else, however
                        // many they are.
                        Settled::Done => return effects,
                        Settled::Waits(due) => {
                            self.asks_due = self.asks_due.into_iter().chain(due).min();
                            return effects;
                        }
                    }
                }
            }
            Event::Left(id) => {
                self.asks.remove(&id);
                if self.asks.is_empty() {
                    self.asks_due = None;
                }
                return effects;
            }
            Event::Loaded(result) => self.loaded(result, now),
            Event::Stored(result) => self.stored(result, now),
            Event::Registered(flow, result) => self.registered(flow, result, now, &mut effects),
            Event::DeviceAuthorized(flow, result) => {
                let chance = self.chance.f64();
                self.in_flow(flow, now, |flow| flow.on_authorized(result, now, chance).map(|()| None), &mut effects);
            }
            Event::Polled(flow, result) => self.polled(flow, result, now, &mut effects),
            Event::Refreshed(lineage, result) if lineage == self.lineage => self.refreshed(result, now),
            Event::Rejected(access) => self.rejected(&access, now, &mut effects),
            Event::PortalLeft(result) => self.portal_left(result),
            Event::Found(id, found) => self.found(id, found, now, &mut effects),
            Event::EndedElsewhere(access) => self.ended_elsewhere(&access, now),
            Event::PresenceChanged(presence) => self.attention.set_presence(presence),
            Event::Acted(action) => self.acted(action, now),
            Event::ServiceClock(clock) => {
                self.service_clock = clock;
                self.correct_end(now);
            }
            Event::Stirred => {
                if let Refresh::BackingOff { until, .. } = &mut self.refresh {
                    *until = now.boot;
                    self.begin_refresh(Why::Stirred, now, &mut effects);
                }
            }
            Event::TermsChanged(terms) => {
                self.terms = terms;
                if matches!(self.refresh, Refresh::Idle { .. }) {
                    self.refresh = Refresh::Idle { due: self.refresh_due() };
                }
            }
            Event::Stop => {
                self.end_flow(FlowEnd::Cancelled, now);
                self.stopping = true;
            }
            Event::Refreshed(..) | Event::Tick => {}
        }
        self.drive(now, &mut effects);
        effects
    }

    /// What the last event led to, and why. For the log.
    pub fn decisions(&self) -> &[Decision] {
        &self.decisions
    }

    /// Does everything that is due.
    fn drive(&mut self, now: Now, effects: &mut Vec<Effect>) {
        if self.incoming.as_ref().is_some_and(|incoming| incoming.deadline <= now.boot || self.saver.is_failing()) {
            self.serve_incoming(now);
        }
        self.drive_flow(now, effects);
        if let Some(leaving) = self.leaving.as_mut().filter(|leaving| leaving.deadline <= now.boot) {
            leaving.outcome.get_or_insert_with(|| {
                PortalOutcome::NotTold(CallError::Network("the portal has not answered in time".to_owned()))
            });
        }
        if !self.stopping {
            self.refresh_if_due(now, effects);
        }
        self.settle_all(now, effects);
        let waits_for_leaving = |ask: &Ask| match ask.want {
            Want::Logout => true,
            Want::Login { need: Need::Fresh } => ask.flow.is_none(),
            _ => false,
        };
        if !self.asks.values().any(waits_for_leaving)
            && self.leaving.as_ref().is_some_and(|leaving| leaving.outcome.is_some())
        {
            self.leaving = None;
            // Whoever waited for its end can go on.
            self.settle_all(now, effects);
        }
        self.attend(now, effects);
        match self.saver.take_turn(now.boot) {
            Some(Turn::Read) => effects.push(Effect::Load),
            Some(Turn::Write) => effects.push(Effect::Store(self.kept())),
            None => {}
        }
    }

    /// Looks at all callers, until nothing changes any more.
    fn settle_all(&mut self, now: Now, effects: &mut Vec<Effect>) {
        loop {
            let waiting: Vec<AskId> = self.asks.keys().copied().collect();
            let (mut changed, mut due) = (false, None);
            for id in waiting {
                match self.settle(id, now, effects) {
                    Settled::Changed => changed = true,
                    Settled::Done => {}
                    Settled::Waits(until) => due = due.into_iter().chain(until).min(),
                }
            }
            if !changed {
                self.asks_due = due;
                return;
            }
        }
    }

    /// Looks at one caller: answers it, or does what it waits for.
    fn settle(&mut self, id: AskId, now: Now, effects: &mut Vec<Effect>) -> Settled {
        let Some(ask) = self.asks.get(&id) else { return Settled::Done };
        if self.stopping {
            self.asks.remove(&id);
            if id != OWN {
                effects.push(Effect::Answer(id, Answer::Refused(Refusal::ShuttingDown)));
            }
            return Settled::Done;
        }
        match ask.verdict(&self.situation(now.boot)) {
            Verdict::Wait(due) => Settled::Waits(due),
            Verdict::Answer(answer) => {
                self.asks.remove(&id);
                effects.extend(match answer {
                    Answer::Pending { flow, .. } if id == OWN => Some(Effect::OpenPage(flow)),
                    _ if id == OWN => None,
                    answer => Some(Effect::Answer(id, answer)),
                });
                Settled::Done
            }
            Verdict::Refresh => {
                self.begin_refresh(Why::Asked, now, effects);
                match self.asks.get(&id).map(|ask| ask.verdict(&self.situation(now.boot))) {
                    Some(Verdict::Wait(due)) => Settled::Waits(due),
                    _ => Settled::Waits(Some(now.boot)),
                }
            }
            Verdict::SignIn => {
                let (number, opened) = self.join_flow(Why::Asked, now, effects);
                if let Some(ask) = self.asks.get_mut(&id) {
                    ask.flow = Some(number);
                    ask.opened = opened;
                }
                // Who joins a flow changes nothing for those who have joined it before, and does not join again.
                if opened { Settled::Changed } else { self.settle(id, now, effects) }
            }
            Verdict::Leave(forget) => {
                if let Some(ask) = self.asks.get_mut(&id) {
                    ask.left = true;
                }
                self.leave(forget, now, effects);
                Settled::Changed
            }
        }
    }

    // The store.

    fn loaded(&mut self, result: Result<Option<Kept>, String>, now: Now) {
        let kept = result.map(|kept| {
            let kept = kept.unwrap_or_default();
            self.registration = self.registration.take().or(kept.registration);
            self.portal_caps |= kept.portal_caps;
            // What a person has signed in for in the meantime is newer than what was kept.
            if self.token.is_none() && self.incoming.is_none() {
                self.token = kept.token;
                self.read_off = self.token.as_ref().map(|token| ReadOff {
                    at: now,
                    received: token.received,
                    expires: token.expires,
                });
                self.reckon_end(now);
                self.take_place(Arrival::Planned);
                if let Some(token) = &self.token {
                    self.attention.token_found(token, now.boot);
                }
                self.plan_refresh(now);
            }
        });
        self.saver_done(kept, now);
    }

    fn stored(&mut self, result: Result<(), String>, now: Now) {
        self.saver_done(result, now);
        if !self.saver.is_unsaved() {
            self.serve_incoming(now);
        }
    }

    fn saver_done(&mut self, result: Result<(), String>, now: Now) {
        if let Err(error) = &result {
            self.trouble = Some(Trouble { code: "store", message: error.clone(), at: now.boot });
        } else if self.trouble.as_ref().is_some_and(|trouble| trouble.code == "store") {
            self.trouble = None;
        }
        self.saver.done(result, now.boot, self.chance.f64());
    }

    fn decide(&mut self, decision: Decision) {
        self.decisions.push(decision);
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
