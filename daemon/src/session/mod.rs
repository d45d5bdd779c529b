//! One session: its registration, its token, its flow, the roles of its person, and the callers that wait for it.
//!
//! [`state::State`] is a pure machine made of smaller ones. Each has private fields, inputs (what happened), a method that does what
//! is due, and `wake_at`, which says when it wants to be woken and why. What they all need (the time, the terms, chance, the store's side) comes with a
//! `Context`, and what is to be done outside leaves as an [`event::Effect`].
//!
//! | module | what it owns |
//! |---|---|
//! | [`state`] | the whole machine: what one part has decided and another has to know; [`event`]: what comes in and goes out |
//! | `tokens` | the token: received, stored, served, refreshed, given up; `cap`: whether the portal session cuts its life |
//! | `sign_in` | flows, one at a time, and the registration; [`flow`]: one of them, of either kind |
//! | `sign_out` | a sign-out that is under way |
//! | [`callers`] | what callers ask for, when they are answered, and why they are refused |
//! | [`attention`] | what the person is told without having asked |
//! | [`roles`] | accounts, roles, and role credentials |
//! | `store_schedule` | when the store is read and written |
//! | [`found`] | sign-ins that other programs have made |
//! | [`policy`] | when to refresh, to poll, to try again |
//! | `waiting_room` | who waits, for people to see |
//! | `handle` | a [`Session`] as the rest of the daemon sees it |
//! | `task` | the loop that owns one machine and carries out its effects: the only I/O |
//!
//! Nothing here knows HTTP, D-Bus or the local API.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::clock::BootTime;
use crate::config::{Notifications, SignInSetting};
use crate::notice::FlowView;
use crate::oidc::CallError;
use flow::FlowTarget;

pub mod attention;
pub mod callers;
mod cap;
mod context;
pub mod event;
pub mod flow;
pub mod found;
mod handle;
pub mod policy;
pub mod reply;
pub mod roles;
mod sign_in;
mod sign_out;
pub mod state;
mod store_schedule;
mod task;
mod tokens;
mod waiting_room;

pub use crate::token::{AccessToken, Record, Renewal, Target, Token};
pub use handle::Session;
pub use waiting_room::{Waiting, Wanted};

/// The settings of a session that decide when it acts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Terms {
    /// The session's name, for the log.
    pub name: Arc<str>,
    /// How long before expiry a token is refreshed; by default [`policy::refresh_lead`] decides.
    pub refresh_before: Option<Duration>,
    /// How long before the end of a token that needs a person the person is told; by default [`policy::notice_lead`] decides.
    pub notify_before: Option<Duration>,
    /// Where sign-ins begin; `None` if each has to find out where the start URL leads.
    pub target: Option<FlowTarget>,
    /// Whether the person is told what nobody asked about. If not, no flow is opened unasked either.
    pub notifications: Notifications,
    /// In which of the two ways a person signs in.
    pub sign_in: SignInSetting,
}

/// The last thing that went wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trouble {
    /// A short code, as in [`ssoctl_protocol::LastError`].
    pub code: &'static str,
    pub message: String,
    pub at: BootTime,
}

impl Trouble {
    fn of_call(error: &CallError, at: BootTime) -> Self {
        Self { code: error.code(), message: error.to_string(), at }
    }
}

/// The next thing that a session does by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Next {
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

/// Why a refresh was begun, a flow was opened, or the portal was asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    Due,
    /// The pause after a failure is over.
    PauseOver,
    Asked,
    /// The machine woke up, or the network changed.
    ConnectivityChanged,
    /// The portal does not accept the token.
    Rejected,
    /// The end of the token approaches.
    EndApproaches,
}

impl Why {
    /// For the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::PauseOver => "pause over",
            Self::Asked => "asked",
            Self::ConnectivityChanged => "connectivity changed",
            Self::Rejected => "rejected",
            Self::EndApproaches => "end approaches",
        }
    }
}

/// The dates of a registration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RegistrationDates {
    /// By the service's clock.
    pub issued_at: SystemTime,
    /// By the service's clock; `None` if it never expires.
    pub expires_at: Option<SystemTime>,
}

/// The source of a sign-in.
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

/// Counts sign-ins and sign-outs. What was begun in an earlier epoch has no effect on a later one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SignInEpoch(u64);

impl SignInEpoch {
    const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// The state of a session as readers see it. Published after every change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Snapshot {
    /// Whether the store has not answered yet.
    pub loading: bool,
    /// The newest token that may be handed out, live or not.
    pub token: Option<Token>,
    /// The flow that waits for a person.
    pub flow: Option<FlowView>,
    pub trouble: Option<Trouble>,
    pub next: Option<(Next, BootTime)>,
    /// When the portal session ends, where that is known to cap the token.
    pub portal_session_ends: Option<BootTime>,
    /// Whether the record has changed and is not written yet.
    pub unsaved: bool,
    /// Why the store could not be read or written lately.
    pub store_error: Option<String>,
    /// The registration that the token is renewed with, or else the next sign-in begins with.
    pub registration: Option<RegistrationDates>,
    /// What the start URL led to at the sign-in that the token comes from, or else at the last registration.
    pub target: Option<Target>,
    pub came_by: CameBy,
    /// Of `token`.
    pub epoch: SignInEpoch,
}

impl Snapshot {
    /// Whether all of it would survive the daemon.
    pub const fn is_durable(&self) -> bool {
        !self.loading && !self.unsaved && self.store_error.is_none()
    }
}
