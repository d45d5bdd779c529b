//! Waiting for a state, within reason.

use std::thread;
use std::time::{Duration, Instant};

/// What has not happened by then never will, however busy the machine is.
pub const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(10);

/// Looks again and again until there is something to see.
///
/// # Panics
/// When that has not come about in [`PATIENCE`].
#[track_caller]
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(begin.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain until {what}");
        thread::sleep(PAUSE);
    }
}

/// Waits until it is so, while other tasks go on.
///
/// # Panics
/// When that has not come about in [`PATIENCE`].
pub async fn until_so(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let reached = async {
        while !is_so().await {
            tokio::time::sleep(PAUSE).await;
        }
    };
    in_time(what, reached).await;
}

/// Awaits something.
///
/// # Panics
/// When it takes longer than [`PATIENCE`].
pub async fn in_time<T>(what: &str, work: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(PATIENCE, work).await;
    done.unwrap_or_else(|_| panic!("waited {PATIENCE:?} in vain until {what}"))
}

/// Goes on at most every so often, for work that would use all of the processor's time otherwise.
pub struct Pace(tokio::time::Interval);

impl Pace {
    pub fn millis(milliseconds: u64) -> Self {
        let mut interval = tokio::time::interval(Duration::from_millis(milliseconds));
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        Self(interval)
    }

    /// Waits for the next turn. The first one comes at once.
    pub async fn next(&mut self) {
        self.0.tick().await;
    }
}

/// Awaits something that may not come: `None` when it has not come after this long.
pub async fn unless_longer_than<T>(longest: Duration, work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(longest, work).await.ok()
}
