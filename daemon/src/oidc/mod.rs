//! The OIDC service of IAM Identity Center: the three operations of the device authorization grant and of refreshing.
//!
//! This module has the types and the door ([`IdentityCenter`]), [`wire`] has the JSON, [`http`] the adapter that talks to
//! the real service. Nothing here knows when or why an operation is called.

use std::pin::Pin;
use std::time::Duration;

use ssoctl_protocol::Secret;
use tokio::sync::watch;

use crate::issuer::Endpoint;
use crate::transport;
use crate::transport::ErrorNames;

pub mod http;
pub mod wire;

pub use crate::token::Registration;
pub use crate::transport::ServiceClock;

/// The boxed future of an operation.
pub type Call<'a, T> = Pin<Box<dyn Future<Output = Result<T, CallError>> + Send + 'a>>;

/// The door to the service. What an issuer has issued is sent to no other ([`Endpoint::for_secrets_of`]). Each call ends by itself within [`TOTAL_TIMEOUT`](crate::transport::TOTAL_TIMEOUT)
/// once its turn has come ([`AT_ONCE`](crate::transport::AT_ONCE)).
pub trait IdentityCenter: Send + Sync {
    /// RegisterClient: a public client for these scopes.
    fn register(&self, oidc: &Endpoint, scopes: &[String]) -> Call<'_, Registration>;

    /// StartDeviceAuthorization (RFC 8628, section 3.1).
    fn authorize_device(
        &self,
        oidc: &Endpoint,
        registration: &Registration,
        start_url: &str,
    ) -> Call<'_, DeviceAuthorization>;

    /// CreateToken.
    fn create_token(&self, oidc: &Endpoint, registration: &Registration, grant: &Grant) -> Call<'_, Issued>;

    /// The service's clock, as its answers show it.
    fn service_clock(&self) -> watch::Receiver<ServiceClock>;
}

/// The answer to StartDeviceAuthorization (RFC 8628, section 3.2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeviceAuthorization {
    /// Proves at CreateToken which authorization is meant. Never stored.
    pub device_code: Secret<String>,
    /// What the person compares or enters.
    pub user_code: String,
    /// Where the code can be entered.
    pub verification_uri: String,
    /// The page with the code filled in; `verification_uri` where the service gives none.
    pub verification_uri_complete: String,
    /// How long both codes work.
    pub expires_in: Duration,
    /// The shortest time between two attempts at CreateToken.
    pub interval: Duration,
}

/// What a token is asked for with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Grant {
    /// `urn:ietf:params:oauth:grant-type:device_code`
    DeviceCode(Secret<String>),
    /// `refresh_token`
    RefreshToken(Secret<String>),
}

/// The answer to CreateToken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Issued {
    /// The access token.
    pub access_token: Secret<String>,
    /// `Bearer`.
    pub token_type: String,
    /// How long it lives from now on.
    pub expires_in: Duration,
    /// What the next one can be had with, where the service gives one.
    pub refresh_token: Option<Secret<String>>,
}

/// The service's errors by their names in the models.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum ErrorName {
    /// The person has not decided yet.
    AuthorizationPending,
    /// Ask less often.
    SlowDown,
    /// The device code, or the refresh token, is too old.
    ExpiredToken,
    /// The person said no.
    AccessDenied,
    /// The device code or the refresh token is not (or no longer) good.
    InvalidGrant,
    /// The registration is not (or no longer) known.
    InvalidClient,
    /// The registration may not do this.
    UnauthorizedClient,
    /// The service does not do this kind of grant.
    UnsupportedGrantType,
    /// The scopes are not good.
    InvalidScope,
    /// The request is not good; also a wrong region or start URL (observed), and trouble with the instance's KMS key.
    InvalidRequest,
    /// The registration request is not good.
    InvalidClientMetadata,
    /// The registration request has a bad redirect URI.
    InvalidRedirectUri,
    /// The service is in trouble.
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

/// Why an operation did not work.
pub type CallError = transport::CallError<ErrorName>;

impl CallError {
    /// A short code for `status`: OAuth's spelling, or one of ours.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Service { name, .. } => name.in_oauth(),
            Self::Unnamed { .. } => "service_error",
            Self::Network(_) => "network",
            Self::Unusable(_) | Self::Senseless { .. } => "unusable_answer",
            Self::Configuration(_) => "configuration",
        }
    }
}
