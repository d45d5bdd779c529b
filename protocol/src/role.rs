//! The JSON of accounts, roles and role credentials.
//!
//! As in [`body`](crate::body), members that are `null` today may be absent tomorrow, and the other way round.

use serde::{Deserialize, Serialize};

use crate::secret::{self, Secret};
use crate::timestamp::Timestamp;

/// `GET /v1/credentials`: credentials of a role that live for at least the `min_valid` of the request.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RoleCredentials {
    /// The access key id. It names the key and is no secret.
    pub access_key_id: String,
    /// The secret access key.
    #[serde(serialize_with = "secret::expose")]
    pub secret_access_key: Secret<String>,
    /// The session token.
    #[serde(serialize_with = "secret::expose")]
    pub session_token: Secret<String>,
    /// AWS accepts them until then. They outlive the sign-in that they were obtained with.
    pub expires_at: Timestamp,
    /// The name of the session they were obtained with.
    pub session: String,
    /// The account's id, twelve digits.
    pub account: String,
    /// The role's name, as the portal shows it.
    pub role: String,
    /// The `region` of the profile that was named; `null` without one.
    pub region: Option<String>,
}

/// `GET /v1/assignment`: which role in which account is meant, and which session gives its credentials. The service is not asked,
/// so the person may not have that role.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Assignment {
    /// The name of the session.
    pub session: String,
    /// The start URL of the session, as configured.
    pub start_url: String,
    /// The region of the session's Identity Center instance, which the AWS configuration calls `sso_region`.
    pub sso_region: String,
    /// The account's id, twelve digits.
    pub account: String,
    /// The role's name.
    pub role: String,
    /// The `region` of the profile that was named; `null` without one.
    pub region: Option<String>,
    /// The keys of the AWS files that decided on these.
    #[serde(default)]
    pub decided_by: DecidedBy,
}

/// The keys that decided on the members of an [`Assignment`]; `null` for what the request named, and for what is not set.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DecidedBy {
    /// The key that led to the session.
    pub session: Option<ProfileKey>,
    /// The key that named the account.
    pub account: Option<ProfileKey>,
    /// The key that named the role.
    pub role: Option<ProfileKey>,
    /// The key that named the region.
    pub region: Option<ProfileKey>,
}

/// A key of a profile in the AWS files.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ProfileKey {
    /// The profile in whose section it stands.
    pub profile: String,
    /// The key, such as `sso_account_id`.
    pub key: String,
    /// The file's path.
    pub file: String,
    /// The line of the key, counted from 1.
    pub line: u64,
}

/// `GET /v1/sessions/{name}/accounts`: the accounts in which the person has a role, in the order of the portal.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Accounts {
    /// The session's name.
    pub session: String,
    /// All accounts.
    pub accounts: Vec<Account>,
}

/// An account.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Account {
    /// Twelve digits.
    pub id: String,
    /// The name that the portal shows; `null` if it shows none.
    pub name: Option<String>,
    /// The account's email address; `null` if the portal gives none.
    pub email: Option<String>,
}

/// `GET /v1/sessions/{name}/accounts/{id}/roles`: the roles that the person has in an account, in the order of the portal.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Roles {
    /// The session's name.
    pub session: String,
    /// The account's id.
    pub account: String,
    /// All roles.
    pub roles: Vec<Role>,
}

/// A role.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Role {
    /// The role's name.
    pub name: String,
}
