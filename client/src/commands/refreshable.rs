//! A command that renews its credentials while it runs: it gets the address of an endpoint in this process, which attends it.

use std::env;
use std::io;
use std::process::{self, Command};

use ssoctl_protocol::RoleCredentials;

use super::program::Program;
use crate::attendance::{self, Attendance};
use crate::container_endpoint::ContainerEndpoint;
use crate::environment;
use crate::failure::Failure;
use crate::isolation;
use crate::role_environment::Changes;

/// Everything that the command needs before it starts.
pub(super) struct Refreshable {
    attendance: Attendance,
    pub(super) changes: Changes,
}

impl Refreshable {
    /// Opens the endpoint for a role, whose credentials come from `source` at each request.
    pub(super) fn prepare(
        role: &RoleCredentials,
        source: impl Fn() -> Result<RoleCredentials, Failure> + Send + Sync + 'static,
    ) -> Result<Self, Failure> {
        let attendance = Attendance::begin().map_err(|error| unavailable("signals cannot be caught", &error))?;
        let endpoint = ContainerEndpoint::open(source)
            .map_err(|error| unavailable("the endpoint for the command cannot be opened", &error))?;
        let changes = Changes::refreshable(role, endpoint.uri(), endpoint.token(), &environment::variable);
        Ok(Self { attendance, changes })
    }

    /// Runs the command to its end, and returns its exit code.
    pub(super) fn run(self, program: &Program) -> Result<process::ExitCode, Failure> {
        let Self { attendance, changes } = self;
        let ended = attendance.attend(|| program.start(&changes));
        ended.map(attendance::exit_code).map_err(|error| Failure::NotExecuted { command: program.name(), error })
    }
}

/// How the first process of a PID namespace was started.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Start {
    Usual,
    /// By `ssoctl grant --isolate`.
    Isolated,
}

/// As the first process of a container, which has to reap orphans: has another process do all of this.
pub(super) fn attend_second_client(start: Start) -> Result<process::ExitCode, Failure> {
    let attend = || {
        if start == Start::Isolated {
            isolation::enter()?;
        }
        let attendance = Attendance::begin()?;
        if start == Start::Isolated {
            attendance.unblock()?;
        }
        let mut command = Command::new(env::current_exe()?);
        command.args(env::args_os().skip(1));
        ssoctl_process::keep_ignoring_broken_pipes(&mut command);
        attendance.attend(|| command.spawn())
    };
    let status = attend().map_err(|error| unavailable("a process for the command cannot be started", &error))?;
    Ok(attendance::exit_code(status))
}

fn unavailable(what: &str, error: &io::Error) -> Failure {
    Failure::Other(format!("{what}: {error}; try again, or leave --refreshable out"))
}
