//! Waiting for a state, within reason.

use std::thread;
use std::time::{Duration, Instant};

/// An event that has not happened by then never will, even on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(10);

/// Calls `look` again and again until it returns a value.
///
/// # Panics
/// If it takes longer than [`PATIENCE`].
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

/// Waits until the condition holds, while other tasks go on.
///
/// # Panics
/// If it takes longer than [`PATIENCE`].
pub async fn until_so(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let reached = async {
        while !is_so().await {
            tokio::time::sleep(PAUSE).await;
        }
    };
    in_time(what, reached).await;
}

/// Awaits `work`.
///
/// # Panics
/// If it takes longer than [`PATIENCE`].
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
