//! The operations: what can be called, is counted, and can have faults.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One operation of the service, or its approval page.
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
}

/// Which API an operation belongs to; it decides the shape of errors.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Api {
    Oidc,
    Portal,
    Page,
}

impl Operation {
    /// Every operation, in the order of a sign-in.
    pub const ALL: [Self; 8] = [
        Self::RegisterClient,
        Self::StartDeviceAuthorization,
        Self::CreateToken,
        Self::GetRoleCredentials,
        Self::ListAccounts,
        Self::ListAccountRoles,
        Self::Logout,
        Self::DevicePage,
    ];

    pub(crate) fn api(self) -> Api {
        match self {
            Self::RegisterClient | Self::StartDeviceAuthorization | Self::CreateToken => Api::Oidc,
            Self::GetRoleCredentials | Self::ListAccounts | Self::ListAccountRoles | Self::Logout => Api::Portal,
            Self::DevicePage => Api::Page,
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
            _ => return None,
        })
    }
}

/// The name in the service's models.
impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// What a CreateToken call offers in exchange for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grant {
    /// `urn:ietf:params:oauth:grant-type:device_code`
    DeviceCode,
    /// `refresh_token`
    RefreshToken,
    /// `authorization_code`
    AuthorizationCode,
}

impl Grant {
    /// The value of `grantType`, and an element of `grantTypes`.
    pub fn wire_name(self) -> &'static str {
        match self {
            Self::DeviceCode => "urn:ietf:params:oauth:grant-type:device_code",
            Self::RefreshToken => "refresh_token",
            Self::AuthorizationCode => "authorization_code",
        }
    }

    pub(crate) fn from_wire(name: &str) -> Option<Self> {
        [Self::DeviceCode, Self::RefreshToken, Self::AuthorizationCode]
            .into_iter()
            .find(|grant| grant.wire_name() == name)
    }
}
