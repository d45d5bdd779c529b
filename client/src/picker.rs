//! A list on the terminal from which a person picks one line by typing parts of it.
//!
//! | module | what it does |
//! |---|---|
//! | `lines` | which lines are shown, and in which order |
//! | `screen` | draws the list below the cursor, and leaves the line that was picked |

mod lines;
mod screen;

use std::fs::File;
use std::io::{self, Read};
use std::sync::mpsc::Receiver;

use signal_hook::consts::SIGWINCH;
use signal_hook::low_level::emulate_default_handler;

use crate::terminal::{Key, Keys};
use crate::wakeful::{ENDS, Ringer, Wakeful};
pub(crate) use lines::Line;
use lines::Lines;
use screen::Screen;

/// What the person has done.
pub(crate) enum Picked<T> {
    Line(T),
    /// Esc, Ctrl-C, or the terminal has gone.
    Nothing,
}

/// Has a person pick a line. `later` may bring other lines while the list is shown; whoever sends them rings.
pub(crate) fn pick<T: Clone + PartialEq>(
    terminal: File,
    what: &str,
    lines: Vec<Line<T>>,
    later: impl FnOnce(Ringer) -> Receiver<Vec<Line<T>>>,
) -> io::Result<Picked<T>> {
    let mut wakeful = Wakeful::watch_for(&[&ENDS[..], &[SIGWINCH]].concat())?;
    let later = later(wakeful.ringer()?);
    let mut lines = Lines::new(lines);
    let screen = Screen::open(terminal)?;
    let mut keys = Keys::default();
    // The line that the person has to confirm.
    let mut doubted: Option<Line<T>> = None;
    loop {
        match &doubted {
            Some(line) => screen.ask_about(what, line)?,
            None => screen.draw(what, &lines)?,
        }
        let has_key = wakeful.wait(Some(screen.terminal()), false, keys.due())?.has_news;
        if let Some(signal) = ENDS.into_iter().find(|signal| wakeful.has_come(*signal)) {
            drop(screen);
            let _ = emulate_default_handler(signal);
            return Ok(Picked::Nothing);
        }
        let mut bytes = [0; 256];
        let read = match has_key {
            true => screen.terminal().read(&mut bytes)?,
            false => 0,
        };
        if has_key && read == 0 {
            return Ok(Picked::Nothing);
        }
        for key in keys.take(&bytes[..read]) {
            match (doubted.take(), key) {
                (Some(line), Key::Character('y' | 'Y')) => {
                    screen.keep(what, &line)?;
                    return Ok(Picked::Line(line.value));
                }
                // The person has said no to this one, and picks another. What was typed along with the answer is none.
                (Some(_), _) => break,
                (None, Key::Enter) => match lines.selected() {
                    Some(chosen) if chosen.confirm => {
                        doubted = Some(chosen.clone());
                        break;
                    }
                    Some(chosen) => {
                        screen.keep(what, chosen)?;
                        return Ok(Picked::Line(chosen.value.clone()));
                    }
                    None => {}
                },
                (None, Key::Leave) => return Ok(Picked::Nothing),
                (None, key) => lines.edit(key, screen.rows()),
            }
        }
        // Only now: the keys were meant for the lines that were shown.
        if let Some(newest) = later.try_iter().last() {
            lines.replace(newest);
        }
    }
}
