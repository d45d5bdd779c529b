//! `ssoctl accounts`

use ssoctl_protocol::route::Query;
use ssoctl_protocol::{Accounts, Route};

use super::waiting::Waiting;
use super::{name, selector};
use crate::cli;
use crate::connection::Daemon;
use crate::failure::Failure;
use crate::output;
use crate::render;

pub(super) fn run(daemon: &Daemon, arguments: cli::Accounts) -> Result<(), Failure> {
    let route = Route::Accounts(name(daemon, selector(arguments.which)?)?);
    let answer = Waiting::up_to(arguments.waiting.wait).obtain(daemon, &route, &Query::default())?;
    let listed: Accounts = daemon.read(&answer)?;
    if arguments.json {
        return output::json(answer.body.expose());
    }
    let rows = listed
        .accounts
        .into_iter()
        .map(|account| [account.id, account.name.unwrap_or_default(), account.email.unwrap_or_default()]);
    output::write(render::table(["ACCOUNT", "NAME", "EMAIL"], rows).as_bytes())
}
