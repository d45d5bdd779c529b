//! The expiry of a token by the service's clock: a published time must not change when this machine's wall clock is set. Pure.

use std::time::SystemTime;

use crate::clock::{BootTime, Now};
use crate::oidc::ServiceClock;

/// A moment of the boot clock and the service's time then; `None` before the first answer, when only the wall clock is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct ServiceTime(Option<Now>);

impl ServiceTime {
    pub(super) fn of(clock: ServiceClock, now: Now) -> Self {
        Self(clock.ahead_seconds.map(|_| Now { wall: clock.at(now.wall), ..now }))
    }

    pub(super) fn at(self, time: BootTime, now: Now) -> SystemTime {
        self.0.unwrap_or(now).wall_at(time)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn a_step_of_the_wall_clock_counts_only_while_the_service_has_not_been_heard() {
        let noon = SystemTime::UNIX_EPOCH + 500_000 * HOUR;
        let now = Now { boot: BootTime::from_boot(HOUR), wall: noon };
        let stepped = Now { wall: noon + 5 * HOUR, ..now };
        let expires = now.boot + HOUR;
        for (ahead_seconds, before, after) in [
            (None, noon + HOUR, noon + 6 * HOUR),
            (Some(3), noon + HOUR, noon + HOUR),
            (Some(7200), noon + 3 * HOUR, noon + 3 * HOUR),
            (Some(-7200), noon - HOUR, noon - HOUR),
        ] {
            let time = ServiceTime::of(ServiceClock { ahead_seconds }, now);
            assert_eq!((time.at(expires, now), time.at(expires, stepped)), (before, after), "{ahead_seconds:?}");
        }
    }
}
