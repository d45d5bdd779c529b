//! The OIDC service of IAM Identity Center: the three operations of the device authorization grant and of refreshing.
//!
//! This module has the types and the door ([`IdentityCenter`]), [`wire`] has the JSON, [`http`] the adapter that talks to
//! the real service. Nothing here knows when or why an operation is called.

use std::fmt;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use ssoctl_protocol::Secret;
use tokio::sync::watch;
use url::Url;

use crate::transport::TransportError;
use crate::transport::decode::Unusable;

pub mod http;
pub mod wire;

pub use crate::transport::ServiceClock;

/// The boxed future of an operation.
pub type Call<'a, T> = Pin<Box<dyn Future<Output = Result<T, CallError>> + Send + 'a>>;

/// The door to the service. Each call ends by itself within [`TOTAL_TIMEOUT`](crate::transport::TOTAL_TIMEOUT)
/// once its turn has come ([`AT_ONCE`](crate::transport::AT_ONCE)).
pub trait IdentityCenter: Send + Sync {
    /// RegisterClient: a public client for these scopes.
    fn register(&self, oidc: &Url, scopes: &[String]) -> Call<'_, Registration>;

    /// StartDeviceAuthorization (RFC 8628, section 3.1).
    fn authorize_device(
        &self,
        oidc: &Url,
        registration: &Registration,
        start_url: &str,
    ) -> Call<'_, DeviceAuthorization>;

    /// CreateToken.
    fn create_token(&self, oidc: &Url, registration: &Registration, grant: &Grant) -> Call<'_, Issued>;

    /// The service's clock, as its answers show it.
    fn service_clock(&self) -> watch::Receiver<ServiceClock>;
}

/// A client that the service has registered. Reused until it nears its expiry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Registration {
    /// The public identifier.
    pub client_id: String,
    /// What proves that it is us.
    pub client_secret: Secret<String>,
    /// When the service issued it.
    pub issued_at: SystemTime,
    /// When the client secret stops working; `None` if it never does (RFC 7591, section 3.2.1: 0).
    pub expires_at: Option<SystemTime>,
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

/// The service's errors by their names in the models (FACTS of the service: status codes differ between models, so they
/// are never looked at for these).
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

impl ErrorName {
    const TABLE: [(Self, &'static str, &'static str); 13] = [
        (Self::AuthorizationPending, "AuthorizationPendingException", "authorization_pending"),
        (Self::SlowDown, "SlowDownException", "slow_down"),
        (Self::ExpiredToken, "ExpiredTokenException", "expired_token"),
        (Self::AccessDenied, "AccessDeniedException", "access_denied"),
        (Self::InvalidGrant, "InvalidGrantException", "invalid_grant"),
        (Self::InvalidClient, "InvalidClientException", "invalid_client"),
        (Self::UnauthorizedClient, "UnauthorizedClientException", "unauthorized_client"),
        (Self::UnsupportedGrantType, "UnsupportedGrantTypeException", "unsupported_grant_type"),
        (Self::InvalidScope, "InvalidScopeException", "invalid_scope"),
        (Self::InvalidRequest, "InvalidRequestException", "invalid_request"),
        (Self::InvalidClientMetadata, "InvalidClientMetadataException", "invalid_client_metadata"),
        (Self::InvalidRedirectUri, "InvalidRedirectUriException", "invalid_redirect_uri"),
        (Self::InternalServer, "InternalServerException", "server_error"),
    ];

    /// Every name.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::TABLE.iter().map(|(name, _, _)| *name)
    }

    /// Finds a name in either spelling: the model's (`InvalidGrantException`) or OAuth's (`invalid_grant`).
    pub fn find(spelling: &str) -> Option<Self> {
        Self::TABLE.iter().find(|(_, model, oauth)| [*model, *oauth].contains(&spelling)).map(|(name, _, _)| *name)
    }

    /// The model's spelling: `InvalidGrantException`.
    pub fn in_model(self) -> &'static str {
        Self::TABLE.iter().find(|(name, _, _)| *name == self).map_or("", |(_, model, _)| model)
    }

    /// OAuth's spelling: `invalid_grant`.
    pub fn in_oauth(self) -> &'static str {
        Self::TABLE.iter().find(|(name, _, _)| *name == self).map_or("", |(_, _, oauth)| oauth)
    }
}

/// Why an operation did not work, in the words of whoever has to decide what to do next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CallError {
    /// The service answered with one of its errors.
    Service {
        /// Which.
        name: ErrorName,
        /// `error_description` and `reason`, as far as the service gives them.
        description: String,
        /// Whether the trouble is the service's own and may pass (`reason` is one of `KMS_*`).
        key_trouble: bool,
    },
    /// The service, or a proxy before it, answered with an error that no model names.
    Unnamed {
        /// The HTTP status.
        status: u16,
        /// What it calls the error, if it does.
        description: String,
        /// How long it asks to be left alone (`Retry-After`).
        retry_after: Option<Duration>,
    },
    /// No answer: name resolution, connection, TLS, time-out.
    Network(String),
    /// An answer that is not what the model says.
    Unusable(String),
    /// The configuration does not allow the call: a bad endpoint, no usable certificates.
    Configuration(String),
}

impl CallError {
    /// A short code for `status`: OAuth's spelling, or one of ours.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Service { name, .. } => name.in_oauth(),
            Self::Unnamed { .. } => "service_error",
            Self::Network(_) => "network",
            Self::Unusable(_) => "unusable_answer",
            Self::Configuration(_) => "configuration",
        }
    }

    /// The name, if the service gave one that the models know.
    pub const fn name(&self) -> Option<ErrorName> {
        match self {
            Self::Service { name, .. } => Some(*name),
            _ => None,
        }
    }

    /// Whether the same request may succeed later without anybody changing anything.
    pub const fn may_pass(&self) -> bool {
        match self {
            Self::Service { name, key_trouble, .. } => {
                *key_trouble
                    || matches!(name, ErrorName::InternalServer | ErrorName::SlowDown | ErrorName::AuthorizationPending)
            }
            // A name or status that no model has is no reason to give anything up.
            Self::Unnamed { .. } | Self::Network(_) | Self::Unusable(_) => true,
            Self::Configuration(_) => false,
        }
    }

    /// How long the service asks to be left alone.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unnamed { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service { name, description, .. } if description.is_empty() => {
                write!(f, "the service answered {}", name.in_model())
            }
            Self::Service { name, description, .. } => {
                write!(f, "the service answered {}: {description}", name.in_model())
            }
            Self::Unnamed { status, description, .. } if description.is_empty() => {
                write!(f, "the service answered with status {status}")
            }
            Self::Unnamed { status, description, .. } => {
                write!(f, "the service answered with status {status}: {description}")
            }
            Self::Network(reason) => write!(f, "the service cannot be reached: {reason}"),
            Self::Unusable(reason) => write!(f, "the service's answer is unusable: {reason}"),
            Self::Configuration(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for CallError {}

impl From<TransportError> for CallError {
    fn from(error: TransportError) -> Self {
        match error {
            TransportError::Network(reason) => Self::Network(reason),
            TransportError::Unusable(reason) => Self::Unusable(reason),
            TransportError::Configuration(reason) => Self::Configuration(reason),
        }
    }
}

impl From<Unusable> for CallError {
    fn from(Unusable(reason): Unusable) -> Self {
        Self::Unusable(reason)
    }
}
