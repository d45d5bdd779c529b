use std::process::Termination;

use clap::Args;
use ssoctl_protocol::Route;
use ssoctl_protocol::role;
use ssoctl_protocol::route::Query;

use super::Verb;
use super::selection::SessionArguments;
use super::waiting::Wait;
use crate::connection::{Daemon, Starting, VersionWarning};
use crate::failure::Failure;
use crate::output;
use crate::render;

/// List the accounts in which you have a role
///
/// The portal is asked at each call.
#[derive(Args, Debug)]
pub(crate) struct Accounts {
    #[command(flatten)]
    session: SessionArguments,
    /// Print a JSON object: {"session": …, "accounts": [{"id", "name", "email"}]}
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    wait: Wait,
}

impl Verb for Accounts {
    fn run(self, starting: Starting) -> Result<impl Termination, Failure> {
        let daemon = Daemon::find(starting, VersionWarning::unless(self.json))?;
        let route = Route::Accounts(self.session.name(&daemon)?);
        daemon.showing("Listing accounts");
        let answer = self.wait.begin().ask(&daemon, &route, &Query::default())?;
        let listed: role::Accounts = daemon.read(&answer)?;
        if self.json {
            return output::json(answer.body.expose());
        }
        let or_dash = render::or_dash;
        let rows =
            listed.accounts.into_iter().map(|account| [account.id, or_dash(account.name), or_dash(account.email)]);
        output::write(render::table(["ACCOUNT", "NAME", "EMAIL"], rows).as_bytes())
    }
}
