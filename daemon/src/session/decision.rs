//! Why a session did what it did, with everything that was considered. Values for the log, and nothing else: nobody
//! decides by them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::found::Reception;
use super::policy::{Arrival, RefreshToken};

/// One decision.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Decision {
    /// A token was taken over, and it was decided when to refresh it.
    Plan {
        /// How long it lives from now.
        remaining: Duration,
        /// How long the service gave it.
        lifetime: Duration,
        /// Whether there is a refresh token.
        refreshable: bool,
        /// Whether the portal session caps it.
        capped: bool,
        /// Whether it came when it was due.
        arrival: Arrival,
        /// The `refresh_before` of the configuration.
        chosen: Option<Duration>,
        /// When it is refreshed, if it is.
        due_in: Option<Duration>,
    },
    /// A refresh was begun.
    Refresh {
        /// Why now.
        why: Why,
        /// How long the token lives from now; zero if it has expired.
        remaining: Duration,
        /// How many attempts in a row have failed.
        failures: u32,
    },
    /// The portal does not accept the token.
    Reject {
        /// How long it would have lived from now.
        remaining: Duration,
        /// Whether another one can be had without a person.
        refreshable: bool,
    },
    /// A refresh failed.
    KeepOrSpend {
        /// The error's code.
        error: &'static str,
        /// What is left of the refresh token.
        refresh_token: RefreshToken,
        /// How many attempts in a row have failed.
        failures: u32,
        /// How long the token lives from now.
        remaining: Duration,
        /// When it is tried again.
        again_in: Option<Duration>,
    },
    /// A new token was compared with the one before.
    Compare {
        /// How long the new one lives.
        lifetime: Duration,
        /// How long ago the one before was received; `None` if there was no live one.
        elapsed: Option<Duration>,
        /// How much later the new one ends.
        moved: Option<Duration>,
        /// Whether the portal session caps it.
        capped: bool,
    },
    /// A sign-in that another program had made was found.
    Found {
        /// What became of it.
        reception: Reception,
        /// The file.
        file: Arc<Path>,
        /// How long its token lives from now; zero if it has expired.
        remaining: Duration,
        /// Whether it came with a refresh token.
        renewable: bool,
    },
    /// Another daemon had stored a newer token, which counts.
    TakeFromStore {
        /// How long it lives from now; zero if it has expired.
        remaining: Duration,
        /// Whether there is a refresh token.
        renewable: bool,
    },
    /// A flow was opened.
    OpenFlow {
        /// Its number.
        flow: u64,
        /// Why.
        why: Why,
        /// How long the token lives from now; zero if there is none.
        remaining: Duration,
    },
    /// A flow ended.
    EndFlow {
        /// Its number.
        flow: u64,
        /// How.
        how: &'static str,
    },
}

/// What made a session act.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// Its time had come.
    Due,
    /// The pause after a failure was over.
    PauseOver,
    /// Somebody asked.
    Asked,
    /// The machine woke up, or the network changed.
    Stirred,
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
            Self::Stirred => "stirred",
            Self::Rejected => "rejected",
            Self::EndApproaches => "end approaches",
        }
    }
}
