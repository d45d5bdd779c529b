//! `ssoctl roles`
//!
//! Without `--account` the roles of all accounts are requested, one account after the other.

use std::process::Termination;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use serde_json::json;
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

impl Verb for Roles {
    fn run(self, starting: Starting) -> Result<impl Termination, Failure> {
        let daemon = Daemon::find(starting, VersionWarning::unless(self.json))?;
        let session = self.session.name(&daemon)?;
        let waiting = self.wait.begin();
        let accounts = match self.account {
            Some(id) => vec![Account { id, name: None, email: None }],
            None => {
                daemon.showing("Listing accounts");
                let route = Route::Accounts(session.clone());
                daemon.read::<Accounts>(&waiting.ask(&daemon, &route, &Query::default())?)?.accounts
            }
        };
        let mut rows = Vec::new();
        let count = accounts.len();
        for (number, account) in (1..).zip(accounts) {
            daemon.showing(format!("Listing roles: account {number} of {count}"));
            let route = Route::Roles(session.clone(), account.id.clone());
            let listed: role::Roles = daemon.read(&waiting.ask(&daemon, &route, &Query::default())?)?;
            rows.extend(listed.roles.into_iter().map(|role| (account.id.clone(), account.name.clone(), role.name)));
        }
        if self.json {
            // The name is `null` with `--account`, because the list of accounts is not requested then.
            let roles = rows
                .iter()
                .map(|(account, name, role)| json!({ "account": account, "account_name": name, "role": role }));
            let document = json!({ "session": session, "roles": roles.collect::<Vec<_>>() });
            return output::json(document.to_string().as_bytes());
        }
        let rows = rows.into_iter().map(|(account, name, role)| [account, render::or_dash(name), role]);
        output::write(render::table(["ACCOUNT", "NAME", "ROLE"], rows).as_bytes())
    }
}
