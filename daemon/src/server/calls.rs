//! How often the calls may come that make work beyond memory, whoever makes them. Sign-ins have a budget with their session.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ssoctl_protocol::{ErrorCode, Problem};

use crate::budget::Budget;
use crate::clock::BootTime;

/// The budgets, one for each kind.
#[derive(Debug)]
pub struct Calls {
    /// Each reads a directory and asks every session.
    imports: Mutex<Budget>,
    /// Each writes the configuration file.
    new_sessions: Mutex<Budget>,
}

impl Default for Calls {
    fn default() -> Self {
        Self {
            imports: Mutex::new(Budget::new(10, Duration::from_secs(2))),
            new_sessions: Mutex::new(Budget::new(100, Duration::from_secs(2))),
        }
    }
}

impl Calls {
    pub(super) fn import(&self, now: BootTime) -> Result<(), Problem> {
        admit(&self.imports, "imports", now)
    }

    pub(super) fn new_session(&self, now: BootTime) -> Result<(), Problem> {
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
