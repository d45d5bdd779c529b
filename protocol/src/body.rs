//! The JSON of successful answers.
//!
//! Members that are `null` today may be absent tomorrow, and the other way round: readers treat both alike.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::secret::{self, Secret};
use crate::settings::Settings;
use crate::timestamp::Timestamp;

/// `GET /v1/token`: a token that is live and lives for at least the `min_valid` that was asked for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Token {
    /// The access token, for the header `x-amz-sso_bearer_token` of the portal.
    #[serde(serialize_with = "secret::expose")]
    pub access_token: Secret<String>,
    /// `Bearer`.
    pub token_type: String,
    /// When the service stops accepting it.
    pub expires_at: Timestamp,
    /// The name of the session it belongs to.
    pub session: String,
    /// The start URL of the session, as configured.
    pub start_url: String,
    /// The region of the session's Identity Center instance.
    pub region: String,
}

/// `GET /v1/sessions`, and what `ssoctl status --json` prints.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StatusReport {
    /// The daemon that answers.
    pub daemon: DaemonStatus,
    /// Every session, by name.
    pub sessions: Vec<SessionStatus>,
}

/// `GET /v1/health`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DaemonStatus {
    /// The daemon's version.
    pub version: String,
    /// Its process id.
    pub pid: u32,
    /// When it started.
    pub started_at: Timestamp,
    /// How many sessions it keeps.
    pub sessions: usize,
    /// Where secrets are kept.
    #[serde(default)]
    pub secret_store: StoreStatus,
    /// By how many seconds the service's clock is ahead of this machine's (negative: behind), if they disagree by more
    /// than a minute; `null` otherwise.
    #[serde(default)]
    pub service_clock_ahead: Option<i64>,
    /// Until when it is quiet: no notice is shown and no sign-in opened unasked; `null` if it is not.
    #[serde(default)]
    pub quiet_until: Option<Timestamp>,
    /// What is wrong with the configuration; empty if nothing is.
    #[serde(default)]
    pub configuration_problems: Vec<ConfigurationProblem>,
    /// What is wrong with the machine, as far as it hinders the daemon; empty if nothing is.
    #[serde(default)]
    pub machine_problems: Vec<MachineProblem>,
    /// Records that belong to no session that it knows, so that nothing renews or ends what is in them.
    #[serde(default)]
    pub left_records: Vec<LeftRecord>,
    /// What it works with, and who said so.
    #[serde(default)]
    pub settings: Settings,
}

/// A record in the secret store that belongs to no configured session: its section is gone or has changed, a setting names
/// another issuer, or it was set aside as damaged.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct LeftRecord {
    /// What the store finds it by.
    pub key: String,
    /// The name of its session; `null` where that has none, or is not known.
    #[serde(default)]
    pub name: Option<String>,
    /// The start URL; `null` where it is not known.
    #[serde(default)]
    pub start_url: Option<String>,
    /// Who has issued what is in it: `aws:` with the region, or an origin; `null` where it is not known.
    #[serde(default)]
    pub issuer: Option<String>,
    /// Why it cannot be read; `null` where it can.
    #[serde(default)]
    pub error: Option<String>,
}

/// As the object of a sentence.
impl fmt::Display for LeftRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, name, start_url, issuer, error } = self;
        let short =
            key.get(..12).filter(|short| *short != key).map_or_else(|| key.clone(), |short| format!("{short}…"));
        match (error, start_url) {
            (None, Some(start_url)) => {
                let name = name.as_ref().map_or_else(String::new, |name| format!("{name} at "));
                let issuer = issuer.as_ref().map_or_else(String::new, |issuer| format!(" (issued by {issuer})"));
                write!(f, "{name}{start_url}{issuer}")
            }
            (Some(error), _) => write!(f, "a record that cannot be read ({short}: {error})"),
            (None, None) => write!(f, "the record {short}"),
        }
    }
}

/// Something that the machine does not give the daemon. It is tried again by itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MachineProblem {
    /// What it is.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

/// Where the daemon keeps secrets, and whether it can.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct StoreStatus {
    /// `keyring`, `file` or `memory`; `auto` in the first moments of a daemon that has not found out yet whether there is a
    /// keyring.
    pub kind: String,
    /// Why it is that one, where nobody chose it, or what another store still has; `null` where nothing has to be said.
    #[serde(default)]
    pub reason: Option<String>,
    /// Why records could not be read or written lately; `null` while all is well.
    #[serde(default)]
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

/// One complaint about a configuration file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ConfigurationProblem {
    /// `warning`: something is ignored. `error`: an entry is left out.
    pub severity: String,
    /// The file.
    pub file: String,
    /// The line, counted from 1, where it is known.
    #[serde(default)]
    pub line: Option<usize>,
    /// What is wrong and what to do.
    pub message: String,
}

/// What is known of a session. Never a secret.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SessionStatus {
    /// The name that the configuration gives it.
    pub name: String,
    /// Further names that mean the same sign-in.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// The start URL, as configured.
    pub start_url: String,
    /// The region of the Identity Center instance.
    pub region: String,
    /// The scopes that are registered; empty means a long token without a refresh token.
    pub scopes: Vec<String>,
    /// Where it stands.
    pub state: SessionState,
    /// When the token expires or has expired; `null` without one.
    pub expires_at: Option<Timestamp>,
    /// Whether the token can be renewed without a person.
    pub refreshable: bool,
    /// The OIDC endpoint that is used; `null` if the configuration allows none.
    pub oidc_endpoint: Option<String>,
    /// Whom it signs in with instead of AWS, and because of what; `null` for AWS's own service.
    #[serde(default)]
    pub foreign_issuer: Option<ForeignIssuer>,
    /// The sign-in that waits for a person.
    pub login: Option<PendingLogin>,
    /// The last thing that went wrong; `null` again once it went well.
    pub last_error: Option<LastError>,
    /// When the session at the portal ends, where that is known to end the token: neither a refresh nor another sign-in
    /// gives a later one, but `login?fresh=true` does.
    #[serde(default)]
    pub session_ends_at: Option<Timestamp>,
    /// What the daemon does next by itself.
    #[serde(default)]
    pub next: Option<NextStep>,
    /// Whether the newest token is still to be written to the store.
    #[serde(default)]
    pub unsaved: bool,
    /// The file of another program that the sign-in came from; `null` for a sign-in of ssoctl's own.
    #[serde(default)]
    pub found_in: Option<String>,
    /// The token files of the AWS CLI and SDKs; `null` if the session shares none.
    #[serde(default)]
    pub token_files: Option<TokenFiles>,
    /// What defines it; `null` from older daemons.
    #[serde(default)]
    pub defined_by: Option<DefinedBy>,
    /// The client registration that it signs in and renews with; `null` without one.
    #[serde(default)]
    pub registration: Option<Registration>,
    /// When the service gave the token, and the refresh token with it; `null` without a token.
    #[serde(default)]
    pub received_at: Option<Timestamp>,
    /// Where the sign-in came from: `sign_in`: a person's here; `token_file`: another program's, found in a token file;
    /// `store`: an earlier daemon's. `null` without a token.
    #[serde(default)]
    pub signed_in_by: Option<String>,
}

/// The entry of a configuration file that defines a session.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DefinedBy {
    /// `session` (of config.toml), `sso_session` or `profile` (of the AWS files).
    pub kind: String,
    /// The file.
    pub file: String,
    /// The line of the entry's header, counted from 1.
    pub line: u64,
}

/// A client registration.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Registration {
    /// Since when it is.
    pub issued_at: Timestamp,
    /// When it ends; `null` if it does not.
    pub expires_at: Option<Timestamp>,
}

/// A service that is not AWS's own in the session's region. A sign-in at AWS does not count there, and stays until the setting is gone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ForeignIssuer {
    /// Where it is.
    pub url: String,
    /// The setting that says so: the variable, or the file and the line.
    pub set_by: String,
}

/// Where the files stand by which a session shares its token with the AWS CLI and SDKs.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct TokenFiles {
    /// Those that hold the token now.
    #[serde(default)]
    pub published: Vec<String>,
    /// Why one is left alone or could not be written, and what to do; `null` while all is well.
    #[serde(default)]
    pub error: Option<String>,
    /// Those that hold a sign-in of another program which its issuer has not been able to confirm yet. It is asked again.
    #[serde(default)]
    pub unproved: Vec<UnprovedFile>,
}

/// A file that holds a sign-in which is not proved yet.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct UnprovedFile {
    /// The file.
    pub file: String,
    /// Why it is not proved.
    pub why: String,
}

/// Where a session stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SessionState {
    /// The store has not answered yet.
    Loading,
    /// There is no token.
    SignedOut,
    /// There is a live token.
    SignedIn,
    /// There was a token, and it has expired.
    Expired,
    /// A state that this version does not know.
    #[serde(other)]
    Unknown,
}

/// A sign-in that waits for a person (RFC 8628, section 3.2).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PendingLogin {
    /// Tells this flow from others of the session, as long as the daemon runs.
    #[serde(default)]
    pub flow: u64,
    /// The code that the person compares or enters.
    pub user_code: String,
    /// The page where the code can be entered.
    pub verification_uri: String,
    /// The page with the code filled in; equal to `verification_uri` if the service gives none.
    pub verification_uri_complete: String,
    /// When the code stops working.
    pub expires_at: Timestamp,
}

/// `POST` and `GET /v1/sessions/{name}/login`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Login {
    /// There is a live token.
    SignedIn {
        /// When it expires.
        expires_at: Timestamp,
    },
    /// A person is needed.
    Pending {
        /// Whether this request opened the flow, so that of many callers one opens the page.
        #[serde(default)]
        started: bool,
        /// What to show.
        #[serde(flatten)]
        login: PendingLogin,
    },
    /// A state that this version does not know.
    #[serde(other)]
    Unknown,
}

/// `POST /v1/sessions/{name}/logout`. Locally the token is gone, unless that is [deferred](PortalSession::Deferred).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Logout {
    /// The session's name.
    pub session: String,
    /// What became of the session at the portal.
    pub portal: PortalSession,
    /// Why the portal could not be told, or the store has not answered.
    #[serde(default)]
    pub detail: Option<String>,
}

/// `POST /v1/logout`: what became of each session, and of each record that belongs to none.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct LogoutAll {
    /// The sessions.
    pub sessions: Vec<Logout>,
    /// The records, which are gone.
    #[serde(default)]
    pub records: Vec<EndedRecord>,
    /// What could not be done, and what to do about it; empty if nothing is left.
    #[serde(default)]
    pub problems: Vec<String>,
}

/// A record that is gone from the store.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct EndedRecord {
    /// What it was.
    pub record: LeftRecord,
    /// What became of the session at the portal.
    pub portal: PortalSession,
    /// Why the portal could not be told.
    #[serde(default)]
    pub detail: Option<String>,
}

/// What became of the portal session of somebody who logs out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PortalSession {
    /// It is over.
    Ended,
    /// There was no token to end it with.
    NothingToEnd,
    /// The portal could not be told; the session there ends by itself in time.
    NotTold,
    /// The store has not answered yet. As soon as it does, what it has is signed out of, here and at the portal, unless
    /// somebody signs in before or the daemon ends.
    Deferred,
    /// An outcome that this version does not know.
    #[serde(other)]
    Unknown,
}

/// The last thing that went wrong in a session.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LastError {
    /// The service's error in its OAuth spelling (`access_denied`, `invalid_grant`, …), or `network`,
    /// `unusable_answer`, `flow_expired`, `store`, `configuration`.
    pub code: String,
    /// What happened, in words.
    pub message: String,
    /// When.
    pub at: Timestamp,
}

/// What the daemon does next by itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NextStep {
    /// `refresh`; `retry_refresh` after one that failed; `ask_person`: open a sign-in and show it; `tell_person`: show
    /// that the portal session ends; `expire`: nothing any more before the token does.
    pub action: String,
    /// When.
    pub at: Timestamp,
    /// Why that, and why then; `null` from older daemons.
    #[serde(default)]
    pub why: Option<String>,
}

/// `POST /v1/sessions`: a session to be written into the daemon's configuration file.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct NewSession {
    /// Its name; by default one is made from the start URL.
    pub name: Option<String>,
    /// The start URL of the portal.
    pub start_url: String,
    /// The region of the Identity Center instance.
    pub region: String,
    /// The scopes to register; by default `sso:account:access`, whose tokens can be refreshed.
    pub scopes: Option<Vec<String>>,
}
