//! Time, in two kinds that must not be mixed up.
//!
//! [`BootTime`] decides: it counts the time that the machine sleeps and never jumps, so a token's lifetime means the same
//! after a suspend and after somebody set the clock. Wall time (`SystemTime`) is only for what is shown and stored.
//!
//! This is the one place that reads clocks and sets timers; `.clippy.toml` keeps it so.

use std::collections::BTreeMap;
use std::ops::{Add, Sub};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::{Notify, oneshot, watch};

/// A point on the clock that counts since boot, suspended time included (Linux `CLOCK_BOOTTIME`, macOS
/// `CLOCK_MONOTONIC`). It counts from long before boot, so that what happened before the last boot has its place too.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Hash)]
pub struct BootTime(Duration);

/// How long before boot [`BootTime`] begins: a hundred years.
const BEFORE_BOOT: Duration = Duration::from_secs(100 * 366 * 86_400);

impl BootTime {
    /// A point that long after boot.
    pub const fn from_boot(elapsed: Duration) -> Self {
        Self(BEFORE_BOOT.saturating_add(elapsed))
    }

    /// The time from boot to this point, zero if it is earlier.
    #[cfg(target_os = "linux")]
    const fn since_boot(self) -> Duration {
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

/// Both clocks, read together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Now {
    /// What decisions rest on.
    pub boot: BootTime,
    /// What is shown and stored.
    pub wall: SystemTime,
}

impl Now {
    /// What the wall clock shows at `time`, as far as it is known now.
    pub fn wall_at(self, time: BootTime) -> SystemTime {
        if time >= self.boot {
            self.wall.checked_add(time.since(self.boot)).unwrap_or(self.wall)
        } else {
            self.wall.checked_sub(self.boot.since(time)).unwrap_or(SystemTime::UNIX_EPOCH)
        }
    }

    /// The point at which the wall clock shows `wall`, if nobody sets it until then.
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

    /// Sleeps until the wall clock shows `time`, or somebody sets it. From this call on, nothing is missed.
    fn sleep_until_shown(&self, time: SystemTime) -> Sleep;
}

/// Sleepers in the order of their deadlines, and a bell that rings when an earlier one arrives.
#[derive(Default)]
struct Sleepers {
    waiting: Mutex<Waiting>,
    earlier: Notify,
}

#[derive(Default)]
struct Waiting {
    sleepers: BTreeMap<Place, oneshot::Sender<()>>,
    came: u64,
}

/// A deadline, and a number that nobody else has.
type Place = (BootTime, u64);

impl Sleepers {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sleep(self: &Arc<Self>, time: BootTime) -> Sleep {
        let (wake, woken) = oneshot::channel();
        let mut waiting = self.lock();
        waiting.came += 1;
        let place = (time, waiting.came);
        waiting.sleepers.insert(place, wake);
        if waiting.sleepers.first_key_value().is_some_and(|(first, _)| *first == place) {
            self.earlier.notify_one();
        }
        let sleeper = Sleeper { place, among: Arc::clone(self) };
        Box::pin(async move {
            let _sleeper = sleeper;
            // The sender goes away only by being used.
            let _ = woken.await;
        })
    }

    /// Wakes all whose time has come and tells the next deadline.
    fn wake(&self, now: BootTime) -> Option<BootTime> {
        let mut waiting = self.lock();
        while let Some(entry) = waiting.sleepers.first_entry() {
            let time = entry.key().0;
            if time > now {
                return Some(time);
            }
            // A sleeper that was dropped in this moment needs no waking.
            let _ = entry.remove().send(());
        }
        None
    }
}

/// One that sleeps. Its place is free once it is dropped.
struct Sleeper {
    place: Place,
    among: Arc<Sleepers>,
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        self.among.lock().sleepers.remove(&self.place);
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
    /// What the operating system says when it gives no timer.
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
                tracing::warn!(%error, "there is no timer; that the clock is set goes unnoticed");
                self.sleep_until(self.now().boot_at(time))
            }
        }
    }
}

/// One `timerfd` on `CLOCK_BOOTTIME` serves all sleepers: it is set to the first deadline, fires at once after a suspend
/// that slept through it, and costs nothing while nobody waits.
#[cfg(target_os = "linux")]
mod timer {
    use super::{Arc, BootTime, Duration, Sleepers, SystemTime};
    use rustix::time::{
        ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime, timerfd_create,
        timerfd_settime,
    };
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    pub(super) fn boot_time() -> BootTime {
        BootTime::from_boot(duration(clock_gettime(ClockId::Boottime)))
    }

    pub(super) fn wall_time() -> SystemTime {
        SystemTime::UNIX_EPOCH + duration(clock_gettime(ClockId::Realtime))
    }

    /// A timer of its own on `CLOCK_REALTIME`, which is cancelled when the clock is set (timerfd_create(2)).
    pub(super) fn until_shown(time: SystemTime) -> std::io::Result<impl Future<Output = ()> + use<>> {
        // All zeros would disarm it.
        let since_epoch = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().max(Duration::from_nanos(1));
        let timer = timerfd_create(TimerfdClockId::Realtime, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        let value = Timespec::try_from(since_epoch).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 });
        let setting = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
        timerfd_settime(&timer, TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET, &setting)?;
        #[allow(deprecated, reason = "its successor is unsafe, and asks only for what an `OwnedFd` gives")]
        let timer = AsyncFd::with_interest(timer, Interest::READABLE)?;
        Ok(async move {
            // Readable is one that fired and one that was cancelled.
            let _ = timer.readable().await;
        })
    }

    fn duration(time: Timespec) -> Duration {
        Duration::try_from(time).unwrap_or_default()
    }

    pub(super) fn run(sleepers: Arc<Sleepers>) -> std::io::Result<impl Future<Output = ()>> {
        let descriptor = timerfd_create(TimerfdClockId::Boottime, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        #[allow(deprecated, reason = "its successor is unsafe, and asks only for what an `OwnedFd` gives")]
        let timer = AsyncFd::with_interest(descriptor, Interest::READABLE)?;
        Ok(async move {
            loop {
                // All zeros disarm the timer, which is what nobody waiting calls for.
                let next = sleepers.wake(boot_time()).map_or(Duration::ZERO, BootTime::since_boot);
                let value = Timespec::try_from(next).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 });
                let setting = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
                if let Err(error) = timerfd_settime(timer.get_ref(), TimerfdTimerFlags::ABSTIME, &setting) {
                    tracing::error!(%error, "the timer cannot be set");
                    return;
                }
                tokio::select! {
                    () = sleepers.earlier.notified() => {}
                    fired = timer.readable() => if let Ok(mut guard) = fired {
                        let mut expirations = [0u8; 8];
                        let _ = guard.try_io(|timer| Ok(rustix::io::read(timer, &mut expirations)?));
                    }
                }
            }
        })
    }
}

/// Elsewhere tokio's timer may stand still during sleep, so it is asked for slices and the clock is read after each.
#[cfg(not(target_os = "linux"))]
mod timer {
    use super::{Arc, BootTime, Duration, Now, Sleepers, SystemTime};
    use rustix::time::{ClockId, clock_gettime};

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
}

/// A clock that stands still until a test moves it.
pub struct ManualClock {
    now: Mutex<Now>,
    sleepers: Arc<Sleepers>,
    /// How often the wall clock was set.
    steps: watch::Sender<u64>,
}

impl ManualClock {
    /// A clock that shows `wall`, a day after boot.
    pub fn at(wall: SystemTime) -> Self {
        let boot = BootTime::from_boot(Duration::from_secs(86_400));
        Self { now: Mutex::new(Now { boot, wall }), sleepers: Arc::default(), steps: watch::Sender::default() }
    }

    /// Lets time pass on both clocks and wakes whose time has come; a suspend looks the same.
    pub fn advance(&self, duration: Duration) {
        let boot = {
            let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
            now.boot = now.boot + duration;
            now.wall += duration;
            now.boot
        };
        self.sleepers.wake(boot);
    }

    /// Sets the wall clock without letting time pass.
    pub fn step_wall(&self, wall: SystemTime) {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).wall = wall;
        self.steps.send_modify(|steps| *steps += 1);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Now {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sleep_until(&self, time: BootTime) -> Sleep {
        if time <= self.now().boot {
            return Box::pin(std::future::ready(()));
        }
        self.sleepers.sleep(time)
    }

    fn sleep_until_shown(&self, time: SystemTime) -> Sleep {
        let mut steps = self.steps.subscribe();
        let shown = self.sleep_until(self.now().boot_at(time));
        Box::pin(async move {
            tokio::select! {
                () = shown => {}
                _ = steps.changed() => {}
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sleepers_wake_in_the_order_of_their_deadlines_whatever_the_order_of_their_coming() {
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

    #[tokio::test]
    async fn a_sleeper_that_gave_up_is_forgotten() {
        let clock = SystemClock::start().unwrap();
        let far = clock.now().boot + Duration::from_secs(3600);
        drop(clock.sleep_until(far));
        drop(clock.sleep_until(far));
        let _kept = clock.sleep_until(far);
        assert_eq!(clock.sleepers.lock().sleepers.len(), 1);
    }

    #[test]
    fn what_was_before_the_last_boot_has_its_place() {
        let clock = ManualClock::at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_435_200));
        let now = clock.now();
        let last_year = now.wall - Duration::from_secs(366 * 86_400);
        assert_eq!(now.wall_at(now.boot_at(last_year)), last_year);
    }

    #[test]
    fn a_step_of_the_wall_clock_changes_what_is_shown_and_not_when_it_is() {
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
