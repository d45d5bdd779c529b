//! `ssoctl roles`
//!
//! Without `--account` the roles of all accounts are asked for, one account after the other.

use serde::Serialize;
use ssoctl_protocol::route::Query;
use ssoctl_protocol::{Account, Accounts, Roles, Route};

use super::waiting::Waiting;
use super::{name, selector};
use crate::cli;
use crate::connection::Daemon;
use crate::failure::Failure;
use crate::output;
use crate::render;

/// What `--json` prints.
#[derive(Serialize)]
struct Output<'a> {
    session: &'a str,
    roles: &'a [Row],
}

#[derive(Serialize)]
struct Row {
    account: String,
    /// `null` where the account was named, as nobody asked for its name then.
    account_name: Option<String>,
    role: String,
}

pub(super) fn run(daemon: &Daemon, arguments: cli::Roles) -> Result<(), Failure> {
    let session = name(daemon, selector(arguments.which)?)?;
    let waiting = Waiting::up_to(arguments.waiting.wait);
    let accounts = match arguments.account {
        Some(id) => vec![Account { id, name: None, email: None }],
        None => {
            let route = Route::Accounts(session.clone());
            daemon.read::<Accounts>(&waiting.obtain(daemon, &route, &Query::default())?)?.accounts
        }
    };
    let mut rows = Vec::new();
    for account in accounts {
        let route = Route::Roles(session.clone(), account.id.clone());
        let listed: Roles = daemon.read(&waiting.obtain(daemon, &route, &Query::default())?)?;
        rows.extend(listed.roles.into_iter().map(|role| Row {
            account: account.id.clone(),
            account_name: account.name.clone(),
            role: role.name,
        }));
    }
    if arguments.json {
        let text = serde_json::to_string(&Output { session: &session, roles: &rows })
            .map_err(|error| Failure::Other(format!("the roles cannot be written as JSON: {error}")))?;
        return output::json(text.as_bytes());
    }
    let rows = rows.into_iter().map(|row| [row.account, row.account_name.unwrap_or_default(), row.role]);
    output::write(render::table(["ACCOUNT", "NAME", "ROLE"], rows).as_bytes())
}
