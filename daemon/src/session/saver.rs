//! What is known of the store, and when it is read or written again. Pure.
//!
//! One read or write at a time is under way; what changes meanwhile is written by the next. A store that fails is tried
//! again with growing pauses, and nothing is given up because of it. A store that was read is read once more when somebody
//! else may have written to it.

use super::policy;
use crate::clock::BootTime;

/// The store's side of a session.
#[derive(Debug)]
pub(super) struct Saver {
    loaded: bool,
    busy: bool,
    dirty: bool,
    /// It is to be read although it was read before.
    look: Look,
    failures: u32,
    retry_at: Option<BootTime>,
    error: Option<String>,
}

/// Another look at a store that was read before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Look {
    NotWanted,
    Wanted,
    UnderWay,
}

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Turn {
    Read,
    Write,
}

impl Saver {
    /// A store that is yet to be read.
    pub(super) const fn new() -> Self {
        Self {
            loaded: false,
            busy: false,
            dirty: false,
            look: Look::NotWanted,
            failures: 0,
            retry_at: None,
            error: None,
        }
    }

    pub(super) const fn is_loaded(&self) -> bool {
        self.loaded
    }

    /// Whether something is not durable yet.
    pub(super) const fn is_unsaved(&self) -> bool {
        self.dirty || (self.loaded && self.busy && !matches!(self.look, Look::UnderWay))
    }

    /// Whether waiting for the store leads nowhere for now.
    pub(super) const fn is_failing(&self) -> bool {
        self.error.is_some()
    }

    pub(super) fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// Something has changed that has to be written.
    pub(super) const fn touch(&mut self) {
        self.dirty = true;
    }

    /// The same, for what must not be kept any longer: it waits for no pause.
    pub(super) const fn touch_at_once(&mut self) {
        self.dirty = true;
        self.retry_at = None;
    }

    /// The store is to be read again, before anything is written to it. Whatever failed before is tried at once.
    pub(super) const fn look_again(&mut self) {
        self.look = Look::Wanted;
        self.retry_at = None;
    }

    /// What is due now. Whoever takes it reports its end with [`done`](Self::done).
    pub(super) fn take_turn(&mut self, now: BootTime) -> Option<Turn> {
        if self.busy {
            return None;
        }
        if self.loaded && self.look == Look::Wanted {
            self.look = Look::UnderWay;
            self.busy = true;
            return Some(Turn::Read);
        }
        if self.retry_at.is_some_and(|retry_at| now < retry_at) {
            return None;
        }
        let turn = match (self.loaded, self.dirty) {
            (false, _) => Turn::Read,
            (true, true) => Turn::Write,
            (true, false) => return None,
        };
        if turn == Turn::Read {
            // It is the look that was wanted.
            self.look = Look::NotWanted;
        }
        self.busy = true;
        self.dirty &= turn == Turn::Read;
        Some(turn)
    }

    /// Another look is over, if it was one. How it went says nothing about what is written.
    pub(super) fn looked_again(&mut self) -> bool {
        if self.look != Look::UnderWay {
            return false;
        }
        self.look = Look::NotWanted;
        self.busy = false;
        true
    }

    /// The read or write is over.
    pub(super) fn done(&mut self, result: Result<(), String>, now: BootTime, chance: f64) {
        self.busy = false;
        match result {
            Ok(()) => {
                self.loaded = true;
                self.failures = 0;
                self.retry_at = None;
                self.error = None;
            }
            Err(error) => {
                self.failures += 1;
                self.retry_at = Some(now + policy::backoff(self.failures, None, chance));
                self.error = Some(error);
                // What could not be written still has to be.
                self.dirty |= self.loaded;
            }
        }
    }

    /// When [`take_turn`](Self::take_turn) has something to give.
    pub(super) fn wake_at(&self) -> Option<BootTime> {
        self.retry_at.filter(|_| !self.busy)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: BootTime = BootTime::from_boot(Duration::from_secs(1000));

    #[test]
    fn it_reads_first_and_writes_what_changed_one_at_a_time() {
        let mut saver = Saver::new();
        saver.touch();
        assert_eq!(saver.take_turn(NOW), Some(Turn::Read));
        assert_eq!(saver.take_turn(NOW), None, "one at a time");
        saver.done(Ok(()), NOW, 0.0);
        assert!(saver.is_loaded());
        assert_eq!(saver.take_turn(NOW), Some(Turn::Write));
        saver.touch();
        assert_eq!(saver.take_turn(NOW), None, "one at a time");
        saver.done(Ok(()), NOW, 0.0);
        assert!(saver.is_unsaved());
        assert_eq!(saver.take_turn(NOW), Some(Turn::Write), "what changed meanwhile");
        saver.done(Ok(()), NOW, 0.0);
        assert_eq!((saver.take_turn(NOW), saver.is_unsaved()), (None, false));
    }

    #[test]
    fn a_write_that_failed_is_tried_again_after_a_pause() {
        let mut saver = Saver::new();
        saver.take_turn(NOW);
        saver.done(Ok(()), NOW, 0.0);
        saver.touch();
        saver.take_turn(NOW);
        saver.done(Err("the disk is full".into()), NOW, 0.0);
        assert_eq!((saver.error(), saver.is_unsaved()), (Some("the disk is full"), true));
        let retry_at = saver.wake_at().unwrap();
        assert_eq!(saver.take_turn(NOW), None);
        saver.touch();
        assert_eq!(saver.take_turn(NOW), None, "what changes is no reason to hurry");
        saver.touch_at_once();
        assert_eq!(saver.take_turn(NOW), Some(Turn::Write));
        saver.done(Err("the disk is full".into()), NOW, 0.0);
        let retry_at = saver.wake_at().unwrap_or(retry_at);
        assert_eq!(saver.take_turn(retry_at), Some(Turn::Write));
        saver.done(Ok(()), retry_at, 0.0);
        assert_eq!((saver.error(), saver.is_unsaved(), saver.wake_at()), (None, false, None));
    }

    #[test]
    fn a_store_that_is_back_is_tried_at_once_and_read_once() {
        let mut saver = Saver::new();
        saver.take_turn(NOW);
        saver.done(Err("it is away".into()), NOW, 0.0);
        assert_eq!(saver.take_turn(NOW), None);
        saver.look_again();
        assert_eq!(saver.take_turn(NOW), Some(Turn::Read));
        saver.done(Ok(()), NOW, 0.0);
        assert_eq!(saver.take_turn(NOW), None, "it was read");
        saver.touch();
        saver.take_turn(NOW);
        saver.done(Err("it is away".into()), NOW, 0.0);
        saver.look_again();
        assert_eq!(saver.take_turn(NOW), Some(Turn::Read), "before anything is written");
        assert!(saver.looked_again());
        assert_eq!(saver.take_turn(NOW), Some(Turn::Write));
    }
}
