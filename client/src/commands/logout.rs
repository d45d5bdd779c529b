//! `ssoctl logout`

use ssoctl_protocol::Route;
use ssoctl_protocol::body::{EndedRecord, Logout, LogoutAll, PortalSession};
use ssoctl_protocol::route::Query;

use super::{ask_patiently, name, selector};
use crate::cli;
use crate::connection::Daemon;
use crate::failure::Failure;
use crate::render;

pub(super) fn run(daemon: &Daemon, arguments: cli::Logout) -> Result<(), Failure> {
    let query = Query { forget: arguments.forget, ..Query::default() };
    let registration = if arguments.forget { " The registration is dropped, too." } else { "" };
    if !arguments.all {
        let route = Route::Logout(name(daemon, selector(arguments.which)?)?);
        return tell(ask_patiently(daemon, &route, &query, None)?, registration);
    }
    let LogoutAll { sessions, records, problems } = ask_patiently(daemon, &Route::LogoutAll, &query, None)?;
    // One session that cannot be ended is no reason to say nothing of the others.
    let mut failures: Vec<Failure> =
        sessions.into_iter().filter_map(|session| tell(session, registration).err()).collect();
    records.iter().for_each(tell_of_record);
    failures.extend(problems.into_iter().map(|problem| Failure::Other(format!("not everything is ended: {problem}"))));
    let last = failures.pop();
    for failure in failures {
        render::notice(&failure.to_string());
    }
    last.map_or(Ok(()), Err)
}

/// Says how a sign-out went, and what became of the registration. It is a failure if nothing is ended yet.
fn tell(logout: Logout, registration: &str) -> Result<(), Failure> {
    let session = &logout.session;
    let detail = logout.detail.map_or_else(String::new, |detail| format!(": {detail}"));
    match logout.portal {
        PortalSession::Ended => {
            render::line(&format!("Signed out of {session}, here and at the portal.{registration}"))
        }
        PortalSession::NothingToEnd => {
            render::line(&format!(
                "{session} was not signed in; there was nothing to end at the portal.{registration}"
            ));
        }
        PortalSession::NotTold => {
            render::line(&format!("Signed out of {session} here; the token is forgotten.{registration}"));
            warn_of_portal(&detail);
        }
        PortalSession::Deferred => {
            return Err(Failure::Other(format!(
                "{session} is not signed out yet, as the store has not answered{detail}; unlock the keyring, and the daemon \
                 finishes the sign-out"
            )));
        }
        _ => render::line(&format!(
            "Signed out of {session} here; what became of the session at the portal is unknown{detail}."
        )),
    }
    Ok(())
}

/// Says what became of a record that belonged to no session.
fn tell_of_record(ended: &EndedRecord) {
    let record = &ended.record;
    let detail = ended.detail.as_ref().map_or_else(String::new, |detail| format!(": {detail}"));
    match ended.portal {
        PortalSession::Ended => render::line(&format!("Signed out of {record}, here and at the portal.")),
        PortalSession::NothingToEnd => {
            render::line(&format!("Removed {record}; there was nothing to end at the portal."));
        }
        PortalSession::NotTold => {
            render::line(&format!("Removed {record}."));
            warn_of_portal(&detail);
        }
        _ => render::line(&format!("Removed {record}; what became of the session at the portal is unknown{detail}.")),
    }
}

fn warn_of_portal(detail: &str) {
    render::notice(&format!(
        "warning: the portal could not be told{detail}; the session there ends by itself in time, or sign out in the \
         portal's own page"
    ));
}
