//! What the machine does not give the daemon, for `status`: found where it is needed, tried again there, and told here.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use ssoctl_protocol::body::MachineProblem;

/// How a person restarts the daemon, whoever has started it. The text fits after "; ".
pub(crate) const RESTART: &str = "restart the daemon: ssoctl service restart, or, if it is no service, ssoctl stop";

/// The list of what is wrong. Clones share it.
#[derive(Clone, Default, Debug)]
pub struct MachineProblems(Arc<Mutex<BTreeMap<String, MachineProblem>>>);

impl MachineProblems {
    /// Adds what is wrong at `place`, or puts it right.
    pub fn found(&self, place: &str, message: impl Into<String>, remedy: impl Into<String>) {
        let problem = MachineProblem { message: message.into(), remedy: remedy.into() };
        let mut problems = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = problems.insert(place.to_owned(), problem.clone());
        if known.as_ref() != Some(&problem) {
            tracing::warn!("{}; {}", problem.message, problem.remedy);
        }
    }

    /// Takes back what was wrong at `place`.
    pub fn solved(&self, place: &str) {
        let mut problems = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(problem) = problems.remove(place) {
            tracing::info!("no longer so: {}", problem.message);
        }
    }

    /// Everything that is wrong now.
    pub fn list(&self) -> Vec<MachineProblem> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}
