//! Limits of calls that cost more than reading memory, for all callers together. Sign-ins are limited by their session.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ssoctl_protocol::{ErrorCode, Problem};

use crate::budget::Budget;
use crate::clock::BootTime;

#[derive(Debug)]
pub struct CallLimits {
    /// An import reads a directory and asks every session.
    imports: Mutex<Budget>,
    /// A new session rewrites the configuration file.
    new_sessions: Mutex<Budget>,
}

impl Default for CallLimits {
    fn default() -> Self {
        let budget = |burst| Mutex::new(Budget::new(burst, Duration::from_secs(2)));
        Self { imports: budget(10), new_sessions: budget(100) }
    }
}

impl CallLimits {
    pub(super) fn admit_import(&self, now: BootTime) -> Result<(), Problem> {
        admit(&self.imports, "imports", now)
    }

    pub(super) fn admit_new_session(&self, now: BootTime) -> Result<(), Problem> {
        admit(&self.new_sessions, "new sessions", now)
    }
}

fn admit(budget: &Mutex<Budget>, what: &str, now: BootTime) -> Result<(), Problem> {
    let mut budget = budget.lock().unwrap_or_else(PoisonError::into_inner);
    let wait = budget.wait(now);
    if !wait.is_zero() {
        let seconds = wait.as_secs() + 1;
        return Err(Problem::new(ErrorCode::TooManyRequests, format!("too many {what}; the next in {seconds} s")));
    }
    budget.spend(now);
    Ok(())
}
