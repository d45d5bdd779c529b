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
//! Before a refresh token counts as spent, the store is read once more: if another daemon has put a newer one there, that one
//! counts.
//!
//! What errors mean for a flow stands in [`super::flow`].
//!
//! This file has what comes in, what goes out, and what is known between the two. Each part below knows one side of it.

mod adopting;
mod callers;
mod flows;
mod leaving;
mod person;
mod storing;
mod tokens;
mod views;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ask::{Answer, Ask, AskId, Forgotten, Want};
use super::attention::Attention;
use super::decision::Decision;
use super::flow::{Flow, FlowEnd};
use super::found::Found;
use super::policy::Arrival;
use super::saver::Saver;
use super::{AccessToken, CameBy, Kept, Renewal, Terms, Token, Trouble, policy};
use crate::budget::Budget;
use crate::clock::{BootTime, Now};
use crate::notice::{Action, FlowView, Notice, Presence};
use crate::oidc::{CallError, DeviceAuthorization, Grant, Issued, Registration, ServiceClock};
use callers::Settled;
use flows::LateAttempt;
use leaving::Leaving;
use tokens::{Incoming, Place, ReadOff, Refresh, Trust};

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// The store has been read; `Ok(None)`: it has nothing of this session.
    Loaded(Result<Option<Kept>, String>),
    /// What the last [`Effect::Store`] asked for is durable, or not.
    Stored(Result<(), String>),
    /// Another place keeps the records from now on, or the one that did has lost them: it is read once more.
    StoreChanged,
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

/// What is to be done. Each call and each access to the store leads to an event with its result. The numbers are those of
/// flows.
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

/// One session.
pub struct State {
    terms: Terms,
    chance: fastrand::Rng,
    saver: Saver,
    /// For the next flow. The one that a refresh token belongs to is in `token`.
    registration: Option<Registration>,

    token: Option<Token>,
    trust: Trust,
    refresh: Refresh,
    /// Where the refresh of `token` has its place.
    place: Place,
    incoming: Option<Incoming>,
    /// Of the newest sign-in.
    lineage: Lineage,
    /// Of `token`. It is behind while a new sign-in is being stored.
    token_lineage: Lineage,
    /// Where the newest sign-in came from.
    came_by: CameBy,
    /// Set while `token` is one that an earlier daemon stored.
    read_off: Option<ReadOff>,
    service_clock: ServiceClock,
    /// Whether this portal caps its tokens at the end of the portal session, as far as was ever seen.
    portal_caps: bool,
    /// Whether the cap of `token` was seen twice, so that another refresh would tell nothing new.
    cap_is_certain: bool,

    flow: Option<Flow>,
    /// How often flows may be opened.
    flow_budget: Budget,
    /// How many flows were opened: the number of the newest one.
    flows: u64,
    ended_flows: Vec<(u64, FlowEnd)>,
    late_attempt: Option<LateAttempt>,
    leaving: Option<Leaving>,
    /// What of the store's is to be forgotten as soon as it is known, because somebody has signed out.
    wants_out: Option<Forgotten>,
    /// The number of the newest flow when the registration was forgotten. What earlier ones register is of no use any more.
    forgotten_flows: u64,

    asks: BTreeMap<AskId, Ask>,
    /// When the first of them is to be looked at again; earlier than needed where one has left.
    asks_due: Option<BootTime>,
    attention: Attention,
    /// The last thing that went wrong, until something goes well.
    trouble: Option<Trouble>,
    stopping: bool,

    /// What the event in hand has led to.
    effects: Vec<Effect>,
    decisions: Vec<Decision>,
}

impl State {
    /// A session of which nothing is known yet. Chance comes from `seed`.
    pub fn new(terms: Terms, seed: u64) -> Self {
        Self {
            terms,
            chance: fastrand::Rng::with_seed(seed),
            saver: Saver::new(),
            registration: None,
            token: None,
            trust: Trust::default(),
            refresh: Refresh::Idle { due: None },
            place: Place { arrival: Arrival::Planned, chance: 0.0 },
            incoming: None,
            lineage: Lineage::default(),
            token_lineage: Lineage::default(),
            came_by: CameBy::default(),
            read_off: None,
            service_clock: ServiceClock::default(),
            portal_caps: false,
            cap_is_certain: false,
            flow: None,
            flow_budget: Budget::new(policy::FLOWS_AT_ONCE, policy::FLOW_PACE),
            flows: 0,
            ended_flows: Vec::new(),
            late_attempt: None,
            leaving: None,
            wants_out: None,
            forgotten_flows: 0,
            asks: BTreeMap::new(),
            asks_due: None,
            attention: Attention::default(),
            trouble: None,
            stopping: false,
            effects: Vec::new(),
            decisions: Vec::new(),
        }
    }

    /// Takes in what happened and returns what is to be done.
    pub fn on(&mut self, event: Event, now: Now) -> Vec<Effect> {
        self.decisions.clear();
        match event {
            Event::Asked(id, want) => match self.asked(id, want, now) {
                Settled::Changed => {}
                // One more caller that has its answer or waits: for the others, however many, nothing has changed.
                Settled::Done | Settled::Waits(_) => return std::mem::take(&mut self.effects),
            },
            Event::Left(id) => {
                self.left(id);
                return Vec::new();
            }
            Event::Loaded(result) => self.loaded(result, now),
            Event::Stored(result) => self.stored(result, now),
            Event::StoreChanged => self.store_changed(),
            Event::Registered(flow, result) => self.registered(flow, result, now),
            Event::DeviceAuthorized(flow, result) => self.device_authorized(flow, result, now),
            Event::Polled(flow, result) => self.polled(flow, result, now),
            Event::Refreshed(lineage, result) if lineage == self.lineage => self.refreshed(result, now),
            Event::Rejected(access) => self.rejected(&access, now),
            Event::PortalLeft(result) => self.portal_left(result),
            Event::Found(id, found) => self.found(id, found, now),
            Event::EndedElsewhere(access) => self.ended_elsewhere(&access, now),
            Event::TermsChanged(terms) => self.terms_changed(terms),
            Event::PresenceChanged(presence) => self.attention.set_presence(presence),
            Event::Acted(action) => self.acted(action, now),
            Event::ServiceClock(clock) => self.service_clock_changed(clock, now),
            Event::Stirred => self.stirred(now),
            Event::Stop => {
                self.end_flow(FlowEnd::Cancelled, now);
                self.stopping = true;
            }
            Event::Refreshed(..) | Event::Tick => {}
        }
        self.drive(now);
        std::mem::take(&mut self.effects)
    }

    /// What the last event led to, and why. For the log.
    pub fn decisions(&self) -> &[Decision] {
        &self.decisions
    }

    /// Does everything that is due.
    fn drive(&mut self, now: Now) {
        self.serve_incoming(now);
        self.drive_flow(now);
        self.stop_waiting_for_portal(now);
        self.refresh_if_due(now);
        self.settle_all(now);
        self.end_leaving(now);
        self.attend(now);
        self.use_store(now);
    }

    fn decide(&mut self, decision: Decision) {
        self.decisions.push(decision);
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
