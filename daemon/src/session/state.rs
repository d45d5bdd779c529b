//! The whole machine of a session: [`State::on`] takes what happened and when, and returns what is to be done.
//!
//! Each part owns its fields ([`super`] lists them). This file hands events to the parts, and passes on what one part has decided and another has to
//! know.

mod callers;
mod signing_out;
mod store;

use std::sync::Arc;

use super::attention::{Attention, Outlook, Turn};
use super::callers::{Ask, Callers, How, LoginReply, Need, Question};
use super::context::Context;
use super::event::{Effect, Event};
use super::found::{Found, Proof, Reception};
use super::reply::Answers;
use super::roles::{PortalAnswer, Roles, Subject, Ticket};
use super::sign_in::SignIn;
use super::sign_out::SignOut;
use super::tokens::{Refresh, Tokens};
use super::{Next, RegistrationDates, Snapshot, Target, Terms, Token, Why};
use crate::clock::{BootTime, Now};
use crate::notice::{Action, FlowView};
use crate::oidc::ServiceClock;
use crate::portal::PortalError;
use callers::Looked;

/// One session.
pub struct State {
    cx: Context,
    tokens: Tokens,
    sign_in: SignIn,
    sign_out: SignOut,
    callers: Callers,
    attention: Attention,
    roles: Roles,
    /// Whether the last event has driven all parts. A caller that came or left and changed nothing for others has not.
    was_driven: bool,
}

impl State {
    /// A session of which nothing is known yet. Chance comes from `seed`.
    pub fn new(terms: Terms, seed: u64) -> Self {
        Self {
            cx: Context::new(terms, seed),
            tokens: Tokens::default(),
            sign_in: SignIn::new(),
            sign_out: SignOut::default(),
            callers: Callers::default(),
            attention: Attention::default(),
            roles: Roles::default(),
            was_driven: false,
        }
    }

    /// Takes in what happened and returns what is to be done.
    pub fn on(&mut self, event: Event, now: Now) -> Vec<Effect> {
        self.cx.now = now;
        self.was_driven = false;
        match event {
            Event::Asked(question) => match self.asked(question) {
                Looked::Changed => {}
                // Nothing has changed for the other callers, however many there are.
                Looked::Done | Looked::Waits(_) => return std::mem::take(&mut self.cx.effects),
            },
            Event::AskedOfRoles(question) => {
                self.asked_of_roles(question);
                return std::mem::take(&mut self.cx.effects);
            }
            Event::CallersLeft => {
                self.callers.remove(Ask::has_left);
                self.roles.callers_left();
                return Vec::new();
            }
            Event::Loaded(result) => self.loaded(result),
            Event::Stored(result) => self.stored(result),
            Event::StoreChanged => {
                tracing::debug!(session = self.cx.name(), "the store has changed, and is read once more");
                self.cx.store.read_again();
            }
            Event::StartUrlResolved(flow, result) => self.sign_in.start_url_resolved(flow, result, &mut self.cx),
            Event::Registered(flow, kind, result) => self.sign_in.registered(flow, kind, result, &mut self.cx),
            Event::DeviceAuthorized(flow, result) => self.sign_in.device_authorized(flow, result, &mut self.cx),
            Event::CallbackOpened(flow, result) => self.sign_in.callback_opened(flow, result, &self.cx),
            Event::CalledBack(flow, result) => self.sign_in.called_back(flow, result, &mut self.cx),
            Event::TokenCreated(flow, result) => {
                if let Some(granted) = self.sign_in.token_created(flow, result, &mut self.cx) {
                    self.tokens.signed_in(granted.issued, granted.registration, granted.asked, &mut self.cx);
                }
            }
            Event::Refreshed(epoch, result) => self.tokens.refreshed(epoch, result, &mut self.cx),
            Event::PortalAnswered(ticket, subject, result) => self.portal_answered(ticket, subject, result),
            Event::PortalSessionEnded(result) => {
                if self.sign_out.portal_answered(result, self.cx.epoch, self.cx.name()) {
                    self.forget();
                }
            }
            Event::Found(found, mut reply) => {
                let reception = self.found(found);
                reply.give(reception, &mut self.cx.answers);
            }
            Event::EndedElsewhere(access) => self.ended_elsewhere(&access),
            Event::TermsChanged(terms) => {
                self.cx.terms = terms;
                self.tokens.terms_changed(&self.cx);
            }
            Event::PresenceChanged(presence) => {
                tracing::debug!(session = self.cx.name(), ?presence, "presence changed");
                self.attention.set_presence(presence);
            }
            Event::Acted(action) => self.acted(action),
            Event::ServiceClock(clock) => self.service_clock_changed(clock),
            Event::ConnectivityChanged => self.connectivity_changed(),
            Event::Stop => {
                self.sign_in.cancel(&mut self.cx);
                self.cx.stopping = true;
            }
            Event::Tick => {}
        }
        self.drive();
        std::mem::take(&mut self.cx.effects)
    }

    /// The answers that the events so far have led to. They are to be sent after the [`snapshot`](Self::snapshot) is published, so that a
    /// caller sees what it was told about.
    pub fn answers(&mut self) -> Answers {
        std::mem::take(&mut self.cx.answers)
    }

    /// Whether the last event may have changed the [`snapshot`](Self::snapshot), even if it had no effects.
    pub const fn was_driven(&self) -> bool {
        self.was_driven
    }

    /// When [`Event::Tick`] is due, and why.
    pub fn wake_at(&self, now: Now) -> Option<(BootTime, &'static str)> {
        let stopping = self.cx.stopping;
        let attention = self.attention.wake_at(self.outlook(None)).filter(|_| !stopping);
        let waits_for_token = self.callers.any(Ask::is_of_roles);
        let roles = self.roles.wake_at(waits_for_token, now.boot).filter(|_| !stopping);
        let because = |at: Option<BootTime>, why| at.map(|at| (at, why));
        let due = [
            because(self.callers.wake_at(), "a caller waits no longer"),
            self.tokens.wake_at(now.boot, stopping),
            because(self.cx.store.wake_at(), "the pause after a failure of the store is over"),
            because(self.sign_in.wake_at(), "the flow's next step is due"),
            because(self.sign_out.wake_at(), "the portal is waited for no longer"),
            because(attention, "the person is to be told"),
            because(roles, "a role's next step is due"),
        ];
        due.into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    /// The state as readers see it.
    pub fn snapshot(&self, now: Now) -> Snapshot {
        let token = self.tokens.served();
        let renewed_with = token.and_then(|token| token.renewal.as_ref()).map(|renewal| &renewal.registration);
        let registration = renewed_with.or(self.sign_in.registration());
        let issuer = token.map(|token| &token.access.issuer).or(registration.map(|known| &known.issuer));
        Snapshot {
            loading: !self.cx.store.is_loaded(),
            token: token.cloned(),
            flow: self.sign_in.view(),
            trouble: self.cx.trouble.clone(),
            next: self.next(now.boot),
            portal_session_ends: token.filter(|token| token.capped).map(|token| token.expires),
            unsaved: self.cx.store.is_unsaved(),
            store_error: self.cx.store.error().map(str::to_owned),
            registration: registration
                .map(|known| RegistrationDates { issued_at: known.issued_at, expires_at: known.expires_at }),
            target: issuer.map(|issuer| Target {
                issuer: issuer.clone(),
                resolved: registration.filter(|known| known.issuer == *issuer).and_then(|known| known.resolved.clone()),
            }),
            came_by: self.tokens.came_by(),
            epoch: self.tokens.served_epoch(),
        }
    }

    /// Whether a session that stops may end: no new token is on its way, and all is written or cannot be.
    pub const fn may_end(&self) -> bool {
        let store = &self.cx.store;
        let is_written = !store.is_loaded() || !store.is_unsaved() || store.is_failing();
        is_written && !self.tokens.is_refreshing()
    }

    fn next(&self, now: BootTime) -> Option<(Next, BootTime)> {
        let token = self.tokens.live(now)?;
        let may_be_capped = token.capped || self.tokens.cap().portal_caps();
        Some(match (self.tokens.refresh(), self.outlook(None).approach()) {
            (Some(Refresh::Idle { due: Some(due) }), _) => (Next::Refresh, *due),
            (Some(Refresh::BackingOff { until, .. }), _) => (Next::RetryRefresh, *until),
            (Some(Refresh::UnderWay { began, .. }), _) => (Next::Refresh, *began),
            (Some(Refresh::Refused { .. }), _) => (Next::Refresh, now),
            (_, Some(approach)) if approach > now && may_be_capped => (Next::TellPerson, approach),
            (_, Some(approach)) if approach > now => (Next::AskPerson, approach),
            _ => (Next::Expire, token.expires),
        })
    }

    /// Does everything that is due, in an order in which each part sees what the parts before it have done.
    fn drive(&mut self) {
        self.was_driven = true;
        // No refresh is begun while a token is being stored, so the stored one is served first.
        self.serve_stored();
        self.sign_in.drive(&mut self.cx);
        self.sign_out.drive(self.cx.now.boot);
        if self.tokens.refusal_is_overdue(self.cx.now.boot) {
            self.believe_refusal();
        }
        self.tokens.drive(&mut self.cx);
        // Callers and roles see the token, the flow and the sign-out as they are now.
        self.look_at_all();
        self.end_sign_out();
        self.drive_roles();
        // A notice is shown for what no caller has begun.
        self.attend();
        // All parts have changed the record by now.
        self.use_store();
    }

    fn serve_stored(&mut self) {
        if let Some(previous) = self.tokens.serve_stored(&mut self.cx) {
            self.token_came(previous.as_ref());
        }
    }

    /// Another token is served.
    fn token_came(&mut self, previous: Option<&Token>) {
        if let Some(token) = self.tokens.served() {
            self.attention.token_came(previous, token);
        }
        self.sign_in.note_served(&mut self.cx);
    }

    /// Gives a refresh token up that the service has refused, and the registration if the refusal was about that.
    fn believe_refusal(&mut self) {
        if let Some(refused) = self.tokens.believe_refusal(&mut self.cx) {
            self.sign_in.give_up(&refused);
        }
    }

    // What the service and the machine say.

    fn portal_answered(&mut self, ticket: Ticket, subject: Subject, result: Result<PortalAnswer, PortalError>) {
        if self.cx.stopping {
            return;
        }
        self.roles.note_sign_in(self.tokens.served_epoch(), &self.cx);
        if let Some(token) = self.roles.portal_answered(ticket, subject, result, &mut self.cx) {
            self.tokens.rejected(&token, &mut self.cx);
        }
    }

    fn service_clock_changed(&mut self, clock: ServiceClock) {
        self.cx.service_clock = clock;
        if let Some(previous) = self.tokens.service_clock_changed(&mut self.cx)
            && let Some(token) = self.tokens.served()
        {
            self.attention.end_corrected(previous.expires, token, &self.cx.terms, self.cx.now.boot);
        }
    }

    fn connectivity_changed(&mut self) {
        let now = self.cx.now.boot;
        tracing::debug!(session = self.cx.name(), "the machine woke up, or the network changed");
        self.tokens.connectivity_changed(&mut self.cx);
        self.sign_in.connectivity_changed(now);
        self.roles.connectivity_changed(now);
    }

    // Other programs' sign-ins.

    /// Takes a sign-in over that was found, if it is better than ours and proved.
    fn found(&mut self, found: Found) -> Reception {
        let now = self.cx.now;
        let (file, proof, refreshable) = (Arc::clone(&found.file), found.proof, found.renewal.is_some());
        let token = found.into_token(now);
        // The record in the store may be better, and a sign-out that is under way means this sign-in, too.
        let reception = if !self.cx.store.is_loaded() || self.sign_out.is_under_way() || self.cx.stopping {
            Reception::NotNow
        } else {
            match self.tokens.compare(&token, now.boot) {
                Reception::TakenOver if proof == Proof::Missing => Reception::ToBeProved,
                compared => compared,
            }
        };
        let (session, remaining) = (self.cx.name(), token.remaining(now.boot).as_secs());
        let (file, outcome) = (file.display(), reception.as_str());
        tracing::info!(session, %file, reception = outcome, remaining, refreshable, "a sign-in of another program was found");
        if reception == Reception::TakenOver {
            // Nobody needs a person any more, unless it has expired: then its refresh has to show what it is worth.
            if token.is_live(now.boot) {
                self.sign_in.overtaken();
            }
            self.tokens.adopt(token, &mut self.cx);
        }
        reception
    }

    // The person.

    /// Shows and takes back notices, and opens the flow that one is about.
    fn attend(&mut self) {
        while !self.cx.stopping {
            let view = self.sign_in.view();
            // Taken out, because the outlook borrows the other parts.
            let mut attention = std::mem::take(&mut self.attention);
            let turn = attention.take_turn(self.outlook(view.as_ref()), self.cx.now.boot);
            self.attention = attention;
            match turn {
                Some(Turn::OpenFlow) => {
                    self.join_flow(Why::EndApproaches, How::default());
                }
                Some(Turn::Show(notice)) => self.cx.effects.push(Effect::Show(notice)),
                Some(Turn::Withdraw) => self.cx.effects.push(Effect::Withdraw),
                None => return,
            }
        }
    }

    /// The input of attention. Only the notice that is shown depends on the `flow`, so the other callers leave it out.
    fn outlook<'a>(&'a self, flow: Option<&'a FlowView>) -> Outlook<'a> {
        Outlook {
            token: self.tokens.served(),
            terms: &self.cx.terms,
            portal_caps: self.tokens.cap().portal_caps(),
            cap_is_certain: self.tokens.cap().is_certain(),
            flow,
            flow_is_open: self.sign_in.is_open(),
        }
    }

    /// A click asks as a caller would. Its answer, once there is a code, opens the page.
    fn acted(&mut self, action: Action) {
        tracing::info!(session = self.cx.name(), ?action, "the person used a notice");
        let need = match action {
            Action::PutOff => return self.attention.put_off(self.cx.now.boot),
            Action::SignIn => Need::Always,
            Action::Renew => Need::Fresh,
        };
        self.callers.remove(Ask::is_of_person);
        let now = self.cx.now.boot;
        let question = Question::Login { need, how: How::at_this_browser(), reply: LoginReply::Person };
        self.callers.add(Ask::new(question, now), Some(now));
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
pub(super) mod tests;
