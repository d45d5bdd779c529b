//! `ssoctl grant`

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{self, ExitCode, Termination};
use std::time::Duration;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use serde_json::json;
use ssoctl_protocol::grant::{NewGrant, WantedRole};
use ssoctl_protocol::route::Query;
use ssoctl_protocol::socket::SOCKET_VARIABLE;
use ssoctl_protocol::{Assignment, ExitCode as Code, RoleCredentials, Route, Secret, grant, shell};

use super::other_credentials::{check_files, check_java_options};
use super::program::Program;
use super::refreshable::{Refreshable, Start, attend_second_client};
use super::selection::RoleArguments;
use super::waiting::{Wait, duration};
use super::{Verb, choosing};
use crate::attendance;
use crate::connection::{Daemon, Starting, VersionWarning};
use crate::failure::Failure;
use crate::isolation::Isolation;
use crate::output;
use crate::render;

/// The exit codes with a command, which are those of `exec`.
const EPILOGUE: &str = "\
Exit codes with CMD:
  125  CMD was not started, and ssoctl says why
  126  CMD was found but cannot be executed
  127  CMD was not found
  Any other exit code is that of CMD; 128+N if signal N ended it.

Environment variables: ssoctl --help";

/// Give a program one role for a while, and nothing else
///
/// A grant has a socket of its own, over which it gives credentials of its roles until its deadline. With CMD, the command gets them as with
/// ssoctl exec --refreshable, SSOCTL_SOCKET leads it to the grant, and the grant ends with it. Without CMD, the path of the socket is printed:
/// hand it over as SSOCTL_SOCKET.
///
/// With --isolate, CMD reads everything but your sign-ins, keys, passwords, agents and sockets, and changes nothing but the current directory
/// and what --writable names. Without it, a program that runs as you can go around its grant.
///
/// ssoctl grants lists all grants, and ssoctl revoke ends them.
#[derive(Args, Debug)]
#[command(after_long_help = EPILOGUE)]
pub(crate) struct Grant {
    #[command(flatten)]
    pub(super) terms: GrantArguments,
    #[command(flatten)]
    wait: Wait,
    /// Keep CMD from everything of yours that leads to your sign-in; needs bubblewrap
    #[arg(long, requires = "command")]
    isolate: bool,
    /// Let an isolated CMD change this file or directory, too, besides the current directory
    #[arg(long, value_name = "PATH", value_parser = clap::value_parser!(PathBuf), requires = "isolate")]
    writable: Vec<PathBuf>,
    /// The command and its arguments
    #[arg(last = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// The terms of a grant.
#[derive(Args, Clone, Debug)]
pub(super) struct GrantArguments {
    /// The AWS profile whose role is granted, also several times; the first counts where a program names none; default: AWS_PROFILE, else
    /// the profile "default"
    #[arg(long, value_parser = NonEmptyStringValueParser::new(), conflicts_with = "session")]
    profile: Vec<String>,
    /// The session, together with --account and --role
    #[arg(long, value_parser = NonEmptyStringValueParser::new(), requires_all = ["account", "role"])]
    session: Option<String>,
    /// The account's id, twelve digits; default: the profile's account
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    account: Option<String>,
    /// The role's name; default: the profile's role
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    role: Option<String>,
    /// How long it lives, at most 7d
    #[arg(long = "for", value_name = "DURATION", value_parser = duration, default_value = "1h")]
    life: Duration,
    /// Its name; default: one is made up
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub(super) name: Option<String>,
    /// Ask on the desktop each time before credentials are given
    #[arg(long)]
    confirm: bool,
    /// Let it ask for a sign-in where nobody is signed in
    #[arg(long)]
    may_ask: bool,
    /// Let other users connect who can reach the directory of the socket, for containers
    #[arg(long)]
    shared: bool,
}

impl Verb for Grant {
    fn run(mut self, starting: Starting) -> Result<impl Termination, Failure> {
        let command = std::mem::take(&mut self.command);
        if command.is_empty() {
            return self.hand_over(starting).map(|()| ExitCode::SUCCESS);
        }
        let not_started = |failure| match failure {
            failure @ Failure::NotExecuted { .. } => failure,
            failure => Failure::NotStarted(Box::new(failure)),
        };
        if attendance::is_init() {
            return attend_second_client(Start::Usual).map_err(not_started);
        }
        self.run_command(starting, command).map_err(not_started)
    }

    /// The codes of `exec`, if there is a command.
    fn reject(arguments: &[OsString]) -> Code {
        if arguments.iter().any(|argument| argument == "--") { Code::CommandNotStarted } else { Code::Usage }
    }
}

impl Grant {
    /// Makes a grant, and prints the path of its socket.
    fn hand_over(mut self, starting: Starting) -> Result<(), Failure> {
        let shared = self.terms.shared;
        let daemon = Daemon::find(starting, VersionWarning::Shown)?;
        self.terms.complete(&daemon)?;
        let grant = self.terms.make(&daemon, false)?;
        render::notice(&summary(&grant));
        let socket = shell::argument(&grant.socket);
        render::line(&format!("Hand it over with: SSOCTL_SOCKET={socket}"));
        if shared {
            let directory = PathBuf::from(&grant.socket);
            let directory = directory.parent().unwrap_or(&directory).display().to_string();
            render::line(&format!(
                "Mount its directory into the container, read-only: {}",
                shell::argument(&directory)
            ));
        }
        output::line(&grant.socket)
    }

    /// Runs a command that has the grant, and ends the grant with it.
    fn run_command(self, starting: Starting, command: Vec<OsString>) -> Result<process::ExitCode, Failure> {
        check_java_options()?;
        let daemon = Daemon::find(starting, VersionWarning::Shown)?;
        // First: it closes every descriptor, and a list to pick from opens some that stay.
        let isolation = match self.isolate {
            true => Some(Isolation::prepare(&self.writable, daemon.socket())?),
            false => {
                check_files()?;
                None
            }
        };
        let (grant, role) = self.terms.make_attended(&daemon, self.wait)?;
        match isolation {
            Some(isolation) => attend_isolated(&grant, isolation, &command),
            None => attend(&grant, &role, &Program::new(command)),
        }
    }
}

fn attend(grant: &grant::Grant, role: &RoleCredentials, program: &Program) -> Result<process::ExitCode, Failure> {
    render::notice(&format!(
        "{}; a program that runs as you can go around it, to everything that you can reach",
        summary(grant)
    ));
    let socket = PathBuf::from(&grant.socket);
    let mut command = Refreshable::prepare(role, move || {
        Daemon::at_grant(socket.clone())?.fetch(&Route::Credentials, &Query::default())
    })?;
    let changes = &mut command.changes;
    changes.set.push((SOCKET_VARIABLE, Secret::new(grant.socket.clone())));
    changes.removed.push("SSOCTL_SESSION");
    command.run(program)
}

fn attend_isolated(
    grant: &grant::Grant,
    isolation: Isolation,
    command: &[OsString],
) -> Result<process::ExitCode, Failure> {
    let places = isolation.writable().join(", ");
    render::notice(&format!("{}; the command is isolated and may change only {places}", summary(grant)));
    isolation.run(Path::new(&grant.socket), command).map(attendance::exit_code)
}

/// A grant that was just made, in a line.
pub(super) fn summary(grant: &grant::Grant) -> String {
    let roles: Vec<String> = grant.roles.iter().map(|role| format!("{} in {}", role.role, role.account)).collect();
    let life = render::duration(grant.expires_at.duration_since(grant.created_at));
    format!("the grant {} gives {} for {life}", grant.name, roles.join(", "))
}

impl GrantArguments {
    /// A query for each role that the command line or else the environment names.
    fn queries(&self) -> Result<Vec<Query>, Failure> {
        let profiles: Vec<Option<String>> = match self.profile.as_slice() {
            [] => vec![None],
            profiles => profiles.iter().cloned().map(Some).collect(),
        };
        let query = |profile| {
            let Self { session, account, role, .. } = self.clone();
            RoleArguments { profile, session, account, role }.query(Duration::ZERO)
        };
        profiles.into_iter().map(query).collect()
    }

    /// Has a person pick the role, if neither the command line nor the environment says which one is meant.
    fn complete(&mut self, daemon: &Daemon) -> Result<(), Failure> {
        if !self.profile.is_empty() {
            return Ok(());
        }
        let query = self.first_query()?;
        let Err(failure) = daemon.fetch::<Assignment>(&Route::Assignment, &query) else { return Ok(()) };
        let Some(picked) = choosing::role(daemon, &query, &failure)? else { return Err(failure) };
        let WantedRole { profile, session, account, role } = picked;
        self.profile = profile.into_iter().collect();
        (self.session, self.account, self.role) = (session, account, role);
        Ok(())
    }

    /// The query for the role that counts where a program names none.
    fn first_query(&self) -> Result<Query, Failure> {
        Ok(self.queries()?.swap_remove(0))
    }

    /// Makes a grant that the daemon ends with this process. If no person is signed in, or there is no such role, ssoctl says so now, and not
    /// a program later.
    pub(super) fn make_attended(
        mut self,
        daemon: &Daemon,
        wait: Wait,
    ) -> Result<(grant::Grant, RoleCredentials), Failure> {
        self.complete(daemon)?;
        let credentials = daemon.read(&wait.begin().ask(daemon, &Route::Credentials, &self.first_query()?)?)?;
        Ok((self.make(daemon, true)?, credentials))
    }

    /// Makes the grant. One that is `attended` ends with this process.
    fn make(&self, daemon: &Daemon, attended: bool) -> Result<grant::Grant, Failure> {
        let new = NewGrant {
            name: self.name.clone(),
            roles: self.queries()?.into_iter().map(Query::into_role).collect(),
            seconds: Some(self.life.as_secs()),
            confirm: self.confirm,
            may_ask: self.may_ask,
            shared: self.shared,
            attended,
        };
        let body = json!(new).to_string();
        daemon.read(&daemon.exchange(&Route::AddGrant, &Query::default(), Some(body.as_bytes()), None)?)
    }
}
