use std::io::{self, IsTerminal};
use std::process::Termination;

use clap::Args;
use ssoctl_protocol::route::Query;
use ssoctl_protocol::{Route, StatusReport};

use super::Verb;
use super::selection::SessionArguments;
use crate::connection::{Daemon, Starting, VersionWarning};
use crate::environment;
use crate::failure::Failure;
use crate::output;
use crate::render::{self, Colours};

/// Show all sessions, or one
///
/// For each session: its state, when its token expires and whether it can be renewed without you, the sign-in that waits for you,
/// and what went wrong last. No secret is shown. If the command line names no session, all are shown, whatever
/// SSOCTL_SESSION and AWS_PROFILE say.
#[derive(Args, Debug)]
pub(crate) struct Status {
    #[command(flatten)]
    session: SessionArguments,
    /// Print a JSON object: {"daemon": …, "sessions": […]}
    #[arg(long)]
    json: bool,
}

impl Verb for Status {
    fn run(self, starting: Starting) -> Result<impl Termination, Failure> {
        let daemon = Daemon::find(starting, VersionWarning::unless(self.json))?;
        let now = environment::now();
        let Some(selector) = self.session.named() else {
            let answer = daemon.ask(&Route::Sessions, &Query::default())?;
            let report: StatusReport = daemon.read(&answer)?;
            if self.json {
                return output::json(answer.body.expose());
            }
            return output::write(render::status(&report.daemon, &report.sessions, now, colours()).as_bytes());
        };
        let session = daemon.ask(&Route::Session, &Query { selector, ..Query::default() })?;
        let health = daemon.ask(&Route::Health, &Query::default())?;
        let page = render::page(&daemon.read(&health)?, &daemon.read(&session)?, now);
        if self.json {
            // The daemon's own text has members that this version does not know.
            let (daemon, session) = (health.body.expose().as_slice(), session.body.expose().as_slice());
            return output::json(&[b"{\"daemon\":", daemon, b",\"sessions\":[", session, b"]}"].concat());
        }
        output::write(page.as_bytes())
    }
}

pub(super) fn colours() -> Colours {
    let is_wanted = environment::variable("NO_COLOR").is_none();
    if is_wanted && io::stdout().is_terminal() && environment::terminal_has_escapes() {
        Colours::On
    } else {
        Colours::Off
    }
}
