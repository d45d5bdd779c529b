//! Problems of the machine that hinder the daemon, for `status`. The code that needs a thing reports it here, and tries again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use ssoctl_protocol::body::MachineProblem;

use crate::waiting::lock;

/// Tells a person how to restart the daemon, as a service or not. The text fits after "; ".
pub(crate) const RESTART: &str = "restart the daemon: ssoctl service restart, or, if it is no service, ssoctl stop";

/// The current problems. Clones share them.
#[derive(Clone, Default, Debug)]
pub struct MachineProblems(Arc<Mutex<BTreeMap<String, MachineProblem>>>);

impl MachineProblems {
    /// Adds a problem, or replaces the one about the same thing.
    pub fn found(&self, about: &str, message: impl Into<String>, remedy: impl Into<String>) {
        let problem = MachineProblem { about: about.to_owned(), message: message.into(), remedy: remedy.into() };
        let mut problems = lock(&self.0);
        let known = problems.insert(about.to_owned(), problem.clone());
        if known.as_ref() != Some(&problem) {
            tracing::warn!("{}; {}", problem.message, problem.remedy);
        }
    }

    pub fn solved(&self, about: &str) {
        let mut problems = lock(&self.0);
        if let Some(problem) = problems.remove(about) {
            tracing::info!("problem solved: {}", problem.message);
        }
    }

    pub fn list(&self) -> Vec<MachineProblem> {
        lock(&self.0).values().cloned().collect()
    }
}
