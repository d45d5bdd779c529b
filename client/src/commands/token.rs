use std::process::Termination;

use clap::Args;
use ssoctl_protocol::route::Query;
use ssoctl_protocol::{Route, Secret, body};

use super::Verb;
use super::selection::SessionArguments;
use super::waiting::{MinValid, Wait};
use crate::connection::{Daemon, Starting, VersionWarning};
use crate::failure::Failure;
use crate::output;

/// Print a live access token
///
/// Prints nothing but the token on standard output. The token comes from the daemon's memory if it lives long enough; otherwise
/// the daemon renews it first, if that needs no person.
#[derive(Args, Debug)]
pub(crate) struct Token {
    #[command(flatten)]
    session: SessionArguments,
    /// Print a JSON object: access_token, token_type, expires_at, session, start_url, region
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    min_valid: MinValid,
    #[command(flatten)]
    wait: Wait,
}

impl Verb for Token {
    fn run(self, starting: Starting) -> Result<impl Termination, Failure> {
        let daemon = Daemon::find(starting, VersionWarning::unless(self.json))?;
        let min_valid = self.min_valid.min_valid.as_secs();
        let query = Query { selector: self.session.selector()?, min_valid, ..Query::default() };
        let answer = self.wait.begin().ask(&daemon, &Route::Token, &query)?;
        let token: body::Token = daemon.read(&answer)?;
        let text = if self.json { answer.body.expose().trim_ascii() } else { token.access_token.expose().as_bytes() };
        // One write with the line feed in it.
        let line = Secret::new([text, b"\n"].concat());
        output::write(line.expose())
    }
}
