//! The JSON of accounts, roles and role credentials.
//!
//! As in [`body`](crate::body), members that are `null` today may be absent tomorrow, and the other way round.

use serde::{Deserialize, Serialize};

use crate::secret::{self, Secret};
use crate::timestamp::Timestamp;

/// `GET /v1/credentials` and `GET /v1/sessions/{name}/credentials`: credentials of a role that are live and live for at
/// least the `min_valid` that was asked for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RoleCredentials {
    /// The access key id. It names the key and is no secret.
    pub access_key_id: String,
    /// The secret access key.
    #[serde(serialize_with = "secret::expose")]
    pub secret_access_key: Secret<String>,
    /// The session token.
    #[serde(serialize_with = "secret::expose")]
    pub session_token: Secret<String>,
    /// When AWS stops accepting them. They outlive the sign-in that they were obtained with.
    pub expires_at: Timestamp,
    /// The name of the session they were obtained with.
    pub session: String,
    /// The account's id, twelve digits.
    pub account: String,
    /// The role's name, as the portal shows it.
    pub role: String,
    /// The `region` of the profile that was named; `null` where none was, or where it has none.
    #[serde(default)]
    pub region: Option<String>,
}

/// `GET /v1/assignment`: which role in which account is meant, and who gives its credentials. Nothing is asked of the
/// service, so nobody knows yet whether the person has that role.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
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
    /// The `region` of the profile that was named; `null` where none was, or where it has none.
    #[serde(default)]
    pub region: Option<String>,
    /// Which keys of the AWS files decided on these; all `null` where the request itself named them.
    #[serde(default)]
    pub decided_by: DecidedBy,
}

/// The keys that decided on the members of an [`Assignment`]; `null` for what the request named, and for what is not set.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DecidedBy {
    /// What led to the session.
    #[serde(default)]
    pub session: Option<ProfileKey>,
    /// What named the account.
    #[serde(default)]
    pub account: Option<ProfileKey>,
    /// What named the role.
    #[serde(default)]
    pub role: Option<ProfileKey>,
    /// What named the region.
    #[serde(default)]
    pub region: Option<ProfileKey>,
}

/// A key of a profile in the AWS files.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
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
pub struct Accounts {
    /// The session's name.
    pub session: String,
    /// All of them.
    pub accounts: Vec<Account>,
}

/// An account.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Account {
    /// Twelve digits.
    pub id: String,
    /// The name that the portal shows; `null` if the portal gives none.
    #[serde(default)]
    pub name: Option<String>,
    /// The account's email address; `null` if the portal gives none.
    #[serde(default)]
    pub email: Option<String>,
}

/// `GET /v1/sessions/{name}/accounts/{id}/roles`: the roles that the person has in an account, in the order of the portal.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Roles {
    /// The session's name.
    pub session: String,
    /// The account's id.
    pub account: String,
    /// All of them.
    pub roles: Vec<Role>,
}

/// A role.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Role {
    /// Its name.
    pub name: String,
}
