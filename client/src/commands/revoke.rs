//! `ssoctl revoke`

use std::process::Termination;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use ssoctl_protocol::Route;
use ssoctl_protocol::grant::{Grant, GrantEndReason, Revocation};
use ssoctl_protocol::route::Query;

use super::Verb;
use crate::connection::{Daemon, Starting, VersionWarning};
use crate::environment;
use crate::failure::Failure;
use crate::output;
use crate::render;

/// Take grants back
///
/// From then on they give nothing. Credentials that they gave already live on until their end, which is told: AWS has no way to end them
/// earlier.
#[derive(Args, Debug)]
pub(crate) struct Revoke {
    /// The names of the grants
    #[arg(value_name = "NAME", value_parser = NonEmptyStringValueParser::new(), required_unless_present = "all", conflicts_with = "all")]
    names: Vec<String>,
    /// Every grant
    #[arg(long)]
    all: bool,
}

impl Verb for Revoke {
    fn run(self, starting: Starting) -> Result<impl Termination, Failure> {
        let daemon = Daemon::find(starting, VersionWarning::Shown)?;
        let routes = match self.all {
            true => vec![Route::RevokeGrants],
            false => self.names.into_iter().map(Route::RevokeGrant).collect(),
        };
        let mut failure = None;
        for route in routes {
            match daemon.fetch::<Revocation>(&route, &Query::default()) {
                Ok(revocation) => report(&revocation)?,
                // The others are taken back nevertheless.
                Err(failed) => {
                    if let Some(earlier) = failure.replace(failed) {
                        render::notice(&Failure::to_string(&earlier));
                    }
                }
            }
        }
        failure.map_or(Ok(()), Err)
    }
}

fn report(revocation: &Revocation) -> Result<(), Failure> {
    if revocation.grants.is_empty() {
        output::line("Nothing was granted.")?;
    }
    for Grant { name, credentials_end_at, ended, .. } in &revocation.grants {
        let is_revoked = ended.as_ref().is_none_or(|ended| ended.reason == GrantEndReason::Revoked);
        let what = if is_revoked { "is revoked" } else { "had ended already" };
        let rest = credentials_end_at.map_or_else(
            || "no credentials of it are alive".to_owned(),
            |end| {
                let now = environment::now();
                format!(
                    "credentials that it gave live on until {} ({}), which AWS does not let anybody end",
                    render::time(end, now),
                    render::distance(end, now)
                )
            },
        );
        output::line(&format!("{name} {what}; {rest}."))?;
    }
    if let Some(why) = &revocation.unsaved {
        render::notice(&format!("warning: a restarted daemon may serve them again: {why}"));
    }
    Ok(())
}
