//! The simulator's clock: the time by which lifetimes end, and the time that clients are told.
//!
//! The two differ on purpose. *Service time* ([`Clock::now`]) decides what has expired. *Wall time* ([`Clock::wall`]) is
//! what clients see: the `Date` header, `clientSecretExpiresAt`, the expiration of role credentials. A difference between
//! the two stands for a wrong clock, be it the service's or the client's.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde::{Serialize, Serializer};

/// A source of time. Implement it to let the simulator follow a clock that a test owns.
pub trait TimeSource: Send + Sync + 'static {
    /// The time now. It may stand still; it must not run backwards.
    fn now(&self) -> SystemTime;
}

/// A handle on the simulator's time; clones share it.
#[derive(Clone)]
pub struct Clock {
    source: Arc<dyn TimeSource>,
    shift: Arc<Mutex<Shift>>,
}

#[derive(Clone, Copy, Default)]
struct Shift {
    advanced: Duration,
    wall_ahead: Duration,
    wall_behind: Duration,
}

/// The computer's own time.
struct SystemTimeSource;

impl TimeSource for SystemTimeSource {
    #[allow(clippy::disallowed_methods, reason = "the one place that reads the computer's clock")]
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// Time that stands still until [`Clock::advance`] moves it.
impl TimeSource for SystemTime {
    fn now(&self) -> SystemTime {
        *self
    }
}

impl Clock {
    /// Follows the computer's clock.
    pub fn system() -> Self {
        Self::following(Arc::new(SystemTimeSource))
    }

    /// Stands at `start` until it is advanced.
    pub fn manual(start: SystemTime) -> Self {
        Self::following(Arc::new(start))
    }

    /// Follows a clock of the caller.
    pub fn following(source: Arc<dyn TimeSource>) -> Self {
        Self { source, shift: Arc::default() }
    }

    /// Service time, by which lifetimes, intervals and rates are measured.
    pub fn now(&self) -> SystemTime {
        let advanced = self.shift().advanced;
        later(self.source.now(), advanced)
    }

    /// Wall time, which clients are told.
    pub fn wall(&self) -> SystemTime {
        let shift = *self.shift();
        let now = later(self.source.now(), shift.advanced);
        let ahead = later(now, shift.wall_ahead);
        ahead.checked_sub(shift.wall_behind).map_or(SystemTime::UNIX_EPOCH, presentable)
    }

    /// Moves service time, and wall time with it, forward.
    pub fn advance(&self, by: Duration) {
        let mut shift = self.shift();
        shift.advanced = shift.advanced.saturating_add(by);
    }

    /// Sets wall time ahead of service time by `offset`.
    pub fn set_wall_ahead(&self, offset: Duration) {
        self.set_wall(offset, Duration::ZERO);
    }

    /// Sets wall time behind service time by `offset`.
    pub fn set_wall_behind(&self, offset: Duration) {
        self.set_wall(Duration::ZERO, offset);
    }

    fn set_wall(&self, ahead: Duration, behind: Duration) {
        let mut shift = self.shift();
        (shift.wall_ahead, shift.wall_behind) = (ahead, behind);
    }

    pub(crate) fn moment(&self) -> Moment {
        Moment { now: self.now(), wall: self.wall() }
    }

    fn shift(&self) -> std::sync::MutexGuard<'_, Shift> {
        self.shift.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        Self::now(self)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock").field("now", &self.now()).field("wall", &self.wall()).finish()
    }
}

/// Both readings of the clock, taken once per request so that all of an answer has the same time.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Moment {
    #[serde(serialize_with = "rfc3339")]
    pub(crate) now: SystemTime,
    #[serde(serialize_with = "rfc3339")]
    pub(crate) wall: SystemTime,
}

impl Moment {
    /// The wall time at the service time `instant`.
    pub(crate) fn wall_at(self, instant: SystemTime) -> SystemTime {
        later(self.wall, instant.duration_since(self.now).unwrap_or_default())
    }
}

/// The last second that a `Date` header can express: the end of the year 9999.
const LAST_SECOND: Duration = Duration::from_secs(253_402_300_799);

/// `time` plus `by`; lifetimes that are meant to be endless, such as [`Duration::MAX`], end with the year 9999.
pub(crate) fn later(time: SystemTime, by: Duration) -> SystemTime {
    presentable(time.checked_add(by).unwrap_or(SystemTime::UNIX_EPOCH + LAST_SECOND))
}

/// The nearest time that can be written as a date.
fn presentable(time: SystemTime) -> SystemTime {
    time.clamp(SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH + LAST_SECOND)
}

/// Text such as `2027-01-15T08:00:00.000Z`, for JSON.
pub(crate) fn rfc3339<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_rfc3339_millis(*time))
}

/// Whole seconds since 1970, the unit of `clientSecretExpiresAt` (model: `LongTimeStampType`).
pub(crate) fn epoch_seconds(time: SystemTime) -> u64 {
    epoch_milliseconds(time) / 1000
}

/// Milliseconds since 1970, the unit of `roleCredentials.expiration` (observed).
pub(crate) fn epoch_milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    #[test]
    fn wall_time_can_be_set_apart_in_both_directions_and_moves_along() {
        let start = SystemTime::UNIX_EPOCH + 100 * DAY;
        let clock = Clock::manual(start);
        clock.set_wall_ahead(DAY);
        clock.advance(DAY);
        assert_eq!((clock.now(), clock.wall()), (start + DAY, start + 2 * DAY));
        clock.set_wall_behind(DAY);
        assert_eq!(clock.wall(), start);
    }

    #[test]
    fn time_stays_within_what_a_date_can_say() {
        let clock = Clock::manual(SystemTime::UNIX_EPOCH);
        clock.set_wall_behind(DAY);
        assert_eq!(clock.wall(), SystemTime::UNIX_EPOCH);
        clock.advance(Duration::MAX);
        clock.advance(Duration::MAX);
        assert_eq!(httpdate::fmt_http_date(clock.now()), "Fri, 31 Dec 9999 23:59:59 GMT");
    }
}
