//! Problems of the machine that hinder the daemon, for `status`. The code that needs a thing reports it here, and tries again.

use std::collections::BTreeMap;
use std::sync::Arc;

use ssoctl_protocol::body::MachineProblem;
use tokio::sync::watch;

/// Tells a person how to restart the daemon, as a service or not. The text fits after "; ".
pub(crate) const RESTART: &str = "restart the daemon: ssoctl service restart, or, if it is no service, ssoctl stop";

/// The current problems. Clones share them.
#[derive(Clone, Default, Debug)]
pub struct MachineProblems(Arc<watch::Sender<Problems>>);

type Problems = BTreeMap<String, MachineProblem>;

impl MachineProblems {
    /// Adds a problem, or replaces the one about the same thing.
    pub fn found(&self, about: &str, message: impl Into<String>, remedy: impl Into<String>) {
        let problem = MachineProblem { about: about.to_owned(), message: message.into(), remedy: remedy.into() };
        self.0.send_if_modified(|problems| {
            let known = problems.insert(about.to_owned(), problem.clone());
            let is_news = known.as_ref() != Some(&problem);
            if is_news {
                tracing::warn!("{}; {}", problem.message, problem.remedy);
            }
            is_news
        });
    }

    pub fn solved(&self, about: &str) {
        self.0.send_if_modified(|problems| {
            let solved = problems.remove(about);
            if let Some(problem) = &solved {
                tracing::info!("problem solved: {}", problem.message);
            }
            solved.is_some()
        });
    }

    pub fn list(&self) -> Vec<MachineProblem> {
        self.0.borrow().values().cloned().collect()
    }

    /// Tells that problems have come or gone.
    pub fn changes(&self) -> watch::Receiver<Problems> {
        self.0.subscribe()
    }
}
