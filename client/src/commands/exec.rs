//! `ssoctl exec`
//!
//! Usually this process becomes the command, so that nothing stands between the command and its parent. With `--refreshable`
//! it stays, because the command's endpoint runs in it. As the first process of a container it also has to reap orphans, which
//! would be confused with its own children; so there it only does that, and starts a second `ssoctl` for the rest.

use std::ffi::OsString;
use std::process::Termination;

use clap::Args;
use ssoctl_protocol::route::Query;
use ssoctl_protocol::{ExitCode, Route, Selector};

use super::Verb;
use super::choosing::Pick;
use super::other_credentials::{check_files, check_java_options};
use super::program::Program;
use super::refreshable::{Refreshable, Start, attend_second_client};
use super::waiting::CredentialsArguments;
use crate::attendance;
use crate::connection::{Daemon, Starting, VersionWarning};
use crate::environment;
use crate::failure::Failure;
use crate::isolation;
use crate::role_environment::Changes;

/// The exit codes of `exec`, which differ from those of all other verbs.
const EPILOGUE: &str = "\
Exit codes:
  125  CMD was not started, and ssoctl says why (nobody is signed in, no such role, no daemon, a wrong command line)
  126  CMD was found but cannot be executed
  127  CMD was not found
  Any other exit code is that of CMD; with --refreshable 128+N if signal N ended it.

Environment variables: ssoctl --help";

/// Run a command with the credentials of a role
///
/// CMD replaces ssoctl and gets AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_CREDENTIAL_EXPIRATION and
/// AWS_ACCOUNT_ID. Variables that would conflict with these, such as AWS_PROFILE, are removed. AWS_REGION and
/// AWS_DEFAULT_REGION are set to the region of the profile, unless you have set one of them yourself.
///
/// Credentials in variables cannot be renewed. For a command that runs longer than they live, --refreshable gives it an address on
/// this machine instead, where AWS SDKs get new ones for as long as you are signed in; ssoctl stays until CMD ends.
#[derive(Args, Debug)]
#[command(after_long_help = EPILOGUE)]
pub(crate) struct Exec {
    #[command(flatten)]
    credentials: CredentialsArguments,
    #[command(flatten)]
    pick: Pick,
    /// Let CMD renew its credentials while it runs
    #[arg(long)]
    refreshable: bool,
    /// Said by ssoctl grant --isolate: this is the first process in there
    #[arg(long = isolation::INSIDE, hide = true, requires = "refreshable")]
    isolated: bool,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
}

impl Verb for Exec {
    /// Becomes the command, or returns the exit code of one that was attended.
    fn run(mut self, starting: Starting) -> Result<impl Termination, Failure> {
        let not_started = |failure| Failure::NotStarted(Box::new(failure));
        if self.refreshable && attendance::is_init() {
            let start = if self.isolated { Start::Isolated } else { Start::Usual };
            return attend_second_client(start).map_err(not_started);
        }
        let program = Program::new(std::mem::take(&mut self.command));
        let not_executed = |error| Failure::NotExecuted { command: program.name(), error };
        check_java_options().map_err(not_started)?;
        if self.refreshable {
            return self.open_endpoint(starting).map_err(not_started)?.run(&program);
        }
        let credentials = self.credentials.request_or_pick(self.pick, starting).map_err(not_started)?;
        Err(not_executed(program.exec(&Changes::fixed(&credentials, &environment::variable))))
    }

    /// The codes of `exec` stay out of the way of its command's codes.
    fn reject(_arguments: &[OsString]) -> ExitCode {
        ExitCode::CommandNotStarted
    }
}

impl Exec {
    /// Prepares everything that a command with an endpoint needs before it starts.
    fn open_endpoint(self, starting: Starting) -> Result<Refreshable, Failure> {
        check_files()?;
        let min_valid = self.credentials.min_valid.min_valid.as_secs();
        // If no person is signed in, or there is no such role, ssoctl says so now, and not the command later.
        let credentials = self.credentials.request_or_pick(self.pick, starting)?;
        // The same role by its own names, even if the profile that named it changes.
        let query = Query {
            selector: Selector::Session(credentials.session.clone()),
            account: Some(credentials.account.clone()),
            role: Some(credentials.role.clone()),
            min_valid,
            ..Query::default()
        };
        Refreshable::prepare(&credentials, move || {
            // The terminal is the command's, so nothing is written about the daemon's version.
            Daemon::find(starting, VersionWarning::Silent)?.fetch(&Route::Credentials, &query)
        })
    }
}
