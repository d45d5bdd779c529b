//! `ssoctl watch`
//!
//! One thread waits for whatever comes first: a line of the daemon, a signal, the end of the command, or a time at which something is due.

mod changes;
mod command;
mod condition;
mod log;
mod source;
mod table;

use std::ffi::OsString;
use std::process::Termination;
use std::time::{Duration, Instant};

use clap::Args;
use ssoctl_protocol::event::Watching;
use ssoctl_protocol::route::Query;
use ssoctl_protocol::{ErrorCode, Problem, Route, SessionStatus, Topic};

use super::Verb;
use super::selection::SessionArguments;
use super::waiting::duration;
use crate::connection::{Daemon, Starting, VersionWarning};
use crate::failure::Failure;
use crate::wakeful::Wakeful;
use crate::{output, render};
use command::Command;
use condition::Condition;
use log::Log;
use source::{News, Source};
use table::Table;

/// What changes for a shorter time is not told by lines and commands: a token that has come and is not stored yet, for instance.
const SETTLING: Duration = Duration::from_millis(200);

/// Show what changes, as it changes
///
/// On a terminal: the table of ssoctl status, kept up to date. Elsewhere, or with --kind: a line for each change. If the daemon ends, the
/// watching goes on when one runs again; none is started for that. If the command line names no session, all are shown, except with
/// --until, which takes the one that the environment names.
#[derive(Args, Debug)]
pub(crate) struct Watch {
    #[command(flatten)]
    session: SessionArguments,
    /// Print the lines of GET /v1/events as they are
    #[arg(long, conflicts_with = "exec")]
    json: bool,
    /// Tell only about these: daemon, session, grant; with commas between them
    #[arg(long, value_delimiter = ',', value_parser = topic)]
    kind: Vec<Topic>,
    /// Wait until the session is like this, and exit: signed_in, signed_out, expired, or pending (a sign-in waits for a person); any of
    /// several with commas between them. Nothing is printed
    #[arg(long, value_name = "STATE", value_delimiter = ',', conflicts_with = "kind")]
    until: Vec<Condition>,
    /// Longest wait for --until; exit code 5 after that
    #[arg(long, value_name = "DURATION", value_parser = duration, requires = "until")]
    wait: Option<Duration>,
    /// Run a command on each change, and once for each state at first. It gets SSOCTL_EVENT_KIND (session, session_gone, grant,
    /// grant_gone, daemon, lost), SSOCTL_EVENT_NAME, SSOCTL_EVENT_STATE, SSOCTL_EVENT_PREVIOUS_STATE (empty at first),
    /// SSOCTL_EVENT_EXPIRES_AT, SSOCTL_EVENT_SESSION_ENDS_AT, SSOCTL_EVENT_LOGIN_KIND, SSOCTL_EVENT_LOGIN_CODE,
    /// SSOCTL_EVENT_LOGIN_URL, SSOCTL_EVENT_WAITING (the number of those who wait) and SSOCTL_EVENT_JSON (the whole line). One runs at a
    /// time; it is told the latest state, and what changes meanwhile later. All that follows belongs to the command
    #[arg(long, value_name = "CMD", num_args = 1.., allow_hyphen_values = true)]
    exec: Vec<OsString>,
}

fn topic(text: &str) -> Result<Topic, String> {
    let known = Topic::ALL.into_iter().find(|topic| topic.as_str() == text);
    known.ok_or_else(|| "expected daemon, session or grant".to_owned())
}

/// Where news go.
enum Sink {
    Json,
    Table(Box<Table>),
    Log(Log),
    Command(Command),
    /// With `--until` alone.
    Nowhere,
}

impl Verb for Watch {
    fn run(mut self, starting: Starting) -> Result<impl Termination, Failure> {
        let daemon = Daemon::find(starting, VersionWarning::unless(self.json))?;
        let query = self.query(&daemon)?;
        let source = Source::begin(daemon, query)?;
        let deadline = self.wait.and_then(|wait| Instant::now().checked_add(wait));
        let mut sink = self.sink()?;
        let wakeful = Wakeful::watch_for(sink.signals()).map_err(|error| Failure::Other(error.to_string()))?;
        let mut watching = Watching::default();
        watching.begin();
        let mut run = Run { source, watching, wakeful, is_current: false, has_told: false, tells_at: None };
        let ended = run.until(&mut sink, &self.until, deadline);
        match (ended, sink) {
            (Ok(End::Held), Sink::Command(command)) => command.finish(run.watching.state()),
            (Ok(End::Late), _) => {
                let wait = render::duration(self.wait.unwrap_or_default());
                let wanted: Vec<_> = self.until.iter().map(|condition| condition.as_str()).collect();
                Err(Failure::NobodySignedIn(format!("the session was not {} within {wait}", wanted.join(" or "))))
            }
            (Ok(End::Held), _) => Ok(()),
            (Ok(End::Signal(signal)), sink) => {
                // A table takes itself off the screen first.
                drop(sink);
                let _ = signal_hook::low_level::emulate_default_handler(signal);
                Ok(())
            }
            (Err(failure), _) => Err(failure),
        }
    }
}

impl Watch {
    /// With `--until` one session is meant, whose name the daemon knows.
    fn query(&mut self, daemon: &Daemon) -> Result<Query, Failure> {
        let session = std::mem::take(&mut self.session);
        let topics = if self.until.is_empty() { self.kind.clone() } else { vec![Topic::Session] };
        let selector = if self.until.is_empty() {
            session.named().unwrap_or_default()
        } else {
            let selector = session.selector()?;
            let query = Query { selector, ..Query::default() };
            ssoctl_protocol::Selector::Session(daemon.fetch::<SessionStatus>(&Route::Session, &query)?.name)
        };
        Ok(Query { selector, topics, ..Query::default() })
    }

    fn sink(&mut self) -> Result<Sink, Failure> {
        let exec = std::mem::take(&mut self.exec);
        Ok(match () {
            () if self.json => Sink::Json,
            () if !exec.is_empty() => Sink::Command(Command::new(exec)),
            () if !self.until.is_empty() => Sink::Nowhere,
            () if self.kind.is_empty() && Table::is_possible() => Sink::Table(Box::new(Table::open()?)),
            () => Sink::Log(Log::default()),
        })
    }
}

impl Sink {
    /// The signals that it has to know about.
    const fn signals(&self) -> &'static [i32] {
        match self {
            Self::Table(_) => Table::SIGNALS,
            Self::Command(_) => Command::SIGNALS,
            _ => &[],
        }
    }

    /// When it has something to do without any news.
    fn due(&self) -> Option<Instant> {
        match self {
            Self::Table(table) => Some(table.due()),
            _ => None,
        }
    }

    const fn writes(&self) -> bool {
        matches!(self, Self::Json | Self::Table(_) | Self::Log(_))
    }
}

/// Why the watching ends.
enum End {
    /// What was waited for holds.
    Held,
    /// It has not come in time.
    Late,
    Signal(i32),
}

struct Run {
    source: Source,
    watching: Watching,
    wakeful: Wakeful,
    /// Whether the state is what the daemon has now.
    is_current: bool,
    /// Whether any state has been told.
    has_told: bool,
    /// When the state is told that has changed.
    tells_at: Option<Instant>,
}

impl Run {
    /// Watches until one of the conditions holds, or until the deadline.
    fn until(&mut self, sink: &mut Sink, conditions: &[Condition], deadline: Option<Instant>) -> Result<End, Failure> {
        loop {
            self.take_lines(sink)?;
            if self.is_current && condition::holds(conditions, self.watching.state(), || self.gone())? {
                self.tells_at = Some(Instant::now());
                self.tell(sink)?;
                return Ok(End::Held);
            }
            self.tell(sink)?;
            let due = [self.source.due(), sink.due(), self.tells_at, deadline].into_iter().flatten().min();
            let woken = self.wakeful.wait(self.source.connection(), sink.writes(), due);
            let woken = woken.map_err(|error| Failure::Other(format!("waiting for the daemon failed: {error}")))?;
            if woken.output_is_gone {
                return Err(Failure::Unwritable(std::io::ErrorKind::BrokenPipe.into()));
            }
            if woken.has_news {
                self.source.read()?;
            }
            if let Sink::Table(table) = sink
                && let Some(signal) = table.signals(&self.wakeful)?
            {
                return Ok(End::Signal(signal));
            }
            self.source.go_on()?;
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Ok(End::Late);
            }
        }
    }

    fn take_lines(&mut self, sink: &mut Sink) -> Result<(), Failure> {
        while let Some(news) = self.source.next()? {
            match news {
                News::Begun => {
                    self.watching.begin();
                    self.is_current = false;
                }
                News::Line(line, event) => {
                    match sink {
                        Sink::Json => output::json(&line)?,
                        Sink::Command(command) => command.note(&event, &line),
                        _ => {}
                    }
                    self.is_current = self.watching.take(*event);
                    if self.is_current && self.tells_at.is_none() {
                        let pause = if self.has_told { SETTLING } else { Duration::ZERO };
                        self.tells_at = Some(Instant::now() + pause);
                    }
                }
                News::Lost => {
                    self.is_current = false;
                    match sink {
                        // Another line would disturb it.
                        Sink::Table(table) => {
                            table.lost();
                            continue;
                        }
                        Sink::Command(command) => command.lost(),
                        _ => {}
                    }
                    render::notice("the connection to ssoctld is lost; watching goes on when one runs again");
                }
            }
        }
        Ok(())
    }

    fn tell(&mut self, sink: &mut Sink) -> Result<(), Failure> {
        let state = self.watching.state();
        if let Sink::Table(table) = sink {
            return table.show(state, self.is_current);
        }
        let is_due = self.is_current && self.tells_at.is_some_and(|at| Instant::now() >= at);
        if is_due {
            (self.has_told, self.tells_at) = (true, None);
        }
        match sink {
            Sink::Log(log) if is_due => log.tell(state),
            Sink::Command(command) => {
                if is_due {
                    command.add_changes(state);
                }
                command.go_on(state)
            }
            _ => Ok(()),
        }
    }

    fn gone(&self) -> Failure {
        let detail = "the session is not configured any more";
        Failure::Problem(Box::new(Problem::new(ErrorCode::UnknownSession, detail)))
    }
}
