//! The simulated service without sockets, for simulations in virtual time.
//!
//! An [`Offline`] carries out calls with the code that serves them over HTTP, on the caller's thread and without ever
//! waiting. Any (virtual) time may pass between a call's arrival at the service and its answer's arrival at the client.
//! An answer that is dropped on the way is lost, and the record of violations takes that into account.

use std::ops::Deref;
use std::sync::Arc;

use bytes::Bytes;

use crate::answer::Body;
use crate::clock::Clock;
use crate::exchange::{End, Reply, Ticket};
use crate::faults::Fault;
use crate::identity_center::IdentityCenter;
use crate::operation::{Call, Operation};
use crate::settings::Settings;
use crate::state::PendingRequest;
use crate::vanity;

/// The number of calls between two removals of old state.
const CALLS_BETWEEN_PRUNINGS: u32 = 256;

/// An IAM Identity Center that is called directly. It forgets what expired more than a day ago, so that months of
/// virtual time stay fast.
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
    identity_center: Arc<IdentityCenter>,
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

/// The answer as a client reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// Pairs of a name in lower case and a value.
    pub headers: Vec<(&'static str, String)>,
    /// The bytes of the body as they are sent.
    pub body: Bytes,
}

/// What a browser meets at `/authorize`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Visit {
    /// A page that waits for a decision: [`IdentityCenter::allow_request`] or [`IdentityCenter::deny_request`].
    Page(PendingRequest),
    /// The browser goes on at this URL: the client's redirect URI with an answer in its query.
    Redirect(String),
    /// Neither: a page that says why the request cannot be answered, or what a fault left of the answer.
    Nothing(Response),
}

impl Response {
    /// The value of the header that has this name, in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    fn shows(&self, opened: &PendingRequest) -> bool {
        let name = opened.request.as_bytes();
        self.body.windows(name.len()).any(|part| part == name)
    }
}

impl Offline {
    /// A service that follows this clock.
    pub fn new(settings: Settings, clock: Clock) -> Self {
        // The host of a real verification page; nothing is ever asked of it.
        let base_url = "https://device.sso.example".to_owned();
        Self { identity_center: Arc::new(IdentityCenter::new(settings, base_url, clock)), calls: 0 }
    }

    /// Takes a call to its end at one moment. A fault that leaves the client without a response is a 503 here; where
    /// that matters, use [`Offline::arrive`]. Panics if there is no operation at this path.
    pub fn call(&mut self, path: &str, bearer: Option<&str>, body: impl Into<Bytes>) -> Response {
        let response = self.arrive(path, bearer, body).carry_out().and_then(Delivery::deliver);
        response.unwrap_or_else(|| Response { status: 503, headers: Vec::new(), body: Bytes::new() })
    }

    /// A browser opens the authorization page with this query, and comes to its end at one moment.
    pub fn authorize(&mut self, query: &str) -> Visit {
        let response = self.call(&format!("/authorize?{query}"), None, "");
        match response.header("location") {
            Some(location) => Visit::Redirect(location.to_owned()),
            // Nobody else opens a page meanwhile: the newest is the one of this visit.
            None => match self.pending_requests().pop() {
                Some(opened) if response.status == 200 && response.shows(&opened) => Visit::Page(opened),
                _ => Visit::Nothing(response),
            },
        }
    }

    /// Takes the arrival of a call, with its query behind a `?`. The call meets the next fault that was injected for
    /// its operation. Panics if there is no operation at this path.
    pub fn arrive(&mut self, path: &str, bearer: Option<&str>, body: impl Into<Bytes>) -> Arrival {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let vanity = || self.with(|service, _| vanity::at(&service.settings, path));
        let (operation, _) = Operation::at(path).or_else(vanity).expect("an operation of the service");
        self.calls += 1;
        if self.calls.is_multiple_of(CALLS_BETWEEN_PRUNINGS) {
            self.with(|service, at| service.prune(at.now));
        }
        let (ticket, fault) =
            Ticket::open(&self.identity_center, Call::new(operation, path, query, bearer, body.into()));
        Arrival { ticket, fault }
    }
}

impl Deref for Offline {
    type Target = IdentityCenter;

    fn deref(&self) -> &IdentityCenter {
        &self.identity_center
    }
}

impl Arrival {
    /// Carries the call out, or what its fault makes of that; `None` if it hangs. A delay is left to the caller.
    pub fn carry_out(self) -> Option<Delivery> {
        if self.fault == Some(Fault::Hang) {
            return None;
        }
        let (reply, end) = self.ticket.carry_out(self.fault);
        Some(Delivery { ticket: self.ticket, end, reply })
    }
}

impl Delivery {
    /// The answer arrives; `None` if all that arrives is the end of the connection, or an endless body.
    pub fn deliver(mut self) -> Option<Response> {
        self.ticket.close(&self.end);
        let Reply::Whole(answer) = self.reply else { return None };
        Some(Response { status: answer.status, body: answer.bytes(), headers: answer.headers })
    }

    /// The members that the service gives out, whether or not they arrive whole. It tells what has been issued.
    pub fn peek(&self) -> Option<&serde_json::Value> {
        let (Reply::Whole(answer) | Reply::Cut(answer)) = &self.reply else { return None };
        match &answer.body {
            Body::Json(members) if answer.status == 200 => Some(members),
            _ => None,
        }
    }
}
