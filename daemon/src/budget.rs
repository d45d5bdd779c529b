//! A rate limit: a number of uses at once, and from then on one per interval. Pure.

use std::time::Duration;

use crate::clock::BootTime;

#[derive(Debug)]
pub(crate) struct Budget {
    burst: u32,
    pace: Duration,
    /// The time at which the whole burst is available again. `None` or a time in the past: it is available now.
    whole: Option<BootTime>,
}

impl Budget {
    /// `burst` times at once, and once more each `pace`.
    pub(crate) const fn new(burst: u32, pace: Duration) -> Self {
        Self { burst, pace, whole: None }
    }

    /// The time until the next use is allowed; zero if it is allowed now.
    pub(crate) fn wait(&self, now: BootTime) -> Duration {
        let spent = self.whole.map_or(Duration::ZERO, |whole| whole.since(now));
        (spent + self.pace).saturating_sub(self.pace * self.burst)
    }

    /// Counts one use.
    pub(crate) fn spend(&mut self, now: BootTime) {
        self.whole = Some(self.whole.unwrap_or(now).max(now) + self.pace);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(secs: u64) -> BootTime {
        BootTime::from_boot(Duration::from_secs(secs))
    }

    #[test]
    fn a_burst_is_let_through_and_then_one_each_pace() {
        let mut budget = Budget::new(3, Duration::from_secs(10));
        let mut happened = Vec::new();
        for second in 100..150 {
            while budget.wait(at(second)).is_zero() {
                budget.spend(at(second));
                happened.push(second);
            }
        }
        assert_eq!(happened, [100, 100, 100, 110, 120, 130, 140]);
        assert_eq!(budget.wait(at(149)), Duration::from_secs(1));
    }

    #[test]
    fn an_unspent_budget_grows_back_up_to_the_burst() {
        let mut budget = Budget::new(2, Duration::from_secs(10));
        budget.spend(at(0));
        budget.spend(at(0));
        assert!(!budget.wait(at(9)).is_zero());
        budget.spend(at(1000));
        budget.spend(at(1000));
        assert_eq!(budget.wait(at(1000)), Duration::from_secs(10));
    }
}
