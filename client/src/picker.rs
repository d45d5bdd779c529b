//! A list on the terminal from which a person picks one line by typing parts of it.
//!
//! | module | what it does |
//! |---|---|
//! | `lines` | which lines are shown, and in which order |
//! | `screen` | draws the list below the cursor, and leaves the line that was picked |

mod lines;
mod screen;

use std::fs::File;
use std::io;
use std::sync::mpsc::Receiver;

use crate::terminal::{Key, Keyboard};
use crate::wakeful::Ringer;
pub(crate) use lines::Line;
use lines::Lines;
use screen::Screen;

/// Has a person pick a line. `later` may bring other lines while the list is shown; whoever sends them rings. `None` if the person leaves, or the
/// terminal goes.
pub(crate) fn pick<T: Clone + PartialEq>(
    terminal: File,
    what: &str,
    lines: Vec<Line<T>>,
    later: impl FnOnce(Ringer) -> Receiver<Vec<Line<T>>>,
) -> io::Result<Option<T>> {
    let mut keyboard = Keyboard::at(terminal)?;
    let later = later(keyboard.ringer()?);
    let raw_mode = keyboard.begin()?;
    let picked = Screen::open().and_then(|screen| picked(&mut keyboard, &screen, what, Lines::new(lines), &later));
    keyboard.end(raw_mode);
    picked
}

fn picked<T: Clone + PartialEq>(
    keyboard: &mut Keyboard,
    screen: &Screen,
    what: &str,
    mut lines: Lines<T>,
    later: &Receiver<Vec<Line<T>>>,
) -> io::Result<Option<T>> {
    // The line that the person has to confirm.
    let mut to_confirm: Option<Line<T>> = None;
    loop {
        match &to_confirm {
            Some(line) => screen.ask_about(what, line)?,
            None => screen.draw(what, &lines)?,
        }
        let Some(keys) = keyboard.read()? else { return Ok(None) };
        for key in keys {
            match (to_confirm.take(), key) {
                (Some(line), Key::Character('y' | 'Y')) => {
                    screen.keep(what, &line)?;
                    return Ok(Some(line.value));
                }
                // The person has said no, and goes on with the list. Keys that came together with this one are dropped.
                (Some(_), _) => break,
                (None, Key::Enter) => match lines.selected() {
                    Some(chosen) if chosen.confirm => {
                        to_confirm = Some(chosen.clone());
                        break;
                    }
                    Some(chosen) => {
                        screen.keep(what, chosen)?;
                        return Ok(Some(chosen.value.clone()));
                    }
                    None => {}
                },
                (None, Key::Leave) => return Ok(None),
                (None, key) => lines.edit(key, screen.rows()),
            }
        }
        // Only now: the keys were meant for the lines that were shown.
        if let Some(newest) = later.try_iter().last() {
            lines.replace(newest);
        }
    }
}
