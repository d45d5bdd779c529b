//! What tokens are. A leaf: it knows nothing of how they are had, kept or used.

use ssoctl_protocol::Secret;

use crate::issuer::Issuer;

/// An access token as it is handed out. Shared, so that a snapshot for a thousand readers holds it once.
#[derive(PartialEq, Eq, Debug)]
pub struct AccessToken {
    /// The token.
    pub value: Secret<String>,
    /// `Bearer`.
    pub token_type: String,
    /// Who has issued it, and may get it.
    pub issuer: Issuer,
}
