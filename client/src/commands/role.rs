//! Which role is meant, and its credentials.

use std::time::Duration;

use ssoctl_protocol::route::Query;
use ssoctl_protocol::{RoleCredentials, Route, Selector};

use super::selector;
use super::waiting::Waiting;
use crate::cli::{Terms, Validity, Which, WhichRole};
use crate::connection::Daemon;
use crate::failure::Failure;
use crate::http::Answer;

/// What the daemon is asked to find the role that the command line, or else the environment, means.
///
/// A session leaves open which role is meant, so `SSOCTL_SESSION` comes behind `AWS_PROFILE` here, unless account and role are
/// both named.
pub(super) fn query(which: WhichRole, validity: Validity) -> Result<Query, Failure> {
    let WhichRole { profile, session, account, role } = which;
    let named = account.is_some() && role.is_some();
    let profile = match profile {
        None if session.is_none() && !named => super::profile()?,
        profile => profile,
    };
    let selector = selector(Which { session, profile, start_url: None })?;
    Ok(Query { selector, account, role, min_valid: validity.min_valid.as_secs(), ..Query::default() })
}

/// Credentials of the role that the command line means, on its terms.
pub(super) fn credentials(daemon: &Daemon, which: WhichRole, terms: Terms) -> Result<RoleCredentials, Failure> {
    daemon.read(&answer(daemon, which, terms)?)
}

/// The same as the daemon has written them.
pub(super) fn answer(daemon: &Daemon, which: WhichRole, terms: Terms) -> Result<Answer, Failure> {
    let query = query(which, terms.validity)?;
    Waiting::up_to(terms.waiting.wait).obtain(daemon, &Route::Credentials, &query)
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
