//! `ssoctl configure`: which session is meant is asked here, and a daemon started for that; the rest is handed over to
//! `ssoctld`, which knows what an AWS configuration is.

use std::env;
use std::os::unix::process::CommandExt;
use std::process::Command;

use ssoctl_protocol::route::Query;
use ssoctl_protocol::{Route, SessionStatus};

use super::selector;
use super::waiting::Waiting;
use crate::cli::Configure;
use crate::connection::Daemon;
use crate::failure::Failure;
use crate::output;
use crate::start;

/// Becomes `ssoctld configure`. Returns only if it cannot.
pub(super) fn run(daemon: &Daemon, arguments: Configure) -> Result<(), Failure> {
    let query = Query { selector: selector(arguments.which)?, ..Query::default() };
    let session: SessionStatus = daemon.read(&daemon.ask(&Route::Session, &query)?)?;
    if !arguments.waiting.wait.is_zero() {
        // What is asked next, so that whatever needs a person for it needs one now, while there is somebody to show a code.
        let route = Route::Accounts(session.name.clone());
        Waiting::up_to(arguments.waiting.wait).obtain(daemon, &route, &Query::default())?;
    }
    let Some(program) = start::program() else {
        return Err(Failure::Other("ssoctld is neither beside ssoctl nor on PATH; install it".to_owned()));
    };
    let mut command = Command::new(&program);
    command.arg("configure").arg(format!("--session={}", session.name));
    command.args(arguments.accounts.iter().map(|account| format!("--account={account}")));
    command.args(arguments.roles.iter().map(|role| format!("--role={role}")));
    command.args(arguments.name.map(|template| format!("--name={template}")));
    command.args(arguments.region.map(|region| format!("--region={region}")));
    if arguments.credential_process {
        let own = env::current_exe()
            .ok()
            .map(|own| start::lasting(&own))
            .and_then(|path| path.into_os_string().into_string().ok());
        let own = own.ok_or_else(|| {
            Failure::Other("the path of ssoctl is not known, or not UTF-8; leave --credential-process out".to_owned())
        })?;
        command.arg(format!("--credential-process={own}"));
    }
    if arguments.prune {
        command.arg("--prune");
    }
    if arguments.dry_run {
        command.arg("--dry-run");
    }
    output::check()?;
    let error = command.exec();
    Err(Failure::Other(format!("{} cannot be executed: {error}", program.display())))
}
