//! The OIDC service of IAM Identity Center: its operations for both kinds of sign-in, and for refreshing.
//!
//! This module has the types and the trait ([`IdentityCenter`]), [`wire`] the JSON, `authorization` the page of a sign-in at the
//! browser and its proof key, and `http` the adapter that calls the real service. Nothing here knows when or why an operation is called.

use std::time::Duration;

use async_trait::async_trait;
use ssoctl_protocol::Secret;
use tokio::sync::watch;

use crate::issuer::Endpoint;
use crate::notice::FlowKind;
use crate::transport;
use crate::transport::ErrorNames;

mod authorization;
mod http;
mod start_url;
pub mod wire;

pub use crate::token::Registration;
pub use crate::transport::ServiceClock;
pub use authorization::AuthorizationRequest;
pub use start_url::Lead;

/// The operations of the service. Secrets are sent to their issuer only ([`Endpoint::for_secrets_of`]). Each call ends within
/// [`TOTAL_TIMEOUT`](transport::TOTAL_TIMEOUT) once its turn has come ([`AT_ONCE`](transport::AT_ONCE)).
#[async_trait]
pub trait IdentityCenter: Send + Sync {
    /// Where a start URL redirects to that is not AWS's own. Nothing is followed, no secret is sent, and nothing but the head of the
    /// answer is read.
    ///
    /// # Errors
    /// [`CallError::StartUrl`] if no answer comes, or it leads to no start URL of AWS.
    async fn resolve(&self, start_url: &str) -> Result<Lead, CallError>;

    /// RegisterClient: a public client for one kind of sign-in.
    async fn register(&self, oidc: &Endpoint, client: &Client) -> Result<Registration, CallError>;

    /// StartDeviceAuthorization (RFC 8628, section 3.1).
    async fn authorize_device(
        &self,
        oidc: &Endpoint,
        registration: &Registration,
        start_url: &str,
    ) -> Result<DeviceAuthorization, CallError>;

    /// CreateToken.
    async fn create_token(
        &self,
        oidc: &Endpoint,
        registration: &Registration,
        grant: &Grant,
    ) -> Result<Issued, CallError>;

    /// The service's clock, as its answers show it.
    fn service_clock(&self) -> watch::Receiver<ServiceClock>;
}

/// The answer to StartDeviceAuthorization (RFC 8628, section 3.2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeviceAuthorization {
    /// Never stored.
    pub device_code: Secret<String>,
    /// The person compares or enters it.
    pub user_code: String,
    pub verification_uri: String,
    /// The page with the code filled in; `verification_uri` if the service gives none.
    pub verification_uri_complete: String,
    /// The lifetime of both codes.
    pub expires_in: Duration,
    /// The shortest time between two attempts at CreateToken.
    pub interval: Duration,
}

/// What a client is registered for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Client {
    pub kind: FlowKind,
    pub scopes: Vec<String>,
    /// Of the portal whose people sign in with it.
    pub start_url: String,
}

/// What CreateToken gives a token for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Grant {
    DeviceCode(Secret<String>),
    /// RFC 6749, section 4.1.3, with the proof key of RFC 7636.
    AuthorizationCode {
        code: Secret<String>,
        /// The one that the page was given, with its port.
        redirect_uri: String,
        verifier: Secret<String>,
    },
    RefreshToken(Secret<String>),
}

/// The answer to CreateToken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Issued {
    pub access_token: Secret<String>,
    pub token_type: String,
    pub expires_in: Duration,
    pub refresh_token: Option<Secret<String>>,
}

/// The service's errors by their names in the models.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum ErrorName {
    AuthorizationPending,
    SlowDown,
    /// The code or the refresh token has expired.
    ExpiredToken,
    AccessDenied,
    /// The code or the refresh token is not valid (any more).
    InvalidGrant,
    /// The service does not know the registration (any more).
    InvalidClient,
    UnauthorizedClient,
    UnsupportedGrantType,
    InvalidScope,
    /// Also for a wrong region or start URL (observed), and for trouble with the instance's KMS key.
    InvalidRequest,
    InvalidClientMetadata,
    InvalidRedirectUri,
    InternalServer,
}

impl ErrorNames for ErrorName {
    const WHO: &'static str = "the service";

    const SPELLINGS: &'static [(Self, &'static [&'static str])] = &[
        (Self::AuthorizationPending, &["AuthorizationPendingException", "authorization_pending"]),
        (Self::SlowDown, &["SlowDownException", "slow_down"]),
        (Self::ExpiredToken, &["ExpiredTokenException", "expired_token"]),
        (Self::AccessDenied, &["AccessDeniedException", "access_denied"]),
        (Self::InvalidGrant, &["InvalidGrantException", "invalid_grant"]),
        (Self::InvalidClient, &["InvalidClientException", "invalid_client"]),
        (Self::UnauthorizedClient, &["UnauthorizedClientException", "unauthorized_client"]),
        (Self::UnsupportedGrantType, &["UnsupportedGrantTypeException", "unsupported_grant_type"]),
        (Self::InvalidScope, &["InvalidScopeException", "invalid_scope"]),
        (Self::InvalidRequest, &["InvalidRequestException", "invalid_request"]),
        (Self::InvalidClientMetadata, &["InvalidClientMetadataException", "invalid_client_metadata"]),
        (Self::InvalidRedirectUri, &["InvalidRedirectUriException", "invalid_redirect_uri"]),
        (Self::InternalServer, &["InternalServerException", "server_error"]),
    ];

    fn may_pass(self) -> bool {
        matches!(self, Self::InternalServer | Self::SlowDown | Self::AuthorizationPending)
    }
}

impl ErrorName {
    /// OAuth's spelling: `invalid_grant`.
    pub fn in_oauth(self) -> &'static str {
        self.spellings().last().copied().unwrap_or_default()
    }
}

pub type CallError = transport::CallError<ErrorName>;

impl CallError {
    /// A short code for `status`: OAuth's spelling, or one of ours.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Service { name, .. } => name.in_oauth(),
            Self::Unnamed { .. } => "service_error",
            Self::Network(_) => "network",
            Self::Unusable(_) | Self::Senseless { .. } => "unusable_answer",
            Self::OtherRegion { .. } => "invalid_request_region",
            Self::StartUrl { .. } => "start_url",
            Self::Configuration(_) => "configuration",
        }
    }
}
