//! Draws the list below the cursor on standard error, and removes it afterwards: what stood on the terminal stays, and the line that was picked.

use std::io::{self, Write as _};

use ssoctl_protocol::text;

use super::lines::{Line, Lines};
use crate::environment;

/// The most lines of the list.
const MOST_ROWS: usize = 12;

/// The most characters of a column.
const WIDEST: usize = 48;

/// Has lines that are too long cut by the terminal.
const ENTER: &str = "\x1b[?7l";
const LEAVE: &str = "\r\x1b[J\x1b[?7h";

pub(super) struct Screen {
    has_colours: bool,
}

impl Screen {
    pub(super) fn open() -> io::Result<Self> {
        let screen = Self { has_colours: environment::variable("NO_COLOR").is_none() };
        write(ENTER)?;
        Ok(screen)
    }

    /// How many lines of the list fit.
    pub(super) fn rows(&self) -> usize {
        let (_, rows) = environment::terminal_size(io::stderr());
        usize::from(rows).saturating_sub(2).clamp(1, MOST_ROWS)
    }

    pub(super) fn draw<T: Clone + PartialEq>(&self, what: &str, lines: &Lines<T>) -> io::Result<()> {
        let (matching, all) = lines.counts();
        let widths = lines.widths();
        let list: Vec<String> =
            lines.visible(self.rows()).map(|(line, is_selected)| self.row(line, &widths, is_selected)).collect();
        let count = if matching == all { all.to_string() } else { format!("{matching} of {all}") };
        let words = text::line(lines.words());
        // Room is made first, because the place of the cursor is lost where the terminal scrolls.
        let (room, back) = match list.len() {
            0 => (String::new(), String::new()),
            rows => ("\n".repeat(rows), format!("\x1b[{rows}A")),
        };
        let below: String = list.iter().map(|row| format!("\r\n{row}")).collect();
        write(&format!("\r\x1b[J{room}{back}\r{what} ({count}): {words}\x1b7{below}\x1b8"))
    }

    fn row<T>(&self, line: &Line<T>, widths: &[usize], is_selected: bool) -> String {
        let mut row = String::new();
        for (column, width) in line.columns.iter().zip(widths) {
            let width = (*width).min(WIDEST);
            row.push_str(&format!("{:width$}  ", text::shown(column, width.max(1))));
        }
        match (is_selected, self.has_colours) {
            (true, true) => format!("\x1b[7m> {}\x1b[0m", row.trim_end()),
            (true, false) => format!("> {}", row.trim_end()),
            (false, _) => format!("  {}", row.trim_end()),
        }
    }

    /// Has the line that was picked stay where the list was.
    pub(super) fn keep<T>(&self, what: &str, line: &Line<T>) -> io::Result<()> {
        write(&format!("\r\x1b[J{}\r\n", told(what, line)))
    }

    /// Asks whether a line is meant.
    pub(super) fn ask_about<T>(&self, what: &str, line: &Line<T>) -> io::Result<()> {
        write(&format!("\r\x1b[J{} - is it meant? (y/n) ", told(what, line)))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // There is nowhere to say that it failed.
        let _ = write(LEAVE);
    }
}

/// `Role: dev  Development  111122223333  ReadOnly  corp`.
fn told<T>(what: &str, line: &Line<T>) -> String {
    let columns = line.columns.iter().filter(|column| !column.is_empty());
    let columns: Vec<_> = columns.map(|column| text::shown(column, WIDEST)).collect();
    format!("{what}: {}", columns.join("  "))
}

fn write(text: &str) -> io::Result<()> {
    let mut stderr = io::stderr().lock();
    stderr.write_all(text.as_bytes())?;
    stderr.flush()
}
