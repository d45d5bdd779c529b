//! What a session's token is good for: its person's accounts and roles, and credentials of those roles.
//!
//! | module | what it owns |
//! |---|---|
//! | [`state`] | pure: what is known of each role; `on(event, now)` changes the state and returns effects |
//! | [`ask`] | pure: what callers want, and what they are told |
//! | [`limiter`] | pure: how often the portal may be asked |
//! | [`policy`] | pure: when to renew, to try again, to forget |
//! | [`decision`] | why it did what it did, for the log |
//! | [`task`] | the loop that owns one state and carries out its effects |
//!
//! Role credentials are in memory alone, and those of one sign-in are forgotten when it ends. How a token is had is the
//! session's business ([`crate::session`]), and nothing but `task` asks it, or does I/O.

use std::fmt;
use std::sync::Arc;

use crate::clock::BootTime;
use crate::portal::{AccountId, Assignment, Keys};

pub mod ask;
pub mod decision;
mod journal;
pub mod limiter;
pub mod policy;
pub mod state;
pub mod task;

/// What the portal can be asked for. One request for each is under way at most, however many callers want it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Subject {
    /// Credentials of this role.
    Credentials(Assignment),
    /// The accounts in which the person has a role.
    Accounts,
    /// The roles that the person has in this account.
    Roles(AccountId),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credentials(assignment) => {
                write!(f, "credentials of {} in {}", assignment.role, assignment.account)
            }
            Self::Accounts => f.write_str("accounts"),
            Self::Roles(account) => write!(f, "roles in {account}"),
        }
    }
}

/// Credentials of a role, and what is known of their life.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Held {
    /// What is handed out.
    keys: Arc<Keys>,
    /// When they were received.
    received: BootTime,
    /// When they are to be renewed.
    due: BootTime,
    /// When AWS stops accepting them.
    expires: BootTime,
}
