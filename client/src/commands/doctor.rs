//! `ssoctl doctor`: handed over to `ssoctld`, which has what it takes to look at TLS, D-Bus and configuration.

use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::cli::Doctor;
use crate::failure::Failure;
use crate::output;
use crate::start;

/// Becomes `ssoctld doctor`, so that its exit code and the signals of the terminal are its own. Returns only if it cannot.
pub(super) fn run(arguments: &Doctor) -> Failure {
    let Some(program) = start::program() else {
        return Failure::Other("ssoctld is neither beside ssoctl nor on PATH; install it".to_owned());
    };
    let mut command = Command::new(&program);
    command.arg("doctor");
    if arguments.json {
        command.arg("--json");
    }
    if let Err(failure) = output::check() {
        return failure;
    }
    let error = command.exec();
    Failure::Other(format!("{} cannot be executed: {error}", program.display()))
}
