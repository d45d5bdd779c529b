//! `ssoctl token`

use ssoctl_protocol::route::Query;
use ssoctl_protocol::secret::Secret;
use ssoctl_protocol::{Route, Token};

use super::{selector, waiting};
use crate::cli;
use crate::connection::Daemon;
use crate::failure::Failure;
use crate::render;

pub(super) fn run(daemon: &Daemon, arguments: cli::Token) -> Result<(), Failure> {
    let query =
        Query { selector: selector(arguments.which)?, min_valid: arguments.min_valid.as_secs(), ..Query::default() };
    let answer = waiting::obtain(daemon, &Route::Token, &query, arguments.wait)?;
    let token: Token = daemon.read(&answer)?;
    let text: &[u8] =
        if arguments.json { answer.body.expose().trim_ascii() } else { token.access_token.expose().as_bytes() };
    // One write with the newline in it, from memory that is wiped.
    let line = Secret::new([text, b"\n"].concat());
    render::output(line.expose())
}
