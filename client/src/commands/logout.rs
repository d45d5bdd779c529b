use std::process::Termination;

use clap::Args;
use ssoctl_protocol::Route;
use ssoctl_protocol::body::{self, EndedRecord, LogoutAll, PortalSession};
use ssoctl_protocol::route::Query;

use super::Verb;
use super::selection::SessionArguments;
use crate::connection::{Daemon, Starting, VersionWarning};
use crate::failure::Failure;
use crate::render;

/// Sign out of a session, here and at the portal
///
/// Cancels a pending sign-in, ends the session at the portal and forgets the token. Role credentials that were issued
/// with it stay valid until they expire. The client's registration is kept for the next sign-in, unless --forget is given.
#[derive(Args, Debug)]
pub(crate) struct Logout {
    #[command(flatten)]
    session: SessionArguments,
    /// Sign out of every session, and remove all other records from the secret store: damaged ones, and those of sessions that
    /// were changed or are not configured any more
    #[arg(long, conflicts_with_all = ["session", "profile", "start_url"])]
    all: bool,
    /// Forget the client's registration, too, so that nothing is left in the secret store
    #[arg(long)]
    forget: bool,
}

impl Verb for Logout {
    fn run(self, starting: Starting) -> Result<impl Termination, Failure> {
        let daemon = Daemon::find(starting, VersionWarning::Shown)?;
        let query = Query { forget: self.forget, ..Query::default() };
        let registration = if self.forget { " The registration is forgotten, too." } else { "" };
        if !self.all {
            let route = Route::Logout(self.session.name(&daemon)?);
            return report(daemon.fetch(&route, &query)?, registration);
        }
        let LogoutAll { sessions, records, problems } = daemon.fetch(&Route::LogoutAll, &query)?;
        // One session that cannot be signed out must not hide the others.
        let mut failures: Vec<Failure> =
            sessions.into_iter().filter_map(|session| report(session, registration).err()).collect();
        records.iter().for_each(report_record);
        failures
            .extend(problems.into_iter().map(|problem| Failure::Other(format!("not everything is ended: {problem}"))));
        let last = failures.pop();
        for failure in failures {
            render::notice(&failure.to_string());
        }
        last.map_or(Ok(()), Err)
    }
}

/// Says how a sign-out went. It is a failure if it is still pending.
fn report(logout: body::Logout, registration: &str) -> Result<(), Failure> {
    let session = &logout.session;
    let detail = with_colon(logout.detail.as_ref());
    match logout.portal {
        PortalSession::NothingToEnd => {
            render::line(&format!("{session} was not signed in; there was nothing to end at the portal.{registration}"))
        }
        PortalSession::NotTold => {
            render::line(&format!("Signed out of {session} here; the token is forgotten.{registration}"));
            warn_of_portal(&detail);
        }
        PortalSession::Deferred => {
            return Err(Failure::Other(format!(
                "the sign-out of {session} is pending, because the store does not answer{detail}; unlock the keyring to finish it"
            )));
        }
        portal => render::line(&format!("Signed out of {session}{}{registration}", at_portal(portal, &detail))),
    }
    Ok(())
}

/// Reports the result for a record that belonged to no session.
fn report_record(EndedRecord { record, portal, detail }: &EndedRecord) {
    let detail = with_colon(detail.as_ref());
    match portal {
        PortalSession::NothingToEnd => {
            render::line(&format!("Removed {record}; there was nothing to end at the portal."));
        }
        PortalSession::NotTold => {
            render::line(&format!("Removed {record}."));
            warn_of_portal(&detail);
        }
        portal => render::line(&format!("Signed out of {record}{}", at_portal(*portal, &detail))),
    }
}

fn at_portal(portal: PortalSession, detail: &str) -> String {
    match portal {
        PortalSession::Ended => ", here and at the portal.".to_owned(),
        _ => format!(" here; whether the session at the portal has ended is unknown{detail}."),
    }
}

fn with_colon(detail: Option<&String>) -> String {
    detail.map_or_else(String::new, |detail| format!(": {detail}"))
}

fn warn_of_portal(detail: &str) {
    render::notice(&format!(
        "warning: the portal could not be told{detail}; the session there ends by itself in time, or sign out on the \
         portal's own page"
    ));
}
