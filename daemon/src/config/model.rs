//! The configuration after it was read: sessions, profiles, settings, and the problems that were found.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use ssoctl_protocol::DecidedBy;
use ssoctl_protocol::partition::is_region;

use super::browser_command::BrowserCommand;
use super::endpoints::SessionEndpoints;
use super::identity::{Identity, normalise_start_url, region_of_start_url};
use super::picker::PickerSettings;
use super::problem::{FileLine, Problem};
use super::quiet_hours::QuietHours;
use crate::assignment::Assignment;
use crate::issuer::Issuer;
use crate::token::Target;

/// The scope that makes a token refreshable. It is registered for a session that names no scopes.
pub const DEFAULT_SCOPE: &str = "sso:account:access";

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// Every usable session, in the order of the files. Identities are unique, and so are names and aliases.
    pub sessions: Vec<SessionConfig>,
    /// The profiles of the AWS configuration that lead to a session.
    pub profiles: BTreeMap<String, ProfileConfig>,
    /// The sessions that cannot be used, and why.
    pub unusable_sessions: BTreeMap<String, Problem>,
    /// The profiles that should lead to a session and do not, and why.
    pub unusable_profiles: BTreeMap<String, Problem>,
    /// The other profiles, which lead to no session, and the misspelt key that may be the reason.
    pub other_profiles: BTreeMap<String, Option<Problem>>,
    /// Ignored files, sections and lines. Nobody knows which sessions and profiles they would have defined.
    pub losses: Vec<Problem>,
    pub secret_store: StoreSetting,
    pub notifications: Notifications,
    /// Further AWS configuration files, which are read even if no caller names them, and whose endpoint settings count.
    pub aws_config_files: Vec<PathBuf>,
    /// The hours in which the person counts as away, even if the screen is in use.
    pub quiet_hours: Option<QuietHours>,
    /// How the list of roles behaves from which a person picks one.
    pub picker: PickerSettings,
    /// A file of PEM certificates to trust besides the system's: `AWS_CA_BUNDLE`, else the default profile's `ca_bundle`.
    pub ca_bundle: Option<PathBuf>,
    /// All problems, in the order of files and lines.
    pub problems: Vec<Problem>,
}

impl Config {
    pub fn session(&self, name: &str) -> Option<&SessionConfig> {
        self.sessions.iter().find(|session| session.is_named(name))
    }

    /// The sessions at this start URL in any spelling; none if it is not a start URL.
    pub fn sessions_at<'a>(&'a self, start_url: &str) -> impl Iterator<Item = &'a SessionConfig> + use<'a> {
        let normalised = normalise_start_url(start_url).ok();
        self.sessions.iter().filter(move |session| Some(&session.identity.start_url) == normalised.as_ref())
    }
}

/// A profile of the AWS configuration that leads to a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileConfig {
    pub session: String,
    /// The role and its account: `sso_account_id` and `sso_role_name`, or what a `credential_process` that is
    /// `ssoctl credential-process` names.
    pub assignment: Result<Assignment, NoAssignment>,
    pub region: Option<String>,
    /// The keys that decided on all this. They may be in other profiles, which this one names.
    pub decided_by: DecidedBy,
}

/// The reason why a profile has no account and role. The text fits after the profile's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAssignment {
    #[error("has neither sso_account_id nor sso_role_name")]
    Neither,
    #[error("has no {missing} ({place})")]
    Incomplete {
        missing: &'static str,
        /// The place of the key that the profile has.
        place: FileLine,
    },
    #[error("cannot be used: {0}")]
    Malformed(Problem),
    /// The profile is for another role (`role_arn`), taken with the credentials of the profile that it names
    /// (`source_profile`). The AWS tools do that by themselves.
    #[error("takes its role from AWS STS with the credentials of profile {0:?}; name that one")]
    OnTopOf(String),
}

/// A session: an identity with its names and settings.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionConfig {
    pub name: String,
    /// The names of the legacy profiles that sign in with it.
    pub aliases: Vec<String>,
    pub identity: Identity,
    /// The scopes to register, in the order written. Without scopes, a token cannot be refreshed.
    pub scopes: Vec<String>,
    /// The configured region. The identity has the region of a start URL that names it, unless one is configured.
    pub region: Option<String>,
    /// With an error, every call that needs the service fails, and `status` shows the error.
    pub endpoints: SessionEndpoints,
    /// The keys under which other programs look for its token in the AWS token cache: its own name, and each legacy profile's
    /// start URL exactly as written. No other session has any of them.
    pub cache_keys: Vec<String>,
    pub token_files: TokenFilesIssuer,
    pub origin: Origin,
    /// The command that opens its pages instead of the desktop's browser.
    pub browser: Option<BrowserCommand>,
    /// Further hosts that may serve its verification page, as the URL standard writes them.
    pub verification_hosts: Vec<String>,
    /// A token is refreshed this long before its expiry. `None`: the default.
    pub refresh_before: Option<Duration>,
    /// The person is asked this long before the end of the sign-in. `None`: the default.
    pub notify_before: Option<Duration>,
    pub sdk_cache: SdkCache,
    pub sign_in: SignInSetting,
}

impl SessionConfig {
    /// Whether this is its name or one of its aliases.
    pub fn is_named(&self, name: &str) -> bool {
        self.name == name || self.aliases.iter().any(|alias| alias == name)
    }

    pub fn start_url(&self) -> &str {
        &self.identity.start_url
    }

    /// The region of its Identity Center instance, as far as the configuration knows it: a start URL that is not AWS's own may lead
    /// to another one.
    pub fn region(&self) -> Option<&str> {
        self.identity.region.as_deref().or(self.region.as_deref())
    }

    /// The region of a session whose start URL leads there, as far as both are known.
    pub fn region_at(&self, target: Option<&Target>) -> Option<String> {
        let named = || region_of_start_url(target?.resolved.as_deref()?);
        match (&self.identity.region, &self.region, target.map(|target| &target.issuer)) {
            (Some(configured), Some(_), _) => Some(configured.clone()),
            (_, _, Some(Issuer::Aws { region })) => Some(region.clone()),
            _ => named().or_else(|| self.region().map(str::to_owned)),
        }
    }

    /// The issuer of a sign-in that is found in one of its token files, which names this region. `None` if the session has another
    /// issuer.
    pub fn issuer_of_found(&self, region: Option<&str>) -> Option<Issuer> {
        match (self.token_files, &self.identity.issuer) {
            (TokenFilesIssuer::Other, _) => None,
            (TokenFilesIssuer::Same, Some(issuer)) => Some(issuer.clone()),
            (TokenFilesIssuer::Same, None) => region.filter(|region| is_region(region)).map(Issuer::aws),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub kind: OriginKind,
    pub place: FileLine,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OriginKind {
    /// `[session.NAME]` of config.toml.
    Own,
    /// `[sso-session NAME]` of the AWS configuration.
    SsoSession,
    /// A profile of the AWS configuration with its own start URL.
    LegacyProfile,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StoreSetting {
    /// In the keyring, or in files if the machine has no keyring.
    #[default]
    Auto,
    /// In the keyring, even if it is not available.
    Keyring,
    /// In files that only their owner can read.
    File,
    /// Nowhere: each start needs a new sign-in.
    Memory,
}

/// In which of the two ways a person signs in to a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignInSetting {
    /// At the browser where the person sits at one of this machine and has asked to sign in; else by a code.
    #[default]
    Auto,
    Browser,
    Device,
}

/// Whether the desktop shows notifications.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Notifications {
    #[default]
    On,
    Off,
}

/// Whether what the AWS CLI and SDKs put into a session's token files has the session's issuer. The AWS configuration file alone
/// decides on that, because these programs have neither the daemon's environment nor its own file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenFilesIssuer {
    Same,
    /// Also if the file's settings cannot be used.
    Other,
}

/// Whether a session shares its token with the AWS CLI and SDKs through the files of their token cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SdkCache {
    On,
    #[default]
    Off,
}
