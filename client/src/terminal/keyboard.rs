//! The keys that a person types, and the signals that end the asking.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;

use signal_hook::consts::SIGWINCH;
use signal_hook::low_level::emulate_default_handler;

use super::keys::{Decoder, Key};
use super::raw_mode::RawMode;
use crate::wakeful::{ENDS, Ringer, Wakeful};

pub(crate) struct Keyboard<T = File> {
    terminal: T,
    decoder: Decoder,
    wakeful: Wakeful,
    /// The signal that has come since [`begin`](Self::begin).
    ended_by: Option<i32>,
}

impl<T> Keyboard<T> {
    pub(crate) fn at(terminal: T) -> io::Result<Self> {
        let wakeful = Wakeful::watch_for(&[&ENDS[..], &[SIGWINCH]].concat())?;
        wakeful.catch(false);
        Ok(Self { terminal, decoder: Decoder::default(), wakeful, ended_by: None })
    }

    /// Something with which other threads end the waiting for keys.
    pub(crate) fn ringer(&self) -> io::Result<Ringer> {
        self.wakeful.ringer()
    }

    /// The signal that ends the asking, if one has come.
    fn signal(&mut self) -> Option<i32> {
        self.ended_by = self.ended_by.or_else(|| ENDS.into_iter().find(|signal| self.wakeful.has_come(*signal)));
        self.ended_by
    }
}

impl Keyboard {
    /// Has each key arrive at once, and signals wait, until [`end`](Self::end).
    pub(crate) fn begin(&self) -> io::Result<RawMode> {
        self.wakeful.catch(true);
        RawMode::at(&self.terminal)
    }

    /// Gives the terminal back as it was. Then a signal that has come ends the process.
    pub(crate) fn end(&mut self, raw_mode: RawMode) {
        drop(raw_mode);
        self.wakeful.catch(false);
        if let Some(signal) = self.signal() {
            let _ = emulate_default_handler(signal);
        }
    }
}

impl<T: Read + AsFd> Keyboard<T> {
    /// The next keys. There are none if the terminal has another size, or another thread has rung. `None` if the terminal has gone, or a signal has
    /// come.
    pub(crate) fn read(&mut self) -> io::Result<Option<Vec<Key>>> {
        let has_bytes = self.wakeful.wait(Some(&self.terminal), false, self.decoder.due())?.has_news;
        if self.signal().is_some() {
            return Ok(None);
        }
        let mut bytes = [0; 256];
        let count = match has_bytes.then(|| self.terminal.read(&mut bytes)) {
            Some(Ok(0)) => return Ok(None),
            Some(Ok(count)) => count,
            Some(Err(error)) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            Some(Err(_)) | None => 0,
        };
        Ok(Some(self.decoder.decode(&bytes[..count])))
    }
}
