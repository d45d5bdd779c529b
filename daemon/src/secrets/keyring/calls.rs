//! Makes calls that may never return, each on a separate thread with a deadline.

use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, Ordering};
use std::time::Duration;

use tokio::sync::oneshot;

use super::Obstacle;
use crate::clock::Clock;

/// The largest number of threads stuck in a keyring that hangs. They end as soon as it answers or ends. On macOS a call hangs
/// while the person is asked, and one question at a time is enough.
const LOST: isize = if cfg!(target_os = "macos") { 1 } else { 8 };

/// Neither the daemon's stop nor a later call waits for a thread that is stuck.
#[derive(Default)]
pub(super) struct Calls {
    lost: Arc<AtomicIsize>,
}

impl Calls {
    /// The result of `work`, unless it takes longer than `limit`.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        clock: &dyn Clock,
        limit: Duration,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Obstacle> {
        if self.lost.load(Ordering::Relaxed) >= LOST {
            return Err(Obstacle::Silent);
        }
        let (reply, mut result) = oneshot::channel();
        let lost = Arc::clone(&self.lost);
        let call = move || {
            if reply.send(work()).is_err() {
                lost.fetch_sub(1, Ordering::Relaxed);
            }
        };
        let thread = std::thread::Builder::new().name("keyring".to_owned()).spawn(call);
        thread.map_err(|error| Obstacle::Failed(format!("no thread for it: {error}")))?;
        match clock.within(limit, &mut result).await {
            Some(result) => result.map_err(|_| Obstacle::Failed("the call ended unexpectedly".to_owned())),
            None => {
                // From here on, the thread's `send` fails, so it knows that it is late.
                result.close();
                result.try_recv().map_err(|_| {
                    self.lost.fetch_add(1, Ordering::Relaxed);
                    Obstacle::Silent
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::SystemTime;

    use super::*;
    use crate::clock::ManualClock;

    const LIMIT: Duration = Duration::from_secs(5);

    /// Loses a thread, which ends when the sender goes.
    async fn lose(calls: &Calls, clock: &ManualClock) -> mpsc::Sender<()> {
        let (release, released) = mpsc::channel::<()>();
        let (begun, mut has_begun) = tokio::sync::mpsc::unbounded_channel();
        let hanging = calls.run(clock, LIMIT, move || {
            begun.send(()).unwrap();
            let _ = released.recv();
        });
        let late = async {
            has_begun.recv().await.unwrap();
            clock.advance(LIMIT);
        };
        assert_eq!(tokio::join!(hanging, late).0, Err(Obstacle::Silent));
        release
    }

    #[tokio::test]
    async fn a_call_that_hangs_is_given_up_and_the_next_one_goes_through() {
        let (calls, clock) = (Calls::default(), ManualClock::at(SystemTime::UNIX_EPOCH));
        let _release = lose(&calls, &clock).await;
        assert_eq!(calls.run(&clock, LIMIT, || 7).await, if LOST > 1 { Ok(7) } else { Err(Obstacle::Silent) });
    }

    #[tokio::test]
    async fn a_keyring_that_always_hangs_does_not_use_up_the_threads_and_is_used_again_when_it_answers() {
        let (calls, clock) = (Calls::default(), ManualClock::at(SystemTime::UNIX_EPOCH));
        let mut lost = Vec::new();
        for _ in 0..LOST {
            lost.push(lose(&calls, &clock).await);
        }
        assert_eq!(calls.run(&clock, LIMIT, || 7).await, Err(Obstacle::Silent));
        drop(lost);
        while calls.run(&clock, LIMIT, || 7).await != Ok(7) {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_call_that_panics_is_an_error() {
        let (calls, clock) = (Calls::default(), ManualClock::at(SystemTime::UNIX_EPOCH));
        let ended = calls.run::<()>(&clock, LIMIT, || std::panic::resume_unwind(Box::new(()))).await;
        assert!(matches!(ended, Err(Obstacle::Failed(_))));
    }
}
