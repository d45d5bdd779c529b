//! `ssoctl status`

use std::io::{self, IsTerminal};

use ssoctl_protocol::route::Query;
use ssoctl_protocol::{DaemonStatus, Route, SessionStatus, StatusReport};

use super::named;
use crate::cli;
use crate::connection::Daemon;
use crate::environment;
use crate::failure::Failure;
use crate::output;
use crate::render::{self, Colours};

pub(super) fn run(daemon: &Daemon, arguments: cli::Status) -> Result<(), Failure> {
    let json = arguments.json;
    let which = named(arguments.which);
    let is_named = which.is_some();
    let (text, report) = match which {
        None => {
            let answer = daemon.ask(&Route::Sessions, &Query::default())?;
            (answer.body.expose().trim_ascii().to_vec(), daemon.read::<StatusReport>(&answer)?)
        }
        Some(selector) => {
            let session = daemon.ask(&Route::Session, &Query { selector, ..Query::default() })?;
            let health = daemon.ask(&Route::Health, &Query::default())?;
            let report = StatusReport {
                daemon: daemon.read::<DaemonStatus>(&health)?,
                sessions: vec![daemon.read::<SessionStatus>(&session)?],
            };
            // Put together from the daemon's own text, so that members which this version does not know stay in.
            let parts: [&[u8]; 5] = [
                b"{\"daemon\":",
                health.body.expose().trim_ascii(),
                b",\"sessions\":[",
                session.body.expose().trim_ascii(),
                b"]}",
            ];
            (parts.concat(), report)
        }
    };
    if json {
        return output::json(&text);
    }
    let colours =
        if io::stdout().is_terminal() && environment::terminal_is_able() && environment::variable("NO_COLOR").is_none()
        {
            Colours::On
        } else {
            Colours::Off
        };
    let now = environment::now();
    let text = match report.sessions.as_slice() {
        [session] if is_named => render::page(&report.daemon, session, now),
        sessions => render::status(&report.daemon, sessions, now, colours),
    };
    output::write(text.as_bytes())
}
