//! The facts of the models, as tables.

use Kind::{Integer, Text, Texts};
use Operation::{
    CreateToken, GetRoleCredentials, ListAccountRoles, ListAccounts, Logout, RegisterClient, StartDeviceAuthorization,
};
use Presence::{Optional, Required};
use Returned::{Currently, Never, Seed};
use identity_center_simulator::Operation;
use serde_json::Value;

pub(crate) const OIDC: [Operation; 3] = [RegisterClient, StartDeviceAuthorization, CreateToken];

#[derive(Debug)]
pub(crate) struct OperationRow {
    pub(crate) operation: Operation,
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    /// The required query parameters.
    query: &'static str,
}

impl OperationRow {
    /// A target with the required query parameters.
    pub(crate) fn example(&self) -> String {
        format!("{}{}", self.path, self.query)
    }
}

const fn row(operation: Operation, method: &'static str, path: &'static str, query: &'static str) -> OperationRow {
    OperationRow { operation, method, path, query }
}

const ROLE_AND_ACCOUNT: &str = "?role_name=ReadOnlyAccess&account_id=111122223333";

pub(crate) const OPERATIONS: &[OperationRow] = &[
    row(RegisterClient, "POST", "/client/register", ""),
    row(StartDeviceAuthorization, "POST", "/device_authorization", ""),
    row(CreateToken, "POST", "/token", ""),
    row(GetRoleCredentials, "GET", "/federation/credentials", ROLE_AND_ACCOUNT),
    row(ListAccounts, "GET", "/assignment/accounts", ""),
    row(ListAccountRoles, "GET", "/assignment/roles", "?account_id=111122223333"),
    row(Logout, "POST", "/logout", ""),
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

type MemberRow = (Operation, Presence, Kind, &'static [&'static str]);

pub(crate) fn members(rows: &'static [MemberRow]) -> impl Iterator<Item = Member> {
    rows.iter().flat_map(|(operation, presence, kind, names)| {
        names.iter().map(|name| Member { operation: *operation, name, kind: *kind, presence: *presence })
    })
}

pub(crate) const REQUEST_MEMBERS: &[MemberRow] = &[
    (RegisterClient, Required, Text, &["clientName", "clientType"]),
    (RegisterClient, Optional, Texts, &["scopes", "redirectUris", "grantTypes"]),
    (RegisterClient, Optional, Text, &["issuerUrl", "entitledApplicationArn"]),
    (StartDeviceAuthorization, Required, Text, &["clientId", "clientSecret", "startUrl"]),
    (CreateToken, Required, Text, &["clientId", "clientSecret", "grantType"]),
    (CreateToken, Optional, Text, &["deviceCode", "code", "refreshToken", "redirectUri", "codeVerifier"]),
    (CreateToken, Optional, Texts, &["scope"]),
];

/// `Required` marks what the service always sends; in the models every response member is optional.
pub(crate) const RESPONSE_MEMBERS: &[MemberRow] = &[
    (RegisterClient, Required, Text, &["clientId", "clientSecret"]),
    (RegisterClient, Required, Integer, &["clientIdIssuedAt", "clientSecretExpiresAt"]),
    (RegisterClient, Optional, Text, &["authorizationEndpoint", "tokenEndpoint"]),
    (StartDeviceAuthorization, Required, Text, &["deviceCode", "userCode"]),
    (StartDeviceAuthorization, Required, Text, &["verificationUri", "verificationUriComplete"]),
    (StartDeviceAuthorization, Required, Integer, &["expiresIn", "interval"]),
    (CreateToken, Required, Text, &["accessToken", "tokenType"]),
    (CreateToken, Required, Integer, &["expiresIn"]),
    (CreateToken, Optional, Text, &["refreshToken", "idToken"]),
    (GetRoleCredentials, Required, Texts, &["roleCredentials"]),
    (ListAccounts, Required, Texts, &["accountList"]),
    (ListAccounts, Optional, Text, &["nextToken"]),
    (ListAccountRoles, Required, Texts, &["roleList"]),
    (ListAccountRoles, Optional, Text, &["nextToken"]),
];

/// Whether an operation may return an error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Returned {
    Never,
    /// The current model lists it, the seed OpenAPI document does not.
    Currently,
    /// Both list it, and the seed OpenAPI document with this status.
    Seed(u16),
}

/// Name, code, status in the current model, and which of the operations in [`OIDC`] may return it.
pub(crate) const OIDC_ERRORS: &[(&str, &str, u16, [Returned; 3])] = &[
    ("AuthorizationPendingException", "authorization_pending", 400, [Never, Never, Seed(486)]),
    ("SlowDownException", "slow_down", 400, [Currently, Seed(483), Seed(487)]),
    ("ExpiredTokenException", "expired_token", 400, [Never, Never, Seed(489)]),
    ("AccessDeniedException", "access_denied", 400, [Never, Never, Seed(488)]),
    ("InvalidGrantException", "invalid_grant", 400, [Never, Never, Seed(482)]),
    ("InvalidClientException", "invalid_client", 401, [Never, Seed(481), Seed(481)]),
    ("UnauthorizedClientException", "unauthorized_client", 400, [Never, Seed(482), Seed(483)]),
    ("UnsupportedGrantTypeException", "unsupported_grant_type", 400, [Currently, Never, Seed(484)]),
    ("InvalidScopeException", "invalid_scope", 400, [Seed(481), Never, Seed(485)]),
    ("InvalidRequestException", "invalid_request", 400, [Seed(480), Seed(480), Seed(480)]),
    ("InvalidClientMetadataException", "invalid_client_metadata", 400, [Seed(482), Never, Never]),
    ("InvalidRedirectUriException", "invalid_redirect_uri", 400, [Currently, Never, Never]),
    ("InternalServerException", "server_error", 500, [Seed(483), Seed(484), Seed(490)]),
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
    match OIDC.iter().position(|known| *known == operation) {
        Some(column) => OIDC_ERRORS.iter().any(|(name, .., returned)| *name == exception && returned[column] != Never),
        None => PORTAL_ERRORS.iter().any(|(name, _, by)| *name == exception && by.contains(&operation)),
    }
}
