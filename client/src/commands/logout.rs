//! `ssoctl logout`

use ssoctl_protocol::body::{Logout, PortalSession};
use ssoctl_protocol::route::Query;
use ssoctl_protocol::{Route, StatusReport};

use super::{ask_patiently, name, selector};
use crate::cli;
use crate::connection::Daemon;
use crate::failure::Failure;
use crate::render;

pub(super) fn run(daemon: &Daemon, arguments: cli::Logout) -> Result<(), Failure> {
    if !arguments.all {
        return log_out(daemon, name(daemon, selector(arguments.which)?)?);
    }
    let answer = daemon.ask(&Route::Sessions, &Query::default())?;
    let mut outcome = Ok(());
    // One session that cannot be ended is no reason to leave the others open.
    for session in daemon.read::<StatusReport>(&answer)?.sessions {
        if let Err(failure) = log_out(daemon, session.name)
            && let Err(earlier) = std::mem::replace(&mut outcome, Err(failure))
        {
            render::notice(&earlier.to_string());
        }
    }
    outcome
}

fn log_out(daemon: &Daemon, name: String) -> Result<(), Failure> {
    let logout: Logout = ask_patiently(daemon, &Route::Logout(name), &Query::default(), None)?;
    let session = &logout.session;
    let detail = logout.detail.map_or_else(String::new, |detail| format!(": {detail}"));
    match logout.portal {
        PortalSession::Ended => render::line(&format!("Signed out of {session}, here and at the portal.")),
        PortalSession::NothingToEnd => {
            render::line(&format!("{session} was not signed in; there was nothing to end at the portal."));
        }
        PortalSession::NotTold => {
            render::line(&format!("Signed out of {session} here; the token is forgotten."));
            render::notice(&format!(
                "warning: the portal could not be told{detail}; the session there ends by itself in time, or sign out in \
                 the portal's own page"
            ));
        }
        PortalSession::Deferred => {
            return Err(Failure::Other(format!(
                "{session} is not signed out yet, as the store has not answered{detail}; it will be as soon as that does \
                 (unlock the keyring), while the daemon runs and nobody signs in"
            )));
        }
        _ => render::line(&format!(
            "Signed out of {session} here; what became of the session at the portal is unknown{detail}."
        )),
    }
    Ok(())
}
