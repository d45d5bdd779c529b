//! The simulated service without sockets, for simulations in virtual time.
//!
//! An [`Offline`] carries out calls with the code that serves them over HTTP, on the caller's thread and without
//! waiting. Between a call's arrival at the service and its answer's arrival at the client any (virtual) time may pass;
//! an answer that is dropped on the way is lost, and the record of violations knows the difference.

use std::ops::Deref;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;

use crate::answer::{Answer, Body};
use crate::clock::Clock;
use crate::controls::Controls;
use crate::exchange::{Call, End, Reply, Ticket};
use crate::faults::Fault;
use crate::operation::Operation;
use crate::settings::Settings;
use crate::shared::Shared;

/// After so many calls, what expired long ago is removed.
const CALLS_BETWEEN_PRUNINGS: u32 = 256;

/// An IAM Identity Center that is called directly. It forgets what expired more than a day ago, so that months of virtual
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
    controls: Controls,
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
        // It looks like the host of a real verification page. Nothing is sent there.
        let shared = Arc::new(Shared::new(settings, "https://device.sso.example".to_owned(), clock));
        Self { controls: Controls { shared }, calls: 0 }
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

    /// When an access token that this refresh token gives now would end; `None` if it would be refused.
    pub fn refreshable_until(&self, client_id: &str, client_secret: &str, refresh_token: &str) -> Option<SystemTime> {
        self.shared.with(|inner, at| inner.service.refreshable_until(client_id, client_secret, refresh_token, at.now))
    }
}

impl Deref for Offline {
    type Target = Controls;

    fn deref(&self) -> &Controls {
        &self.controls
    }
}

impl Arrival {
    /// Carries the call out, with its fault; returns `None` if it hangs. The caller plays a delay.
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
    /// Returns the answer that arrives; `None` if the connection ends without one, or with an endless body.
    pub fn deliver(mut self) -> Option<Response> {
        self.ticket.close(&self.end);
        match self.reply {
            Reply::Whole(answer) => Some(response(answer)),
            Reply::Cut(_) | Reply::Flood(_) | Reply::Closed | Reply::Reset => None,
        }
    }

    /// The body that the service sends, whether or not it arrives whole. It shows what was issued.
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
