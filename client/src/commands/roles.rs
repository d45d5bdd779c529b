//! `ssoctl roles`
//!
//! Without `--account` the roles of all accounts are requested, one account after the other.

use std::process::Termination;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use serde::Serialize;
use ssoctl_protocol::route::Query;
use ssoctl_protocol::{Account, Accounts, Route, role};

use super::Verb;
use super::selection::SessionArguments;
use super::waiting::Wait;
use crate::connection::{Daemon, Starting, VersionWarning};
use crate::failure::Failure;
use crate::output;
use crate::render;

/// List your roles, in all accounts or in one
///
/// The portal is asked at each call, once for every account.
#[derive(Args, Debug)]
pub(crate) struct Roles {
    #[command(flatten)]
    session: SessionArguments,
    /// Only the roles in this account, by its id
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    account: Option<String>,
    /// Print a JSON object: {"session": …, "roles": [{"account", "account_name", "role"}]}
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    wait: Wait,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Output<'a> {
    session: &'a str,
    roles: &'a [Row],
}

#[derive(Serialize)]
struct Row {
    account: String,
    /// `null` with `--account`, because the list of accounts is not requested then.
    account_name: Option<String>,
    role: String,
}

impl Verb for Roles {
    fn run(self, starting: Starting) -> Result<impl Termination, Failure> {
        let daemon = Daemon::find(starting, VersionWarning::unless(self.json))?;
        let session = self.session.name(&daemon)?;
        let waiting = self.wait.begin();
        let accounts = match self.account {
            Some(id) => vec![Account { id, name: None, email: None }],
            None => {
                let route = Route::Accounts(session.clone());
                daemon.read::<Accounts>(&waiting.ask(&daemon, &route, &Query::default())?)?.accounts
            }
        };
        let mut rows = Vec::new();
        for account in accounts {
            let route = Route::Roles(session.clone(), account.id.clone());
            let listed: role::Roles = daemon.read(&waiting.ask(&daemon, &route, &Query::default())?)?;
            rows.extend(listed.roles.into_iter().map(|role| Row {
                account: account.id.clone(),
                account_name: account.name.clone(),
                role: role.name,
            }));
        }
        if self.json {
            return output::json(&output::to_json(&Output { session: &session, roles: &rows })?);
        }
        let rows = rows.into_iter().map(|row| [row.account, render::or_dash(row.account_name), row.role]);
        output::write(render::table(["ACCOUNT", "NAME", "ROLE"], rows).as_bytes())
    }
}
