//! Time, in two kinds that must not be mixed up.
//!
//! Decisions use [`BootTime`]: it counts the time that the machine sleeps and never jumps, so a token's lifetime stays right
//! after a suspend and after a change of the clock. Wall time (`SystemTime`) is only shown and stored.
//!
//! This module and those below it are the one place that reads clocks and sets timers; `.clippy.toml` keeps it so.

mod manual;
mod sleepers;
#[cfg(not(target_os = "linux"))]
#[path = "clock/slices.rs"]
mod timer;
#[cfg(target_os = "linux")]
#[path = "clock/timerfd.rs"]
mod timer;

use std::ops::{Add, Sub};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

pub use manual::ManualClock;
use sleepers::Sleepers;

/// A point on the clock that counts since boot, suspended time included (Linux `CLOCK_BOOTTIME`, macOS
/// `CLOCK_MONOTONIC`). It counts from long before boot, so that it also has values for times before the last boot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Hash)]
pub struct BootTime(Duration);

/// [`BootTime`] begins this long before boot: a hundred years.
const BEFORE_BOOT: Duration = Duration::from_secs(100 * 366 * 86_400);

impl BootTime {
    /// A point that long after boot.
    pub const fn from_boot(elapsed: Duration) -> Self {
        Self(BEFORE_BOOT.saturating_add(elapsed))
    }

    /// The time from boot to this point, zero if it is earlier.
    pub(crate) const fn since_boot(self) -> Duration {
        self.0.saturating_sub(BEFORE_BOOT)
    }

    /// The time from `earlier` to this point, zero if this one is not later.
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for BootTime {
    type Output = Self;
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }
}

impl Sub<Duration> for BootTime {
    type Output = Self;
    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(duration))
    }
}

/// The id of the machine's present boot, without which a [`BootTime`] means nothing to another process; `None` if the system gives
/// none.
pub(crate) fn boot_id() -> Option<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim_end().to_owned())
}

/// Both clocks, read together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Now {
    /// For decisions.
    pub boot: BootTime,
    /// For display and storage.
    pub wall: SystemTime,
}

impl Now {
    /// The wall time at `time`, if the clock is not set until then.
    pub fn wall_at(self, time: BootTime) -> SystemTime {
        if time >= self.boot {
            self.wall.checked_add(time.since(self.boot)).unwrap_or(self.wall)
        } else {
            self.wall.checked_sub(self.boot.since(time)).unwrap_or(SystemTime::UNIX_EPOCH)
        }
    }

    /// The boot time at which the wall clock shows `wall`, if it is not set until then.
    pub fn boot_at(self, wall: SystemTime) -> BootTime {
        match wall.duration_since(self.wall) {
            Ok(ahead) => self.boot + ahead,
            Err(behind) => self.boot - behind.duration(),
        }
    }
}

/// A future that ends at some point in time.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The door to time.
pub trait Clock: Send + Sync {
    /// Reads both clocks.
    fn now(&self) -> Now;

    /// Sleeps until `time`; at once if that has passed.
    fn sleep_until(&self, time: BootTime) -> Sleep;

    /// Sleeps until the wall clock shows `time` or is set. Notices every change from this call on.
    fn sleep_until_shown(&self, time: SystemTime) -> Sleep;
}

/// A time that the wall clock never shows.
const NEVER: Duration = Duration::from_secs(400 * 366 * 86_400);

impl dyn Clock + '_ {
    /// Sleeps until the wall clock is set. Notices every change from this call on.
    pub fn sleep_until_set(&self) -> Sleep {
        self.sleep_until_shown(SystemTime::UNIX_EPOCH + NEVER)
    }

    /// The outcome of `work`, unless it takes longer than `limit`.
    pub async fn within<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
        self.before(self.now().boot + limit, work).await
    }

    /// The outcome of `work`, unless it is not there by `deadline`.
    pub async fn before<T>(&self, deadline: BootTime, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            outcome = work => Some(outcome),
            () = self.sleep_until(deadline) => None,
        }
    }
}

/// The clocks of this machine.
pub struct SystemClock {
    sleepers: Arc<Sleepers>,
}

impl SystemClock {
    /// Starts the task that wakes sleepers. Has to be called within a tokio runtime.
    ///
    /// # Errors
    /// The operating system's error if it gives no timer.
    pub fn start() -> std::io::Result<Self> {
        let sleepers = Arc::new(Sleepers::default());
        tokio::spawn(timer::run(Arc::clone(&sleepers))?);
        Ok(Self { sleepers })
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Now {
        Now { boot: timer::boot_time(), wall: timer::wall_time() }
    }

    fn sleep_until(&self, time: BootTime) -> Sleep {
        if time <= timer::boot_time() {
            return Box::pin(std::future::ready(()));
        }
        self.sleepers.sleep(time)
    }

    fn sleep_until_shown(&self, time: SystemTime) -> Sleep {
        match timer::until_shown(time) {
            Ok(shown) => Box::pin(shown),
            Err(error) => {
                tracing::warn!(%error, "there is no timer; changes of the clock will not be noticed");
                self.sleep_until(self.now().boot_at(time))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[tokio::test]
    async fn sleepers_wake_in_the_order_of_their_deadlines() {
        let clock = SystemClock::start().unwrap();
        let start = clock.now().boot;
        let order = Mutex::new(Vec::new());
        let nap = |name: &'static str, millis: u64| {
            let sleep = clock.sleep_until(start + Duration::from_millis(millis));
            let order = &order;
            async move {
                sleep.await;
                order.lock().unwrap().push(name);
            }
        };
        tokio::join!(nap("last", 30), nap("first", 10), nap("second", 20), nap("past", 0));
        assert_eq!(*order.lock().unwrap(), ["past", "first", "second", "last"]);
        assert!(clock.now().boot >= start + Duration::from_millis(30));
    }

    #[tokio::test]
    async fn a_point_of_the_wall_clock_is_waited_for_until_it_shows_it() {
        let clock = SystemClock::start().unwrap();
        for from_now in [Duration::ZERO, Duration::from_millis(20)] {
            let shown = clock.now().wall + from_now;
            clock.sleep_until_shown(shown).await;
            assert!(clock.now().wall >= shown);
        }
        clock.sleep_until_shown(SystemTime::UNIX_EPOCH).await;
    }

    #[test]
    fn times_before_the_last_boot_are_kept() {
        let clock = ManualClock::at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_435_200));
        let now = clock.now();
        let last_year = now.wall - Duration::from_secs(366 * 86_400);
        assert_eq!(now.wall_at(now.boot_at(last_year)), last_year);
    }

    #[test]
    fn a_step_of_the_wall_clock_changes_the_shown_time_and_not_the_moment() {
        let noon = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_435_200);
        let clock = ManualClock::at(noon);
        let expiry = clock.now().boot + Duration::from_secs(3600);
        clock.step_wall(noon - Duration::from_secs(7200));
        let now = clock.now();
        assert_eq!(expiry.since(now.boot), Duration::from_secs(3600));
        assert_eq!(now.wall_at(expiry), noon - Duration::from_secs(3600));
        assert_eq!(now.boot_at(now.wall_at(expiry)), expiry);
    }
}
