//! The rate of calls to the portal: one limiter for everything that a session asks. Pure.

use std::collections::VecDeque;
use std::time::Duration;

use super::policy::REQUESTS_PER_SECOND;
use crate::clock::BootTime;
use crate::portal::PortalError;
use crate::session::policy::backoff;

const WINDOW: Duration = Duration::from_secs(1);

/// Counts requests and keeps the pauses that the portal asks for.
#[derive(Debug, Default)]
pub struct Limiter {
    /// When the last requests began, the oldest first; [`REQUESTS_PER_SECOND`] at most.
    begun: VecDeque<BootTime>,
    pause: Option<Pause>,
    /// How many answers in a row asked for fewer requests.
    complaints: u32,
}

/// The portal asked for fewer requests.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pause {
    pub until: BootTime,
    /// The error that it gave.
    pub error: PortalError,
}

impl Limiter {
    /// Whether a request may begin now; it counts then.
    pub fn admit(&mut self, now: BootTime) -> bool {
        if self.free_at().is_some_and(|free_at| free_at > now) {
            return false;
        }
        if self.begun.len() == REQUESTS_PER_SECOND {
            self.begun.pop_front();
        }
        self.begun.push_back(now);
        true
    }

    /// When the next request may begin; `None`: at once.
    pub fn free_at(&self) -> Option<BootTime> {
        let window = (self.begun.len() == REQUESTS_PER_SECOND).then(|| self.begun.front().map(|first| *first + WINDOW));
        window.flatten().max(self.pause.as_ref().map(|pause| pause.until))
    }

    /// The portal asked for fewer requests. Returns how long it is left alone.
    pub fn complained(&mut self, error: PortalError, now: BootTime, chance: f64) -> Duration {
        self.complaints += 1;
        let pause = backoff(self.complaints, error.retry_after(), chance);
        self.pause = Some(Pause { until: now + pause, error });
        pause
    }

    /// A request succeeded.
    pub const fn satisfied(&mut self) {
        self.complaints = 0;
    }

    /// The pause that lasts until then at least.
    pub fn pause_until(&self, then: BootTime) -> Option<&Pause> {
        self.pause.as_ref().filter(|pause| pause.until >= then)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: u64) -> BootTime {
        BootTime::from_boot(Duration::from_millis(millis))
    }

    fn complaint(retry_after: Option<Duration>) -> PortalError {
        PortalError::Unnamed { status: 429, description: String::new(), retry_after }
    }

    #[test]
    fn no_second_has_more_requests_than_allowed_however_they_come() {
        let mut limiter = Limiter::default();
        let mut begun = Vec::new();
        for millis in (0..5000).step_by(7) {
            if limiter.admit(at(millis)) {
                begun.push(millis);
            } else {
                assert!(limiter.free_at().is_some_and(|free_at| free_at > at(millis)));
            }
        }
        for first in &begun {
            let within = begun.iter().filter(|time| (*first..first + 1000).contains(*time)).count();
            assert!(within <= REQUESTS_PER_SECOND, "{within} from {first}");
        }
        assert!(begun.len() >= 4 * REQUESTS_PER_SECOND, "and no fewer than needed: {}", begun.len());
    }

    #[test]
    fn retry_after_is_kept_and_pauses_grow_while_the_portal_throttles() {
        let mut limiter = Limiter::default();
        limiter.complained(complaint(Some(Duration::from_secs(7))), at(0), 0.0);
        assert!(!limiter.admit(at(6999)) && limiter.admit(at(7000)));
        assert!(limiter.pause_until(at(7000)).is_some() && limiter.pause_until(at(7001)).is_none());
        let pauses: Vec<u64> = (0..3).map(|_| limiter.complained(complaint(None), at(9000), 0.0).as_secs()).collect();
        assert_eq!(pauses, [2, 4, 8]);
        limiter.satisfied();
        assert_eq!(limiter.complained(complaint(None), at(20_000), 0.0).as_secs(), 1);
    }
}
