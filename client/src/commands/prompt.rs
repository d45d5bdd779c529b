//! `ssoctl prompt`
//!
//! A prompt is drawn before each command, so this verb never keeps anybody waiting: it starts no daemon, gives up after 50 ms, and says nothing
//! where there is nothing to say.

mod format;
mod segment;

use std::process::Termination;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::Value;
use ssoctl_protocol::Route;
use ssoctl_protocol::route::Query;

use super::Verb;
use super::selection::SessionArguments;
use crate::connection::{Daemon, Starting, VersionWarning};
use crate::environment;
use crate::failure::Failure;
use crate::output;
use format::Format;
use segment::Segment;

/// The longest time for all of it.
const LIMIT: Duration = Duration::from_millis(50);

/// Show a session in a prompt or a bar: its name, the time left, and a warning sign when you are needed
///
/// It shows what the daemon knows: the session of AWS_PROFILE or SSOCTL_SESSION, else the only one. The time is that until a person has to sign in,
/// and not the life of an access token that is renewed silently; where that end is not known, there is none. No daemon is started, nothing is
/// waited for, and where there is nothing to show, nothing is printed.
///
/// --format takes a text with fields in braces: those of ssoctl status --json for a session, also nested ones such as {next.at}, and {left}, {sign}
/// and {mood} (ok, soon, needed).
#[derive(Args, Debug)]
pub(crate) struct Prompt {
    #[command(flatten)]
    session: SessionArguments,
    /// What reads the segment; it decides on colours and on what has to be escaped
    #[arg(long = "for", value_name = "READER", value_enum, default_value = "plain")]
    reader: Reader,
    /// The text, with fields in braces; default: "{name}{sign}{left}" with spaces between
    #[arg(long, value_parser = Format::parse)]
    format: Option<Format>,
}

/// The reader of a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum Reader {
    /// Text without colours
    Plain,
    /// Text with colours (ECMA-48), for fish, starship and others that count no characters
    Ansi,
    /// A variable in bash's PS1
    Bash,
    /// A command in zsh's PROMPT, with PROMPT_SUBST
    Zsh,
    /// #( ) in tmux's status line
    Tmux,
    /// A custom module of waybar with return-type json
    Waybar,
    /// A block of i3bar's protocol
    I3bar,
}

impl Verb for Prompt {
    fn run(self, _: Starting) -> Result<impl Termination, Failure> {
        let Some(session) = look(self.session)? else { return Ok(()) };
        let Some(segment) = Segment::of(&session, environment::now()) else { return Ok(()) };
        let text = match &self.format {
            Some(format) => format.fill(&session, &segment),
            None => segment.usual(),
        };
        output::write(format!("{}\n", self.reader.written(&text, &segment)).as_bytes())
    }
}

/// The session as the daemon shows it; `None` if no daemon answers at once, or it knows no such session.
fn look(session: SessionArguments) -> Result<Option<Value>, Failure> {
    let query = Query { selector: session.selector()?, ..Query::default() };
    let daemon = Daemon::find(Starting::Forbidden, VersionWarning::Silent)?;
    let answer = daemon.glance(&Route::Session, &query, LIMIT);
    Ok(answer.and_then(|answer| serde_json::from_slice(answer.body.expose()).ok()))
}
