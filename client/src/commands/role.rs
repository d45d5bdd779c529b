//! Which role is meant, and its credentials.

use std::time::Duration;

use ssoctl_protocol::route::Query;
use ssoctl_protocol::{RoleCredentials, Route, Selector};

use super::{selector, variable, waiting};
use crate::cli::{Terms, Which, WhichRole};
use crate::connection::Daemon;
use crate::failure::Failure;

/// What the daemon is asked to find the role that the command line, or else the environment, means.
///
/// A session leaves open which role is meant, so `SSOCTL_SESSION` comes behind `AWS_PROFILE` here, unless account and role are
/// both named.
pub(super) fn query(which: WhichRole, terms: Terms) -> Result<Query, Failure> {
    let WhichRole { profile, session, account, role } = which;
    let named = account.is_some() && role.is_some();
    let profile = match profile {
        None if session.is_none() && !named => variable("AWS_PROFILE")?,
        profile => profile,
    };
    let selector = selector(Which { session, profile, start_url: None })?;
    Ok(Query { selector, account, role, min_valid: terms.min_valid.as_secs(), ..Query::default() })
}

/// Credentials of the role that the command line means, on its terms.
pub(super) fn credentials(daemon: &Daemon, which: WhichRole, terms: Terms) -> Result<RoleCredentials, Failure> {
    let answer = waiting::obtain(daemon, &Route::Credentials, &query(which, terms)?, terms.wait)?;
    daemon.read(&answer)
}

/// The same role by its own names, whatever becomes of the profile that has led to it.
pub(super) fn pinned(credentials: &RoleCredentials, min_valid: Duration) -> Query {
    Query {
        selector: Selector::Session(credentials.session.clone()),
        account: Some(credentials.account.clone()),
        role: Some(credentials.role.clone()),
        min_valid: min_valid.as_secs(),
        ..Query::default()
    }
}
