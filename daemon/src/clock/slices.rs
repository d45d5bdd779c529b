//! Sleeping on systems without a timer that counts the machine's sleep. Tokio's timer may stand still during that, so this module
//! sleeps in slices and reads the clock after each.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustix::time::{ClockId, clock_gettime};

use super::sleepers::Sleepers;
use super::{BootTime, Now};

const SLICE: Duration = Duration::from_secs(15);

/// A wall clock that differs by more from what it should show was set.
const STEP: Duration = Duration::from_secs(2);

pub(super) fn boot_time() -> BootTime {
    BootTime::from_boot(Duration::try_from(clock_gettime(ClockId::Monotonic)).unwrap_or_default())
}

#[expect(clippy::disallowed_methods, reason = "this module is the one that reads clocks")]
pub(super) fn wall_time() -> SystemTime {
    SystemTime::now()
}

#[expect(clippy::disallowed_methods, reason = "this module is the one that sets timers")]
pub(super) fn until_shown(time: SystemTime) -> std::io::Result<impl Future<Output = ()> + use<>> {
    let begin = Now { boot: boot_time(), wall: wall_time() };
    Ok(async move {
        loop {
            let (shown, expected) = (wall_time(), begin.wall_at(boot_time()));
            let apart = shown.duration_since(expected).unwrap_or_else(|error| error.duration());
            match time.duration_since(shown) {
                Ok(left) if !left.is_zero() && apart < STEP => tokio::time::sleep(left.min(SLICE)).await,
                _ => return,
            }
        }
    })
}

#[expect(clippy::disallowed_methods, reason = "this module is the one that sets timers")]
pub(super) fn run(sleepers: Arc<Sleepers>) -> std::io::Result<impl Future<Output = ()>> {
    Ok(async move {
        loop {
            let now = boot_time();
            match sleepers.wake(now) {
                Some(time) => tokio::select! {
                    () = sleepers.earlier.notified() => {}
                    () = tokio::time::sleep(time.since(now).min(SLICE)) => {}
                },
                None => sleepers.earlier.notified().await,
            }
        }
    })
}
