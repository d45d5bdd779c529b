//! `ssoctl audit`

use std::process::Termination;
use std::time::Duration;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use ssoctl_protocol::audit::{self, AuditRecord};
use ssoctl_protocol::route::Query;
use ssoctl_protocol::{Route, Timestamp};

use super::Verb;
use super::waiting::duration;
use crate::connection::{Daemon, Starting, VersionWarning};
use crate::environment;
use crate::failure::Failure;
use crate::output;
use crate::render;

/// Show who got what, when
///
/// The daemon records each sign-in, sign-out, token, role credentials, and what became of grants. The same program doing the same thing within
/// a minute is one record with a count. A program gives itself its name, so what a record says of a program proves nothing.
#[derive(Args, Debug)]
pub(crate) struct Audit {
    /// Only what happened within this time, such as 1h or 7d
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    since: Option<Duration>,
    /// Only what concerns this grant
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    grant: Option<String>,
    /// Print each record as a line of JSON
    #[arg(long)]
    json: bool,
}

impl Verb for Audit {
    fn run(self, starting: Starting) -> Result<impl Termination, Failure> {
        let daemon = Daemon::find(starting, VersionWarning::unless(self.json))?;
        // A duration of no seconds means nothing at all, and not everything.
        let since = self.since.map_or(0, |since| since.as_secs().max(1));
        let query = Query { since, grant: self.grant, ..Query::default() };
        let audit: audit::Audit = daemon.fetch(&Route::Audit, &query)?;
        if let Some(why) = &audit.incomplete {
            render::notice(&format!("warning: {why}"));
        }
        if self.json {
            return audit.records.iter().try_for_each(|record| {
                let line = serde_json::to_vec(record).map_err(|error| Failure::Other(error.to_string()))?;
                output::json(&line)
            });
        }
        if audit.records.is_empty() {
            return output::line("Nothing is recorded.");
        }
        let now = environment::now();
        let header = ["TIME", "WHAT", "COUNT", "SESSION", "ROLE", "GRANT", "PROGRAM", "DETAIL"];
        output::write(render::table(header, audit.records.iter().map(|record| row(record, now))).as_bytes())
    }
}

fn row(record: &AuditRecord, now: Timestamp) -> [String; 8] {
    let role = record.role.as_ref().map(|role| match &record.account {
        Some(account) => format!("{role} in {account}"),
        None => role.clone(),
    });
    let is_known = record.program.is_some() || record.pid.is_some();
    let program = is_known.then(|| render::program(record.program.as_deref(), record.pid));
    [
        render::time(record.until.unwrap_or(record.at), now),
        record.what.as_str().replace('_', " "),
        record.count.to_string(),
        render::or_dash(record.session.clone()),
        render::or_dash(role),
        render::or_dash(record.grant.clone()),
        render::or_dash(program),
        record.detail.clone().unwrap_or_default(),
    ]
}
