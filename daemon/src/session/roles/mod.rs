//! The accounts and roles of a session, and credentials of those roles.
//!
//! | module | what it owns |
//! |---|---|
//! | `machine` | the calls to the portal, one for each subject: when they are begun; `outcomes`: what their ends mean |
//! | [`callers`] | what callers ask for, and what they are told |
//! | `job` | what is known of one subject, and done about it |
//! | [`limiter`] | how often the portal may be asked |
//! | [`policy`] | when to renew, to try again, to forget |
//!
//! Role credentials are in memory alone, and those of one sign-in are forgotten when it ends. All of this is pure.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::portal::{Account, AccountId, Assignment, Keys, Page};

pub mod callers;
mod job;
pub mod limiter;
mod machine;
mod outcomes;
pub mod policy;

pub(super) use machine::Roles;

/// One thing that the portal can be asked for. At most one request for each is under way, however many callers want it.
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

/// A success of the portal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PortalAnswer {
    /// Credentials that live that long.
    Credentials(Arc<Keys>, Duration),
    /// A page of accounts.
    Accounts(Page<Account>),
    /// A page of roles' names.
    Roles(Page<String>),
}

/// Tells one call to the portal from another, so that the answer to one that nobody waits for any more has no effect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ticket(u64);
