//! One call from its arrival to its end: it is recorded, meets a fault if one was injected, and is carried out.

use std::sync::Arc;
use std::time::Duration;

use crate::answer::{Answer, Body};
use crate::clock::Moment;
use crate::errors;
use crate::faults::Fault;
use crate::journal::Entry;
use crate::oidc::{self, Members};
use crate::operation::{Api, Grant, Operation};
use crate::page::{self, PageRequest};
use crate::portal::{self, PortalRequest};
use crate::shared::{Inner, Shared};
use crate::state::{Pace, RefreshReply};

/// One request, free of HTTP machinery.
pub(crate) struct Call {
    pub(crate) operation: Operation,
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) bearer: Option<String>,
    pub(crate) body: bytes::Bytes,
}

/// What becomes of the connection.
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

/// Carries a call out, with its fault if one was injected.
pub(crate) async fn carry_out(shared: &Arc<Shared>, call: Call) -> Reply {
    let (mut ticket, fault) = Ticket::open(shared, call);
    let fault = match fault {
        Some(Fault::Delay { by }) => {
            #[allow(clippy::disallowed_methods, reason = "a slow service is slow in real time")]
            tokio::time::sleep(by).await;
            None
        }
        Some(Fault::Hang) => {
            ticket.hang();
            return std::future::pending().await;
        }
        fault => fault,
    };
    let (reply, end) = ticket.meet(fault);
    ticket.close(&end);
    reply
}

fn whole_seconds(duration: Duration) -> String {
    duration.as_secs().to_string()
}

/// A call in progress. If it is dropped before its end, because the client has hung up, the journal says "abandoned".
pub(crate) struct Ticket {
    shared: Arc<Shared>,
    call: Call,
    members: Option<Members>,
    /// What a CreateToken call offers; no other operation has one.
    grant: Option<Grant>,
    entry: Entry,
    pace: Pace,
    stage: Stage,
}

#[derive(PartialEq)]
enum Stage {
    UnderWay,
    Ended,
}

/// What a call ended with.
pub(crate) struct End {
    /// As the journal keeps it.
    outcome: String,
    refresh: RefreshReply,
    poll: PollReply,
}

/// What reached the client in answer to a poll.
#[derive(Clone, Copy)]
enum PollReply {
    SlowDown,
    Anything,
}

impl End {
    fn inconclusive(outcome: impl Into<String>) -> Self {
        Self { outcome: outcome.into(), refresh: RefreshReply::Inconclusive, poll: PollReply::Anything }
    }
}

/// An answer with a member that is missing or wrong. A client need not take anything from it.
fn garbled(answer: Answer) -> (Reply, End) {
    let end = End::inconclusive(format!("garbled ({})", answer.outcome));
    (Reply::Whole(answer), end)
}

impl Ticket {
    pub(crate) fn open(shared: &Arc<Shared>, call: Call) -> (Self, Option<Fault>) {
        let members = match call.operation.api() {
            Api::Oidc => Members::read(&call.body),
            Api::Portal | Api::Page => None,
        };
        let grant = members.as_ref().and_then(|members| members.text("grantType")).and_then(Grant::from_wire);
        let grant = grant.filter(|_| call.operation == Operation::CreateToken);
        let (entry, pace, fault) = shared.with(|inner, at| {
            let entry = inner.journal.arrived(call.operation, grant, at.now);
            let pace = note_arrival(inner, grant, members.as_ref(), at);
            (entry, pace, inner.faults.strike(call.operation))
        });
        (Self { shared: Arc::clone(shared), call, members, grant, entry, pace, stage: Stage::UnderWay }, fault)
    }

    /// Carries the call out, with its fault. [`Ticket::close`] records how it ends. Nothing waits here: a delay is over
    /// already, and a call that hangs is never carried out.
    pub(crate) fn meet(&self, fault: Option<Fault>) -> (Reply, End) {
        match fault {
            None | Some(Fault::Delay { .. } | Fault::Hang) => self.delivered(self.perform()),
            Some(Fault::Error { name, reason }) => self.delivered(self.refuse(&name, reason.as_deref())),
            Some(Fault::Status { status }) => self.delivered(Answer::new(status, Body::Empty)),
            Some(Fault::TooManyRequests { retry_after }) => {
                let answer = self.refuse("TooManyRequestsException", None);
                let answer = Answer { status: 429, ..answer };
                self.delivered(answer.with_header("retry-after", whole_seconds(retry_after)))
            }
            Some(Fault::NotJson) => {
                self.delivered(Answer::new(200, Body::NotJson("<<< not JSON >>>")).with_outcome("not JSON"))
            }
            Some(Fault::Html) => self.delivered(Answer::html(200, page::interloper()).with_outcome("HTML")),
            Some(Fault::MissingMember { name }) => {
                let mut answer = self.perform();
                if let Some(members) = answer.holder_of(&name) {
                    members.remove(&name);
                }
                garbled(answer)
            }
            Some(Fault::ReplacedMember { name, value }) => {
                let mut answer = self.perform();
                if let Some(members) = answer.holder_of(&name) {
                    members.insert(name, value);
                }
                garbled(answer)
            }
            Some(Fault::Truncated) => {
                let answer = self.perform();
                let end = End::inconclusive(format!("truncated ({})", answer.outcome));
                (Reply::Cut(answer), end)
            }
            Some(Fault::LostAnswer) => {
                (Reply::Closed, End::inconclusive(format!("lost answer ({})", self.perform().outcome)))
            }
            Some(Fault::Oversized { bytes }) => (Reply::Flood(bytes), End::inconclusive("oversized")),
            Some(Fault::Reset) => (Reply::Reset, End::inconclusive("reset")),
        }
    }

    fn perform(&self) -> Answer {
        let call = &self.call;
        self.shared.with(|inner, at| match call.operation.api() {
            Api::Oidc => oidc::answer(&mut inner.service, call.operation, self.members.as_ref(), self.pace, at),
            Api::Portal => {
                let request =
                    PortalRequest { operation: call.operation, query: &call.query, bearer: call.bearer.as_deref() };
                portal::answer(&mut inner.service, &request, at)
            }
            Api::Page => {
                let request = PageRequest { path: &call.path, query: &call.query, form: &call.body };
                page::answer(&mut inner.service, &request, at)
            }
        })
    }

    fn refuse(&self, name: &str, reason: Option<&str>) -> Answer {
        let statuses = self.shared.with(|inner, _| inner.service.settings.error_statuses);
        errors::exception(self.call.operation, statuses, name, reason)
    }

    fn delivered(&self, answer: Answer) -> (Reply, End) {
        let refresh = match answer.outcome.as_str() {
            "InvalidGrantException" => RefreshReply::Refused,
            "ok" if self.brings_successor(&answer) => RefreshReply::Successor,
            _ => RefreshReply::Inconclusive,
        };
        let poll = if answer.outcome == "SlowDownException" { PollReply::SlowDown } else { PollReply::Anything };
        let end = End { outcome: answer.outcome.clone(), refresh, poll };
        (Reply::Whole(answer), end)
    }

    fn brings_successor(&self, answer: &Answer) -> bool {
        let sent = self.refresh_token();
        let Body::Json(body) = &answer.body else { return false };
        let received = body.get("refreshToken").and_then(serde_json::Value::as_str);
        received.is_some() && received != sent
    }

    /// Records how the call ended for the client.
    pub(crate) fn close(&mut self, end: &End) {
        self.stage = Stage::Ended;
        self.shared.with(|inner, _| {
            inner.journal.ended(self.entry, &end.outcome);
            if let Some(token) = self.refresh_token() {
                inner.service.note_refresh_answered(token, end.refresh);
            }
            if let (Some((client_id, device_code)), PollReply::SlowDown) = (self.poll(), end.poll) {
                inner.service.note_slow_down(client_id, device_code);
            }
        });
    }

    /// Records that there will never be an answer.
    fn hang(&self) {
        self.shared.with(|inner, _| inner.journal.ended(self.entry, "hanging"));
    }

    fn refresh_token(&self) -> Option<&str> {
        refresh_token(self.grant, self.members.as_ref())
    }

    fn poll(&self) -> Option<(&str, &str)> {
        poll(self.grant, self.members.as_ref())
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.stage == Stage::UnderWay {
            self.close(&End::inconclusive("abandoned"));
        }
    }
}

fn note_arrival(inner: &mut Inner, grant: Option<Grant>, members: Option<&Members>, at: Moment) -> Pace {
    if let Some(token) = refresh_token(grant, members) {
        inner.service.note_refresh_sent(token);
    }
    match poll(grant, members) {
        Some((client_id, device_code)) => inner.service.note_poll(client_id, device_code, at.now),
        None => Pace::Kept,
    }
}

/// The client id and device code of a poll.
fn poll(grant: Option<Grant>, members: Option<&Members>) -> Option<(&str, &str)> {
    let members = members.filter(|_| grant == Some(Grant::DeviceCode))?;
    members.text("clientId").zip(members.text("deviceCode"))
}

/// The refresh token that a call spends. One that is sent along with another grant does not count.
fn refresh_token(grant: Option<Grant>, members: Option<&Members>) -> Option<&str> {
    members.filter(|_| grant == Some(Grant::RefreshToken))?.text("refreshToken")
}
