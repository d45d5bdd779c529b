//! Limits of calls that cost more than reading memory, for all callers together. Sign-ins are limited by their session.

use std::sync::Mutex;
use std::time::Duration;

use ssoctl_protocol::{ErrorCode, Problem};

use crate::budget::Budget;
use crate::clock::BootTime;
use crate::waiting::lock;

/// Limits calls of one kind to one in two seconds after a burst.
#[derive(Debug)]
pub struct CallLimit {
    calls: &'static str,
    budget: Mutex<Budget>,
}

impl CallLimit {
    pub const fn new(calls: &'static str, burst: u32) -> Self {
        Self { calls, budget: Mutex::new(Budget::new(burst, Duration::from_secs(2))) }
    }

    pub(super) fn admit(&self, now: BootTime) -> Result<(), Problem> {
        let mut budget = lock(&self.budget);
        let wait = budget.wait(now);
        if !wait.is_zero() {
            let detail = format!("too many {}; try again in {} s", self.calls, wait.as_secs() + 1);
            return Err(Problem::new(ErrorCode::TooManyRequests, detail));
        }
        budget.spend(now);
        Ok(())
    }
}
