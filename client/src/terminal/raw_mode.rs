//! The raw mode of a terminal: each key arrives at once.

use std::fs::File;
use std::io;

use rustix::termios::{OptionalActions, OutputModes, Termios, tcgetattr, tcsetattr};

/// Has each key arrive at once, and shown by nobody but us. Dropping it gives the terminal back as it was.
pub(crate) struct RawMode {
    terminal: File,
    before: Termios,
}

impl RawMode {
    pub(crate) fn at(terminal: &File) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut raw = before.clone();
        // Ctrl-C is a key, too: with the signal, nobody would give the terminal back.
        raw.make_raw();
        // Lines end as they do otherwise.
        raw.output_modes |= before.output_modes & OutputModes::OPOST;
        tcsetattr(terminal, OptionalActions::Drain, &raw)?;
        Ok(Self { terminal: terminal.try_clone()?, before })
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        // There is nothing else to do with a terminal that does not take it.
        let _ = tcsetattr(&self.terminal, OptionalActions::Drain, &self.before);
    }
}
