//! `ssoctl token`

use ssoctl_protocol::route::Query;
use ssoctl_protocol::secret::Secret;
use ssoctl_protocol::{Route, Token};

use super::selector;
use super::waiting::Waiting;
use crate::cli;
use crate::connection::Daemon;
use crate::failure::Failure;
use crate::output;

pub(super) fn run(daemon: &Daemon, arguments: cli::Token) -> Result<(), Failure> {
    let cli::Terms { validity, waiting } = arguments.terms;
    let query =
        Query { selector: selector(arguments.which)?, min_valid: validity.min_valid.as_secs(), ..Query::default() };
    let answer = Waiting::up_to(waiting.wait).obtain(daemon, &Route::Token, &query)?;
    let token: Token = daemon.read(&answer)?;
    let text: &[u8] =
        if arguments.json { answer.body.expose().trim_ascii() } else { token.access_token.expose().as_bytes() };
    // One write with the newline in it, from memory that is wiped.
    let line = Secret::new([text, b"\n"].concat());
    output::write(line.expose())
}
