//! Connections on which no request is being answered: whoever has just come, sends slowly, or may ask again later.
//!
//! Few of them are kept, as each costs memory and nobody waits for anything on it. Those who wait for an answer are not
//! counted. Where there are too many, the ones that have been silent for longest are cut off: whoever means to ask does so
//! within a moment.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::clock::{BootTime, Clock};

/// Beyond this many, those that have been silent for longer than [`MOMENT`] are cut off.
const FEW: usize = 256;
/// Beyond this many, the longest silent one is cut off, however short that is.
const MOST: usize = 2048;
/// By then a client that was held up after it had connected has asked. A thousand may start at once.
const MOMENT: Duration = Duration::from_secs(1);

/// All silent connections.
pub(super) struct Silent {
    clock: Arc<dyn Clock>,
    /// By when they fell silent.
    since: Mutex<BTreeMap<(BootTime, u64), Arc<Notify>>>,
}

impl Silent {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { clock, since: Mutex::default() })
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<(BootTime, u64), Arc<Notify>>> {
        self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, number: u64, cut: &Arc<Notify>) -> (BootTime, u64) {
        let now = self.clock.now().boot;
        let mut all = self.all();
        all.insert((now, number), Arc::clone(cut));
        while all.len() > FEW {
            let Some(longest) = all.first_entry() else { break };
            if now.since(longest.key().0) < MOMENT && all.len() <= MOST {
                break;
            }
            if let Some((_, longest)) = all.pop_first() {
                longest.notify_one();
            }
        }
        (now, number)
    }
}

/// Whose turn it is on a connection: the client's at first.
pub(super) struct Turn {
    silent: Arc<Silent>,
    number: u64,
    cut: Arc<Notify>,
    /// Its key among the silent ones.
    key: Mutex<Option<(BootTime, u64)>>,
}

impl Turn {
    /// `number` tells one connection from all others.
    pub(super) fn new(silent: &Arc<Silent>, number: u64) -> Self {
        let cut = Arc::new(Notify::new());
        let key = Mutex::new(Some(silent.enter(number, &cut)));
        Self { silent: Arc::clone(silent), number, cut, key }
    }

    fn key(&self) -> MutexGuard<'_, Option<(BootTime, u64)>> {
        self.key.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its request has come as far as it is needed, and is being answered.
    pub(super) fn asks(&self) {
        if let Some(key) = self.key().take() {
            self.silent.all().remove(&key);
        }
    }

    /// It is its turn to send.
    pub(super) fn is_silent(&self) {
        let mut key = self.key();
        if key.is_none() {
            *key = Some(self.silent.enter(self.number, &self.cut));
        }
    }

    /// Waits until there are too many, and this is the one to go.
    pub(super) async fn cut(&self) {
        self.cut.notified().await;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.asks();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    use crate::clock::ManualClock;

    fn is_cut(turn: &Turn) -> bool {
        use std::task::{Context, Poll, Waker};
        let cut = std::pin::pin!(turn.cut());
        matches!(cut.poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(()))
    }

    #[test]
    fn the_longest_silent_ones_go_first_and_those_who_are_answered_stay() {
        let clock = Arc::new(ManualClock::at(SystemTime::UNIX_EPOCH));
        let silent = Silent::new(clock.clone());
        let asking = Turn::new(&silent, 0);
        asking.asks();
        let old: Vec<Turn> = (1..=10).map(|number| Turn::new(&silent, number)).collect();
        clock.advance(MOMENT);
        let fresh: Vec<Turn> = (100..100 + FEW as u64 - 5).map(|number| Turn::new(&silent, number)).collect();
        let cut: Vec<bool> = old.iter().map(is_cut).collect();
        assert_eq!(cut, [true, true, true, true, true, false, false, false, false, false]);
        assert!(!is_cut(&asking) && !fresh.iter().any(is_cut));

        // Whoever has had an answer begins anew.
        asking.is_silent();
        assert!(!is_cut(&asking) && is_cut(&old[5]));
    }

    #[test]
    fn a_crowd_that_has_just_come_is_given_a_moment_and_still_has_an_end() {
        let silent = Silent::new(Arc::new(ManualClock::at(SystemTime::UNIX_EPOCH)));
        let crowd: Vec<Turn> = (0..MOST as u64 + 7).map(|number| Turn::new(&silent, number)).collect();
        assert_eq!(crowd.iter().filter(|turn| is_cut(turn)).count(), 7);
        drop(crowd);
        assert!(silent.all().is_empty());
    }
}
