//! One sign-in: its registration, its token, its device flow, and the callers that wait for it.
//!
//! | module | what it owns |
//! |---|---|
//! | [`state`] | pure: the life of a token; `on(event, now)` changes the state and returns effects |
//! | [`flow`] | pure: the device flow, a part of the state |
//! | [`attention`] | pure: what a person is told without having asked |
//! | [`found`] | pure: sign-ins that other programs have made |
//! | [`ask`] | pure: what callers want, and what they are told |
//! | `saver` | pure: when the store is read and written |
//! | [`decision`] | why it did what it did, for the log |
//! | `journal` | what the log says |
//! | [`policy`] | pure: when to refresh, to poll, to try again |
//! | [`task`] | the loop that owns one state and carries out its effects |
//!
//! Nothing here knows HTTP, D-Bus or the local API, and nothing but `task` does I/O.

use std::time::{Duration, SystemTime};

use crate::clock::BootTime;
use crate::notice::FlowView;
use crate::oidc::CallError;

pub mod ask;
pub mod attention;
pub mod decision;
pub mod flow;
pub mod found;
mod journal;
pub mod policy;
mod saver;
pub mod state;
pub mod task;

pub use crate::token::{AccessToken, Kept, Renewal, Token};

/// What the configuration says about a session's life.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Terms {
    /// How long before expiry a token is refreshed; by default [`policy::refresh_lead`] decides.
    pub refresh_before: Option<Duration>,
    /// How long before the end of a token that needs a person the person is told; by default [`policy::notice_lead`]
    /// decides.
    pub notify_before: Option<Duration>,
    /// Whether the person is told at all.
    pub notices: Notices,
}

/// Whether the person is told what nobody asked about. Without it, no flow is opened unasked either.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Notices {
    /// Yes.
    #[default]
    On,
    /// No.
    Off,
}

/// The last thing that went wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trouble {
    /// A short code, as in [`ssoctl_protocol::LastError`].
    pub code: &'static str,
    /// What happened.
    pub message: String,
    /// When.
    pub at: BootTime,
}

impl Trouble {
    fn of_call(error: &CallError, at: BootTime) -> Self {
        Self { code: error.code(), message: error.to_string(), at }
    }
}

/// What a session does next by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Next {
    /// It refreshes the token.
    Refresh,
    /// It refreshes the token after an attempt that failed.
    RetryRefresh,
    /// It opens a flow and tells the person.
    AskPerson,
    /// It tells the person that the portal session ends.
    TellPerson,
    /// It tells the person that the token has ended.
    Expire,
}

/// What readers may know of a registration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Registered {
    /// When it was issued, by the service's clock.
    pub issued_at: SystemTime,
    /// When it ends; `None` if it does not.
    pub expires_at: Option<SystemTime>,
}

/// Where a sign-in came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum CameBy {
    /// A person signed in here, since the daemon started.
    SignIn,
    /// Another program had made it, and it was found in a token file.
    TokenFile,
    /// It was in the store.
    #[default]
    Store,
}

/// What readers see of a session. Published after every change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Snapshot {
    /// Whether the store has not answered yet.
    pub loading: bool,
    /// The newest token that may be handed out, live or not.
    pub token: Option<Token>,
    /// The flow that waits for a person.
    pub flow: Option<FlowView>,
    /// The last thing that went wrong.
    pub trouble: Option<Trouble>,
    /// What comes next by itself.
    pub next: Option<(Next, BootTime)>,
    /// When the portal session ends, where that is known to cap the token.
    pub session_ends: Option<BootTime>,
    /// Whether the newest token is still to be written.
    pub unsaved: bool,
    /// Why the store could not be read or written lately.
    pub store_error: Option<String>,
    /// The registration that the token is renewed with, or else the next sign-in begins with.
    pub registration: Option<Registered>,
    /// Where the sign-in came from that the token is of.
    pub came_by: CameBy,
    /// Of which sign-in the token is. What was had with a token of another one is not this person's any more.
    pub lineage: state::Lineage,
}

impl Snapshot {
    /// Whether all of it would survive the daemon.
    pub const fn is_durable(&self) -> bool {
        !self.loading && !self.unsaved && self.store_error.is_none()
    }
}
