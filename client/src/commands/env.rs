use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::process::Termination;

use clap::{Args, ValueEnum};
use ssoctl_protocol::ExitCode;

use super::Verb;
use super::choosing::Pick;
use super::waiting::CredentialsArguments;
use crate::connection::Starting;
use crate::environment;
use crate::failure::Failure;
use crate::output;
use crate::role_environment::Changes;
use crate::shell::{self, Shell};

/// Print the credentials of a role as commands for a shell
///
///     eval "$(ssoctl env --profile dev)"
///     ssoctl env --profile dev | source                                           # fish
///     ssoctl env --profile dev | Out-String | Invoke-Expression                   # PowerShell
///
/// Sets the variables that `ssoctl exec` gives its command, and removes those that would conflict with them.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Env {
    #[command(flatten)]
    credentials: CredentialsArguments,
    #[command(flatten)]
    pick: Pick,
    /// The shell whose language is printed; default: $SHELL
    #[arg(long, value_enum)]
    shell: Option<Shell>,
    /// Remove the variables of a role, and those that conflict with them; no daemon is asked
    #[arg(long, conflicts_with_all = ["profile", "session", "account", "role", "pick", "min_valid", "wait"])]
    unset: bool,
}

impl Verb for Env {
    fn run(self, starting: Starting) -> Result<impl Termination, Failure> {
        let language = self.shell.map_or_else(own_shell, Ok);
        let language_of_failure = *language.as_ref().unwrap_or(&Shell::Bash);
        let script = language.and_then(|language| Ok(shell::script(language, &self.changes(starting)?)));
        match script {
            Ok(script) => output::write(script.expose().as_bytes()),
            Err(failure) => {
                write_failure(language_of_failure, failure.exit_code());
                Err(failure)
            }
        }
    }

    /// The shell that evaluates the output sees a failure here, too.
    fn reject(arguments: &[OsString]) -> ExitCode {
        let words = arguments.iter().filter_map(|word| word.to_str());
        let mut after_option = words.clone().skip_while(|word| *word != "--shell").skip(1);
        let named = words.clone().find_map(|word| word.strip_prefix("--shell=")).or_else(|| after_option.next());
        let named = named.and_then(|name| Shell::from_str(name, false).ok());
        write_failure(named.map_or_else(own_shell, Ok).unwrap_or(Shell::Bash), ExitCode::Usage);
        ExitCode::Usage
    }
}

impl Env {
    fn changes(self, starting: Starting) -> Result<Changes, Failure> {
        if self.unset {
            return Ok(Changes::none(&environment::variable));
        }
        let credentials = self.credentials.request_or_pick(self.pick, starting)?;
        Ok(Changes::fixed(&credentials, &environment::variable))
    }
}

/// Writes a script that fails, for the shell that evaluates the output, and that removes the role of an earlier call. On a
/// terminal nothing evaluates it.
fn write_failure(language: Shell, code: ExitCode) {
    if !io::stdout().is_terminal() {
        let changes = match code {
            // The person has changed their mind, so the shell stays as it is.
            ExitCode::Interrupted => Changes::default(),
            _ => Changes::without_role(&environment::variable),
        };
        let script = shell::failure(language, &changes, code as u8);
        // The failure itself is shown next.
        let _ = output::write(script.as_bytes());
    }
}

/// The person's shell; one that follows POSIX if `SHELL` is not set, as in containers.
fn own_shell() -> Result<Shell, Failure> {
    let Some(path) = environment::variable("SHELL") else { return Ok(Shell::Bash) };
    let path = path.to_string_lossy();
    Shell::of_path(&path).ok_or_else(|| {
        Failure::Usage(format!(
            "SHELL is {path}, which ssoctl does not know; choose a language with --shell bash, zsh, fish, powershell or json"
        ))
    })
}
