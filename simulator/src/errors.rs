//! The exceptions of both models: names, codes, statuses.

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::operation::{Api, Operation};
use crate::settings::ErrorStatuses;

/// An exception of the OIDC model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OidcError {
    AccessDenied,
    AuthorizationPending,
    ExpiredToken,
    InternalServer,
    InvalidClient,
    InvalidClientMetadata,
    InvalidGrant,
    InvalidRedirectUri,
    InvalidRequest,
    InvalidScope,
    SlowDown,
    UnauthorizedClient,
    UnsupportedGrantType,
}

/// Each with its name, and with the member `error`: the code of RFC 6749 5.2 and RFC 8628 3.5.
const OIDC_ERRORS: [(OidcError, &str, &str); 13] = [
    (OidcError::AccessDenied, "AccessDeniedException", "access_denied"),
    (OidcError::AuthorizationPending, "AuthorizationPendingException", "authorization_pending"),
    (OidcError::ExpiredToken, "ExpiredTokenException", "expired_token"),
    (OidcError::InternalServer, "InternalServerException", "server_error"),
    (OidcError::InvalidClient, "InvalidClientException", "invalid_client"),
    (OidcError::InvalidClientMetadata, "InvalidClientMetadataException", "invalid_client_metadata"),
    (OidcError::InvalidGrant, "InvalidGrantException", "invalid_grant"),
    (OidcError::InvalidRedirectUri, "InvalidRedirectUriException", "invalid_redirect_uri"),
    (OidcError::InvalidRequest, "InvalidRequestException", "invalid_request"),
    (OidcError::InvalidScope, "InvalidScopeException", "invalid_scope"),
    (OidcError::SlowDown, "SlowDownException", "slow_down"),
    (OidcError::UnauthorizedClient, "UnauthorizedClientException", "unauthorized_client"),
    (OidcError::UnsupportedGrantType, "UnsupportedGrantTypeException", "unsupported_grant_type"),
];

impl OidcError {
    fn name_and_code(self) -> (&'static str, &'static str) {
        let (_, name, code) = OIDC_ERRORS[self as usize];
        (name, code)
    }

    fn status(self, operation: Operation, statuses: ErrorStatuses) -> u16 {
        let seed = match statuses {
            ErrorStatuses::Current => None,
            ErrorStatuses::Seed => self.seed_status(operation),
        };
        seed.unwrap_or(match self {
            Self::InvalidClient => 401,
            Self::InternalServer => 500,
            _ => 400,
        })
    }

    /// The seed OpenAPI document counts up from 480 through each operation's list of errors.
    fn seed_status(self, operation: Operation) -> Option<u16> {
        let listed: &[Self] = match operation {
            Operation::CreateToken => &[
                Self::InvalidRequest,
                Self::InvalidClient,
                Self::InvalidGrant,
                Self::UnauthorizedClient,
                Self::UnsupportedGrantType,
                Self::InvalidScope,
                Self::AuthorizationPending,
                Self::SlowDown,
                Self::AccessDenied,
                Self::ExpiredToken,
                Self::InternalServer,
            ],
            Operation::RegisterClient => {
                &[Self::InvalidRequest, Self::InvalidScope, Self::InvalidClientMetadata, Self::InternalServer]
            }
            Operation::StartDeviceAuthorization => &[
                Self::InvalidRequest,
                Self::InvalidClient,
                Self::UnauthorizedClient,
                Self::SlowDown,
                Self::InternalServer,
            ],
            _ => &[],
        };
        (480..).zip(listed).find(|(_, error)| **error == self).map(|(status, _)| status)
    }
}

/// A refusal by the OIDC service.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) error: OidcError,
    pub(crate) description: String,
}

impl Refusal {
    pub(crate) fn new(error: OidcError, description: impl Into<String>) -> Self {
        Self { error, description: description.into() }
    }

    pub(crate) fn answer(self, operation: Operation, statuses: ErrorStatuses) -> Answer {
        let status = self.error.status(operation, statuses);
        let (name, code) = self.error.name_and_code();
        oidc_exception(name, status, code, &self.description, None)
    }
}

/// An exception of the portal, with its message.
///
/// `Forbidden` is observed and in no model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PortalError {
    Forbidden,
    InvalidRequest(&'static str),
    ResourceNotFound,
    TooManyRequests,
    Unauthorized,
}

impl PortalError {
    pub(crate) fn answer(self) -> Answer {
        let (name, message) = match self {
            Self::Forbidden => ("ForbiddenException", "No access"),
            Self::InvalidRequest(message) => ("InvalidRequestException", message),
            Self::ResourceNotFound => ("ResourceNotFoundException", "Account not found"),
            Self::TooManyRequests => ("TooManyRequestsException", "Rate exceeded"),
            Self::Unauthorized => ("UnauthorizedException", "Session token not found or invalid"),
        };
        portal_exception(name, message)
    }
}

/// The exception `name` as the API of `operation` words it, for faults. Names that no model has are welcome.
pub(crate) fn exception(operation: Operation, statuses: ErrorStatuses, name: &str, reason: Option<&str>) -> Answer {
    match operation.api() {
        Api::Oidc => {
            let known = OIDC_ERRORS.into_iter().find(|(_, known, _)| *known == name);
            let status = known.map_or(400, |(error, ..)| error.status(operation, statuses));
            let code = known.map_or_else(|| snake_case(name), |(.., code)| code.to_owned());
            oidc_exception(name, status, &code, "injected fault", reason)
        }
        Api::Portal | Api::Page => portal_exception(name, "injected fault"),
    }
}

fn oidc_exception(name: &str, status: u16, code: &str, description: &str, reason: Option<&str>) -> Answer {
    let mut body = json!({ "error": code, "error_description": description });
    if let Some(reason) = reason {
        body["reason"] = Value::from(reason);
    }
    Answer::json(status, body)
        .with_outcome(name)
        .with_header("x-amzn-errortype", format!("{name}:http://internal.amazon.com/coral/com.amazonaws.sso.oidc/"))
}

fn portal_exception(name: &str, message: &str) -> Answer {
    let status = match name {
        "UnauthorizedException" => 401,
        "ForbiddenException" => 403,
        "ResourceNotFoundException" => 404,
        "TooManyRequestsException" => 429,
        "InternalServerException" => 500,
        _ => 400,
    };
    let namespace = "com.amazonaws.switchboard.portal";
    Answer::json(status, json!({ "message": message, "__type": format!("{namespace}#{name}") }))
        .with_outcome(name)
        .with_header("x-amzn-errortype", format!("{name}:http://internal.amazon.com/coral/{namespace}/"))
}

/// `NewThingException` as `new_thing`.
fn snake_case(name: &str) -> String {
    let mut code = String::new();
    for letter in name.strip_suffix("Exception").unwrap_or(name).chars() {
        if letter.is_uppercase() && !code.is_empty() {
            code.push('_');
        }
        code.extend(letter.to_lowercase());
    }
    code
}
