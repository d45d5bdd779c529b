//! Gives memory back to the system after many connections have ended. The allocator would keep it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::clock::Clock;

/// Fewer connections, at some 20 KiB each, are not worth the time.
const MANY: usize = 256;

/// How long the tasks that served the connections may take to free what they hold.
const DELAY: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(super) struct OpenConnections {
    counts: Mutex<Counts>,
    many_ended: Notify,
}

/// Counts as one until it is dropped.
pub(super) struct OpenConnection(Arc<OpenConnections>);

#[derive(Default)]
struct Counts {
    open: usize,
    /// The most that were open since memory was last given back.
    most: usize,
}

impl Counts {
    fn opened(&mut self) {
        self.open += 1;
        self.most = self.most.max(self.open);
    }

    /// Whether many have ended by now. As their number has to halve in between, that happens seldom.
    fn closed(&mut self) -> bool {
        self.open -= 1;
        self.most >= MANY && self.open <= self.most / 2
    }

    const fn given_back(&mut self) {
        self.most = self.open;
    }
}

impl OpenConnections {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(self: &Arc<Self>) -> OpenConnection {
        self.counts().opened();
        OpenConnection(Arc::clone(self))
    }

    /// Gives memory back whenever many connections have ended. Never returns.
    pub(super) async fn give_back(self: Arc<Self>, clock: Arc<dyn Clock>) {
        loop {
            self.many_ended.notified().await;
            clock.sleep_until(clock.now().boot + DELAY).await;
            self.counts().given_back();
            ssoctl_process::give_memory_back();
            tracing::debug!("memory of connections that have ended was given back");
        }
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        if self.0.counts().closed() {
            self.0.many_ended.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_given_back_when_many_connections_have_halved_and_not_for_a_few() {
        let mut counts = Counts::default();
        for _ in 0..1000 {
            counts.opened();
        }
        let due = |counts: &mut Counts| (1..=counts.open).find(|_| counts.closed());
        assert_eq!(due(&mut counts), Some(500));
        assert!(counts.closed(), "it stays due until it is done");
        counts.given_back();
        assert_eq!(due(&mut counts), Some(250), "down to 249");
        counts.given_back();
        assert_eq!(due(&mut counts), None);
        for _ in 0..1000 {
            counts.opened();
            assert!(!counts.closed(), "one after the other");
        }
    }
}
