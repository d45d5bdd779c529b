//! The accesses to the store: which is due, and when. Pure.
//!
//! One read or write at a time is under way; what changes meanwhile is written by the next one. A store that fails is tried
//! again with growing pauses, and nothing is given up because of it. The store is read once more when somebody else may have written to it.

use super::policy;
use crate::clock::BootTime;

#[derive(Debug)]
pub(super) struct StoreSchedule {
    loaded: bool,
    busy: bool,
    /// Whether the record has changed since it was last written.
    dirty: bool,
    second_read: SecondRead,
    failures: u32,
    retry_at: Option<BootTime>,
    error: Option<String>,
}

/// Another read of a store that was read before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum SecondRead {
    NotWanted,
    Wanted,
    UnderWay,
}

/// The next access to the store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Access {
    Read,
    Write,
}

impl StoreSchedule {
    pub(super) const fn new() -> Self {
        Self {
            loaded: false,
            busy: false,
            dirty: false,
            second_read: SecondRead::NotWanted,
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
        self.dirty || (self.loaded && self.busy && !matches!(self.second_read, SecondRead::UnderWay))
    }

    /// Whether the last access has failed, so that waiting for the store leads nowhere for now.
    pub(super) const fn is_failing(&self) -> bool {
        self.error.is_some()
    }

    pub(super) fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// The record has to be written.
    pub(super) const fn record_changed(&mut self) {
        self.dirty = true;
    }

    /// The record has to be written although a pause after a failure is not over: what is stored must not be kept any longer.
    pub(super) const fn write_without_pause(&mut self) {
        self.dirty = true;
        self.retry_at = None;
    }

    /// The store has to be read again before anything is written to it, although a pause after a failure is not over.
    pub(super) const fn read_again(&mut self) {
        self.second_read = SecondRead::Wanted;
        self.retry_at = None;
    }

    /// The access that is due. [`done`](Self::done) or [`second_read_done`](Self::second_read_done) reports its end.
    pub(super) fn next_access(&mut self, now: BootTime) -> Option<Access> {
        if self.busy {
            return None;
        }
        if self.loaded && self.second_read == SecondRead::Wanted {
            self.second_read = SecondRead::UnderWay;
            self.busy = true;
            return Some(Access::Read);
        }
        if self.retry_at.is_some_and(|retry_at| now < retry_at) {
            return None;
        }
        let access = match (self.loaded, self.dirty) {
            (false, _) => Access::Read,
            (true, true) => Access::Write,
            (true, false) => return None,
        };
        if access == Access::Read {
            // The first read serves as the one that was wanted.
            self.second_read = SecondRead::NotWanted;
        }
        self.busy = true;
        self.dirty &= access == Access::Read;
        Some(access)
    }

    /// If a second read is under way, it is over; returns whether it was. Its outcome says nothing about what is written.
    pub(super) fn second_read_done(&mut self) -> bool {
        if self.second_read != SecondRead::UnderWay {
            return false;
        }
        self.second_read = SecondRead::NotWanted;
        self.busy = false;
        true
    }

    /// The first read, or a write, is over.
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
                // The record still has to be written.
                self.dirty |= self.loaded;
            }
        }
    }

    /// When [`next_access`](Self::next_access) is due again after a failure.
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
        let mut writer = StoreSchedule::new();
        writer.record_changed();
        assert_eq!(writer.next_access(NOW), Some(Access::Read));
        assert_eq!(writer.next_access(NOW), None, "one at a time");
        writer.done(Ok(()), NOW, 0.0);
        assert!(writer.is_loaded());
        assert_eq!(writer.next_access(NOW), Some(Access::Write));
        writer.record_changed();
        assert_eq!(writer.next_access(NOW), None, "one at a time");
        writer.done(Ok(()), NOW, 0.0);
        assert!(writer.is_unsaved());
        assert_eq!(writer.next_access(NOW), Some(Access::Write), "what changed meanwhile");
        writer.done(Ok(()), NOW, 0.0);
        assert_eq!((writer.next_access(NOW), writer.is_unsaved()), (None, false));
    }

    #[test]
    fn a_write_that_failed_is_tried_again_after_a_pause() {
        let mut writer = StoreSchedule::new();
        writer.next_access(NOW);
        writer.done(Ok(()), NOW, 0.0);
        writer.record_changed();
        writer.next_access(NOW);
        writer.done(Err("the disk is full".into()), NOW, 0.0);
        assert_eq!((writer.error(), writer.is_unsaved()), (Some("the disk is full"), true));
        let retry_at = writer.wake_at().unwrap();
        assert_eq!(writer.next_access(NOW), None);
        writer.record_changed();
        assert_eq!(writer.next_access(NOW), None, "what changes is no reason to hurry");
        writer.write_without_pause();
        assert_eq!(writer.next_access(NOW), Some(Access::Write));
        writer.done(Err("the disk is full".into()), NOW, 0.0);
        let retry_at = writer.wake_at().unwrap_or(retry_at);
        assert_eq!(writer.next_access(retry_at), Some(Access::Write));
        writer.done(Ok(()), retry_at, 0.0);
        assert_eq!((writer.error(), writer.is_unsaved(), writer.wake_at()), (None, false, None));
    }

    #[test]
    fn a_store_that_is_back_is_tried_at_once_and_read_once() {
        let mut writer = StoreSchedule::new();
        writer.next_access(NOW);
        writer.done(Err("it is away".into()), NOW, 0.0);
        assert_eq!(writer.next_access(NOW), None);
        writer.read_again();
        assert_eq!(writer.next_access(NOW), Some(Access::Read));
        writer.done(Ok(()), NOW, 0.0);
        assert_eq!(writer.next_access(NOW), None, "it was read");
        writer.record_changed();
        writer.next_access(NOW);
        writer.done(Err("it is away".into()), NOW, 0.0);
        writer.read_again();
        assert_eq!(writer.next_access(NOW), Some(Access::Read), "before anything is written");
        assert!(writer.second_read_done());
        assert_eq!(writer.next_access(NOW), Some(Access::Write));
    }
}
