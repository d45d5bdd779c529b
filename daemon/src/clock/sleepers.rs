//! Tasks that sleep, in the order of their deadlines.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::sync::{Notify, oneshot};

use super::{BootTime, Sleep};
use crate::waiting::lock;

/// Sleepers in the order of their deadlines, and a bell that rings when an earlier one arrives.
#[derive(Default)]
pub(super) struct Sleepers {
    waiting: Mutex<Waiting>,
    pub(super) earlier: Notify,
}

#[derive(Default)]
struct Waiting {
    sleepers: BTreeMap<SleeperKey, oneshot::Sender<()>>,
    came: u64,
}

/// A deadline, and a unique number.
type SleeperKey = (BootTime, u64);

impl Sleepers {
    pub(super) fn sleep(self: &Arc<Self>, time: BootTime) -> Sleep {
        let (wake, woken) = oneshot::channel();
        let mut waiting = lock(&self.waiting);
        waiting.came += 1;
        let ticket = (time, waiting.came);
        waiting.sleepers.insert(ticket, wake);
        if waiting.sleepers.first_key_value().is_some_and(|(first, _)| *first == ticket) {
            self.earlier.notify_one();
        }
        let sleeper = Sleeper { ticket, among: Arc::clone(self) };
        Box::pin(async move {
            let _sleeper = sleeper;
            // The sender goes away only by being used.
            let _ = woken.await;
        })
    }

    /// Wakes all that are due and returns the next deadline.
    pub(super) fn wake(&self, now: BootTime) -> Option<BootTime> {
        let mut waiting = lock(&self.waiting);
        while let Some(entry) = waiting.sleepers.first_entry() {
            let time = entry.key().0;
            if time > now {
                return Some(time);
            }
            // A sleeper that was dropped in this moment needs no wake-up.
            let _ = entry.remove().send(());
        }
        None
    }
}

/// A task that sleeps. It leaves the queue when it is dropped.
struct Sleeper {
    ticket: SleeperKey,
    among: Arc<Sleepers>,
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        lock(&self.among.waiting).sleepers.remove(&self.ticket);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_sleeper_that_gave_up_is_forgotten() {
        let sleepers = Arc::new(Sleepers::default());
        let far = BootTime::default() + Duration::from_secs(3600);
        drop(sleepers.sleep(far));
        drop(sleepers.sleep(far));
        let _kept = sleepers.sleep(far);
        assert_eq!(lock(&sleepers.waiting).sleepers.len(), 1);
    }
}
