//! `ssoctl grants`

use std::process::Termination;

use clap::Args;
use ssoctl_protocol::grant::{self, Grant};
use ssoctl_protocol::route::Query;
use ssoctl_protocol::{Route, Timestamp};

use super::Verb;
use crate::connection::{Daemon, Starting, VersionWarning};
use crate::environment;
use crate::failure::Failure;
use crate::output;
use crate::render;

/// List what was granted, to whom, and until when
///
/// A grant that has ended is listed for an hour, with the reason.
#[derive(Args, Debug)]
pub(crate) struct Grants {
    /// Print the answer of GET /v1/grants as it is: {"grants": […]}
    #[arg(long)]
    json: bool,
}

impl Verb for Grants {
    fn run(self, starting: Starting) -> Result<impl Termination, Failure> {
        let daemon = Daemon::find(starting, VersionWarning::unless(self.json))?;
        let answer = daemon.ask(&Route::Grants, &Query::default())?;
        if self.json {
            return output::json(answer.body.expose());
        }
        let now = environment::now();
        let listed: grant::Grants = daemon.read(&answer)?;
        if listed.grants.is_empty() {
            return output::line("Nothing is granted; ssoctl grant --help says how.");
        }
        let rows = listed.grants.iter().flat_map(|grant| rows(grant, now));
        output::write(
            render::table(["GRANT", "ROLE", "ACCOUNT", "SESSION", "ENDS", "USES", "LAST USE"], rows).as_bytes(),
        )
    }
}

/// A row for each role.
fn rows(grant: &Grant, now: Timestamp) -> impl Iterator<Item = [String; 7]> {
    grant.roles.iter().map(move |role| {
        let last_use = grant.last_use.as_ref().map(|last| {
            format!("{} by {}", render::distance(last.at, now), render::program(last.program.as_deref(), last.pid))
        });
        [
            grant.name.clone(),
            role.role.clone(),
            role.account.clone(),
            role.session.clone(),
            end(grant, now),
            grant.uses.to_string(),
            render::or_dash(last_use),
        ]
    })
}

fn end(grant: &Grant, now: Timestamp) -> String {
    let Some(ended) = &grant.ended else { return render::distance(grant.expires_at, now) };
    format!("{} {}", ended.reason.in_words(), render::distance(ended.at, now))
}
