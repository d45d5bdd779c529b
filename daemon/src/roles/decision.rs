//! Why role credentials were asked for, kept or forgotten, with everything that was considered. Values for the log, and
//! nothing else: nobody decides by them.

use std::time::Duration;

use super::Subject;

/// One decision.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Decision {
    /// The portal is asked.
    Fetch {
        /// For what.
        subject: Subject,
        /// Why now.
        why: Why,
        /// How long the credentials live from now; zero if there are none.
        remaining: Duration,
        /// How many attempts in a row have failed.
        failures: u32,
    },
    /// Credentials came, and it was decided when to renew them.
    Plan {
        /// Of which role.
        subject: Subject,
        /// How long they live from now.
        life: Duration,
        /// When they are renewed, if they are used until then.
        due_in: Duration,
    },
    /// A list is complete.
    Listed {
        /// Which.
        subject: Subject,
        /// How many items it has.
        items: usize,
        /// How many requests it took.
        pages: usize,
    },
    /// An attempt failed.
    Pause {
        /// What was asked for.
        subject: Subject,
        /// Why it failed.
        error: String,
        /// How many attempts in a row have failed.
        failures: u32,
        /// How long the credentials live from now; zero if there are none.
        remaining: Duration,
        /// When it may be tried again.
        again_in: Duration,
    },
    /// The portal asked for fewer requests, so nothing is asked for a while.
    Throttle {
        /// What was asked for.
        subject: Subject,
        /// For how long.
        pause: Duration,
    },
    /// The person does not have the role.
    Deny {
        /// Which.
        subject: Subject,
        /// How long that is remembered.
        remembered: Duration,
    },
    /// The portal does not accept the token.
    Reject {
        /// What was asked for.
        subject: Subject,
        /// How many tokens it did not accept in this attempt.
        rejections: u32,
    },
    /// Another sign-in, or none: everything is forgotten.
    Forget {
        /// How many roles' credentials.
        roles: usize,
    },
    /// The role that was used least recently made room for another.
    Evict {
        /// Which.
        subject: Subject,
    },
}

/// What made the portal be asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// Somebody wants it.
    Asked,
    /// The credentials are in use, and their time has come.
    Due,
    /// The pause after a failure is over, and the credentials are in use.
    PauseOver,
}

impl Why {
    /// For the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Due => "due",
            Self::PauseOver => "pause over",
        }
    }
}
