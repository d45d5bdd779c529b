//! A line on standard error about work that takes longer than a second. It is drawn on terminals only, and removed afterwards.

use std::ffi::OsStr;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// Of work that takes no longer, nothing is shown.
const PATIENCE: Duration = Duration::from_secs(1);
/// The least time between two drawings.
const PACE: Duration = Duration::from_millis(100);

const CLEAR: &str = "\r\x1b[K";

/// Work that has begun.
#[derive(Debug)]
pub struct Progress {
    /// When it began; `None` where nothing can be shown.
    begin: Option<Instant>,
    drawn_at: Option<Instant>,
}

impl Progress {
    /// Begins the work. `term` is the variable `TERM`, which tells whether the terminal knows escape sequences.
    pub fn begin(term: Option<&OsStr>) -> Self {
        let has_escapes = term.is_some_and(|term| !term.is_empty() && term != "dumb");
        let is_possible = has_escapes && io::stderr().is_terminal();
        Self { begin: is_possible.then(Instant::now), drawn_at: None }
    }

    /// Shows what is being done, and for how long. Short, because a line that the terminal wraps cannot be removed.
    pub fn show(&mut self, what: &str) {
        let Some(begin) = self.begin else { return };
        if begin.elapsed() < PATIENCE || self.drawn_at.is_some_and(|at| at.elapsed() < PACE) {
            return;
        }
        draw(&format!("{CLEAR}{what} ({} s)", begin.elapsed().as_secs()));
        self.drawn_at = Some(Instant::now());
    }

    /// Removes the line, before other text is written.
    pub fn clear(&mut self) {
        if self.drawn_at.take().is_some() {
            draw(CLEAR);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

fn draw(text: &str) {
    // If it fails, nothing is lost.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
