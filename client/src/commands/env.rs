//! `ssoctl env`

use std::ffi::OsString;
use std::io::{self, IsTerminal};

use ssoctl_protocol::ExitCode;

use super::role;
use crate::cli::{self, Shell};
use crate::connection::Daemon;
use crate::environment;
use crate::failure::Failure;
use crate::output;
use crate::role_environment::Changes;
use crate::shell;

pub(super) fn run(daemon: impl FnOnce() -> Result<Daemon, Failure>, arguments: cli::Env) -> Result<(), Failure> {
    let language = arguments.shell.map_or_else(own_shell, Ok);
    let changes = || match (&language, arguments.unset) {
        (Err(_), _) => Ok::<_, Failure>(Changes::default()),
        (Ok(_), true) => Ok(Changes::none(&environment::variable)),
        (Ok(_), false) => {
            let credentials = role::credentials(&daemon()?, arguments.which, arguments.terms)?;
            Ok(Changes::fixed(&credentials, &environment::variable))
        }
    };
    match changes() {
        Ok(changes) => {
            let language = language.inspect_err(|failure| fail(Shell::Bash, failure.exit_code()))?;
            output::write(shell::script(language, &changes).expose().as_bytes())
        }
        Err(failure) => {
            fail(language.unwrap_or(Shell::Bash), failure.exit_code());
            Err(failure)
        }
    }
}

/// A command line of `env` that cannot be read fails like any other call of it.
pub(crate) fn unreadable(arguments: &[OsString], code: ExitCode) {
    let words = arguments.iter().filter_map(|word| word.to_str());
    let mut after_option = words.clone().skip_while(|word| *word != "--shell").skip(1);
    let named = words.clone().find_map(|word| word.strip_prefix("--shell=")).or_else(|| after_option.next());
    let named = named.and_then(|name| <Shell as clap::ValueEnum>::from_str(name, false).ok());
    fail(named.map_or_else(own_shell, Ok).unwrap_or(Shell::Bash), code);
}

/// Gives the shell that evaluates the output something that fails, and that removes the role of an earlier call. Nobody does that
/// on a terminal.
fn fail(language: Shell, code: ExitCode) {
    if !io::stdout().is_terminal() {
        let script = shell::failure(language, &Changes::without_role(&environment::variable), code as u8);
        // The failure itself is told next, and this one would add nothing.
        let _ = output::write(script.as_bytes());
    }
}

/// The person's shell. Where nothing says which, as in containers, it is one that follows POSIX.
fn own_shell() -> Result<Shell, Failure> {
    let Some(path) = environment::variable("SHELL") else { return Ok(Shell::Bash) };
    shell::of_path(&path.to_string_lossy()).ok_or_else(|| {
        Failure::Usage(format!(
            "SHELL is {}, which ssoctl does not know; choose a language with --shell bash, zsh, fish, powershell or json",
            path.to_string_lossy()
        ))
    })
}
