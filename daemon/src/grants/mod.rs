//! Grants: each gives some roles to whoever reaches its socket, until its deadline, and nothing else.
//!
//! [`Grants`] owns all of them: makes, ends and forgets them, and keeps them in a file, so that they survive a restart of the daemon. [`Grant`] is
//! one of them, as the server of its socket sees it; its private members are all that such a server could reach. `terms` is pure;
//! `saved` is the file; `attending` follows the process that a grant ends with.

mod attending;
mod confirmations;
#[cfg(test)]
mod fixture;
mod grant;
mod registry;
mod saved;
mod terms;

pub use attending::{Attending, NotAttended};
pub use grant::{Denial, Grant, NotGranted, Reach, Stage};
pub use registry::{Grants, NotMade};
pub use saved::Unsaved;
pub use terms::{Deadline, Ended, Role, Terms, is_name};
