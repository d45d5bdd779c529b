//! What the daemon is configured to do: the sessions of the AWS shared configuration and of its own file.
//!
//! Parsing is pure: text and environment in, values and [`Problem`]s out. Only `files.rs` (reading and writing),
//! `watch.rs` (noticing changes) and [`Environment::from_process`] touch the outside. Nothing here fails: a broken
//! entry becomes a [`Problem`] with file and line, and everything beside it stays.

mod add;
mod aws;
mod browser_command;
mod credential_command;
mod draft;
mod endpoints;
mod environment;
mod files;
mod identity;
mod located;
mod merge;
mod named;
mod own;
mod profiles;
mod quiet_hours;
mod session_name;
mod watch;

pub use add::{AddError, AddedSession, NewSession, add_session};
pub use aws::EndpointSettings;
pub use browser_command::{BrowserCommand, NotACommand};
pub(crate) use credential_command::{CredentialCommand, Named};
pub(crate) use endpoints::portal_of;
pub use endpoints::{EndpointError, Endpoints};
pub use environment::Environment;
pub use files::{NoHome, Paths, SaveError, load, parse, save_session};
pub(crate) use files::{is_null, read};
pub use identity::{Identity, IdentityError, StartUrlError, normalise_start_url};
pub use named::{FilePair, NotUsable, load_named};
pub use quiet_hours::QuietHours;
pub use session_name::NameError;
pub use watch::FileWatch;

pub use crate::partitions::is_known_region;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use ssoctl_protocol::DecidedBy;

use crate::issuer::Issuer;
use crate::portal::Assignment;

/// The scope that makes a token refreshable. It is registered where a session names no scopes.
pub const DEFAULT_SCOPE: &str = "sso:account:access";

/// The whole configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// Every usable session, in the order of the files: identities are unique, and so are names and aliases.
    pub sessions: Vec<SessionConfig>,
    /// Each profile of the AWS configuration that leads to a session.
    pub profiles: BTreeMap<String, ProfileConfig>,
    /// Each section of a session that is left out, by the session's name, and why.
    pub unusable_sessions: BTreeMap<String, Problem>,
    /// Each profile that is meant to lead to a session and does not, and why.
    pub unusable_profiles: BTreeMap<String, Problem>,
    /// Why files, sections and lines are left out of which nobody knows what they would have named.
    pub losses: Vec<Problem>,
    /// Where records are kept.
    pub secret_store: SecretStore,
    /// Whether the desktop shows notifications.
    pub notifications: Notifications,
    /// AWS configuration files beside the default one that are read whether anybody names them or not, and whose endpoint
    /// settings count.
    pub aws_config_files: Vec<PathBuf>,
    /// When the person counts as away, whatever the screen says.
    pub quiet_hours: Option<QuietHours>,
    /// A file of PEM certificates to trust beside the system's: `AWS_CA_BUNDLE`, else the default profile's `ca_bundle`.
    pub ca_bundle: Option<PathBuf>,
    /// Everything that is wrong or doubtful in the files, in the order of files and lines.
    pub problems: Vec<Problem>,
}

impl Config {
    /// The session that has this name or this alias.
    pub fn session(&self, name: &str) -> Option<&SessionConfig> {
        self.sessions.iter().find(|session| session.is_named(name))
    }

    /// The sessions at this start URL, compared as [`normalise_start_url`] does; none if it is not a start URL.
    pub fn sessions_at<'a>(&'a self, start_url: &str) -> impl Iterator<Item = &'a SessionConfig> + use<'a> {
        let normalised = normalise_start_url(start_url).ok();
        self.sessions.iter().filter(move |session| Some(&session.identity.start_url) == normalised.as_ref())
    }
}

/// A profile of the AWS configuration that leads to a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileConfig {
    /// The session's name.
    pub session: String,
    /// Which role in which account is meant: its `sso_account_id` and `sso_role_name`, or what its `credential_process` names,
    /// if that is `ssoctl credential-process`.
    pub assignment: Result<Assignment, NoAssignment>,
    /// Its `region`.
    pub region: Option<String>,
    /// The keys that decided on these. They may stand in other profiles, which this one names.
    pub decided_by: DecidedBy,
}

/// Why a profile does not say which role in which account is meant. The text fits after the profile's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAssignment {
    /// It has neither of the two members: it is for signing in alone.
    #[error("has neither sso_account_id nor sso_role_name")]
    Neither,
    /// It has one of them.
    #[error("has no {missing} ({}:{line})", file.display())]
    Incomplete {
        /// The other one.
        missing: &'static str,
        /// The file of the one that it has.
        file: PathBuf,
        /// The line of the one that it has.
        line: usize,
    },
    /// One of them cannot be what it is meant to be.
    #[error("cannot be used: {0}")]
    Malformed(Problem),
    /// It is for another role (`role_arn`), which is taken with the credentials of the profile that it names
    /// (`source_profile`). The AWS tools do that by themselves.
    #[error("takes its role from AWS STS with the credentials of profile {0:?}; name that one")]
    OnTopOf(String),
}

/// One session: an identity with its names and settings.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionConfig {
    /// The preferred name.
    pub name: String,
    /// Further names: legacy profiles at this portal.
    pub aliases: Vec<String>,
    /// What its record is keyed by.
    pub identity: Identity,
    /// The scopes in the order written: what is registered. None gives a token that cannot be refreshed.
    pub scopes: Vec<String>,
    /// Where its services are. The error is shown in `status` and ends every call that needs the service.
    pub endpoints: Result<Endpoints, EndpointError>,
    /// The keys under which readers look for its token in the AWS token cache: its own name, and each legacy profile's start
    /// URL exactly as written. No other session has any of them.
    pub cache_keys: Vec<String>,
    /// Who issues what the AWS CLI and SDKs put into its token files: the AWS configuration file alone says so. They have neither
    /// the daemon's environment nor its own file. `None` if it names nobody that can be used.
    pub token_files_issuer: Option<Issuer>,
    /// Where it was found first.
    pub origin: Origin,
    /// The command that opens its pages instead of the desktop's browser.
    pub browser: Option<BrowserCommand>,
    /// Further hosts that may serve its verification page, as the URL standard writes them.
    pub verification_hosts: Vec<String>,
    /// How long before the token's expiry it is refreshed silently, where the default is not wanted.
    pub refresh_before: Option<Duration>,
    /// How long before the sign-in's end the person is asked, where the default is not wanted.
    pub notify_before: Option<Duration>,
    /// Whether its token is shared with the AWS CLI and SDKs.
    pub sdk_cache: SdkCache,
}

impl SessionConfig {
    /// Whether this is its name or one of its aliases.
    pub fn is_named(&self, name: &str) -> bool {
        self.name == name || self.aliases.iter().any(|alias| alias == name)
    }

    /// Its start URL.
    pub fn start_url(&self) -> &str {
        &self.identity.start_url
    }

    /// The region of its Identity Center instance.
    pub fn region(&self) -> &str {
        &self.identity.region
    }
}

/// Where a session was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// In what kind of entry.
    pub kind: OriginKind,
    /// In which file.
    pub file: PathBuf,
    /// At which line, counted from 1.
    pub line: usize,
}

/// The kinds of entries that make sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OriginKind {
    /// `[session.NAME]` of the own configuration.
    Own,
    /// `[sso-session NAME]` of the AWS configuration.
    SsoSession,
    /// A profile of the AWS configuration with its own start URL.
    LegacyProfile,
}

/// Where records are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecretStore {
    /// In the keyring, and in files where the machine has none.
    #[default]
    Auto,
    /// In the keyring of the person, whether it is there or not.
    Keyring,
    /// In files that only their owner can read.
    File,
    /// Nowhere: signing in again after each start.
    Memory,
}

/// Whether the desktop shows notifications.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Notifications {
    /// It does.
    #[default]
    On,
    /// It does not.
    Off,
}

/// Whether a session's token is shared with the AWS CLI and SDKs through the files of their token cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SdkCache {
    /// It is: published there after each renewal, and taken over from there.
    On,
    /// The files are left alone.
    #[default]
    Off,
}

/// Something wrong or doubtful in a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Whether anything was left out because of it.
    pub severity: Severity,
    /// The file.
    pub file: PathBuf,
    /// The line, counted from 1, where one is to blame.
    pub line: Option<usize>,
    /// What is wrong and what to do: a fragment in lower case.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        write!(f, " {}", self.message)
    }
}

/// How much a [`Problem`] matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Everything is used, perhaps not as it was meant.
    Warning,
    /// Something is left out.
    Error,
}
