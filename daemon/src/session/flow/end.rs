//! How a flow ends.

use crate::oidc::{CallError, ErrorName};

/// The end of a flow.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FlowEnd {
    Granted,
    Expired,
    Denied,
    Cancelled,
    Failed(CallError),
}

impl FlowEnd {
    /// For the log.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::Expired => "expired",
            Self::Denied => "denied",
            Self::Cancelled => "cancelled",
            Self::Failed(_) => "failed",
        }
    }

    /// The end that an error brings which no further attempt can mend.
    pub(super) fn of(error: CallError) -> Self {
        match error.name() {
            Some(ErrorName::ExpiredToken) => Self::Expired,
            Some(ErrorName::AccessDenied) => Self::Denied,
            _ => Self::Failed(error),
        }
    }
}
