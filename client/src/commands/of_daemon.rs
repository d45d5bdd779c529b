//! The verbs of the daemon: this process becomes `ssoctld VERB …`.

use std::env;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use ssoctl_protocol::verb::CLIENT_VARIABLE;

use crate::connection::Starting;
use crate::failure::Failure;
use crate::{installation, output};

/// Executes the daemon's program in place of this one, so that its exit code counts and the terminal's signals reach it. Returns only
/// if that fails.
pub(crate) fn execute(name: &str, arguments: impl Iterator<Item = OsString>, starting: Starting) -> Failure {
    let program = match installation::daemon().map_err(Failure::Other).and_then(|program| {
        output::check()?;
        Ok(program)
    }) {
        Ok(program) => program,
        Err(failure) => return failure,
    };
    let mut command = Command::new(&program);
    // Help and complaints name the program that was called.
    command.arg0("ssoctl").arg(name).args(arguments);
    if let Ok(own) = env::current_exe() {
        command.env(CLIENT_VARIABLE, installation::lasting(&own));
    }
    if starting == Starting::Forbidden {
        command.env("SSOCTL_NO_START", "1");
    }
    let error = command.exec();
    Failure::Other(format!("{} cannot be executed: {error}", program.display()))
}
