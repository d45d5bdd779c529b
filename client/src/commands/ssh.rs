//! `ssoctl ssh`
//!
//! A connection to another machine takes a grant along: its socket is forwarded to a fresh directory there, and what runs there finds it by
//! `SSOCTL_SOCKET`. Connections are shared as ssh(1) describes it (`ControlMaster`), so the person authenticates once.

mod arguments;
mod connection;

use std::ffi::OsString;
use std::path::Path;
use std::process::{ExitCode, ExitStatus, Termination};

use clap::Args;
use ssoctl_protocol::{ExitCode as Code, grant};

use super::Verb;
use super::grant::{GrantArguments, summary};
use super::refreshable::{Start, attend_second_client};
use super::waiting::Wait;
use crate::attendance::{self, Attendance};
use crate::connection::{Daemon, Starting, VersionWarning};
use crate::failure::Failure;
use crate::render;
use arguments::Arguments;
use connection::Connection;

const EPILOGUE: &str = "\
Exit codes:
  125  ssh was not started, and ssoctl says why
  Any other exit code is that of ssh: 255 if the connection failed, else that of the command on HOST.

Environment variables: ssoctl --help";

/// Connect to another machine by ssh and give it a role for as long as the connection lasts
///
/// A grant is made for the connection, and its socket is forwarded to a directory on HOST that nobody else can reach. SSOCTL_SOCKET names it
/// there, for ssoctl exec and others. The grant ends with the connection, and sign-ins open on this machine.
///
/// What follows these options is for ssh: its own options, HOST, and a command.
#[derive(Args, Debug)]
#[command(after_long_help = EPILOGUE)]
pub(crate) struct Ssh {
    #[command(flatten)]
    terms: GrantArguments,
    #[command(flatten)]
    wait: Wait,
    /// Arguments of ssh: options, HOST, and a command
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true, value_name = "SSH_ARGUMENTS")]
    arguments: Vec<OsString>,
}

impl Verb for Ssh {
    fn run(mut self, starting: Starting) -> Result<impl Termination, Failure> {
        let not_started = |failure| Failure::NotStarted(Box::new(failure));
        if attendance::is_init() {
            return attend_second_client(Start::Usual).map_err(not_started);
        }
        let arguments = Arguments::parse(std::mem::take(&mut self.arguments)).map_err(not_started)?;
        self.connect(starting, &arguments).map_err(not_started)
    }

    fn reject(_arguments: &[OsString]) -> Code {
        Code::CommandNotStarted
    }
}

impl Ssh {
    fn connect(self, starting: Starting, arguments: &Arguments) -> Result<ExitCode, Failure> {
        let daemon = Daemon::find(starting, VersionWarning::Shown)?;
        let (grant, _) = self.terms.make_attended(&daemon, self.wait)?;
        run(&grant, arguments).map(attendance::exit_code)
    }
}

/// Returns how ssh ended.
fn run(grant: &grant::Grant, arguments: &Arguments) -> Result<ExitStatus, Failure> {
    render::notice(&format!("{} on {}", summary(grant), arguments.host.to_string_lossy()));
    let mut connection = match Connection::open(arguments, Path::new(&grant.socket))? {
        Ok(connection) => connection,
        Err(failed) => return Ok(failed),
    };
    let attendance =
        Attendance::begin().map_err(|error| Failure::Other(format!("signals cannot be caught: {error}; try again")));
    let ended = connection.forward().and_then(|forwarded| match forwarded {
        Ok(directory) => connection.run(&directory, attendance?),
        Err(failed) => Ok(failed),
    });
    connection.close();
    ended
}
