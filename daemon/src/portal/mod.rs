//! The portal of IAM Identity Center: which accounts and roles a person has, credentials of a role, and signing out.
//!
//! This module has the types and the trait ([`Portal`]), [`wire`] the JSON, and `http` the adapter that calls the real service.
//! Nothing here knows when or why an operation is called.

use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use ssoctl_protocol::Secret;

use crate::issuer::Endpoint;
use crate::oidc::CallError;
use crate::token::AccessToken;
use crate::transport;
use crate::transport::ErrorNames;

mod http;
pub mod wire;

pub use crate::assignment::{AccountId, Assignment, RoleName};

/// The operations of the portal. A token is sent to its issuer's portal only ([`Endpoint::for_secrets_of`]). Each call is one
/// request and ends within [`TOTAL_TIMEOUT`](transport::TOTAL_TIMEOUT) once its turn has come
/// ([`AT_ONCE`](transport::AT_ONCE)).
///
/// The portal refuses a token that is not valid (any more) with [`PortalErrorName::Unauthorized`] at every operation.
#[async_trait]
pub trait Portal: Send + Sync {
    /// GetRoleCredentials.
    async fn role_credentials(
        &self,
        portal: &Endpoint,
        access_token: &AccessToken,
        assignment: &Assignment,
    ) -> Result<RoleCredentials, PortalError>;

    /// ListAccounts: this page, or the first.
    async fn accounts(
        &self,
        portal: &Endpoint,
        access_token: &AccessToken,
        page: Option<&PageToken>,
    ) -> Result<Page<Account>, PortalError>;

    /// ListAccountRoles: the names of roles on this page, or on the first.
    async fn roles(
        &self,
        portal: &Endpoint,
        access_token: &AccessToken,
        account: &AccountId,
        page: Option<&PageToken>,
    ) -> Result<Page<String>, PortalError>;

    /// Logout: ends the person's session at the portal. A token that the portal no longer knows counts as done.
    async fn logout(&self, portal: &Endpoint, access_token: &AccessToken) -> Result<(), PortalError>;
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoleCredentials {
    /// Shared, so that a thousand readers hold the secrets once.
    pub keys: Arc<Keys>,
    /// By the service's clock.
    pub expiration: SystemTime,
}

#[derive(PartialEq, Eq, Debug)]
pub struct Keys {
    /// No secret.
    pub access_key_id: String,
    pub secret_access_key: Secret<String>,
    pub session_token: Secret<String>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// `None` on the last page.
    pub next: Option<PageToken>,
}

/// Names a page of a list. Opaque.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PageToken(pub String);

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    pub id: AccountId,
    pub name: Option<String>,
    pub email: Option<String>,
}

/// The portal's errors by their names in the model, and one that was only observed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum PortalErrorName {
    InvalidRequest,
    /// The token is not valid (any more).
    Unauthorized,
    /// From about twenty requests a second (observed).
    TooManyRequests,
    ResourceNotFound,
    /// The person does not have this role (observed, "No access"; in no model). Says nothing about the token.
    Forbidden,
}

impl ErrorNames for PortalErrorName {
    const WHO: &'static str = "the portal";

    const SPELLINGS: &'static [(Self, &'static [&'static str])] = &[
        (Self::InvalidRequest, &["InvalidRequestException"]),
        (Self::Unauthorized, &["UnauthorizedException"]),
        (Self::TooManyRequests, &["TooManyRequestsException"]),
        (Self::ResourceNotFound, &["ResourceNotFoundException"]),
        (Self::Forbidden, &["ForbiddenException"]),
    ];

    fn may_pass(self) -> bool {
        self == Self::TooManyRequests
    }
}

pub type PortalError = transport::CallError<PortalErrorName>;

impl PortalError {
    pub fn is_unauthorized(&self) -> bool {
        self.name() == Some(PortalErrorName::Unauthorized)
    }

    /// Whether the portal asks for fewer requests (RFC 6585, section 4, where a gateway says so without a name).
    pub fn is_throttling(&self) -> bool {
        matches!(self, Self::Service { name: PortalErrorName::TooManyRequests, .. } | Self::Unnamed { status: 429, .. })
    }
}

/// For callers that decide by the names of the OIDC service: an error of the portal is one without a known name.
impl From<PortalError> for CallError {
    fn from(error: PortalError) -> Self {
        match error {
            PortalError::Service { name, ref description, retry_after, .. } => {
                let status = if name == PortalErrorName::TooManyRequests { 429 } else { 400 };
                let description = format!("{}: {description}", name.in_model());
                Self::Unnamed { status, description, retry_after }
            }
            PortalError::Unnamed { status, description, retry_after } => {
                Self::Unnamed { status, description, retry_after }
            }
            PortalError::Network(reason) => Self::Network(reason),
            PortalError::Unusable(reason) => Self::Unusable(reason),
            PortalError::Senseless { operation, reason } => Self::Senseless { operation, reason },
            PortalError::OtherRegion { region, description } => Self::OtherRegion { region, description },
            PortalError::StartUrl { reason, may_pass } => Self::StartUrl { reason, may_pass },
            PortalError::Configuration(reason) => Self::Configuration(reason),
        }
    }
}
