//! The JSON of grants.
//!
//! A grant has a socket of its own, over which a program gets credentials of the granted roles and nothing else. As in
//! [`body`](crate::body), members that are `null` today may be absent tomorrow, and the other way round.

use serde::{Deserialize, Serialize};

use crate::timestamp::Timestamp;

/// The life of a grant whose maker names none, in seconds.
pub const USUAL_LIFE: u64 = 3600;

/// The longest life of a grant, in seconds: seven days.
pub const LONGEST_LIFE: u64 = 7 * 86_400;

/// `POST /v1/grants`: the grant to make.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct NewGrant {
    /// Its name: 1 to 32 ASCII letters, digits, `-`, `_` and `.`, the first one a letter or digit; by default the daemon makes one up.
    pub name: Option<String>,
    /// The roles, at least one. A request over the grant's socket that names no role gets the first one.
    pub roles: Vec<WantedRole>,
    /// Its life in seconds, at most seven days; by default an hour.
    pub seconds: Option<u64>,
    /// Whether the desktop asks each time before credentials are given.
    pub confirm: bool,
    /// Whether a caller with `wait` may have a sign-in opened. Without it, a grant never asks a person to sign in.
    pub may_ask: bool,
    /// Whether processes of other users may connect to the socket, if they can reach its directory.
    pub shared: bool,
    /// Whether the grant ends with the process that makes it.
    pub attended: bool,
}

/// A role, named as in the query of `GET /v1/credentials`. In a grant, a role of which nothing is named is the default profile's.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct WantedRole {
    /// The AWS profile.
    pub profile: Option<String>,
    /// The session, if no profile is named.
    pub session: Option<String>,
    /// The account's id; by default the profile's.
    pub account: Option<String>,
    /// The role's name; by default the profile's.
    pub role: Option<String>,
}

/// `POST /v1/grants`, and `GET /v1/grant` over the socket of a grant: its terms and its state. Contains no secret.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Grant {
    /// Its name.
    pub name: String,
    /// The roles, the one that counts where none is named first.
    pub roles: Vec<GrantedRole>,
    /// The path of its socket. Containers get the directory of the socket, since the socket is made anew when the daemon starts.
    pub socket: String,
    /// The time at which it was made.
    pub created_at: Timestamp,
    /// Its deadline.
    pub expires_at: Timestamp,
    /// Whether the desktop asks each time before credentials are given.
    #[serde(default)]
    pub confirm: bool,
    /// Whether it may have a sign-in opened.
    #[serde(default)]
    pub may_ask: bool,
    /// Whether processes of other users may connect.
    #[serde(default)]
    pub shared: bool,
    /// The process with which it ends; `null` if there is none.
    pub attended_by: Option<u32>,
    /// The number of times that credentials were given.
    #[serde(default)]
    pub uses: u64,
    /// The last time that credentials were given; `null` if they never were.
    pub last_use: Option<GrantUse>,
    /// The end of the credentials that live longest of those that were given, which no revocation can change; `null` if none were given,
    /// or all of them have ended.
    pub credentials_end_at: Option<Timestamp>,
    /// Why it gives nothing any more; `null` while it does.
    pub ended: Option<GrantEnd>,
}

/// A granted role.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct GrantedRole {
    /// The profile that named it; `null` if none did.
    pub profile: Option<String>,
    /// The session's name.
    pub session: String,
    /// The account's id, twelve digits.
    pub account: String,
    /// The role's name.
    pub role: String,
    /// The `region` of the profile; `null` without one.
    pub region: Option<String>,
}

/// One use of a grant.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct GrantUse {
    /// The time.
    pub at: Timestamp,
    /// The caller's process id; `null` if the kernel does not tell, as for processes in other PID namespaces.
    pub pid: Option<u32>,
    /// The name that the caller's process gives itself; `null` if it is not known. It proves nothing.
    pub program: Option<String>,
}

/// The end of a grant.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct GrantEnd {
    /// The time.
    pub at: Timestamp,
    /// The reason.
    pub reason: GrantEndReason,
}

/// The reason for the end of a grant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GrantEndReason {
    /// Its deadline has passed.
    Expired,
    /// It was revoked.
    Revoked,
    /// Its session was signed out.
    SignedOut,
    /// The process that it belonged to has ended.
    ProcessEnded,
    /// A reason that this version does not know.
    #[serde(other)]
    Unknown,
}

impl GrantEndReason {
    /// The end of a grant in words, between the name of the grant and the time.
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Revoked => "was revoked",
            Self::SignedOut => "ended with its sign-in",
            Self::ProcessEnded => "ended with its program",
            Self::Unknown => "ended",
        }
    }
}

/// `GET /v1/grants`: every grant, and for an hour those that have ended.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Grants {
    /// The grants, by name.
    pub grants: Vec<Grant>,
}

/// `DELETE /v1/grants` and `DELETE /v1/grants/{name}`: the grants that were revoked. Credentials that they gave live on until their
/// `credentials_end_at`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Revocation {
    /// The revoked grants.
    pub grants: Vec<Grant>,
    /// Why a restarted daemon may serve them again: the revocation could not be saved; `null` if it was.
    pub unsaved: Option<String>,
}

/// `GET /v1/credentials?format=credential_process`: the credentials in the form that AWS SDKs expect of a `credential_process`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "PascalCase")]
pub struct ProcessCredentials {
    /// 1, the only version that there is.
    pub version: u8,
    /// The access key id.
    pub access_key_id: String,
    /// The secret access key.
    #[serde(serialize_with = "crate::secret::expose")]
    pub secret_access_key: crate::Secret<String>,
    /// The session token.
    #[serde(serialize_with = "crate::secret::expose")]
    pub session_token: crate::Secret<String>,
    /// AWS accepts them until then.
    pub expiration: Timestamp,
}

impl From<crate::RoleCredentials> for ProcessCredentials {
    fn from(credentials: crate::RoleCredentials) -> Self {
        Self {
            version: 1,
            access_key_id: credentials.access_key_id,
            secret_access_key: credentials.secret_access_key,
            session_token: credentials.session_token,
            expiration: credentials.expires_at,
        }
    }
}
