//! The JSON about the daemon itself: its store, its configuration, and their problems.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::settings::Settings;
use crate::timestamp::Timestamp;

/// `GET /v1/health`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DaemonStatus {
    /// The daemon's version.
    pub version: String,
    /// Its process id.
    pub pid: u32,
    /// The time of its start.
    pub started_at: Timestamp,
    /// The number of sessions.
    pub sessions: usize,
    /// The store of secrets.
    #[serde(default)]
    pub secret_store: StoreStatus,
    /// By how many seconds the service's clock is ahead of this machine's (negative: behind), if they differ by more than a
    /// minute; `null` otherwise.
    pub service_clock_ahead: Option<i64>,
    /// The end of the quiet hours, in which no notice is shown and no sign-in is opened unasked; `null` outside of them.
    pub quiet_until: Option<Timestamp>,
    /// Problems of the configuration.
    #[serde(default)]
    pub configuration_problems: Vec<ConfigurationProblem>,
    /// Problems of the machine that hinder the daemon.
    #[serde(default)]
    pub machine_problems: Vec<MachineProblem>,
    /// Records in the secret store that belong to no configured session. Nothing renews or ends the sign-ins in them.
    #[serde(default)]
    pub left_records: Vec<LeftRecord>,
    /// The daemon's settings and their sources.
    #[serde(default)]
    pub settings: Settings,
}

/// A record in the secret store that belongs to no configured session: its section is gone or has changed, a setting names
/// another issuer, or it was set aside as damaged.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LeftRecord {
    /// Its key in the store.
    pub key: String,
    /// The name of its session; `null` if it has none or is not known.
    pub name: Option<String>,
    /// The start URL; `null` if it is not known.
    pub start_url: Option<String>,
    /// The issuer of its tokens, `aws:` with the region or an origin; `null` if it is not known.
    pub issuer: Option<String>,
    /// The reason why it cannot be read; `null` if it can.
    pub error: Option<String>,
}

/// As the object of a sentence.
impl fmt::Display for LeftRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, name, start_url, issuer, error } = self;
        let short =
            key.get(..12).filter(|short| *short != key).map_or_else(|| key.clone(), |short| format!("{short}…"));
        match (error, start_url) {
            (Some(error), _) => write!(f, "a record that cannot be read ({short}: {error})"),
            (None, None) => write!(f, "the record {short}"),
            (None, Some(start_url)) => {
                let name = name.as_ref().map(|name| format!("{name} at ")).unwrap_or_default();
                let issuer = issuer.as_ref().map(|issuer| format!(" (issued by {issuer})")).unwrap_or_default();
                write!(f, "{name}{start_url}{issuer}")
            }
        }
    }
}

/// Something that the daemon needs of the machine and does not get. It tries again by itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MachineProblem {
    /// The subject: `proxy`, `keyring`, or a text with the path of a file. There is at most one problem about each.
    #[serde(default)]
    pub about: String,
    /// What is wrong, and what to do about it, in a sentence.
    pub message: String,
    /// The remedy.
    pub remedy: String,
}

/// The store of secrets, and whether it works.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct StoreStatus {
    /// `keyring`, `file` or `memory`; `auto` until the daemon has found out whether there is a keyring.
    pub kind: String,
    /// The reason for a store that was not configured, or the records that another store still holds; `null` otherwise.
    pub reason: Option<String>,
    /// The reason why the last access to records failed; `null` if it did not.
    pub error: Option<String>,
}

impl StoreStatus {
    /// The kind in words, as the answer to "where are secrets?".
    pub fn kind_in_words(&self) -> &str {
        match self.kind.as_str() {
            "keyring" => "the keyring",
            "file" => "files, in the clear",
            "memory" => "memory, until the daemon ends",
            "auto" => "not known yet",
            "" => "unknown",
            other => other,
        }
    }
}

/// A problem in a configuration file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ConfigurationProblem {
    /// `warning`: something is ignored. `error`: an entry is left out.
    pub severity: String,
    /// The file.
    pub file: String,
    /// The line, counted from 1; `null` if it is not known.
    pub line: Option<usize>,
    /// The problem and its remedy.
    pub message: String,
}
