//! The terminal of the person who calls ssoctl, where a question can be answered.

mod keyboard;
mod keys;
mod question;
mod raw_mode;

use std::fs::File;
use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::getpgrp;
use rustix::termios::tcgetpgrp;

use crate::environment;

pub(crate) use keyboard::Keyboard;
pub(crate) use keys::{Key, last_word};
pub(crate) use question::Questions;

/// The terminal that a process belongs to. macOS has no poll(2) for `/dev/tty`, and a second standard error is the terminal by its own name.
const PATH: &str = if cfg!(target_os = "macos") { "/dev/fd/2" } else { "/dev/tty" };

/// Whether `--no-input` was given.
static IS_FORBIDDEN: AtomicBool = AtomicBool::new(false);

/// Has no question asked in this process.
pub(crate) fn forbid() {
    IS_FORBIDDEN.store(true, Ordering::Relaxed);
}

/// Opens the terminal for reading. Questions are written to standard error, since standard output may be evaluated by a shell.
///
/// `None` where nobody would answer: with `--no-input`, `SSOCTL_NO_INPUT` or `CI` (systems that build give their jobs terminals, too), where standard
/// error is no terminal that knows escape sequences, and in the background, where reading from a terminal stops a process.
pub(crate) fn open() -> Option<File> {
    let is_forbidden =
        IS_FORBIDDEN.load(Ordering::Relaxed) || ["SSOCTL_NO_INPUT", "CI"].into_iter().any(environment::switch);
    if is_forbidden || !io::stderr().is_terminal() || !environment::terminal_has_escapes() {
        return None;
    }
    // Standard input may be meant for a command.
    let terminal = File::open(PATH).ok()?;
    (tcgetpgrp(&terminal).ok()? == getpgrp()).then_some(terminal)
}
