//! Signing in: at most one flow at a time, which everybody joins, and the registration that device flows begin with.

use std::time::Duration;

use super::callers::How;
use super::context::Context;
use super::event::{CallbackPage, Effect};
use super::flow::{Flow, FlowEnd, FlowTarget};
use super::{SignInEpoch, Target, Trouble, Why, policy};
use crate::budget::Budget;
use crate::clock::{BootTime, Now};
use crate::notice::{FlowKind, FlowView};
use crate::oidc::{CallError, DeviceAuthorization, ErrorName, Grant, Issued, Registration};

/// How many ended flows are remembered for callers that still ask for their end.
const ENDED_FLOWS: usize = 8;

pub(super) struct SignIn {
    /// For the next device flow. The one that a refresh token belongs to is kept beside the refresh token.
    registration: Option<Registration>,
    flow: Option<Flow>,
    /// How often flows may be opened.
    budget: Budget,
    /// The number of the newest flow.
    newest: u64,
    ended: Vec<(u64, FlowEnd)>,
    late_attempt: Option<LateAttempt>,
    /// The number of the newest flow when the registration was forgotten. What earlier ones register is not kept.
    forgotten: u64,
}

/// An attempt at CreateToken that was not answered before its code expired. It may still bring a token.
struct LateAttempt {
    flow: u64,
    epoch: SignInEpoch,
    registration: Registration,
    began: BootTime,
}

/// A token that a flow has brought.
pub(super) struct Granted {
    pub(super) issued: Issued,
    pub(super) registration: Registration,
    /// When it was asked for.
    pub(super) asked: BootTime,
}

impl SignIn {
    pub(super) const fn new() -> Self {
        Self {
            registration: None,
            flow: None,
            budget: Budget::new(policy::FLOWS_AT_ONCE, policy::FLOW_PACE),
            newest: 0,
            ended: Vec::new(),
            late_attempt: None,
            forgotten: 0,
        }
    }

    pub(super) const fn registration(&self) -> Option<&Registration> {
        self.registration.as_ref()
    }

    pub(super) const fn is_open(&self) -> bool {
        self.flow.is_some()
    }

    /// Whether the flow has its token, which is being stored.
    pub(super) fn is_granted(&self) -> bool {
        self.flow.as_ref().is_some_and(Flow::is_granted)
    }

    /// The number of the open flow.
    pub(super) fn open_number(&self) -> Option<u64> {
        self.flow.as_ref().map(|flow| flow.number)
    }

    /// The open flow as it may be shown.
    pub(super) fn view(&self) -> Option<FlowView> {
        self.flow.as_ref().and_then(Flow::view)
    }

    /// The end of that flow, if it has ended.
    pub(super) fn end_of(&self, flow: u64) -> Option<&FlowEnd> {
        self.ended.iter().find(|(number, _)| *number == flow).map(|(_, end)| end)
    }

    /// How long it is until the next flow may be opened.
    pub(super) fn wait(&self, now: BootTime) -> Duration {
        self.budget.wait(now)
    }

    pub(super) fn wake_at(&self) -> Option<BootTime> {
        self.flow.as_ref().and_then(Flow::wake_at)
    }

    /// Joins the open flow, or opens one. Returns its number, and whether it was opened. The token lives for `remaining`.
    pub(super) fn join(&mut self, why: Why, how: How, remaining: Duration, cx: &mut Context) -> (u64, bool) {
        // A flow whose code has expired during a suspend is ended first, so that nobody joins it.
        self.drive(cx);
        if let Some(flow) = &self.flow {
            return (flow.number, false);
        }
        self.newest += 1;
        self.budget.spend(cx.now.boot);
        let kind = how.kind(cx.terms.sign_in);
        self.flow = Some(Flow::new(self.newest, kind, how.callback_port, cx.terms.target.clone(), cx.now.boot));
        let (session, flow, remaining) = (cx.name(), self.newest, remaining.as_secs());
        tracing::info!(session, flow, kind = kind.as_str(), why = why.as_str(), remaining, "decided to open a flow");
        self.drive(cx);
        (self.newest, true)
    }

    /// Does what is due.
    pub(super) fn drive(&mut self, cx: &mut Context) {
        // Registrations end by the service's clock.
        let now = Now { wall: cx.service_clock.at(cx.now.wall), ..cx.now };
        let step = self.flow.as_mut().map(|flow| flow.drive(self.registration.as_ref(), now));
        self.stepped(step, cx);
    }

    /// The machine woke up, or the network changed: a step that failed is tried again now.
    pub(super) fn connectivity_changed(&mut self, now: BootTime) {
        if let Some(flow) = &mut self.flow {
            flow.retry_now(now);
        }
    }

    /// The flow has taken a step, if it is open.
    fn stepped(&mut self, step: Option<Result<Option<Effect>, FlowEnd>>, cx: &mut Context) {
        match step {
            Some(Ok(effect)) => cx.effects.extend(effect),
            Some(Err(end)) => self.end(end, cx),
            None => {}
        }
    }

    fn open_flow(&mut self, number: u64) -> Option<&mut Flow> {
        self.flow.as_mut().filter(|flow| flow.number == number)
    }

    /// The start URL has been asked where it leads.
    pub(super) fn start_url_resolved(&mut self, number: u64, result: Result<FlowTarget, CallError>, cx: &mut Context) {
        let session = cx.name();
        match &result {
            Ok(FlowTarget { target: Target { issuer, resolved }, .. }) => {
                let leads_to = resolved.as_deref();
                tracing::info!(session, flow = number, leads_to, %issuer, "the start URL is resolved");
            }
            Err(error) => tracing::warn!(session, flow = number, %error, "the start URL cannot be resolved"),
        }
        let (now, chance) = (cx.now, cx.chance.f64());
        if let Some(Err(end)) = self.open_flow(number).map(|flow| flow.on_resolved(result, now, chance)) {
            self.end(end, cx);
        }
    }

    /// RegisterClient has answered.
    pub(super) fn registered(
        &mut self,
        number: u64,
        kind: FlowKind,
        result: Result<Registration, CallError>,
        cx: &mut Context,
    ) {
        match &result {
            Ok(registration) if kind == FlowKind::Device && number > self.forgotten => {
                self.registration = Some(registration.clone());
                cx.store.record_changed();
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(session = cx.name(), flow = number, %error, "registering failed"),
        }
        let (now, chance) = (cx.now, cx.chance.f64());
        let step = self.open_flow(number).map(|flow| flow.on_registered(result, now, chance));
        self.stepped(step, cx);
    }

    /// StartDeviceAuthorization has answered.
    pub(super) fn device_authorized(
        &mut self,
        number: u64,
        result: Result<DeviceAuthorization, CallError>,
        cx: &mut Context,
    ) {
        let session = cx.name();
        match &result {
            Ok(DeviceAuthorization { user_code, expires_in, interval, .. }) => {
                let (expires_in, interval) = (expires_in.as_secs(), interval.as_secs());
                tracing::info!(session, flow = number, user_code, expires_in, interval, "a person is needed");
            }
            Err(error) => tracing::warn!(session, flow = number, %error, "the device authorization failed"),
        }
        let (now, chance) = (cx.now, cx.chance.f64());
        let step = self.open_flow(number).map(|flow| flow.on_authorized(result, now, chance));
        self.stepped(step, cx);
    }

    /// A listener for the browser is open, and this is the page that leads to it; or why there is none.
    pub(super) fn callback_opened(&mut self, number: u64, result: Result<CallbackPage, String>, cx: &Context) {
        let session = cx.name();
        match &result {
            Ok(_) => tracing::info!(session, flow = number, "a browser is needed"),
            Err(error) => tracing::warn!(session, flow = number, error, "the browser cannot be listened for"),
        }
        if let Some(flow) = self.open_flow(number) {
            flow.on_callback_open(result, cx.now.boot);
        }
    }

    /// The browser has come back with a code, or with an error.
    pub(super) fn called_back(&mut self, number: u64, result: Result<Grant, CallError>, cx: &mut Context) {
        let session = cx.name();
        match &result {
            Ok(_) => tracing::info!(session, flow = number, "the browser has brought a code"),
            Err(error) => tracing::warn!(session, flow = number, %error, "the browser has brought an error"),
        }
        let now = cx.now.boot;
        if let Some(Err(end)) = self.open_flow(number).map(|flow| flow.on_called_back(result, now)) {
            self.end(end, cx);
        }
    }

    /// CreateToken has answered to the code of a flow. Returns the token that it brought.
    pub(super) fn token_created(
        &mut self,
        number: u64,
        result: Result<Issued, CallError>,
        cx: &mut Context,
    ) -> Option<Granted> {
        match result {
            Ok(issued) => {
                // The token of a flow that was cancelled is dropped; the token of a flow whose code has expired is not.
                let late = self.late_attempt.take_if(|late| (late.flow, late.epoch) == (number, cx.epoch));
                let grant = self.open_flow(number).and_then(Flow::grant);
                let session = cx.name();
                let Some((registration, asked)) = grant.or(late.map(|late| (late.registration, late.began))) else {
                    tracing::info!(session, flow = number, "the token of a cancelled flow was dropped");
                    return None;
                };
                let (expires_in, refreshable) = (issued.expires_in.as_secs(), issued.refresh_token.is_some());
                tracing::info!(session, flow = number, expires_in, refreshable, "signed in");
                Some(Granted { issued, registration, asked })
            }
            Err(error) => {
                tracing::debug!(session = cx.name(), flow = number, %error, "no token yet");
                let (now, chance) = (cx.now, cx.chance.f64());
                let is_device_flow = self.open_flow(number).is_some_and(|flow| flow.kind() == FlowKind::Device);
                if is_device_flow && error.name() == Some(ErrorName::InvalidClient) {
                    self.registration = None;
                }
                let step = self.open_flow(number).map(|flow| flow.on_no_token(error, now, chance));
                self.stepped(step, cx);
                None
            }
        }
    }

    /// The sign-in came from elsewhere, and its token is being stored.
    pub(super) fn overtaken(&mut self) {
        if let Some(flow) = &mut self.flow {
            flow.overtake();
        }
    }

    /// The new token is served: the flow that brought it is over.
    pub(super) fn note_served(&mut self, cx: &mut Context) {
        if self.is_granted() {
            self.end(FlowEnd::Granted, cx);
        }
    }

    /// Gives the open flow up, if there is one.
    pub(super) fn cancel(&mut self, cx: &mut Context) {
        self.end(FlowEnd::Cancelled, cx);
    }

    fn end(&mut self, end: FlowEnd, cx: &mut Context) {
        let Some(flow) = self.flow.take() else { return };
        tracing::info!(session = cx.name(), flow = flow.number, how = end.as_str(), "the flow is over");
        let at = cx.now.boot;
        let trouble = |code, message: &str| Some(Trouble { code, message: message.to_owned(), at });
        cx.trouble = match &end {
            FlowEnd::Granted | FlowEnd::Cancelled => cx.trouble.take(),
            FlowEnd::Expired => trouble("flow_expired", "nobody signed in in time"),
            FlowEnd::Denied => trouble(ErrorName::AccessDenied.in_oauth(), "the sign-in was denied in the browser"),
            FlowEnd::Failed(error) => Some(Trouble::of_call(error, at)),
        };
        if end == FlowEnd::Expired {
            self.late_attempt = flow.attempting_with().map(|(registration, began)| LateAttempt {
                flow: flow.number,
                epoch: cx.epoch,
                registration: registration.clone(),
                began,
            });
        }
        if flow.kind() == FlowKind::Browser {
            cx.effects.push(Effect::EndCallback(flow.number, end.clone()));
        }
        if self.ended.len() == ENDED_FLOWS {
            self.ended.remove(0);
        }
        self.ended.push((flow.number, end));
    }

    // The registration.

    /// The store has a registration, which counts unless there is one already.
    pub(super) fn loaded(&mut self, registration: Option<Registration>) {
        self.registration = self.registration.take().or(registration);
    }

    /// Another daemon has put a newer record into the store, with this registration.
    pub(super) fn take_from_store(&mut self, registration: Option<Registration>) {
        self.registration = registration.or(self.registration.take());
    }

    /// The service does not know this registration any more.
    pub(super) fn give_up(&mut self, refused: &Registration) {
        self.registration.take_if(|known| known.client_id == refused.client_id);
    }

    /// Forgets the registration, and what flows that have been opened so far may still register.
    pub(super) fn forget_registration(&mut self) {
        self.registration = None;
        self.forgotten = self.newest;
    }
}
