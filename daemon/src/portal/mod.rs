//! The portal of IAM Identity Center: which accounts and roles a person has, credentials of a role, and signing out.
//!
//! This module has the types and the door ([`Portal`]), [`assignment`] the names of accounts and roles, [`wire`] the JSON,
//! [`http`] the adapter that talks to the real service. Nothing here knows when or why an operation is called.

use std::pin::Pin;
use std::sync::Arc;
use std::time::SystemTime;

use ssoctl_protocol::Secret;

use crate::issuer::Endpoint;
use crate::oidc::CallError;
use crate::token::AccessToken;
use crate::transport;
use crate::transport::ErrorNames;

pub mod assignment;
pub mod http;
pub mod wire;

pub use assignment::{AccountId, Assignment, RoleName};

/// The boxed future of an operation.
pub type Call<'a, T> = Pin<Box<dyn Future<Output = Result<T, PortalError>> + Send + 'a>>;

/// The door to the portal. A token is sent to its issuer's portal and to no other ([`Endpoint::for_secrets_of`]). Each call is one request and ends by itself within
/// [`TOTAL_TIMEOUT`](crate::transport::TOTAL_TIMEOUT) once its turn has come ([`AT_ONCE`](crate::transport::AT_ONCE)).
///
/// The portal refuses a token that is not (or no longer) good with [`ErrorName::Unauthorized`], whichever the operation.
pub trait Portal: Send + Sync {
    /// GetRoleCredentials.
    fn role_credentials(
        &self,
        portal: &Endpoint,
        access_token: &AccessToken,
        assignment: &Assignment,
    ) -> Call<'_, RoleCredentials>;

    /// ListAccounts, one page: the first, or the one that the page before names.
    fn accounts(
        &self,
        portal: &Endpoint,
        access_token: &AccessToken,
        page: Option<&PageToken>,
    ) -> Call<'_, Page<Account>>;

    /// ListAccountRoles, one page: the first, or the one that the page before names. The items are roles' names.
    fn roles(
        &self,
        portal: &Endpoint,
        access_token: &AccessToken,
        account: &AccountId,
        page: Option<&PageToken>,
    ) -> Call<'_, Page<String>>;

    /// Logout: ends the person's session at the portal. A token that the portal no longer knows counts as done.
    fn logout(&self, portal: &Endpoint, access_token: &AccessToken) -> Call<'_, ()>;
}

/// The answer to GetRoleCredentials. Shared, so that a thousand readers hold the secrets once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoleCredentials {
    /// What is handed out.
    pub keys: Arc<Keys>,
    /// When they expire, by the service's clock.
    pub expiration: SystemTime,
}

/// What AWS recognises the bearer of a role by.
#[derive(PartialEq, Eq, Debug)]
pub struct Keys {
    /// Names the key; no secret.
    pub access_key_id: String,
    /// Signs requests.
    pub secret_access_key: Secret<String>,
    /// Goes along with each request.
    pub session_token: Secret<String>,
}

/// One part of a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page<T> {
    /// In the order of the portal.
    pub items: Vec<T>,
    /// Where the next part begins; `None` at the end of the list.
    pub next: Option<PageToken>,
}

/// Names the next page of a list. Means something to the portal alone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PageToken(pub String);

/// An account in which the person has a role.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// The name that the portal shows.
    pub name: Option<String>,
    /// Its email address.
    pub email: Option<String>,
}

/// The portal's errors by their names: those of the model, and one that only was observed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum ErrorName {
    /// The request is not good.
    InvalidRequest,
    /// The token is not (or no longer) good.
    Unauthorized,
    /// Ask less often; from about twenty requests a second (observed).
    TooManyRequests,
    /// There is no such account or role.
    ResourceNotFound,
    /// The person does not have this role (observed, "No access"; in no model). Says nothing about the token.
    Forbidden,
}

impl ErrorNames for ErrorName {
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

/// Why an operation did not work.
pub type PortalError = transport::CallError<ErrorName>;

impl PortalError {
    /// Whether it is the token that the portal does not accept.
    pub fn is_unauthorized(&self) -> bool {
        self.name() == Some(ErrorName::Unauthorized)
    }

    /// Whether the portal asks for fewer requests (RFC 6585, section 4, where a gateway says so without a name).
    pub fn is_throttling(&self) -> bool {
        matches!(self, Self::Service { name: ErrorName::TooManyRequests, .. } | Self::Unnamed { status: 429, .. })
    }
}

/// For those who decide by the names of the OIDC service alone: the portal's names mean nothing to them.
impl From<PortalError> for CallError {
    fn from(error: PortalError) -> Self {
        match error {
            PortalError::Service { name, ref description, retry_after, .. } => {
                let status = if name == ErrorName::TooManyRequests { 429 } else { 400 };
                let description = format!("{}: {description}", name.in_model());
                Self::Unnamed { status, description, retry_after }
            }
            PortalError::Unnamed { status, description, retry_after } => {
                Self::Unnamed { status, description, retry_after }
            }
            PortalError::Network(reason) => Self::Network(reason),
            PortalError::Unusable(reason) => Self::Unusable(reason),
            PortalError::Senseless { operation, reason } => Self::Senseless { operation, reason },
            PortalError::Configuration(reason) => Self::Configuration(reason),
        }
    }
}
