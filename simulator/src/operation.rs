//! The operations, one call, and the record of a call.

use std::fmt;
use std::time::SystemTime;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::clock;

/// One operation of the service, by its name in the service's models, or one of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Operation {
    /// `POST /client/register`
    RegisterClient,
    /// `POST /device_authorization`
    StartDeviceAuthorization,
    /// `POST /token`
    CreateToken,
    /// `GET /federation/credentials`
    GetRoleCredentials,
    /// `GET /assignment/accounts`
    ListAccounts,
    /// `GET /assignment/roles`
    ListAccountRoles,
    /// `POST /logout`
    Logout,
    /// `/device` and the two forms on it
    DevicePage,
    /// `/authorize` and the two forms on its page
    AuthorizationPage,
    /// A path of [`crate::Settings::vanity_urls`]
    VanityUrl,
}

/// The API of an operation; it decides the form of errors.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Api {
    Oidc,
    Portal,
    Page,
    Vanity,
}

impl Operation {
    /// Every operation, in the order of a sign-in.
    pub const ALL: [Self; 10] = [
        Self::RegisterClient,
        Self::StartDeviceAuthorization,
        Self::CreateToken,
        Self::GetRoleCredentials,
        Self::ListAccounts,
        Self::ListAccountRoles,
        Self::Logout,
        Self::DevicePage,
        Self::AuthorizationPage,
        Self::VanityUrl,
    ];

    pub(crate) fn api(self) -> Api {
        match self {
            Self::RegisterClient | Self::StartDeviceAuthorization | Self::CreateToken => Api::Oidc,
            Self::GetRoleCredentials | Self::ListAccounts | Self::ListAccountRoles | Self::Logout => Api::Portal,
            Self::DevicePage | Self::AuthorizationPage => Api::Page,
            Self::VanityUrl => Api::Vanity,
        }
    }

    /// The operation at `path` and the one method that it takes there.
    pub(crate) fn at(path: &str) -> Option<(Self, &'static str)> {
        Some(match path {
            "/client/register" => (Self::RegisterClient, "POST"),
            "/device_authorization" => (Self::StartDeviceAuthorization, "POST"),
            "/token" => (Self::CreateToken, "POST"),
            "/federation/credentials" => (Self::GetRoleCredentials, "GET"),
            "/assignment/accounts" => (Self::ListAccounts, "GET"),
            "/assignment/roles" => (Self::ListAccountRoles, "GET"),
            "/logout" => (Self::Logout, "POST"),
            "/device" => (Self::DevicePage, "GET"),
            "/device/approve" | "/device/deny" => (Self::DevicePage, "POST"),
            "/authorize" | "/authorize/continue" => (Self::AuthorizationPage, "GET"),
            "/authorize/allow" | "/authorize/deny" => (Self::AuthorizationPage, "POST"),
            _ => return None,
        })
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// The kind of secret that a CreateToken call offers for a token. In JSON it has the value of `grantType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grant {
    /// The device code grant of RFC 8628.
    #[serde(rename = "urn:ietf:params:oauth:grant-type:device_code")]
    DeviceCode,
    /// The refresh token grant of RFC 6749 6.
    RefreshToken,
    /// The authorization code grant of RFC 6749 4.1.
    AuthorizationCode,
}

impl Grant {
    /// The grant of this `grantType`.
    pub(crate) fn from_wire(name: &str) -> Option<Self> {
        serde_json::from_value(name.into()).ok()
    }
}

/// One request, free of HTTP machinery.
pub(crate) struct Call {
    pub(crate) operation: Operation,
    pub(crate) path: String,
    /// HEAD in place of GET.
    pub(crate) is_head: bool,
    pub(crate) query: Vec<(String, String)>,
    /// The header `x-amz-sso_bearer_token`.
    pub(crate) bearer: Option<String>,
    pub(crate) body: Bytes,
}

impl Call {
    pub(crate) fn new(operation: Operation, path: &str, query: &str, bearer: Option<&str>, body: Bytes) -> Self {
        let query = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Self { operation, path: path.to_owned(), is_head: false, query, bearer: bearer.map(str::to_owned), body }
    }

    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// The record of one call. It never has a secret in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CallRecord {
    /// The operation that was called.
    pub operation: Operation,
    /// The arrival of the request, in service time.
    #[serde(serialize_with = "clock::rfc3339")]
    pub at: SystemTime,
    /// The grant of a CreateToken call, if it is a known one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant: Option<Grant>,
    /// `ok`; the name of the exception, such as `SlowDownException`; `status 503`; `in progress` until there is an
    /// answer; `hanging` where there will be none; `abandoned` when the client left before; or the fault, such as
    /// `lost answer (ok)`.
    pub outcome: String,
}
