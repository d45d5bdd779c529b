//! The JSON of the audit: who got what, when.
//!
//! The daemon writes the same records into a file, one a line. Members without a value are left out.

use serde::{Deserialize, Serialize};

use crate::timestamp::Timestamp;

/// `GET /v1/audit`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Audit {
    /// The records, the oldest first; the newest ten thousand of those that are asked for.
    pub records: Vec<AuditRecord>,
    /// Why the records may be incomplete; `null` if nothing is known to be missing.
    pub incomplete: Option<String>,
}

/// One thing that happened, or the same thing several times within a minute. Contains no secret. What a program says of itself, its name and its
/// file, proves nothing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct AuditRecord {
    /// The time; the first one, if it happened several times.
    pub at: Timestamp,
    /// The last time, if it happened several times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// What happened.
    pub what: AuditEvent,
    /// How often. The first time has a record of its own, and the repetitions within a minute have one together.
    pub count: u64,
    /// The session's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The account's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The role's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The grant's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<String>,
    /// What else there is to say, such as the reason of a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The process id of the program that asked; the first one, if several processes of one name did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// The name that the process gives itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// The file of its program, where the daemon may read that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executable: Option<String>,
    /// The start of the process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// The user of the process, where the daemon can see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
}

/// What happened.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AuditEvent {
    /// A program asked for a sign-in.
    Login,
    /// A person has signed in, or the sign-in of another program was taken over.
    SignedIn,
    /// A program asked for a sign-out.
    Logout,
    /// The sign-in is over.
    SignedOut,
    /// A token was given.
    Token,
    /// Credentials of a role were given.
    Credentials,
    /// A grant was made.
    GrantMade,
    /// Credentials were given over a grant.
    GrantUsed,
    /// Something was refused over a grant.
    GrantRefused,
    /// The person has allowed a use of a grant.
    GrantConfirmed,
    /// A use of a grant was not confirmed.
    GrantDenied,
    /// A grant was revoked.
    GrantRevoked,
    /// A grant has ended by itself.
    GrantEnded,
    /// Records were lost, because the file could not be written.
    RecordsLost,
    /// An event that this version does not know.
    #[serde(other)]
    Unknown,
}

impl AuditEvent {
    /// The name in the JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::SignedIn => "signed_in",
            Self::Logout => "logout",
            Self::SignedOut => "signed_out",
            Self::Token => "token",
            Self::Credentials => "credentials",
            Self::GrantMade => "grant_made",
            Self::GrantUsed => "grant_used",
            Self::GrantRefused => "grant_refused",
            Self::GrantConfirmed => "grant_confirmed",
            Self::GrantDenied => "grant_denied",
            Self::GrantRevoked => "grant_revoked",
            Self::GrantEnded => "grant_ended",
            Self::RecordsLost => "records_lost",
            Self::Unknown => "unknown",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_have_the_names_of_the_json() {
        use AuditEvent as Event;
        for event in [
            Event::Login,
            Event::SignedIn,
            Event::Logout,
            Event::SignedOut,
            Event::Token,
            Event::Credentials,
            Event::GrantMade,
            Event::GrantUsed,
            Event::GrantRefused,
            Event::GrantConfirmed,
            Event::GrantDenied,
            Event::GrantRevoked,
            Event::GrantEnded,
            Event::RecordsLost,
        ] {
            assert_eq!(serde_json::to_value(event).unwrap(), event.as_str());
        }
        assert_eq!(serde_json::from_str::<Event>("\"later\"").unwrap(), Event::Unknown);
    }
}
