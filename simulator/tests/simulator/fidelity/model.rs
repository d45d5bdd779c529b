//! The facts of the models, as tables.

use Kind::{Integer, Text, Texts};
use Operation::{
    CreateToken, GetRoleCredentials, ListAccountRoles, ListAccounts, Logout, RegisterClient, StartDeviceAuthorization,
};
use Presence::{Optional, Required};
use identity_center_simulator::Operation;
use serde_json::Value;

pub(crate) const OIDC: [Operation; 3] = [RegisterClient, StartDeviceAuthorization, CreateToken];

#[derive(Debug)]
pub(crate) struct OperationRow {
    pub(crate) operation: Operation,
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    /// A target with the required query parameters.
    pub(crate) example: &'static str,
    /// Whether requests have a JSON body.
    pub(crate) body: bool,
}

const fn oidc(operation: Operation, path: &'static str) -> OperationRow {
    OperationRow { operation, method: "POST", path, example: path, body: true }
}

const fn portal(operation: Operation, method: &'static str, path: &'static str, example: &'static str) -> OperationRow {
    OperationRow { operation, method, path, example, body: false }
}

pub(crate) const OPERATIONS: &[OperationRow] = &[
    oidc(RegisterClient, "/client/register"),
    oidc(StartDeviceAuthorization, "/device_authorization"),
    oidc(CreateToken, "/token"),
    portal(
        GetRoleCredentials,
        "GET",
        "/federation/credentials",
        "/federation/credentials?role_name=ReadOnlyAccess&account_id=111122223333",
    ),
    portal(ListAccounts, "GET", "/assignment/accounts", "/assignment/accounts"),
    portal(ListAccountRoles, "GET", "/assignment/roles", "/assignment/roles?account_id=111122223333"),
    portal(Logout, "POST", "/logout", "/logout"),
];

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Text,
    Texts,
    Integer,
}

impl Kind {
    pub(crate) fn admits(self, value: &Value) -> bool {
        match self {
            Text => value.is_string(),
            // Lists of structures count as well: their elements have tests of their own.
            Texts => value.is_array() || value.is_object(),
            Integer => value.is_u64(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Presence {
    Required,
    Optional,
}

#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) operation: Operation,
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) presence: Presence,
}

const fn member(operation: Operation, name: &'static str, kind: Kind, presence: Presence) -> Member {
    Member { operation, name, kind, presence }
}

pub(crate) const REQUEST_MEMBERS: &[Member] = &[
    member(RegisterClient, "clientName", Text, Required),
    member(RegisterClient, "clientType", Text, Required),
    member(RegisterClient, "scopes", Texts, Optional),
    member(RegisterClient, "redirectUris", Texts, Optional),
    member(RegisterClient, "grantTypes", Texts, Optional),
    member(RegisterClient, "issuerUrl", Text, Optional),
    member(RegisterClient, "entitledApplicationArn", Text, Optional),
    member(StartDeviceAuthorization, "clientId", Text, Required),
    member(StartDeviceAuthorization, "clientSecret", Text, Required),
    member(StartDeviceAuthorization, "startUrl", Text, Required),
    member(CreateToken, "clientId", Text, Required),
    member(CreateToken, "clientSecret", Text, Required),
    member(CreateToken, "grantType", Text, Required),
    member(CreateToken, "deviceCode", Text, Optional),
    member(CreateToken, "code", Text, Optional),
    member(CreateToken, "refreshToken", Text, Optional),
    member(CreateToken, "scope", Texts, Optional),
    member(CreateToken, "redirectUri", Text, Optional),
    member(CreateToken, "codeVerifier", Text, Optional),
];

/// `Required` marks what the service always sends; in the models every response member is optional.
pub(crate) const RESPONSE_MEMBERS: &[Member] = &[
    member(RegisterClient, "clientId", Text, Required),
    member(RegisterClient, "clientSecret", Text, Required),
    member(RegisterClient, "clientIdIssuedAt", Integer, Required),
    member(RegisterClient, "clientSecretExpiresAt", Integer, Required),
    member(RegisterClient, "authorizationEndpoint", Text, Optional),
    member(RegisterClient, "tokenEndpoint", Text, Optional),
    member(StartDeviceAuthorization, "deviceCode", Text, Required),
    member(StartDeviceAuthorization, "userCode", Text, Required),
    member(StartDeviceAuthorization, "verificationUri", Text, Required),
    member(StartDeviceAuthorization, "verificationUriComplete", Text, Required),
    member(StartDeviceAuthorization, "expiresIn", Integer, Required),
    member(StartDeviceAuthorization, "interval", Integer, Required),
    member(CreateToken, "accessToken", Text, Required),
    member(CreateToken, "tokenType", Text, Required),
    member(CreateToken, "expiresIn", Integer, Required),
    member(CreateToken, "refreshToken", Text, Optional),
    member(CreateToken, "idToken", Text, Optional),
    member(GetRoleCredentials, "roleCredentials", Texts, Required),
    member(ListAccounts, "accountList", Texts, Required),
    member(ListAccounts, "nextToken", Text, Optional),
    member(ListAccountRoles, "roleList", Texts, Required),
    member(ListAccountRoles, "nextToken", Text, Optional),
];

#[derive(Debug)]
pub(crate) struct ErrorRow {
    pub(crate) name: &'static str,
    pub(crate) code: &'static str,
    /// In the current model.
    pub(crate) status: u16,
    /// The operations that may return it, with the status in the seed OpenAPI document where that lists it.
    pub(crate) operations: &'static [(Operation, Option<u16>)],
}

const fn error(
    name: &'static str,
    code: &'static str,
    status: u16,
    operations: &'static [(Operation, Option<u16>)],
) -> ErrorRow {
    ErrorRow { name, code, status, operations }
}

pub(crate) const OIDC_ERRORS: &[ErrorRow] = &[
    error("AuthorizationPendingException", "authorization_pending", 400, &[(CreateToken, Some(486))]),
    error(
        "SlowDownException",
        "slow_down",
        400,
        &[(CreateToken, Some(487)), (StartDeviceAuthorization, Some(483)), (RegisterClient, None)],
    ),
    error("ExpiredTokenException", "expired_token", 400, &[(CreateToken, Some(489))]),
    error("AccessDeniedException", "access_denied", 400, &[(CreateToken, Some(488))]),
    error("InvalidGrantException", "invalid_grant", 400, &[(CreateToken, Some(482))]),
    error(
        "InvalidClientException",
        "invalid_client",
        401,
        &[(CreateToken, Some(481)), (StartDeviceAuthorization, Some(481))],
    ),
    error(
        "UnauthorizedClientException",
        "unauthorized_client",
        400,
        &[(CreateToken, Some(483)), (StartDeviceAuthorization, Some(482))],
    ),
    error(
        "UnsupportedGrantTypeException",
        "unsupported_grant_type",
        400,
        &[(CreateToken, Some(484)), (RegisterClient, None)],
    ),
    error("InvalidScopeException", "invalid_scope", 400, &[(CreateToken, Some(485)), (RegisterClient, Some(481))]),
    error(
        "InvalidRequestException",
        "invalid_request",
        400,
        &[(CreateToken, Some(480)), (StartDeviceAuthorization, Some(480)), (RegisterClient, Some(480))],
    ),
    error("InvalidClientMetadataException", "invalid_client_metadata", 400, &[(RegisterClient, Some(482))]),
    error("InvalidRedirectUriException", "invalid_redirect_uri", 400, &[(RegisterClient, None)]),
    error(
        "InternalServerException",
        "server_error",
        500,
        &[(CreateToken, Some(490)), (StartDeviceAuthorization, Some(484)), (RegisterClient, Some(483))],
    ),
];

pub(crate) const REASONS: &[(&str, &str)] = &[
    ("AccessDeniedException", "KMS_AccessDeniedException"),
    ("InvalidRequestException", "KMS_NotFoundException"),
    ("InvalidRequestException", "KMS_InvalidKeyUsageException"),
    ("InvalidRequestException", "KMS_InvalidStateException"),
    ("InvalidRequestException", "KMS_DisabledException"),
];

const PORTAL: &[Operation] = &[GetRoleCredentials, ListAccounts, ListAccountRoles, Logout];

pub(crate) const PORTAL_ERRORS: &[(&str, u16, &[Operation])] = &[
    ("InvalidRequestException", 400, PORTAL),
    ("UnauthorizedException", 401, PORTAL),
    // Observed; in no model.
    ("ForbiddenException", 403, &[GetRoleCredentials]),
    ("ResourceNotFoundException", 404, &[GetRoleCredentials, ListAccounts, ListAccountRoles]),
    ("TooManyRequestsException", 429, PORTAL),
];

pub(crate) fn may_return(operation: Operation, exception: &str) -> bool {
    if OIDC.contains(&operation) {
        OIDC_ERRORS.iter().any(|row| row.name == exception && row.operations.iter().any(|(it, _)| *it == operation))
    } else {
        PORTAL_ERRORS.iter().any(|(name, _, operations)| *name == exception && operations.contains(&operation))
    }
}
