//! `ssoctl exec`
//!
//! Usually this process becomes the command, so that nothing stands between the command and whoever started it. With
//! `--refreshable` it stays, because the command's endpoint lives in it. As the first process of a container it also has to reap
//! what others leave behind, which would get into the way of children of its own; so it does nothing else there, and starts a
//! second `ssoctl` for the rest.

mod other_identities;
mod program;

use std::env;
use std::io;
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
use program::Program;

/// Becomes the command, or returns the exit code of one that was attended.
pub(super) fn run(starting: Starting, mut arguments: cli::Exec) -> Result<ExitCode, Failure> {
    let not_started = |failure| Failure::NotStarted(Box::new(failure));
    if arguments.refreshable && attendance::is_init() {
        return attend_the_same().map_err(not_started);
    }
    let program = Program::new(std::mem::take(&mut arguments.command));
    let not_executed = |error| Failure::NotExecuted { command: program.name(), error };
    other_identities::check_any().map_err(not_started)?;
    if arguments.refreshable {
        let refreshable = Refreshable::prepare(starting, arguments).map_err(not_started)?;
        let status = refreshable.attendance.attend(|| program.start(&refreshable.changes)).map_err(not_executed)?;
        return Ok(attendance::exit_code(status));
    }
    let credentials = credentials(starting, arguments).map_err(not_started)?;
    let changes = Changes::fixed(&credentials, &environment::variable);
    Err(not_executed(program.exec(&changes)))
}

/// Has a process that is not the first one do what this one is asked to.
fn attend_the_same() -> Result<ExitCode, Failure> {
    let same = || {
        let mut command = Command::new(env::current_exe()?);
        command.args(env::args_os().skip(1));
        ssoctl_process::keep_ignoring_broken_pipes(&mut command);
        Attendance::begin()?.attend(|| command.spawn())
    };
    same()
        .map(attendance::exit_code)
        .map_err(|error| unavailable("a process for the command cannot be started", &error))
}

fn credentials(starting: Starting, arguments: cli::Exec) -> Result<RoleCredentials, Failure> {
    role::credentials(&Daemon::find(starting, VersionWarning::Shown)?, arguments.which, arguments.terms)
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
