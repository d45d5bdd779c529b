//! One call from its arrival to its end: it is recorded, meets a fault if one was injected, and is carried out.

use std::sync::Arc;

use serde_json::Value;

use crate::answer::{Answer, Body};
use crate::errors;
use crate::faults::Fault;
use crate::identity_center::IdentityCenter;
use crate::oidc::{self, Members};
use crate::operation::{Api, Call, Grant, Operation};
use crate::page;
use crate::portal;
use crate::state::{Offer, Pace, Received};
use crate::vanity;

/// The bytes to send, and the end of the connection.
pub(crate) enum Reply {
    Whole(Answer),
    /// Half of the body, then the end of the connection.
    Cut(Answer),
    /// A body of that many bytes.
    Flood(u64),
    /// The connection is closed in the ordinary way, without an answer.
    Closed,
    /// The connection is reset.
    Reset,
}

/// Carries a call out from its arrival to its end.
pub(crate) async fn carry_out(identity_center: &Arc<IdentityCenter>, call: Call) -> Reply {
    let (mut ticket, fault) = Ticket::open(identity_center, call);
    match fault {
        Some(Fault::Delay { by }) => {
            #[allow(clippy::disallowed_methods, reason = "a slow service is slow in real time")]
            tokio::time::sleep(by).await;
        }
        Some(Fault::Hang) => {
            identity_center.with(|service, _| service.record_end(ticket.index, "hanging"));
            return std::future::pending().await;
        }
        _ => {}
    }
    let (reply, end) = ticket.carry_out(fault);
    ticket.close(&end);
    reply
}

/// A call under way. If it is dropped before its end, because the client hangs up, it is recorded as abandoned.
pub(crate) struct Ticket {
    identity_center: Arc<IdentityCenter>,
    call: Call,
    members: Option<Members>,
    offer: Offer,
    /// The place of the call's record in the log.
    index: usize,
    pace: Pace,
    ended: bool,
}

/// The end of a call.
pub(crate) struct End {
    /// See [`crate::CallRecord::outcome`].
    outcome: String,
    received: Received,
}

impl End {
    fn without_effect(outcome: impl Into<String>) -> Self {
        Self { outcome: outcome.into(), received: Received::Nothing }
    }
}

impl Ticket {
    /// Records the call's arrival, and returns the fault that it meets.
    pub(crate) fn open(identity_center: &Arc<IdentityCenter>, call: Call) -> (Self, Option<Fault>) {
        let operation = call.operation;
        let members = if operation.api() == Api::Oidc { oidc::read_members(&call.body) } else { None };
        let token_request = members.as_ref().filter(|_| operation == Operation::CreateToken);
        let grant = token_request.and_then(|members| Grant::from_wire(members.get("grantType")?.as_str()?));
        let offer = grant.zip(token_request).and_then(|(grant, members)| offer(grant, members)).unwrap_or(Offer::Other);
        let (index, pace, fault) = identity_center.with(|service, at| {
            let index = service.record_arrival(operation, grant, at.now);
            (index, service.note_arrival(&offer, at.now), service.faults.strike(operation))
        });
        (Self { identity_center: Arc::clone(identity_center), call, members, offer, index, pace, ended: false }, fault)
    }

    /// Carries the call out, or what its fault makes of that. [`Ticket::close`] records the end. This never waits: the
    /// caller has waited for the time of a delay, and does not come here with a call that hangs.
    pub(crate) fn carry_out(&self, fault: Option<Fault>) -> (Reply, End) {
        match fault {
            None | Some(Fault::Delay { .. } | Fault::Hang) => self.delivered(self.perform()),
            Some(Fault::Error { name, reason }) => self.delivered(self.exception(&name, reason.as_deref())),
            Some(Fault::Status { status }) => self.delivered(Answer::new(status, Body::Empty)),
            Some(Fault::TooManyRequests { retry_after }) => {
                let answer = Answer { status: 429, ..self.exception("TooManyRequestsException", None) };
                self.delivered(answer.with_header("retry-after", retry_after.as_secs().to_string()))
            }
            Some(Fault::NotJson) => {
                self.delivered(Answer::new(200, Body::NotJson("<<< not JSON >>>")).with_outcome("not JSON"))
            }
            Some(Fault::Html) => self.delivered(Answer::html(200, page::captive_portal()).with_outcome("HTML")),
            Some(Fault::MissingMember { name }) => self.garbled(&name, None),
            Some(Fault::ReplacedMember { name, value }) => self.garbled(&name, Some(value)),
            Some(Fault::Truncated) => {
                let answer = self.perform();
                let end = End::without_effect(format!("truncated ({})", answer.outcome));
                (Reply::Cut(answer), end)
            }
            Some(Fault::LostAnswer) => {
                (Reply::Closed, End::without_effect(format!("lost answer ({})", self.perform().outcome)))
            }
            Some(Fault::Oversized { bytes }) => (Reply::Flood(bytes), End::without_effect("oversized")),
            Some(Fault::Reset) => (Reply::Reset, End::without_effect("reset")),
        }
    }

    fn perform(&self) -> Answer {
        let call = &self.call;
        self.identity_center.with(|service, at| match call.operation.api() {
            Api::Oidc => oidc::answer(service, call.operation, self.members.as_ref(), self.pace, at),
            Api::Portal => portal::answer(service, call, at),
            Api::Page => page::answer(service, call, at),
            Api::Vanity => vanity::answer(&service.settings, call),
        })
    }

    fn exception(&self, name: &str, reason: Option<&str>) -> Answer {
        let members: Vec<_> = reason.iter().map(|reason| ("reason", (*reason).to_owned())).collect();
        self.identity_center.with(|service, at| match self.call.operation {
            Operation::AuthorizationPage => page::fail(service, &self.call, name, at),
            operation => {
                errors::exception(operation, service.settings.error_statuses, name, "injected fault", &members)
            }
        })
    }

    fn delivered(&self, answer: Answer) -> (Reply, End) {
        let received = match answer.outcome.as_str() {
            "InvalidGrantException" => Received::InvalidGrant,
            "SlowDownException" => Received::SlowDown,
            "ok" if self.brings_successor(&answer) => Received::Successor,
            _ => Received::Nothing,
        };
        let end = End { outcome: answer.outcome.clone(), received };
        (Reply::Whole(answer), end)
    }

    fn brings_successor(&self, answer: &Answer) -> bool {
        match (&self.offer, &answer.body) {
            (Offer::Refresh(sent), Body::Json(body)) => {
                body.get("refreshToken").and_then(Value::as_str).is_some_and(|received| received != sent)
            }
            (offer, _) => matches!(offer, Offer::Code(_)),
        }
    }

    /// The answer without the member, or with another value in it. A client may rightly refuse to use any of it.
    fn garbled(&self, member: &str, value: Option<Value>) -> (Reply, End) {
        let mut answer = self.perform();
        answer.change_member(member, value);
        let end = End::without_effect(format!("garbled ({})", answer.outcome));
        (Reply::Whole(answer), end)
    }

    /// Records how the call ended for the client.
    pub(crate) fn close(&mut self, end: &End) {
        self.ended = true;
        self.identity_center.with(|service, _| {
            service.record_end(self.index, &end.outcome);
            service.note_end(&self.offer, end.received);
        });
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.ended {
            self.close(&End::without_effect("abandoned"));
        }
    }
}

/// The secret that a call offers under its grant. A refresh token beside another grant is not offered.
fn offer(grant: Grant, members: &Members) -> Option<Offer> {
    let text = |name: &str| members.get(name)?.as_str().map(str::to_owned);
    match grant {
        Grant::DeviceCode => Some(Offer::Poll { client_id: text("clientId")?, device_code: text("deviceCode")? }),
        Grant::RefreshToken => text("refreshToken").map(Offer::Refresh),
        Grant::AuthorizationCode => text("code").map(Offer::Code),
    }
}
