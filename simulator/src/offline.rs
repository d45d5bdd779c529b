//! The simulated service without sockets, for simulations in virtual time.
//!
//! An [`Offline`] carries out calls with the code that serves them over HTTP, on the caller's thread and without ever
//! waiting. Between a call's arrival at the service and its answer's arrival at the client any (virtual) time may pass;
//! an answer that is dropped on the way is lost, and the record of violations knows the difference.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;

use crate::answer::{Answer, Body};
use crate::clock::Clock;
use crate::exchange::{Call, End, Reply, Ticket};
use crate::faults::{Fault, Times};
use crate::operation::Operation;
use crate::settings::Settings;
use crate::shared::Shared;
use crate::state::{DEFAULT_PERSON, PendingAuthorization, UnknownUserCode};

/// How many calls pass between two prunings of what is long dead.
const CALLS_BETWEEN_PRUNINGS: u32 = 256;

/// An IAM Identity Center that is called directly. What has been dead for a day is forgotten, so that months of virtual
/// time stay fast.
///
/// ```
/// use identity_center_simulator::{Clock, Offline, Settings};
/// use std::time::SystemTime;
///
/// let mut service = Offline::new(Settings::default(), Clock::manual(SystemTime::UNIX_EPOCH));
/// let response = service.call("/client/register", None, br#"{"clientName":"it","clientType":"public"}"#.to_vec());
/// assert_eq!(response.status, 200);
/// ```
pub struct Offline {
    shared: Arc<Shared>,
    calls: u32,
}

/// A call that has arrived at the service. Dropped before [`Arrival::carry_out`], it counts as abandoned.
pub struct Arrival {
    ticket: Ticket,
    fault: Option<Fault>,
}

/// An answer on its way to the client. Dropped before [`Delivery::deliver`], it is lost.
pub struct Delivery {
    ticket: Ticket,
    end: End,
    reply: Reply,
}

/// What a client reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// As it stands on the wire.
    pub body: Bytes,
}

impl Response {
    /// The header of this name, in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }
}

impl Offline {
    /// A service that follows this clock.
    pub fn new(settings: Settings, clock: Clock) -> Self {
        // The host of a real verification page; nothing is ever asked of it.
        Self { shared: Arc::new(Shared::new(settings, "https://device.sso.example".to_owned(), clock)), calls: 0 }
    }

    /// Takes a call to its end at one moment. A fault that leaves the client without a response is a 503 here; where
    /// that matters, use [`Offline::arrive`].
    ///
    /// # Panics
    /// If there is no operation at this path.
    pub fn call(&mut self, path: &str, bearer: Option<&str>, body: impl Into<Bytes>) -> Response {
        let response = self.arrive(path, bearer, body).carry_out().and_then(Delivery::deliver);
        response.unwrap_or_else(|| Response { status: 503, headers: Vec::new(), body: Bytes::new() })
    }

    /// Lets a call arrive, with its query behind a `?`. It meets the next fault that was injected for its operation.
    ///
    /// # Panics
    /// If there is no operation at this path.
    pub fn arrive(&mut self, path: &str, bearer: Option<&str>, body: impl Into<Bytes>) -> Arrival {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let (operation, _) = Operation::at(path).expect("an operation of the service");
        self.calls += 1;
        if self.calls.is_multiple_of(CALLS_BETWEEN_PRUNINGS) {
            self.shared.with(|inner, at| inner.service.prune(at.now));
        }
        let call = Call {
            operation,
            path: path.to_owned(),
            query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
            bearer: bearer.map(str::to_owned),
            body: body.into(),
        };
        let (ticket, fault) = Ticket::open(&self.shared, call);
        Arrival { ticket, fault }
    }

    /// See [`crate::Simulator::settings`].
    pub fn settings(&self, change: impl FnOnce(&mut Settings)) {
        self.shared.with(|inner, _| change(&mut inner.service.settings));
    }

    /// See [`crate::Simulator::inject`].
    pub fn inject(&self, operation: Operation, fault: Fault, times: Times) {
        self.shared.with(|inner, _| inner.faults.inject(operation, fault, times));
    }

    /// See [`crate::Simulator::approve`].
    ///
    /// # Errors
    /// When no pending authorization has this code.
    pub fn approve(&self, user_code: &str) -> Result<(), UnknownUserCode> {
        self.shared.with(|inner, at| inner.service.approve(user_code, DEFAULT_PERSON, at.now))
    }

    /// See [`crate::Simulator::deny`].
    ///
    /// # Errors
    /// When no pending authorization has this code.
    pub fn deny(&self, user_code: &str) -> Result<(), UnknownUserCode> {
        self.shared.with(|inner, at| inner.service.deny(user_code, at.now))
    }

    /// See [`crate::Simulator::expire`].
    ///
    /// # Errors
    /// When no pending authorization has this code.
    pub fn expire(&self, user_code: &str) -> Result<(), UnknownUserCode> {
        self.shared.with(|inner, at| inner.service.expire(user_code, at.now))
    }

    /// See [`crate::Simulator::pending`].
    pub fn pending(&self) -> Vec<PendingAuthorization> {
        self.shared.with(|inner, at| inner.service.pending(at.now))
    }

    /// What [`crate::Simulator::violations`] has after the first `known`.
    pub fn violations_after(&self, known: usize) -> Vec<String> {
        self.shared.with(|inner, _| inner.service.violations().get(known..).unwrap_or_default().to_vec())
    }

    /// See [`crate::Simulator::revoke_access_tokens`].
    pub fn revoke_access_tokens(&self) {
        self.shared.with(|inner, _| inner.service.revoke_access_tokens());
    }

    /// See [`crate::Simulator::revoke_refresh_tokens`].
    pub fn revoke_refresh_tokens(&self) {
        self.shared.with(|inner, _| inner.service.revoke_refresh_tokens());
    }

    /// See [`crate::Simulator::revoke_registrations`].
    pub fn revoke_registrations(&self) {
        self.shared.with(|inner, _| inner.service.revoke_registrations());
    }

    /// See [`crate::Simulator::end_portal_sessions`].
    pub fn end_portal_sessions(&self) {
        self.shared.with(|inner, _| inner.service.end_portal_sessions());
    }

    /// When an access token that this refresh token gives now would end; `None` if it would be refused.
    pub fn refreshable_until(&self, client_id: &str, client_secret: &str, refresh_token: &str) -> Option<SystemTime> {
        self.shared.with(|inner, at| inner.service.refreshable_until(client_id, client_secret, refresh_token, at.now))
    }
}

impl Arrival {
    /// Carries the call out, or what its fault makes of that; `None` if it hangs. A delay is the caller's to play.
    pub fn carry_out(mut self) -> Option<Delivery> {
        let fault = self.fault.take();
        if fault == Some(Fault::Hang) {
            return None;
        }
        let (reply, end) = self.ticket.meet(fault);
        Some(Delivery { ticket: self.ticket, end, reply })
    }
}

impl Delivery {
    /// The answer arrives; `None` if all that arrives is the end of the connection, or an endless body.
    pub fn deliver(mut self) -> Option<Response> {
        self.ticket.close(&self.end);
        match self.reply {
            Reply::Whole(answer) => Some(response(answer)),
            Reply::Cut(_) | Reply::Flood(_) | Reply::Closed | Reply::Reset => None,
        }
    }

    /// What the service gives out, whether or not that arrives whole: for those who want to know what it has issued.
    pub fn peek(&self) -> Option<&serde_json::Value> {
        match &self.reply {
            Reply::Whole(answer) | Reply::Cut(answer) if answer.status == 200 => match &answer.body {
                Body::Json(members) => Some(members),
                Body::Empty | Body::Html(_) | Body::NotJson(_) => None,
            },
            _ => None,
        }
    }
}

fn response(answer: Answer) -> Response {
    Response { status: answer.status, body: answer.bytes(), headers: answer.headers }
}
