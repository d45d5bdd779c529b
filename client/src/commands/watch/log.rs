//! A line for each change, for people who read it later.

use std::collections::BTreeMap;

use ssoctl_protocol::event::{Subject, Watched};

use super::changes;
use crate::failure::Failure;
use crate::{environment, output, render};

#[derive(Default)]
pub(super) struct Log {
    told: Watched,
    /// The last line about each subject. One that says nothing new is left out.
    lines: BTreeMap<Subject, String>,
}

impl Log {
    pub(super) fn tell(&mut self, state: &Watched) -> Result<(), Failure> {
        let now = environment::now();
        for subject in changes::between(&self.told, state) {
            let texts = match &subject {
                Subject::Daemon => {
                    let problems =
                        state.daemon.as_ref().map(|daemon| render::problems_changed(self.told.daemon.as_ref(), daemon));
                    problems.unwrap_or_default().into_iter().map(|problem| format!("ssoctld: {problem}")).collect()
                }
                Subject::Session(name) => {
                    let session = state.sessions.get(name).map(|session| render::session_changed(session, now));
                    vec![format!("{name}: {}", session.unwrap_or_else(|| "not configured any more".to_owned()))]
                }
                Subject::Grant(name) => {
                    let grant = state.grants.get(name).map(|grant| render::grant_changed(grant, now));
                    vec![format!("grant {name}: {}", grant.unwrap_or_else(|| "forgotten".to_owned()))]
                }
            };
            for text in texts {
                if self.lines.get(&subject) != Some(&text) {
                    output::line(&format!("{now} {text}"))?;
                    self.lines.insert(subject.clone(), text);
                }
            }
        }
        self.told = state.clone();
        Ok(())
    }
}
