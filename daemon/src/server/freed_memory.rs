//! Gives memory back to the system after many connections have ended. The allocator would keep it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use crate::clock::Clock;

/// Fewer connections, at some 20 KiB each, are not worth the time.
const MANY: usize = 256;

/// The longest time for the tasks that served the connections to free their memory.
const DELAY: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(super) struct FreedMemory {
    /// Callers and watchers.
    open: AtomicUsize,
    /// The most connections that were open since memory was last given back.
    most: AtomicUsize,
    many_ended: Notify,
}

impl FreedMemory {
    /// Has to be called whenever a connection begins.
    pub(super) fn connection_began(&self) {
        self.open.fetch_add(1, Ordering::Relaxed);
    }

    /// Has to be called whenever a connection has ended.
    pub(super) fn connection_ended(&self) {
        if self.is_due(self.open.fetch_sub(1, Ordering::Relaxed) - 1) {
            self.many_ended.notify_one();
        }
    }

    /// Whether many have ended by now, with so many that are still open. As their number has to halve in between, that happens seldom.
    fn is_due(&self, open: usize) -> bool {
        let most = self.most.fetch_max(open + 1, Ordering::Relaxed).max(open + 1);
        most >= MANY && open <= most / 2
    }

    fn given_back(&self) {
        self.most.store(0, Ordering::Relaxed);
    }

    /// Gives memory back whenever many connections have ended. Never returns.
    pub(super) async fn give_back(self: Arc<Self>, clock: Arc<dyn Clock>) {
        loop {
            self.many_ended.notified().await;
            clock.sleep_until(clock.now().boot + DELAY).await;
            self.given_back();
            ssoctl_process::give_memory_back();
            tracing::debug!("memory of connections that have ended was given back");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_given_back_when_many_connections_have_halved_and_not_for_a_few() {
        let memory = FreedMemory::default();
        let mut open = 1000;
        let end = |open: &mut usize| {
            *open -= 1;
            memory.is_due(*open)
        };
        let due = |open: &mut usize| (1..=*open).find(|_| end(open));
        assert_eq!(due(&mut open), Some(500));
        assert!(end(&mut open), "it stays due until it is done");
        memory.given_back();
        assert_eq!(due(&mut open), Some(250), "down to 249");
        memory.given_back();
        assert_eq!(due(&mut open), None);
        for _ in 0..1000 {
            assert!(!memory.is_due(0), "one after the other");
        }
    }
}
