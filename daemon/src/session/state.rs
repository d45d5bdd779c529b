//! The whole machine of a session: [`State::on`] takes what happened and when, and returns what is to be done.
//!
//! Each part owns its fields ([`super`] lists them). This file hands events to the parts, and passes on what one part has decided and another has to
//! know.

use std::sync::Arc;

use super::attention::{Attention, Outlook, Turn};
use super::callers::TokenReply;
use super::callers::{Ask, Callers, Forgotten, LoginReply, Need, PortalOutcome, Question, Refusal, Situation, Step};
use super::context::Context;
use super::found::{Found, Proof, Reception};
use super::reply::{Answers, Reply};
use super::roles::callers::RoleQuestion;
use super::roles::{PortalAnswer, Roles, Subject, Ticket};
use super::sign_in::SignIn;
use super::sign_out::{Forget, SignOut};
use super::store_writer::Access;
use super::tokens::{Refresh, Tokens};
use super::{AccessToken, Kept, Next, Registered, Renewal, SignInEpoch, Snapshot, Terms, Token, Trouble, Why};
use crate::clock::{BootTime, Now};
use crate::notice::{Action, FlowView, Notice, Presence};
use crate::oidc::{CallError, DeviceAuthorization, Grant, Issued, Registration, ServiceClock};
use crate::portal::{PageToken, PortalError};

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// A caller came.
    Asked(Question),
    /// A caller came who wants accounts, roles or role credentials.
    AskedOfRoles(RoleQuestion),
    /// At least one caller waits no longer.
    CallersLeft,
    /// The store has been read; `Ok(None)`: it has nothing of this session.
    Loaded(Result<Option<Kept>, String>),
    /// What the last [`Effect::Store`] asked for is durable, or not.
    Stored(Result<(), String>),
    /// Another place keeps the records from now on, or the one that did has lost them: it is read once more.
    StoreChanged,
    /// RegisterClient has answered.
    Registered(u64, Result<Registration, CallError>),
    /// StartDeviceAuthorization has answered.
    DeviceAuthorized(u64, Result<DeviceAuthorization, CallError>),
    /// CreateToken has answered to a device code.
    Polled(u64, Result<Issued, CallError>),
    /// CreateToken has answered to a refresh token.
    Refreshed(SignInEpoch, Result<Issued, CallError>),
    /// The portal has answered to a question of the roles.
    PortalAnswered(Ticket, Subject, Result<PortalAnswer, PortalError>),
    /// The portal has answered to a sign-out.
    PortalLeft(Result<(), CallError>),
    /// A sign-in was found that another program has made.
    Found(Found, Reply<Reception>),
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
    ConnectivityChanged,
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
    Refresh(SignInEpoch, Renewal),
    /// Ask the portal, for this page where it is a list's.
    AskPortal(Ticket, Subject, Option<PageToken>, Arc<AccessToken>),
    /// Tell the portal that the person leaves.
    LeavePortal(Arc<AccessToken>),
    /// Show the person this, in the place of what was shown before.
    Show(Notice),
    /// Take back what is shown.
    Withdraw,
    /// Open the page of this flow.
    OpenPage(FlowView),
}

/// One session.
pub struct State {
    cx: Context,
    tokens: Tokens,
    sign_in: SignIn,
    sign_out: SignOut,
    callers: Callers,
    attention: Attention,
    roles: Roles,
}

/// What came of looking at a caller.
enum Settled {
    /// It is answered, or has left.
    Done,
    /// It waits, and is to be looked at again then at the latest.
    Waits(Option<BootTime>),
    /// It waits, and something was begun that others may wait for, too.
    Changed,
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
        }
    }

    /// Takes in what happened and returns what is to be done.
    pub fn on(&mut self, event: Event, now: Now) -> Vec<Effect> {
        self.cx.now = now;
        match event {
            Event::Asked(question) => match self.asked(question) {
                Settled::Changed => {}
                // One more caller that has its answer or waits: for the others, however many, nothing has changed.
                Settled::Done | Settled::Waits(_) => return std::mem::take(&mut self.cx.effects),
            },
            Event::AskedOfRoles(question) => {
                self.roles.sign_in_is(self.tokens.served_epoch(), &self.cx);
                self.roles.asked(question, &mut self.cx);
                self.begin_role_calls();
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
            Event::Registered(flow, result) => self.sign_in.registered(flow, result, &mut self.cx),
            Event::DeviceAuthorized(flow, result) => self.sign_in.device_authorized(flow, result, &mut self.cx),
            Event::Polled(flow, result) => {
                if let Some(granted) = self.sign_in.polled(flow, result, &mut self.cx) {
                    self.tokens.signed_in(granted.issued, granted.registration, granted.asked, &mut self.cx);
                }
            }
            Event::Refreshed(epoch, result) => self.tokens.refreshed(epoch, result, &mut self.cx),
            Event::PortalAnswered(ticket, subject, result) => {
                if let Some(token) = self.roles.portal_answered(ticket, subject, result, &mut self.cx) {
                    self.tokens.rejected(&token, &mut self.cx);
                }
            }
            Event::PortalLeft(result) => {
                if self.sign_out.portal_answered(result, self.cx.name()) {
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
                tracing::debug!(session = self.cx.name(), ?presence, "presence");
                self.attention.set_presence(presence);
            }
            Event::Acted(action) => self.acted(action),
            Event::ServiceClock(clock) => {
                self.cx.service_clock = clock;
                if let Some(previous) = self.tokens.service_clock_changed(&mut self.cx) {
                    self.token_came(Some(&previous));
                }
            }
            Event::ConnectivityChanged => {
                tracing::debug!(session = self.cx.name(), "the machine woke up, or the network changed");
                self.tokens.connectivity_changed(&mut self.cx);
                self.sign_in.connectivity_changed(now.boot);
                self.roles.connectivity_changed(now.boot);
            }
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

    /// When [`Event::Tick`] is due, and why.
    pub fn wake_at(&self, now: Now) -> Option<(BootTime, &'static str)> {
        let stopping = self.cx.stopping;
        let attention = self.attention.wake_at(self.outlook(None)).filter(|_| !stopping);
        let has_token = self.tokens.live(now.boot).is_some();
        let roles = self.roles.wake_at(has_token, now.boot).filter(|_| !stopping);
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

    /// What readers see.
    pub fn snapshot(&self, now: Now) -> Snapshot {
        let token = self.tokens.served();
        let renewed_with = token.and_then(|token| token.renewal.as_ref()).map(|renewal| &renewal.registration);
        Snapshot {
            loading: !self.cx.store.is_loaded(),
            token: token.cloned(),
            flow: self.sign_in.view(),
            trouble: self.cx.trouble.clone(),
            next: self.next(now.boot),
            session_ends: token.filter(|token| token.capped).map(|token| token.expires),
            unsaved: self.cx.store.is_unsaved(),
            store_error: self.cx.store.error().map(str::to_owned),
            registration: renewed_with
                .or(self.sign_in.registration())
                .map(|known| Registered { issued_at: known.issued_at, expires_at: known.expires_at }),
            came_by: self.tokens.came_by(),
            epoch: self.tokens.served_epoch(),
        }
    }

    /// Whether a session that stops may end: no new token is on its way, and all is written or cannot be.
    pub const fn is_settled(&self) -> bool {
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
            (Some(Refresh::UnderWay { .. } | Refresh::Refused { .. }), _) => (Next::Refresh, now),
            (_, Some(approach)) if approach > now && may_be_capped => (Next::TellPerson, approach),
            (_, Some(approach)) if approach > now => (Next::AskPerson, approach),
            _ => (Next::Expire, token.expires),
        })
    }

    /// Does everything that is due.
    fn drive(&mut self) {
        self.serve_pending();
        self.sign_in.drive(&mut self.cx);
        self.sign_out.drive(self.cx.now.boot);
        self.believe_refusal(false);
        self.tokens.drive(&mut self.cx);
        self.settle_all();
        self.end_sign_out();
        self.drive_roles();
        self.attend();
        self.use_store();
    }

    fn serve_pending(&mut self) {
        if let Some(previous) = self.tokens.serve_pending(&mut self.cx) {
            self.token_came(previous.as_ref());
        }
    }

    /// Another token is served.
    fn token_came(&mut self, previous: Option<&Token>) {
        if let Some(token) = self.tokens.served() {
            self.attention.token_came(previous, token);
        }
        self.sign_in.token_is_served(&mut self.cx);
    }

    fn believe_refusal(&mut self, store_was_read: bool) {
        if let Some(refused) = self.tokens.believe_refusal(store_was_read, &mut self.cx) {
            self.sign_in.give_up(&refused);
        }
    }

    // Callers.

    fn asked(&mut self, question: Question) -> Settled {
        let (forgotten, cancels) = match &question {
            Question::Logout { forgotten, .. } => (Some(*forgotten), false),
            Question::CancelLogin { .. } => (None, true),
            _ => (None, false),
        };
        let mut ask = Ask::new(question, self.cx.now.boot);
        if let Some(forgotten) = forgotten {
            if self.sign_out.forget_at_once() {
                self.forget();
            }
            if forgotten == Forgotten::Everything {
                self.forget_registration();
            }
            if !self.cx.store.is_loaded() {
                self.sign_out_before_the_store_answers(forgotten);
                ask.sign_out_began();
            }
        }
        // A flow that has its token cannot be given up any more.
        if cancels && !self.sign_in.is_granted() {
            self.sign_in.cancel(&mut self.cx);
            self.callers.add(ask, None);
            return Settled::Changed;
        }
        let settled = self.settle(&mut ask);
        match settled {
            Settled::Done => {}
            Settled::Waits(due) => self.callers.add(ask, due),
            Settled::Changed => self.callers.add(ask, None),
        }
        settled
    }

    /// Looks at all callers, until nothing changes any more.
    fn settle_all(&mut self) {
        loop {
            let mut changed = false;
            for mut ask in self.callers.take_all() {
                match self.settle(&mut ask) {
                    Settled::Done => {}
                    Settled::Waits(due) => self.callers.add(ask, due),
                    Settled::Changed => {
                        changed = true;
                        self.callers.add(ask, None);
                    }
                }
            }
            if !changed {
                return;
            }
        }
    }

    /// Looks at one caller: answers it, or does what it waits for.
    fn settle(&mut self, ask: &mut Ask) -> Settled {
        let mut step = self.step(ask);
        if matches!(step, Step::Refresh) {
            self.tokens.begin_refresh(Why::Asked, &mut self.cx);
            step = self.step(ask);
        }
        match step {
            Step::Answered => Settled::Done,
            Step::Wait(due) => Settled::Waits(due),
            Step::Refresh => Settled::Waits(Some(self.cx.now.boot)),
            Step::TellRoles(answer) => {
                if let Err(refusal) = answer {
                    self.roles.token_refused(&refusal, &mut self.cx);
                }
                Settled::Done
            }
            Step::OpenPage(flow) => {
                self.cx.effects.push(Effect::OpenPage(flow));
                Settled::Done
            }
            Step::SignIn => {
                let wait = self.sign_in.wait(self.cx.now.boot);
                if !self.sign_in.is_open() && !wait.is_zero() {
                    ask.refuse(Refusal::TooManyFlows { wait }, &mut self.cx.answers);
                    return Settled::Done;
                }
                let (flow, opened) = self.join_flow(Why::Asked);
                ask.joined(flow, opened);
                // To join a flow changes nothing for those who have joined it before, and nobody joins twice.
                if opened { Settled::Changed } else { self.settle(ask) }
            }
            Step::SignOut(forget) => {
                ask.sign_out_began();
                self.begin_sign_out(forget);
                Settled::Changed
            }
        }
    }

    fn step(&mut self, ask: &mut Ask) -> Step {
        if self.cx.stopping {
            return ask.refuse(Refusal::ShuttingDown, &mut self.cx.answers);
        }
        let situation = Situation {
            now: self.cx.now.boot,
            tokens: &self.tokens,
            sign_in: &self.sign_in,
            sign_out: &self.sign_out,
            store: &self.cx.store,
        };
        ask.step(&situation, &mut self.cx.answers)
    }

    fn join_flow(&mut self, why: Why) -> (u64, bool) {
        let remaining = self.tokens.served().map(|token| token.remaining(self.cx.now.boot)).unwrap_or_default();
        self.sign_in.join(why, remaining, &mut self.cx)
    }

    // Roles.

    fn drive_roles(&mut self) {
        self.roles.sign_in_is(self.tokens.served_epoch(), &self.cx);
        let token = self.tokens.live(self.cx.now.boot).map(|token| Arc::clone(&token.access));
        self.roles.drive(token.as_ref(), &mut self.cx);
        self.begin_role_calls();
    }

    /// Begins the calls that are due with the live token. If there is none, the roles ask for one as a caller does who waits for no
    /// person.
    fn begin_role_calls(&mut self) {
        let now = self.cx.now.boot;
        let token = self.tokens.live(now).map(|token| Arc::clone(&token.access));
        self.roles.begin(token.as_ref(), &mut self.cx);
        if token.is_some() || !self.roles.needs_token(now) || self.callers.any(Ask::is_of_roles) {
            return;
        }
        let (min_valid, wait) = (std::time::Duration::ZERO, std::time::Duration::ZERO);
        let mut ask = Ask::new(Question::Token { min_valid, wait, reply: TokenReply::Roles }, now);
        match self.settle(&mut ask) {
            Settled::Waits(due) => self.callers.add(ask, due),
            // There is none, and those who wait for the portal are told.
            Settled::Done | Settled::Changed => self.roles.drive(None, &mut self.cx),
        }
    }

    // Signing out.

    /// Tells the portal, and forgets the token at once or when the portal was told.
    fn begin_sign_out(&mut self, forget: Forget) {
        self.sign_in.cancel(&mut self.cx);
        // Even an expired token can end the portal session, which may outlive it.
        let outcome = match self.tokens.stop_storing() {
            Some(token) => {
                self.cx.effects.push(Effect::LeavePortal(Arc::clone(&token.access)));
                None
            }
            None => Some(PortalOutcome::NothingToEnd),
        };
        self.sign_out.begin(forget, outcome, self.cx.now.boot);
        if forget == Forget::AtOnce {
            self.forget();
        }
    }

    /// Nobody knows yet what there is to sign out of. What a person has signed in for since the start is left now, and what the
    /// store has once it is read.
    fn sign_out_before_the_store_answers(&mut self, forgotten: Forgotten) {
        self.sign_out.when_loaded(forgotten);
        if self.tokens.newest().is_some() {
            self.begin_sign_out(Forget::AtOnce);
        } else {
            self.sign_in.cancel(&mut self.cx);
        }
    }

    /// A sign-out is over once everybody who waited for it has heard how it went.
    fn end_sign_out(&mut self) {
        if self.sign_out.portal_is_done() && !self.callers.any(Ask::waits_for_sign_out) {
            self.sign_out.end();
            // Those who waited for its end can go on.
            self.settle_all();
        }
    }

    /// The portal does not know this token any more: somebody has signed out elsewhere.
    fn ended_elsewhere(&mut self, access: &AccessToken) {
        tracing::info!(session = self.cx.name(), "signed out elsewhere");
        if self.tokens.is_newest(access) {
            self.sign_in.cancel(&mut self.cx);
            self.forget();
        }
    }

    fn forget(&mut self) {
        self.tokens.forget(&mut self.cx);
        self.attention.token_went();
    }

    fn forget_registration(&mut self) {
        self.sign_in.forget_registration();
        self.tokens.forget_portal();
        self.cx.store.write_without_pause();
    }

    // Other programs' sign-ins.

    /// Takes a sign-in over that was found, if it is better than ours and proved.
    fn found(&mut self, found: Found) -> Reception {
        let now = self.cx.now;
        let (file, proof, renewable) = (Arc::clone(&found.file), found.proof, found.renewal.is_some());
        let token = found.into_token(now);
        // What the store has may be better, and a sign-out that is under way means this one, too.
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
        tracing::info!(session, %file, reception = outcome, remaining, renewable, "a sign-in of another program was found");
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
            let mut attention = std::mem::take(&mut self.attention);
            let turn = attention.take_turn(self.outlook(view.as_ref()), self.cx.now.boot);
            self.attention = attention;
            match turn {
                Some(Turn::OpenFlow) => {
                    self.join_flow(Why::EndApproaches);
                }
                Some(Turn::Show(notice)) => self.cx.effects.push(Effect::Show(notice)),
                Some(Turn::Withdraw) => self.cx.effects.push(Effect::Withdraw),
                None => return,
            }
        }
    }

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
        self.callers.add(Ask::new(Question::Login { need, reply: LoginReply::Person }, now), Some(now));
    }

    // The store.

    fn loaded(&mut self, result: Result<Option<Kept>, String>) {
        let session = self.cx.name();
        match &result {
            Ok(kept) => tracing::debug!(session, found = kept.is_some(), "the store was read"),
            Err(error) => tracing::warn!(session, %error, "the store cannot be read"),
        }
        if self.cx.store.second_read_done() {
            return self.read_again(result.map(Option::unwrap_or_default));
        }
        let result = result.map(|kept| self.loaded_first(kept.unwrap_or_default()));
        self.access_done(result);
    }

    /// What a person has signed in to since the start is newer than what the store has.
    fn loaded_first(&mut self, kept: Kept) {
        let forgotten = self.sign_out.loaded();
        if forgotten != Some(Forgotten::Everything) {
            self.sign_in.loaded(kept.registration);
            self.tokens.portal_caps_is_recorded(kept.portal_caps);
        }
        if self.tokens.newest().is_some() {
            return;
        }
        if forgotten.is_some() && self.sign_out.waits_for_portal() {
            // The portal hears of one sign-out at a time, and is hearing of the one that was signed in to since.
            self.forget();
            return;
        }
        self.tokens.loaded(kept.token, &mut self.cx);
        if forgotten.is_some() {
            self.begin_sign_out(Forget::AtOnce);
        } else if let Some(token) = self.tokens.served() {
            self.attention.token_found(token, self.cx.now.boot);
        }
    }

    /// The store was read once more: what another daemon has put there counts if it is newer, and else what is missing is put
    /// there.
    fn read_again(&mut self, result: Result<Kept, String>) {
        let is_free = !self.sign_out.is_under_way() && !self.cx.stopping && !self.tokens.is_refreshing();
        match result {
            Ok(Kept { token: Some(token), registration, portal_caps })
                if is_free && self.tokens.is_newer(&token, &self.cx) =>
            {
                self.sign_in.take_from_store(registration);
                self.tokens.portal_caps_is_recorded(portal_caps);
                if token.is_live(self.cx.now.boot) {
                    self.sign_in.overtaken();
                }
                let previous = self.tokens.take_from_store(token, &mut self.cx);
                self.token_came(previous.as_ref());
            }
            found => {
                let access = |kept: Kept| kept.token.map(|token| token.access);
                let ours = self.kept();
                if self.tokens.is_refused() || found.is_ok_and(|found| access(found) != access(ours)) {
                    self.cx.store.record_changed();
                }
                self.believe_refusal(true);
            }
        }
    }

    fn stored(&mut self, result: Result<(), String>) {
        if let Err(error) = &result {
            tracing::warn!(session = self.cx.name(), %error, "the record cannot be written");
        }
        self.access_done(result);
    }

    fn access_done(&mut self, result: Result<(), String>) {
        let at = self.cx.now.boot;
        if let Err(message) = result.clone() {
            self.cx.trouble = Some(Trouble { code: "store", message, at });
        } else {
            self.cx.trouble.take_if(|trouble| trouble.code == "store");
        }
        let chance = self.cx.chance.f64();
        self.cx.store.done(result, at, chance);
    }

    /// Begins the read or write that is due.
    fn use_store(&mut self) {
        let effect = match self.cx.store.next_access(self.cx.now.boot) {
            Some(Access::Read) => Effect::Load,
            Some(Access::Write) => Effect::Store(self.kept()),
            None => return,
        };
        self.cx.effects.push(effect);
    }

    /// What the store is to have.
    fn kept(&self) -> Kept {
        Kept {
            registration: self.sign_in.registration().cloned(),
            token: self.tokens.newest().cloned(),
            portal_caps: self.tokens.record_caps(),
        }
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
pub(super) mod tests;
