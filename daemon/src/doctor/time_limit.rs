//! The time that each check may take, as file systems, buses and services may hang.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;

pub(super) const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Clone)]
pub(super) struct TimeLimit(pub(super) Arc<dyn Clock>);

impl TimeLimit {
    pub(super) async fn wait_for<T>(&self, check: impl Future<Output = T>) -> Option<T> {
        self.0.within(PATIENCE, check).await
    }

    /// Runs a check that may block, on a separate thread. `None` also if it panics.
    pub(super) async fn run<T: Send + 'static>(&self, check: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        self.wait_for(tokio::task::spawn_blocking(check)).await?.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    #[tokio::test]
    async fn a_check_that_hangs_ends_at_its_time_limit() {
        let clock = Arc::new(ManualClock::at(std::time::SystemTime::UNIX_EPOCH));
        let limit = TimeLimit(clock.clone());
        let (hanging, ()) =
            tokio::join!(limit.wait_for(std::future::pending::<()>()), async { clock.advance(PATIENCE) });
        assert_eq!(hanging, None);
        assert_eq!(limit.wait_for(async { 1 }).await, Some(1));
    }
}
