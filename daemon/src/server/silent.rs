//! Limits the connections that wait for their client: new ones, slow ones, and those that are kept for another request.
//!
//! Each costs memory, and no client waits on it. If there are too many, those that have been silent for longest are closed: a
//! client that means to send a request does so within a moment. Clients that wait for an answer are not counted.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;

use crate::clock::{BootTime, Clock};
use crate::waiting::lock;

/// Beyond this many, those that have been silent for longer than [`MOMENT`] are cut off.
const FEW: usize = 256;
/// Beyond this many, the longest silent one is closed, even after a short silence.
const MOST: usize = 2048;
/// A client sends its request within this time, also when a thousand start at once.
const MOMENT: Duration = Duration::from_secs(1);

/// The time since when a connection is silent, and a number that no other one has.
type Key = (BootTime, u64);

pub(super) struct SilentConnections {
    clock: Arc<dyn Clock>,
    next_number: AtomicU64,
    by_time: Mutex<BTreeMap<Key, Arc<Notify>>>,
}

impl SilentConnections {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { clock, next_number: AtomicU64::default(), by_time: Mutex::default() })
    }

    fn add(&self, cut: &Arc<Notify>) -> Key {
        let now = self.clock.now().boot;
        let key = (now, self.next_number.fetch_add(1, Ordering::Relaxed));
        let mut all = lock(&self.by_time);
        all.insert(key, Arc::clone(cut));
        while all.len() > FEW {
            let Some(longest) = all.first_entry() else { break };
            if now.since(longest.key().0) < MOMENT && all.len() <= MOST {
                break;
            }
            if let Some((_, longest)) = all.pop_first() {
                longest.notify_one();
            }
        }
        key
    }
}

/// Whether a connection waits for its client, as it does at first, or for an answer.
pub(super) struct Activity {
    silent: Arc<SilentConnections>,
    cut: Arc<Notify>,
    /// Its key among the silent ones.
    key: Mutex<Option<Key>>,
}

impl Activity {
    pub(super) fn new(silent: &Arc<SilentConnections>) -> Self {
        let cut = Arc::new(Notify::new());
        let key = Mutex::new(Some(silent.add(&cut)));
        Self { silent: Arc::clone(silent), cut, key }
    }

    /// The client waits for an answer now.
    pub(super) fn request_arrived(&self) {
        if let Some(key) = lock(&self.key).take() {
            lock(&self.silent.by_time).remove(&key);
        }
    }

    /// The client is to send something now.
    pub(super) fn wait_for_client(&self) {
        lock(&self.key).get_or_insert_with(|| self.silent.add(&self.cut));
    }

    /// Returns when this connection is to be cut off.
    pub(super) async fn cut_off(&self) {
        self.cut.notified().await;
    }
}

impl Drop for Activity {
    fn drop(&mut self) {
        self.request_arrived();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    use crate::clock::ManualClock;

    fn is_cut(connection: &Activity) -> bool {
        use std::task::{Context, Poll, Waker};
        let cut = std::pin::pin!(connection.cut_off());
        matches!(cut.poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(()))
    }

    #[test]
    fn the_longest_silent_ones_are_cut_off_first_and_those_that_wait_for_an_answer_stay() {
        let clock = Arc::new(ManualClock::at(SystemTime::UNIX_EPOCH));
        let silent = SilentConnections::new(clock.clone());
        let asking = Activity::new(&silent);
        asking.request_arrived();
        let old: Vec<Activity> = (1..=10).map(|_| Activity::new(&silent)).collect();
        clock.advance(MOMENT);
        let fresh: Vec<Activity> = (100..100 + FEW as u64 - 5).map(|_| Activity::new(&silent)).collect();
        let cut: Vec<bool> = old.iter().map(is_cut).collect();
        assert_eq!(cut, [true, true, true, true, true, false, false, false, false, false]);
        assert!(!is_cut(&asking) && !fresh.iter().any(is_cut));

        // After an answer, the time of silence begins again.
        asking.wait_for_client();
        assert!(!is_cut(&asking) && is_cut(&old[5]));
    }

    #[test]
    fn many_new_connections_are_given_a_moment_up_to_a_limit() {
        let silent = SilentConnections::new(Arc::new(ManualClock::at(SystemTime::UNIX_EPOCH)));
        let crowd: Vec<Activity> = (0..MOST as u64 + 7).map(|_| Activity::new(&silent)).collect();
        assert_eq!(crowd.iter().filter(|connection| is_cut(connection)).count(), 7);
        drop(crowd);
        assert!(lock(&silent.by_time).is_empty());
    }
}
