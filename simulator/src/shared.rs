//! The state that the server's thread and the owner of a [`crate::Simulator`] share.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::clock::{Clock, Moment};
use crate::faults::Faults;
use crate::journal::Journal;
use crate::settings::Settings;
use crate::state::Service;

/// A wait for something that a client never does ends in a panic after this (real) time.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Shared {
    pub(crate) clock: Clock,
    inner: Mutex<Inner>,
    changed: Condvar,
}

pub(crate) struct Inner {
    pub(crate) service: Service,
    pub(crate) faults: Faults,
    pub(crate) journal: Journal,
}

impl Shared {
    pub(crate) fn new(settings: Settings, base_url: String, clock: Clock) -> Self {
        let service = Service::new(settings, base_url);
        let inner = Inner { service, faults: Faults::default(), journal: Journal::default() };
        Self { clock, inner: Mutex::new(inner), changed: Condvar::new() }
    }

    /// Reads or changes the state at one moment, and wakes everybody who waits for a change.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut Inner, Moment) -> T) -> T {
        let mut inner = self.lock();
        let at = self.clock.moment();
        inner.service.settle(at.now);
        let outcome = act(&mut inner, at);
        drop(inner);
        self.changed.notify_all();
        outcome
    }

    /// Blocks until `look` finds what it looks for.
    ///
    /// # Panics
    /// After a minute of real time, with `what` and the calls so far.
    pub(crate) fn wait_for<T>(&self, what: &str, mut look: impl FnMut(&mut Inner, Moment) -> Option<T>) -> T {
        #[allow(clippy::disallowed_methods, reason = "bounds a wait in real time, whatever clock the service follows")]
        let deadline = Instant::now() + PATIENCE;
        let mut inner = self.lock();
        loop {
            let at = self.clock.moment();
            inner.service.settle(at.now);
            if let Some(found) = look(&mut inner, at) {
                return found;
            }
            #[allow(clippy::disallowed_methods, reason = "as above")]
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "the simulator waited {PATIENCE:?} in vain for {what}; calls so far: {:?}",
                inner.journal.records()
            );
            inner = self.changed.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
