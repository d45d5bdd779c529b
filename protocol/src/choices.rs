//! The JSON of what a person can choose from.

use serde::{Deserialize, Serialize};

use crate::grant::WantedRole;
use crate::timestamp::Timestamp;

/// `GET /v1/choices`: what a person can choose from, as far as the daemon knows it: from the configuration, and from what the portal has
/// listed last for anybody who asked. It is answered from memory.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Choices {
    /// The names of the sessions.
    pub sessions: Vec<String>,
    /// The profiles that lead to a session.
    pub profiles: Vec<ProfileChoice>,
    /// The accounts that the portal has listed since the daemon's start and the session's last sign-out.
    pub accounts: Vec<AccountChoice>,
    /// The names of the grants that have not ended.
    pub grants: Vec<String>,
    /// The roles that a person has picked before, those picked most and last first.
    #[serde(default)]
    pub picked: Vec<WantedRole>,
}

/// A profile of the AWS configuration.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ProfileChoice {
    /// The profile's name.
    pub name: String,
    /// The name of its session.
    pub session: String,
    /// The id of its account; `null` if it names no role.
    pub account: Option<String>,
    /// Its role; `null` if it names none.
    pub role: Option<String>,
    /// Whether a person should confirm that they have picked it.
    #[serde(default)]
    pub confirm: bool,
}

/// An account that the portal has listed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct AccountChoice {
    /// The name of the session in which it was listed.
    pub session: String,
    /// Twelve digits.
    pub id: String,
    /// The name that the portal shows; `null` if it shows none, or if only the account's roles were listed.
    pub name: Option<String>,
    /// The roles in it; empty if they were not listed.
    pub roles: Vec<String>,
    /// When the roles were listed; `null` if they were not.
    pub roles_listed_at: Option<Timestamp>,
    /// Whether a person should confirm that they have picked one of its roles.
    #[serde(default)]
    pub confirm: bool,
}
