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

impl OidcError {
    const ALL: [Self; 13] = [
        Self::AccessDenied,
        Self::AuthorizationPending,
        Self::ExpiredToken,
        Self::InternalServer,
        Self::InvalidClient,
        Self::InvalidClientMetadata,
        Self::InvalidGrant,
        Self::InvalidRedirectUri,
        Self::InvalidRequest,
        Self::InvalidScope,
        Self::SlowDown,
        Self::UnauthorizedClient,
        Self::UnsupportedGrantType,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::AccessDenied => "AccessDeniedException",
            Self::AuthorizationPending => "AuthorizationPendingException",
            Self::ExpiredToken => "ExpiredTokenException",
            Self::InternalServer => "InternalServerException",
            Self::InvalidClient => "InvalidClientException",
            Self::InvalidClientMetadata => "InvalidClientMetadataException",
            Self::InvalidGrant => "InvalidGrantException",
            Self::InvalidRedirectUri => "InvalidRedirectUriException",
            Self::InvalidRequest => "InvalidRequestException",
            Self::InvalidScope => "InvalidScopeException",
            Self::SlowDown => "SlowDownException",
            Self::UnauthorizedClient => "UnauthorizedClientException",
            Self::UnsupportedGrantType => "UnsupportedGrantTypeException",
        }
    }

    /// The member `error`: the code of RFC 6749 5.2 and RFC 8628 3.5.
    fn code(self) -> &'static str {
        match self {
            Self::AccessDenied => "access_denied",
            Self::AuthorizationPending => "authorization_pending",
            Self::ExpiredToken => "expired_token",
            Self::InternalServer => "server_error",
            Self::InvalidClient => "invalid_client",
            Self::InvalidClientMetadata => "invalid_client_metadata",
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidRedirectUri => "invalid_redirect_uri",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidScope => "invalid_scope",
            Self::SlowDown => "slow_down",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
        }
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
        oidc_exception(self.error.name(), status, self.error.code(), &self.description, None)
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
            let known = OidcError::ALL.into_iter().find(|error| error.name() == name);
            let status = known.map_or(400, |error| error.status(operation, statuses));
            let code = known.map_or_else(|| snake_case(name), |error| error.code().to_owned());
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
