//! `ssoctl env`

use super::role;
use crate::cli::{self, Shell};
use crate::connection::Daemon;
use crate::environment;
use crate::failure::Failure;
use crate::render;
use crate::role_environment::Changes;
use crate::shell;

pub(super) fn run(daemon: impl FnOnce() -> Result<Daemon, Failure>, arguments: cli::Env) -> Result<(), Failure> {
    let language = match arguments.shell {
        Some(shell) => shell,
        None => own_shell()?,
    };
    let changes = if arguments.unset {
        Changes::none(&environment::variable)
    } else {
        let credentials = role::credentials(&daemon()?, arguments.which, arguments.terms)?;
        Changes::fixed(&credentials, &environment::variable)
    };
    render::output(shell::script(language, &changes).expose().as_bytes())
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
