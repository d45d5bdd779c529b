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

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::ask::{
    Answer, Ask, AskId, Forget, Need, PortalOutcome, RefreshSituation, Refusal, Situation, Verdict, Want,
};
use super::attention::{self, Action, Attention, Notice, Outlook, Presence};
use super::flow::{Flow, FlowEnd, FlowView};
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
    /// The portal has answered to a sign-out.
    PortalLeft(Result<(), CallError>),
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
    incoming: Option<Incoming>,
    refresh: Refresh,
    flow: Option<Flow>,
    flows: u64,
    ended_flows: Vec<(u64, FlowEnd)>,
    leaving: Option<Leaving>,
    asks: BTreeMap<AskId, Ask>,
    trouble: Option<Trouble>,
    portal_caps: bool,
    service_clock: ServiceClock,
    /// The token was stored by a daemon that ran before, and its end read off a wall clock that may be wrong.
    is_end_doubtful: bool,
    attention: Attention,
    /// The page of the next code that shows is opened, because the person clicked.
    open_page: bool,
    stopping: bool,
}

/// A token that is being stored and not yet handed out.
struct Incoming {
    token: Token,
    /// Until when the store is waited for.
    deadline: BootTime,
}

enum Refresh {
    /// `due` only while there is something to refresh with.
    Idle {
        due: Option<BootTime>,
    },
    UnderWay {
        failures: u32,
    },
    BackingOff {
        failures: u32,
        until: BootTime,
        failed_at: BootTime,
        error: CallError,
    },
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
            incoming: None,
            refresh: Refresh::Idle { due: None },
            flow: None,
            flows: 0,
            ended_flows: Vec::new(),
            leaving: None,
            asks: BTreeMap::new(),
            trouble: None,
            portal_caps: false,
            service_clock: ServiceClock::default(),
            is_end_doubtful: false,
            attention: Attention::default(),
            open_page: false,
            stopping: false,
        }
    }

    /// Takes in what happened and returns what is to be done.
    pub fn on(&mut self, event: Event, now: Now) -> Vec<Effect> {
        let mut effects = Vec::new();
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
                if want == Want::CancelLogin {
                    self.end_flow(FlowEnd::Cancelled, now);
                } else if !self.settle(id, now, &mut effects) {
                    // One more caller that gets an answer or waits: nothing has changed for anybody else.
                    return effects;
                }
            }
            Event::Left(id) => {
                self.asks.remove(&id);
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
            Event::PortalLeft(result) => self.portal_left(result),
            Event::PresenceChanged(presence) => self.attention.set_presence(presence),
            Event::Acted(action) => self.acted(action, now),
            Event::ServiceClock(clock) => {
                let before = std::mem::replace(&mut self.service_clock, clock);
                self.doubt_end(before, now);
            }
            Event::Stirred => {
                if let Refresh::BackingOff { until, .. } = &mut self.refresh {
                    *until = now.boot;
                    self.begin_refresh(&mut effects);
                }
            }
            Event::TermsChanged(terms) => {
                self.terms = terms;
                if let Refresh::Idle { due } = &mut self.refresh {
                    *due = refresh_due(self.token.as_ref(), terms, self.chance.f64());
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

    /// When [`Event::Tick`] is due.
    pub fn wake_at(&self, now: Now) -> Option<BootTime> {
        let situation = self.situation(now.boot);
        let asks = self.asks.values().filter_map(|ask| match ask.verdict(&situation) {
            Verdict::Wait(deadline) => deadline,
            _ => Some(now.boot),
        });
        let refresh = match &self.refresh {
            _ if self.stopping || self.incoming.is_some() => None,
            Refresh::Idle { due } => *due,
            Refresh::BackingOff { until, .. } if self.has_live_token(now.boot) => Some(*until),
            Refresh::UnderWay { .. } | Refresh::BackingOff { .. } => None,
        };
        let incoming = self.incoming.as_ref().map(|incoming| incoming.deadline);
        let flow = self.flow.as_ref().and_then(Flow::wake_at);
        let leaving = self.leaving.as_ref().map(|leaving| leaving.deadline);
        let attention = self.attention.wake_at(self.outlook(None)).filter(|_| !self.stopping);
        let own = [refresh, self.saver.wake_at(), incoming, flow, leaving, attention];
        asks.chain(own.into_iter().flatten()).min()
    }

    /// What readers see.
    pub fn snapshot(&self, now: Now) -> Snapshot {
        Snapshot {
            loading: !self.saver.is_loaded(),
            token: self.token.clone(),
            flow: self.flow.as_ref().and_then(Flow::view),
            trouble: self.trouble.clone(),
            next: self.next(now.boot),
            session_ends: self.token.as_ref().filter(|token| token.capped).map(|token| token.expires),
            unsaved: self.saver.is_unsaved(),
            store_error: self.saver.error().map(str::to_owned),
        }
    }

    /// Whether a session that stops may end: no new token is on its way, and all is written or cannot be.
    pub const fn is_settled(&self) -> bool {
        let written = !self.saver.is_loaded() || !self.saver.is_unsaved() || self.saver.is_failing();
        written && !matches!(self.refresh, Refresh::UnderWay { .. })
    }

    fn next(&self, now: BootTime) -> Option<(Next, BootTime)> {
        let token = self.token.as_ref().filter(|token| token.is_live(now))?;
        let approach = self.outlook(None).approach();
        Some(match (&self.refresh, approach) {
            (Refresh::Idle { due: Some(due) }, _) => (Next::Refresh, *due),
            (Refresh::BackingOff { until, .. }, _) => (Next::RetryRefresh, *until),
            (Refresh::UnderWay { .. }, _) => (Next::Refresh, now),
            (_, Some(approach)) if approach > now && (token.capped || self.portal_caps) => (Next::TellPerson, approach),
            (_, Some(approach)) if approach > now => (Next::AskPerson, approach),
            _ => (Next::Expire, token.expires),
        })
    }

    fn outlook<'a>(&'a self, flow: Option<&'a FlowView>) -> Outlook<'a> {
        Outlook {
            token: self.token.as_ref(),
            terms: self.terms,
            portal_caps: self.portal_caps,
            flow,
            flow_is_open: self.flow.is_some(),
        }
    }

    fn has_live_token(&self, now: BootTime) -> bool {
        self.token.as_ref().is_some_and(|token| token.is_live(now))
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
        let refresh_is_due = match &self.refresh {
            Refresh::Idle { due } => due.is_some_and(|due| due <= now.boot),
            Refresh::BackingOff { until, .. } => *until <= now.boot && self.has_live_token(now.boot),
            Refresh::UnderWay { .. } => false,
        };
        if refresh_is_due && !self.stopping {
            self.begin_refresh(effects);
        }
        let mut changed = true;
        while std::mem::take(&mut changed) {
            let waiting: Vec<AskId> = self.asks.keys().copied().collect();
            for id in waiting {
                changed |= self.settle(id, now, effects);
            }
        }
        let waits_for_leaving = |ask: &Ask| match ask.want {
            Want::Logout => true,
            Want::Login { need: Need::Fresh } => ask.flow.is_none(),
            _ => false,
        };
        if !self.asks.values().any(waits_for_leaving)
            && self.leaving.as_ref().is_some_and(|leaving| leaving.outcome.is_some())
        {
            self.leaving = None;
        }
        self.attend(now, effects);
        match self.saver.take_turn(now.boot) {
            Some(Turn::Read) => effects.push(Effect::Load),
            Some(Turn::Write) => effects.push(Effect::Store(self.kept())),
            None => {}
        }
    }

    fn kept(&self) -> Kept {
        let token = self.incoming.as_ref().map(|incoming| &incoming.token).or(self.token.as_ref()).cloned();
        let portal_caps = self.portal_caps || token.as_ref().is_some_and(|token| token.capped);
        Kept { registration: self.registration.clone(), token, portal_caps }
    }

    fn situation(&self, now: BootTime) -> Situation<'_> {
        let has_renewal = self.token.as_ref().is_some_and(|token| token.renewal.is_some());
        Situation {
            now,
            loading: (!self.saver.is_loaded()).then_some(self.saver.error()),
            token: self.token.as_ref(),
            incoming: self.incoming.as_ref().map(|incoming| incoming.deadline),
            refresh: has_renewal.then_some(match &self.refresh {
                Refresh::Idle { .. } => RefreshSituation::Idle,
                Refresh::UnderWay { .. } => RefreshSituation::UnderWay,
                Refresh::BackingOff { until, failed_at, error, .. } => {
                    RefreshSituation::BackingOff { until: *until, failed_at: *failed_at, error }
                }
            }),
            flow: self.flow.as_ref().map(|flow| (flow.number, flow.view())),
            ended_flows: &self.ended_flows,
            leaving: self.leaving.as_ref().map(|leaving| {
                let forgotten = !self.saver.is_unsaved() || self.saver.is_failing();
                leaving.outcome.as_ref().filter(|_| forgotten || leaving.deadline <= now)
            }),
        }
    }

    /// Looks at one caller: answers it, or does what it waits for. Returns whether that changes anything for others.
    fn settle(&mut self, id: AskId, now: Now, effects: &mut Vec<Effect>) -> bool {
        let Some(ask) = self.asks.get(&id) else { return false };
        if self.stopping {
            self.asks.remove(&id);
            effects.push(Effect::Answer(id, Answer::Refused(Refusal::ShuttingDown)));
            return false;
        }
        match ask.verdict(&self.situation(now.boot)) {
            Verdict::Wait(_) => false,
            Verdict::Answer(answer) => {
                self.asks.remove(&id);
                effects.push(Effect::Answer(id, answer));
                false
            }
            Verdict::Refresh => {
                self.begin_refresh(effects);
                false
            }
            Verdict::SignIn => {
                let (number, opened) = self.join_flow(now, effects);
                if let Some(ask) = self.asks.get_mut(&id) {
                    ask.flow = Some(number);
                    ask.opened = opened;
                }
                true
            }
            Verdict::Leave(forget) => {
                if let Some(ask) = self.asks.get_mut(&id) {
                    ask.left = true;
                }
                self.leave(forget, now, effects);
                true
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
                if let Some(token) = &self.token {
                    self.attention.token_found(token, now.boot);
                }
                self.is_end_doubtful = true;
                self.doubt_end(ServiceClock::default(), now);
                self.plan_refresh();
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

    // Tokens.

    fn receive(&mut self, issued: Issued, registration: Registration, now: Now) {
        let previous = self.token.as_ref().filter(|token| token.is_live(now.boot));
        let expires = now.boot + issued.expires_in;
        let capped = previous.is_some_and(|previous| {
            let (elapsed, moved) = (now.boot.since(previous.received), expires.since(previous.expires));
            policy::is_capped(previous.lifetime, elapsed, moved, previous.capped)
        });
        let token = Token {
            access: Arc::new(AccessToken { value: issued.access_token, token_type: issued.token_type }),
            received: now.boot,
            expires,
            lifetime: issued.expires_in,
            renewal: issued.refresh_token.map(|refresh_token| Renewal { refresh_token, registration }),
            capped,
        };
        self.incoming = Some(Incoming { token, deadline: now.boot + policy::STORE_PATIENCE });
        self.trouble = None;
        self.saver.touch();
    }

    fn serve_incoming(&mut self, now: Now) {
        if let Some(incoming) = self.incoming.take() {
            self.attention.token_came(self.token.as_ref(), &incoming.token);
            self.portal_caps |= incoming.token.capped;
            self.token = Some(incoming.token);
            self.is_end_doubtful = false;
            self.plan_refresh();
            if self.flow.as_ref().is_some_and(Flow::is_granted) {
                self.end_flow(FlowEnd::Granted, now);
            }
        }
    }

    /// Reckons the end of a token from an earlier run by the service's clock, instead of by what was known `before`.
    fn doubt_end(&mut self, before: ServiceClock, now: Now) {
        let later = self.service_clock.disagreement() - before.disagreement();
        let Some(token) = self.token.as_mut().filter(|_| self.is_end_doubtful && later != 0) else { return };
        let shift = Duration::from_secs(later.unsigned_abs());
        let expires = if later > 0 { token.expires - shift } else { token.expires + shift };
        // Whatever the clocks say, it does not live longer from now than it was meant to live in all.
        token.expires = expires.min(now.boot + token.lifetime);
        self.plan_refresh();
    }

    // Refreshing.

    fn plan_refresh(&mut self) {
        self.refresh = Refresh::Idle { due: refresh_due(self.token.as_ref(), self.terms, self.chance.f64()) };
    }

    fn begin_refresh(&mut self, effects: &mut Vec<Effect>) {
        let renewal = self.token.as_ref().and_then(|token| token.renewal.clone());
        let Some(renewal) = renewal.filter(|_| self.incoming.is_none()) else { return };
        let failures = match self.refresh {
            Refresh::UnderWay { .. } => return,
            Refresh::Idle { .. } => 0,
            Refresh::BackingOff { failures, .. } => failures,
        };
        self.refresh = Refresh::UnderWay { failures };
        effects.push(Effect::Refresh(self.lineage, renewal));
    }

    fn refreshed(&mut self, result: Result<Issued, CallError>, now: Now) {
        let Refresh::UnderWay { failures } = self.refresh else { return };
        let Some(token) = &mut self.token else { return };
        let Some(renewal) = token.renewal.clone() else { return };
        match result {
            Ok(mut issued) => {
                // An answer without a new refresh token leaves the old one in force.
                issued.refresh_token.get_or_insert(renewal.refresh_token);
                self.refresh = Refresh::Idle { due: None };
                self.receive(issued, renewal.registration, now);
            }
            Err(error) => {
                self.trouble = Some(Trouble::of_call(&error, now.boot));
                match policy::verdict_on_refresh_token(&error) {
                    policy::RefreshToken::Kept => {
                        let failures = failures + 1;
                        let pause = policy::backoff(failures, error.retry_after(), self.chance.f64());
                        let (until, failed_at) = (now.boot + pause, now.boot);
                        self.refresh = Refresh::BackingOff { failures, until, failed_at, error };
                        return;
                    }
                    policy::RefreshToken::Spent => {}
                    policy::RefreshToken::SpentWithItsRegistration => {
                        if self
                            .registration
                            .as_ref()
                            .is_some_and(|known| known.client_id == renewal.registration.client_id)
                        {
                            self.registration = None;
                        }
                    }
                }
                token.renewal = None;
                self.refresh = Refresh::Idle { due: None };
                self.saver.touch();
            }
        }
    }

    // The device flow.

    /// The number of the open flow, and whether it was opened just now.
    fn join_flow(&mut self, now: Now, effects: &mut Vec<Effect>) -> (u64, bool) {
        // Whoever comes first after a suspend must not join a flow whose code has died meanwhile.
        self.drive_flow(now, effects);
        if let Some(flow) = &self.flow {
            return (flow.number, false);
        }
        self.flows += 1;
        self.flow = Some(Flow::new(self.flows, now.boot));
        self.drive_flow(now, effects);
        (self.flows, true)
    }

    fn drive_flow(&mut self, now: Now, effects: &mut Vec<Effect>) {
        if let Some(flow) = &self.flow {
            let registration = self.registration.clone();
            // Registrations end by the service's clock.
            let now = Now { wall: self.service_clock.at(now.wall), ..now };
            self.in_flow(flow.number, now, |flow| flow.drive(registration.as_ref(), now), effects);
        }
    }

    /// Lets the open flow take a step, if it is still the one that is meant.
    fn in_flow(
        &mut self,
        number: u64,
        now: Now,
        step: impl FnOnce(&mut Flow) -> Result<Option<Effect>, FlowEnd>,
        effects: &mut Vec<Effect>,
    ) {
        if let Some(flow) = self.flow.as_mut().filter(|flow| flow.number == number) {
            match step(flow) {
                Ok(effect) => effects.extend(effect),
                Err(end) => self.end_flow(end, now),
            }
        }
    }

    fn registered(
        &mut self,
        number: u64,
        result: Result<Registration, CallError>,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        if let Ok(registration) = &result {
            self.registration = Some(registration.clone());
            self.saver.touch();
        }
        let chance = self.chance.f64();
        self.in_flow(number, now, |flow| flow.on_registered(result, now, chance), effects);
    }

    fn polled(&mut self, number: u64, result: Result<Issued, CallError>, now: Now, effects: &mut Vec<Effect>) {
        match result {
            Ok(issued) => {
                // A flow that was given up while its token was on the way has no taker.
                let flow = self.flow.as_mut().filter(|flow| flow.number == number);
                if let Some(registration) = flow.and_then(Flow::grant) {
                    self.lineage.0 += 1;
                    self.refresh = Refresh::Idle { due: None };
                    self.receive(issued, registration, now);
                }
            }
            Err(error) => {
                if error.name() == Some(ErrorName::InvalidClient) {
                    self.registration = None;
                }
                self.in_flow(number, now, |flow| flow.on_no_token(error, now).map(|()| None), effects);
            }
        }
    }

    fn end_flow(&mut self, end: FlowEnd, now: Now) {
        let Some(flow) = self.flow.take() else { return };
        self.trouble = match &end {
            FlowEnd::Granted | FlowEnd::Cancelled => self.trouble.take(),
            FlowEnd::Expired => Some(Trouble {
                code: "flow_expired",
                message: "nobody signed in before the code expired".to_owned(),
                at: now.boot,
            }),
            FlowEnd::Denied => Some(Trouble {
                code: ErrorName::AccessDenied.in_oauth(),
                message: "the sign-in was denied in the browser".to_owned(),
                at: now.boot,
            }),
            FlowEnd::Failed(error) => Some(Trouble::of_call(error, now.boot)),
        };
        if self.ended_flows.len() == ENDED_FLOWS {
            self.ended_flows.remove(0);
        }
        self.ended_flows.push((flow.number, end));
    }

    // Signing out.

    /// Tells the portal, and forgets the token now or once it was told.
    fn leave(&mut self, forget: Forget, now: Now, effects: &mut Vec<Effect>) {
        self.end_flow(FlowEnd::Cancelled, now);
        let incoming = self.incoming.take().map(|incoming| incoming.token);
        self.token = incoming.or(self.token.take());
        // Even an expired token can end the portal session, which may outlive it.
        let outcome = match &self.token {
            Some(token) => {
                effects.push(Effect::LeavePortal(Arc::clone(&token.access)));
                None
            }
            None => Some(PortalOutcome::NothingToEnd),
        };
        self.leaving = Some(Leaving { outcome, forget, deadline: now.boot + policy::LEAVE_PATIENCE });
        if forget == Forget::Now {
            self.forget();
        }
    }

    fn portal_left(&mut self, result: Result<(), CallError>) {
        let Some(leaving) = &mut self.leaving else { return };
        let forget_now = leaving.forget == Forget::OnceTold && result.is_ok();
        leaving.outcome = Some(result.map_or_else(PortalOutcome::NotTold, |()| PortalOutcome::Ended));
        if forget_now {
            self.forget();
        }
    }

    fn forget(&mut self) {
        self.lineage.0 += 1;
        self.refresh = Refresh::Idle { due: None };
        self.token = None;
        self.trouble = None;
        self.attention.token_went();
        self.saver.touch();
    }

    // The person.

    /// Shows and takes back notices, and opens the flow that one is about.
    fn attend(&mut self, now: Now, effects: &mut Vec<Effect>) {
        loop {
            let view = self.flow.as_ref().and_then(Flow::view);
            if let Some(view) = view.as_ref().filter(|_| self.open_page) {
                self.open_page = false;
                effects.push(Effect::OpenPage(view.clone()));
            }
            if self.stopping {
                return;
            }
            let outlook = Outlook {
                token: self.token.as_ref(),
                terms: self.terms,
                portal_caps: self.portal_caps,
                flow: view.as_ref(),
                flow_is_open: self.flow.is_some(),
            };
            match self.attention.take_turn(outlook, now.boot) {
                Some(attention::Turn::OpenFlow) => {
                    self.join_flow(now, effects);
                }
                Some(attention::Turn::Show(notice)) => effects.push(Effect::Show(notice)),
                Some(attention::Turn::Withdraw) => effects.push(Effect::Withdraw),
                None => return,
            }
        }
    }

    fn acted(&mut self, action: Action, now: Now) {
        let need = match action {
            Action::SignIn => Need::Always,
            Action::Renew => Need::Fresh,
        };
        self.open_page = true;
        self.asks.insert(OWN, Ask::new(Want::Login { need }, now.boot));
    }
}

/// When this token is to be refreshed by itself. One that the portal session caps is not: it would not live longer.
fn refresh_due(token: Option<&Token>, terms: Terms, chance: f64) -> Option<BootTime> {
    let token = token.filter(|token| token.renewal.is_some() && !token.capped)?;
    Some(token.expires - policy::refresh_lead(token.lifetime, terms.refresh_before, chance))
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
