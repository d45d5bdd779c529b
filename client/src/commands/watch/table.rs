//! The table of `status` on a terminal, kept up to date. It is drawn on the terminal's second screen, so that what stood there before is
//! back afterwards, and the last table below it.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGTSTP, SIGWINCH};
use signal_hook::low_level::emulate_default_handler;
use ssoctl_protocol::event::Watched;
use ssoctl_protocol::{SessionStatus, Timestamp};

use crate::commands::status::colours;
use crate::failure::Failure;
use crate::wakeful::Wakeful;
use crate::{environment, output, render};

/// How often the table is drawn anew because the times in it have changed.
const PACE: Duration = Duration::from_secs(10);

/// Switches to the second screen, hides the cursor, and has lines that are too long cut.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";
const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";

pub(super) struct Table {
    shown: Watched,
    /// Since when no daemon answers.
    lost_at: Option<Timestamp>,
    due: Instant,
    /// The text, as it was last drawn.
    text: String,
}

impl Table {
    pub(super) const SIGNALS: &'static [i32] = &[SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGCONT, SIGWINCH];

    /// Whether standard output is a terminal that a table can be drawn on.
    pub(super) fn is_possible() -> bool {
        io::stdout().is_terminal() && environment::terminal_has_escapes()
    }

    pub(super) fn open() -> Result<Self, Failure> {
        output::write(ENTER.as_bytes())?;
        Ok(Self { shown: Watched::default(), lost_at: None, due: Instant::now(), text: String::new() })
    }

    /// When it has to be drawn anew.
    pub(super) const fn due(&self) -> Instant {
        self.due
    }

    pub(super) fn lost(&mut self) {
        self.lost_at = Some(environment::now());
        self.due = Instant::now();
    }

    /// Draws the table, if anything has changed or the times in it have.
    pub(super) fn show(&mut self, state: &Watched, is_current: bool) -> Result<(), Failure> {
        if is_current && (self.shown != *state || self.lost_at.is_some()) {
            self.shown = state.clone();
            self.lost_at = None;
            self.due = Instant::now();
        }
        if Instant::now() < self.due {
            return Ok(());
        }
        self.due = Instant::now() + PACE;
        self.text = self.text();
        self.draw()
    }

    fn text(&self) -> String {
        let now = environment::now();
        let Some(daemon) = &self.shown.daemon else { return String::new() };
        let mut sessions: Vec<SessionStatus> = self.shown.sessions.values().cloned().collect();
        sessions.sort_by_key(place);
        let mut text = render::status(daemon, &sessions, now, colours());
        if let Some(lost_at) = self.lost_at {
            let since = render::time(lost_at, now);
            text.push_str(&format!("\nno daemon answers since {since}; this is what the last one said\n"));
        }
        text
    }

    fn draw(&self) -> Result<(), Failure> {
        let (columns, rows) = environment::terminal_size(io::stdout());
        let lines = render::fitted(&self.text, columns.into(), rows.into());
        let lines: Vec<String> = lines.iter().map(|line| format!("{line}\x1b[K")).collect();
        output::write(format!("\x1b[H{}\x1b[J", lines.join("\r\n")).as_bytes())
    }

    /// Does what signals ask for. Returns the one that ends the watching.
    pub(super) fn signals(&mut self, wakeful: &Wakeful) -> Result<Option<i32>, Failure> {
        if let Some(end) = [SIGINT, SIGTERM, SIGHUP].into_iter().find(|signal| wakeful.has_come(*signal)) {
            return Ok(Some(end));
        }
        if wakeful.has_come(SIGTSTP) {
            output::write(LEAVE.as_bytes())?;
            // It returns when the process goes on.
            let _ = emulate_default_handler(SIGTSTP);
            output::write(ENTER.as_bytes())?;
            self.due = Instant::now();
        }
        if wakeful.has_come(SIGWINCH) || wakeful.has_come(SIGCONT) {
            self.draw()?;
        }
        Ok(None)
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        // There is nowhere to say that it failed.
        let _ = output::write([LEAVE, &self.text].concat().as_bytes());
    }
}

/// Where a session stands in `status`: in the order of the files, legacy profiles last.
fn place(session: &SessionStatus) -> (u8, String, u64) {
    let Some(defined) = &session.defined_by else { return (0, session.name.clone(), 0) };
    let kind = match defined.kind.as_str() {
        "sso_session" => 0,
        "session" => 1,
        _ => 2,
    };
    (kind, defined.file.clone(), defined.line)
}
