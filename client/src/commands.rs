//! The verbs.

mod accounts;
mod configure;
mod console;
mod credential_process;
mod doctor;
pub(crate) mod env;
mod exec;
mod import;
mod login;
mod logout;
mod role;
mod roles;
mod service;
mod status;
mod stop;
mod token;
mod waiting;
mod whoami;

use std::process::ExitCode;
use std::time::Duration;

use ssoctl_protocol::route::Query;
use ssoctl_protocol::{Route, Selector, SessionStatus};

use crate::cli::{self, Cli, Verb, Which};
use crate::connection::{Daemon, Patience, Starting, VersionWarning};
use crate::environment;
use crate::failure::Failure;

/// What a request may take that makes the daemon talk to the service several times: register, start a flow, and make
/// the early attempt, each with the daemon's own time-outs.
const SERVICE_CALLS: Duration = Duration::from_mins(1);

/// Carries out a command line, and returns the exit code.
pub(crate) fn run(cli: Cli) -> Result<ExitCode, Failure> {
    let starting = if cli.no_start { Starting::Forbidden } else { Starting::Allowed };
    let daemon = |json| {
        let warning = if json { VersionWarning::Silent } else { VersionWarning::Shown };
        Daemon::find(starting, warning)
    };
    match cli.verb {
        Verb::Exec(arguments) => return exec::run(starting, arguments),
        Verb::Login(arguments) => login::run(&daemon(false)?, arguments),
        Verb::Token(arguments) => token::run(&daemon(arguments.json)?, arguments),
        Verb::CredentialProcess(arguments) => credential_process::run(&daemon(true)?, arguments),
        Verb::Accounts(arguments) => accounts::run(&daemon(arguments.json)?, arguments),
        Verb::Roles(arguments) => roles::run(&daemon(arguments.json)?, arguments),
        Verb::Env(arguments) => env::run(|| daemon(false), arguments),
        Verb::Console(arguments) => console::run(&daemon(false)?, arguments),
        Verb::Whoami(arguments) => whoami::run(&daemon(arguments.json)?, arguments),
        Verb::Status(arguments) => status::run(&daemon(arguments.json)?, arguments),
        Verb::Logout(arguments) => logout::run(&daemon(false)?, arguments),
        Verb::Import(arguments) => import::run(&daemon(arguments.json)?, &arguments),
        Verb::Configure(arguments) => configure::run(&daemon(false)?, arguments),
        Verb::Doctor(arguments) => Err(doctor::run(&arguments)),
        Verb::Stop(cli::Stop {}) => stop::run(&daemon(true)?),
        Verb::Service(arguments) => service::run(arguments.action),
    }?;
    Ok(ExitCode::SUCCESS)
}

/// The session that the command line names.
fn named(which: Which) -> Option<Selector> {
    let Which { session, profile, start_url } = which;
    session
        .map(Selector::Session)
        .or_else(|| profile.map(Selector::Profile))
        .or_else(|| start_url.map(Selector::StartUrl))
}

/// The session that the command line or else the environment names; the only one otherwise.
fn selector(which: Which) -> Result<Selector, Failure> {
    if let Some(selector) = named(which) {
        return Ok(selector);
    }
    Ok(match variable("SSOCTL_SESSION")? {
        Some(session) => Selector::Session(session),
        None => profile()?.map_or(Selector::Only, Selector::Profile),
    })
}

/// The AWS profile that the environment names. botocore looks at one variable first and other SDKs at the other, so two that
/// differ would be two identities.
fn profile() -> Result<Option<String>, Failure> {
    match (variable("AWS_PROFILE")?, variable("AWS_DEFAULT_PROFILE")?) {
        (Some(profile), Some(default)) if profile != default => Err(Failure::Usage(format!(
            "AWS_PROFILE is {profile:?} and AWS_DEFAULT_PROFILE is {default:?}, and AWS tools differ on which counts; unset one of \
             them, or name the profile with --profile"
        ))),
        (profile, default) => Ok(profile.or(default)),
    }
}

/// A variable that holds a name.
fn variable(name: &str) -> Result<Option<String>, Failure> {
    let Some(value) = environment::variable(name) else { return Ok(None) };
    value.into_string().map(Some).map_err(|_| Failure::Usage(format!("{name} is not UTF-8; set it to a name")))
}

/// The name of the session that is meant, for routes that take a name. The daemon knows profiles and start URLs.
fn name(daemon: &Daemon, selector: Selector) -> Result<String, Failure> {
    match selector {
        Selector::Session(name) => Ok(name),
        selector => {
            let answer = daemon.ask(&Route::Session, &Query { selector, ..Query::default() })?;
            Ok(daemon.read::<SessionStatus>(&answer)?.name)
        }
    }
}

/// Reads an answer to a request during which the daemon talks to the service.
fn ask_patiently<T: serde::de::DeserializeOwned>(
    daemon: &Daemon,
    route: &Route,
    query: &Query,
    body: Option<&[u8]>,
) -> Result<T, Failure> {
    let answer = daemon.exchange(route, query, body, Patience::beyond(SERVICE_CALLS))?;
    daemon.read(&answer)
}

/// The failure for an answer from the future.
fn unknown_login() -> Failure {
    Failure::Other(
        "the daemon answers with a kind of sign-in that this version does not know; update ssoctl".to_owned(),
    )
}
