//! `ssoctl exec`
//!
//! Usually this process becomes the command, so that nothing stands between the command and whoever started it. With
//! `--refreshable` it stays, because the command's endpoint lives in it.

mod other_identities;

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use ssoctl_protocol::{RoleCredentials, Route};

use super::role;
use crate::attendance::{self, Attendance};
use crate::cli;
use crate::connection::{Daemon, Starting, VersionWarning};
use crate::container_endpoint::ContainerEndpoint;
use crate::environment;
use crate::failure::Failure;
use crate::role_environment::Changes;

/// Becomes the command, or returns the exit code of one that was attended.
pub(super) fn run(starting: Starting, mut arguments: cli::Exec) -> Result<ExitCode, Failure> {
    let not_started = |failure| Failure::NotStarted(Box::new(failure));
    let words = std::mem::take(&mut arguments.command);
    let not_executed = |error| Failure::NotExecuted { command: display(&words), error };
    other_identities::check_any().map_err(not_started)?;
    if arguments.refreshable {
        let refreshable = Refreshable::prepare(starting, arguments).map_err(not_started)?;
        let status = refreshable.attendance.attend(&mut command(&words, &refreshable.changes)).map_err(not_executed)?;
        return Ok(attendance::exit_code(status));
    }
    let credentials = credentials(starting, arguments).map_err(not_started)?;
    let changes = Changes::fixed(&credentials, &environment::variable);
    Err(not_executed(command(&words, &changes).exec()))
}

fn credentials(starting: Starting, arguments: cli::Exec) -> Result<RoleCredentials, Failure> {
    role::credentials(&Daemon::find(starting, VersionWarning::Shown)?, arguments.which, arguments.terms)
}

fn command(words: &[OsString], changes: &Changes) -> Command {
    let (program, arguments) = words.split_first().map_or_else(Default::default, |(first, rest)| (first.clone(), rest));
    let mut command = Command::new(program);
    command.args(arguments);
    for name in &changes.removed {
        command.env_remove(name);
    }
    command.envs(changes.set.iter().map(|(name, value)| (name, value.expose())));
    command
}

fn display(words: &[OsString]) -> String {
    words.first().map(|program| program.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Everything that a command with an endpoint of its own needs before it starts.
struct Refreshable {
    attendance: Attendance,
    changes: Changes,
}

impl Refreshable {
    fn prepare(starting: Starting, arguments: cli::Exec) -> Result<Self, Failure> {
        let min_valid = arguments.terms.validity.min_valid;
        other_identities::check_files()?;
        // Whoever is signed out, or has no such role, is told now and not by the command.
        let credentials = credentials(starting, arguments)?;
        let query = role::pinned(&credentials, min_valid);
        let attendance = Attendance::begin().map_err(|error| unavailable("signals cannot be caught", &error))?;
        let endpoint = ContainerEndpoint::open(move || {
            // The terminal is the command's, so a daemon of another version is no news here.
            let daemon = Daemon::find(starting, VersionWarning::Silent)?;
            daemon.read(&daemon.ask(&Route::Credentials, &query)?)
        })
        .map_err(|error| unavailable("the endpoint for the command cannot be opened", &error))?;
        let changes = Changes::refreshable(&credentials, endpoint.uri(), endpoint.token(), &environment::variable);
        Ok(Self { attendance, changes })
    }
}

fn unavailable(what: &str, error: &io::Error) -> Failure {
    Failure::Other(format!("{what}: {error}; try again, or leave --refreshable out"))
}
