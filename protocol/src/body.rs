//! The JSON of successful answers about sessions.
//!
//! Members that are `null` today may be absent tomorrow, and the other way round: readers treat both alike.

mod daemon;

use serde::{Deserialize, Serialize};

use crate::secret::{self, Secret};
use crate::timestamp::Timestamp;

pub use daemon::{ConfigurationProblem, DaemonStatus, LeftRecord, MachineProblem, StoreStatus};

/// `GET /v1/token`: a token that lives for at least the `min_valid` of the request.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Token {
    /// The access token, for the header `x-amz-sso_bearer_token` of the portal.
    #[serde(serialize_with = "secret::expose")]
    pub access_token: Secret<String>,
    /// `Bearer`.
    pub token_type: String,
    /// The service accepts it until then.
    pub expires_at: Timestamp,
    /// The name of its session.
    pub session: String,
    /// The start URL of the session, as configured.
    pub start_url: String,
    /// The region of the session's Identity Center instance.
    pub region: String,
}

/// `GET /v1/sessions`, and what `ssoctl status --json` prints.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct StatusReport {
    /// The state of the daemon itself.
    pub daemon: DaemonStatus,
    /// Every session, by name.
    pub sessions: Vec<SessionStatus>,
}

/// `GET /v1/session`. Contains no secret.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SessionStatus {
    /// Its name in the configuration.
    pub name: String,
    /// Other names of the same sign-in.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// The start URL, as configured.
    pub start_url: String,
    /// The start URL of AWS that the configured one led to at the last sign-in; `null` for one that is AWS's own.
    pub resolved_url: Option<String>,
    /// The region of the Identity Center instance; empty if only a sign-in finds it out, and there has been none.
    pub region: String,
    /// The scopes to register. Without any, tokens live longer and cannot be refreshed.
    pub scopes: Vec<String>,
    /// The state of the sign-in.
    pub state: SessionState,
    /// The expiry of the token, which may have passed; `null` without one.
    pub expires_at: Option<Timestamp>,
    /// Whether the token can be refreshed without a person.
    pub refreshable: bool,
    /// The OIDC endpoint that is used; `null` if the configuration allows none.
    pub oidc_endpoint: Option<String>,
    /// The service that is used instead of AWS's own, and the setting that names it; `null` for AWS's own.
    pub foreign_issuer: Option<ForeignIssuer>,
    /// The sign-in that waits for a person.
    pub login: Option<PendingLogin>,
    /// The last error; `null` after the next success.
    pub last_error: Option<LastError>,
    /// The end of the session at the portal, if that is known to end the token: neither a refresh nor another sign-in gives a
    /// later end, but `login?fresh=true` does.
    pub session_ends_at: Option<Timestamp>,
    /// The daemon's next step by itself.
    pub next: Option<NextStep>,
    /// Whether the newest token is not written to the store yet.
    #[serde(default)]
    pub unsaved: bool,
    /// The file of another program that the sign-in was taken over from; `null` for a sign-in of ssoctl's own.
    pub found_in: Option<String>,
    /// The token files of the AWS CLI and SDKs; `null` if the session shares none.
    pub token_files: Option<TokenFiles>,
    /// The entry that defines it; `null` from older daemons.
    pub defined_by: Option<DefinedBy>,
    /// The client registration for sign-ins and refreshes; `null` without one.
    pub registration: Option<Registration>,
    /// The time at which the token and its refresh token were received; `null` without a token.
    pub received_at: Option<Timestamp>,
    /// The source of the sign-in: `sign_in`: a person signed in here; `token_file`: another program's token file; `store`: an
    /// earlier daemon. `null` without a token.
    pub signed_in_by: Option<String>,
    /// Those who have waited longest for the session, ten at most.
    #[serde(default)]
    pub waiting: Vec<WaitingCaller>,
    /// The number of all who wait.
    #[serde(default)]
    pub waiting_count: usize,
}

/// A program that waits for a session. What it says of itself proves nothing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct WaitingCaller {
    /// Its process id; `null` if the kernel does not tell, as for processes in other PID namespaces.
    pub pid: Option<u32>,
    /// The name that its process gives itself; `null` if it is not known.
    pub program: Option<String>,
    /// The grant over which it asks; `null` if it asks the daemon's own socket.
    pub grant: Option<String>,
    /// The time since which it waits.
    pub since: Timestamp,
    /// `token`, `credentials` of a role, or `sign_in`: the end of a sign-in.
    pub wants: String,
}

/// The entry of a configuration file that defines a session.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Registration {
    /// The time of issue.
    pub issued_at: Timestamp,
    /// Its end; `null` if it has none.
    pub expires_at: Option<Timestamp>,
}

/// A service that is not AWS's own in the session's region. A sign-in at AWS does not count there, and stays until the setting is
/// gone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ForeignIssuer {
    /// Its address.
    pub url: String,
    /// The setting that names it: the variable, or the file and the line.
    pub set_by: String,
}

/// The files through which a session shares its token with the AWS CLI and SDKs.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TokenFiles {
    /// Those that hold the token now.
    #[serde(default)]
    pub published: Vec<String>,
    /// The reason why a file is not touched or could not be written, and the remedy; `null` if there is no such file.
    pub error: Option<String>,
    /// Those with a sign-in of another program that its issuer has not confirmed yet. The issuer is asked again.
    #[serde(default)]
    pub unproved: Vec<UnprovedFile>,
}

/// A file with a sign-in that is not proved yet.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct UnprovedFile {
    /// The file.
    pub file: String,
    /// The reason why it is not proved.
    pub why: String,
}

/// The state of a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SessionState {
    /// The store has not answered yet.
    Loading,
    /// There is no token.
    SignedOut,
    /// There is a live token.
    SignedIn,
    /// The token has expired.
    Expired,
    /// A state that this version does not know.
    #[serde(other)]
    Unknown,
}

/// The two ways in which a person signs in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LoginKind {
    /// The device authorization grant (RFC 8628): the person compares a code, on any machine.
    #[default]
    Device,
    /// The authorization code grant with a proof key (RFC 7636): the browser has to be on the daemon's machine, and comes back to it.
    Browser,
    /// A kind that this version does not know.
    #[serde(other)]
    Unknown,
}

/// A sign-in that waits for a person.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PendingLogin {
    /// The number of this flow, which no other flow of the session has until the daemon ends.
    #[serde(default)]
    pub flow: u64,
    /// The way in which the person signs in.
    #[serde(default)]
    pub kind: LoginKind,
    /// The code that the person compares or enters (RFC 8628, section 3.2). Only the kind `device` has one.
    #[serde(default)]
    pub user_code: Option<String>,
    /// The page where the code can be entered. Only the kind `device` has one.
    #[serde(default)]
    pub verification_uri: Option<String>,
    /// The page to open: that of the service for this sign-in, or the one for the code, with the code filled in if the service gives
    /// such an address.
    pub verification_uri_complete: String,
    /// The port of the daemon's machine to which the browser comes back. Only the kind `browser` has one.
    #[serde(default)]
    pub callback_port: Option<u16>,
    /// Why this is of the kind `device` although the other one was wanted.
    #[serde(default)]
    pub no_browser: Option<String>,
    /// The end of the code, or of the wait for the browser.
    pub expires_at: Timestamp,
}

/// `POST` and `GET /v1/sessions/{name}/login`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "state", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Login {
    /// There is a live token.
    SignedIn {
        /// Its expiry.
        expires_at: Timestamp,
    },
    /// A person is needed.
    Pending {
        /// Whether this request opened the flow, so that only one of many callers opens the page.
        #[serde(default)]
        started: bool,
        /// The sign-in to show.
        #[serde(flatten)]
        login: PendingLogin,
    },
    /// A state that this version does not know.
    #[serde(other)]
    Unknown,
}

/// `POST /v1/sessions/{name}/logout`. The token is gone here, unless that is [deferred](PortalSession::Deferred).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Logout {
    /// The session's name.
    pub session: String,
    /// The result for the session at the portal.
    pub portal: PortalSession,
    /// The reason why the portal could not be told, or why the store has not answered.
    pub detail: Option<String>,
}

/// `POST /v1/logout`: the result for each session, and for each record that belongs to none.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LogoutAll {
    /// The sessions.
    pub sessions: Vec<Logout>,
    /// The records, which are gone.
    #[serde(default)]
    pub records: Vec<EndedRecord>,
    /// The steps that failed, and their remedies.
    #[serde(default)]
    pub problems: Vec<String>,
}

/// A record that is gone from the store.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct EndedRecord {
    /// The record.
    pub record: LeftRecord,
    /// The result for its session at the portal.
    pub portal: PortalSession,
    /// The reason why the portal could not be told.
    pub detail: Option<String>,
}

/// The result of a sign-out for the session at the portal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PortalSession {
    /// It has ended.
    Ended,
    /// There was no token to end it with.
    NothingToEnd,
    /// The portal could not be told; the session there ends by itself in time.
    NotTold,
    /// The store has not answered yet. As soon as it does, the sign-in that it holds is ended here and at the portal, unless
    /// a person signs in before or the daemon ends.
    Deferred,
    /// An outcome that this version does not know.
    #[serde(other)]
    Unknown,
}

/// The last error of a session.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LastError {
    /// The service's error in its OAuth spelling (`access_denied`, `invalid_grant`, …), or `network`,
    /// `unusable_answer`, `flow_expired`, `store`, `configuration`.
    pub code: String,
    /// The event, in words.
    pub message: String,
    /// The time of the event.
    pub at: Timestamp,
}

/// The daemon's next step by itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct NextStep {
    /// `refresh`; `retry_refresh` after one that failed; `ask_person`: open a sign-in and show it; `tell_person`: show that the
    /// portal session ends; `expire`: nothing until the token expires.
    pub action: String,
    /// The time at which it is due.
    pub at: Timestamp,
    /// The reason for the action and its time; `null` from older daemons.
    pub why: Option<String>,
}

/// `POST /v1/sessions`: a session to be written into the daemon's configuration file.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct NewSession {
    /// Its name; by default one is made from the start URL.
    pub name: Option<String>,
    /// The start URL of the portal.
    pub start_url: String,
    /// The region of the Identity Center instance; by default the one that the start URL names or leads to.
    pub region: Option<String>,
    /// The scopes to register; by default `sso:account:access`, whose tokens can be refreshed.
    pub scopes: Option<Vec<String>>,
}
