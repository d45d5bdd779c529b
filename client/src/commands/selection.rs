//! Selects a session or role by the arguments of the command line, else by the environment.

use std::time::Duration;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use ssoctl_protocol::route::Query;
use ssoctl_protocol::{Route, Selector, SessionStatus};

use crate::connection::Daemon;
use crate::environment;
use crate::failure::Failure;

#[derive(Args, Clone, Debug, Default)]
pub(super) struct SessionArguments {
    /// Name of the session; default: the session that the environment names
    #[arg(value_parser = NonEmptyStringValueParser::new(), conflicts_with_all = ["profile", "start_url"])]
    pub(super) session: Option<String>,
    /// The session of this AWS profile
    #[arg(long, value_parser = NonEmptyStringValueParser::new(), conflicts_with = "start_url")]
    pub(super) profile: Option<String>,
    /// The session with this start URL
    #[arg(long, value_name = "URL", value_parser = NonEmptyStringValueParser::new())]
    pub(super) start_url: Option<String>,
}

impl SessionArguments {
    /// The session that the command line names.
    pub(super) fn named(self) -> Option<Selector> {
        let Self { session, profile, start_url } = self;
        let session = session.map(Selector::Session);
        session.or_else(|| profile.map(Selector::Profile)).or_else(|| start_url.map(Selector::StartUrl))
    }

    /// The session that the command line or else the environment names; otherwise the only one.
    pub(super) fn selector(self) -> Result<Selector, Failure> {
        if let Some(selector) = self.named() {
            return Ok(selector);
        }
        Ok(match variable("SSOCTL_SESSION")? {
            Some(session) => Selector::Session(session),
            None => profile_of_environment()?.map_or(Selector::Only, Selector::Profile),
        })
    }

    /// The session's name, for routes that take one. The daemon resolves profiles and start URLs.
    pub(super) fn name(self, daemon: &Daemon) -> Result<String, Failure> {
        match self.selector()? {
            Selector::Session(name) => Ok(name),
            selector => {
                let query = Query { selector, ..Query::default() };
                Ok(daemon.fetch::<SessionStatus>(&Route::Session, &query)?.name)
            }
        }
    }
}

#[derive(Args, Debug, Default)]
pub(super) struct RoleArguments {
    /// The AWS profile whose account and role are meant; default: AWS_PROFILE, else the profile "default"
    #[arg(long, value_parser = NonEmptyStringValueParser::new(), conflicts_with = "session")]
    pub(super) profile: Option<String>,
    /// The session, together with --account and --role
    #[arg(long, value_parser = NonEmptyStringValueParser::new(), requires_all = ["account", "role"])]
    pub(super) session: Option<String>,
    /// The account's id, twelve digits; default: the profile's account
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub(super) account: Option<String>,
    /// The role's name; default: the profile's role
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub(super) role: Option<String>,
}

impl RoleArguments {
    /// The query for the role that the command line or else the environment names.
    ///
    /// `SSOCTL_SESSION` does not say which role is meant, so `AWS_PROFILE` counts before it here, unless account and role
    /// are both named.
    pub(super) fn query(self, min_valid: Duration) -> Result<Query, Failure> {
        let Self { profile, session, account, role } = self;
        let is_named = account.is_some() && role.is_some();
        let profile = match profile {
            None if session.is_none() && !is_named => profile_of_environment()?,
            profile => profile,
        };
        let selector = SessionArguments { session, profile, start_url: None }.selector()?;
        Ok(Query { selector, account, role, min_valid: min_valid.as_secs(), ..Query::default() })
    }
}

/// The AWS profile that the environment names. botocore reads `AWS_PROFILE` first and other SDKs `AWS_DEFAULT_PROFILE`, so two
/// different values would mean two identities.
pub(super) fn profile_of_environment() -> Result<Option<String>, Failure> {
    match (variable("AWS_PROFILE")?, variable("AWS_DEFAULT_PROFILE")?) {
        (Some(profile), Some(default)) if profile != default => Err(Failure::Usage(format!(
            "AWS_PROFILE is {profile:?} and AWS_DEFAULT_PROFILE is {default:?}, and AWS tools differ on which counts; unset one of \
             them, or name the profile with --profile"
        ))),
        (profile, default) => Ok(profile.or(default)),
    }
}

/// The value of a variable that holds a name.
pub(super) fn variable(name: &str) -> Result<Option<String>, Failure> {
    let Some(value) = environment::variable(name) else { return Ok(None) };
    value.into_string().map(Some).map_err(|_| Failure::Usage(format!("{name} is not UTF-8; set it to a name")))
}
