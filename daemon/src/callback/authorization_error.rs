//! The error that a browser brings instead of a code.

use std::fmt;

use ssoctl_protocol::Secret;
use ssoctl_protocol::text::shown;

use crate::transport::Secrets;

/// The longest texts that are shown, in characters.
const MAX_NAME: usize = 64;
const MAX_DESCRIPTION: usize = 300;

/// The answer to a request for authorization that was not granted (RFC 6749, section 4.1.2.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuthorizationError {
    /// The kind of error.
    pub name: AuthorizationErrorName,
    /// What the service says about it, if anything. Can be shown as it is.
    pub description: Option<String>,
}

/// The errors of RFC 6749, section 4.1.2.1.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AuthorizationErrorName {
    AccessDenied,
    InvalidRequest,
    InvalidScope,
    UnauthorizedClient,
    UnsupportedResponseType,
    ServerError,
    TemporarilyUnavailable,
    /// Any other one. Can be shown as it is.
    Other(String),
}

impl AuthorizationErrorName {
    const KNOWN: [Self; 7] = [
        Self::AccessDenied,
        Self::InvalidRequest,
        Self::InvalidScope,
        Self::UnauthorizedClient,
        Self::UnsupportedResponseType,
        Self::ServerError,
        Self::TemporarilyUnavailable,
    ];

    /// OAuth's spelling: `access_denied`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::AccessDenied => "access_denied",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidScope => "invalid_scope",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::Other(name) => name,
        }
    }
}

impl AuthorizationError {
    /// Makes the texts fit to be shown: short, on one line, and without the `state`, which the service may repeat.
    pub(super) fn new(name: &str, description: Option<&str>, state: &Secret<String>) -> Self {
        let secrets = Secrets::sent([state]);
        let text = |text: &str, longest| {
            let without = secrets.removed_from(text);
            shown(without.as_deref().unwrap_or(text).trim(), longest).into_owned()
        };
        let known = AuthorizationErrorName::KNOWN.into_iter().find(|known| known.as_str() == name);
        Self {
            name: known.unwrap_or_else(|| AuthorizationErrorName::Other(text(name, MAX_NAME))),
            description: description
                .map(|description| text(description, MAX_DESCRIPTION))
                .filter(|text| !text.is_empty()),
        }
    }
}

impl fmt::Display for AuthorizationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name.as_str())?;
        self.description.as_ref().map_or(Ok(()), |description| write!(f, ": {description}"))
    }
}

impl std::error::Error for AuthorizationError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_rfc_are_known_by_their_names_and_others_are_shown() {
        let state = Secret::from("0123456789abcdef0123456789abcdef");
        for known in AuthorizationErrorName::KNOWN {
            let error = AuthorizationError::new(known.as_str(), None, &state);
            assert_eq!((error.to_string(), error.name), (known.as_str().to_owned(), known));
        }
        let error = AuthorizationError::new("interaction\x1b_required", Some(" Come\nback \u{202e} "), &state);
        assert_eq!(error.to_string(), r"interaction\u{1b}_required: Come\nback \u{202e}");
        assert_eq!(AuthorizationError::new("x", Some(" "), &state).description, None);
    }

    #[test]
    fn texts_are_short_and_never_repeat_the_state() {
        let state = Secret::from("0123456789abcdef0123456789abcdef");
        let repeated = format!("no such state: {}", state.expose());
        let error = AuthorizationError::new(state.expose(), Some(&repeated), &state);
        assert_eq!(error.to_string(), "[removed]: no such state: [removed]");
        let long = "x".repeat(100_000);
        let error = AuthorizationError::new(&long, Some(&long), &state);
        assert!(error.to_string().chars().count() <= MAX_NAME + MAX_DESCRIPTION + 2);
    }
}
