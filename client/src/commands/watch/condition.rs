//! What `--until` waits for.

use clap::ValueEnum;
use ssoctl_protocol::event::Watched;
use ssoctl_protocol::{SessionState, SessionStatus};

use crate::failure::Failure;

/// A state of a session that can be waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(super) enum Condition {
    SignedIn,
    SignedOut,
    Expired,
    /// A sign-in waits for a person.
    Pending,
}

impl Condition {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::SignedIn => "signed in",
            Self::SignedOut => "signed out",
            Self::Expired => "expired",
            Self::Pending => "pending",
        }
    }

    fn holds(self, session: &SessionStatus) -> bool {
        match self {
            Self::SignedIn => session.state == SessionState::SignedIn,
            Self::SignedOut => session.state == SessionState::SignedOut,
            Self::Expired => session.state == SessionState::Expired,
            Self::Pending => session.login.is_some(),
        }
    }
}

/// Whether one of the conditions holds for the session that is watched. If it is gone, none ever will.
pub(super) fn holds(conditions: &[Condition], state: &Watched, gone: impl Fn() -> Failure) -> Result<bool, Failure> {
    if conditions.is_empty() {
        return Ok(false);
    }
    let session = state.sessions.values().next().ok_or_else(gone)?;
    Ok(conditions.iter().any(|condition| condition.holds(session)))
}
