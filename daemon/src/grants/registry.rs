//! All grants: made, listed, and kept in a file.

mod ending;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ssoctl_protocol::socket::{GRANT_SOCKET, LONGEST_PATH};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::attending::ProcessEnd;
use super::grant::{Grant, GrantState, Reach};
use super::saved::{GrantsFile, Unsaved};
use super::terms::{Deadline, Terms, is_name};
use crate::audit::AuditEvent;
use crate::caller::Caller;
use crate::machine::MachineProblems;
use crate::waiting::lock;

/// The largest number of grants that give credentials at the same time.
const MOST: usize = 64;

/// Every grant.
pub struct Grants {
    file: GrantsFile,
    /// The directory with a directory for each socket.
    sockets: PathBuf,
    reach: Reach,
    grants: Mutex<BTreeMap<String, Arc<Grant>>>,
    changes: watch::Sender<()>,
    used: watch::Sender<()>,
    tasks: Mutex<JoinSet<()>>,
}

/// Why a grant is not made. The text says what to do.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotMade {
    #[error("there is a grant {0:?} already; revoke it first (ssoctl revoke {0}), or choose another name")]
    Exists(String),
    #[error("there are {MOST} grants already; revoke some of them: ssoctl grants")]
    TooMany,
    #[error("the path of its socket would be too long for a socket ({}); choose a shorter name", .0.display())]
    TooLong(PathBuf),
    #[error(transparent)]
    Unsaved(#[from] Unsaved),
}

impl Grants {
    /// Reads the grants of the daemon before this one, and follows all from now on. Has to be called within a tokio runtime.
    pub fn start(file: Option<PathBuf>, sockets: PathBuf, reach: Reach, machine: MachineProblems) -> Arc<Self> {
        let (save, saves) = mpsc::channel(1);
        let reach = Reach { save: Some(save), ..reach };
        let all = Arc::new(Self {
            file: GrantsFile::new(file, Arc::clone(&reach.clock), machine),
            sockets,
            reach,
            grants: Mutex::default(),
            changes: watch::Sender::default(),
            used: watch::Sender::default(),
            tasks: Mutex::default(),
        });
        all.restore();
        let keeper = Arc::clone(&all);
        lock(&all.tasks).spawn(keeper.keep(saves));
        // After a restart of the machine, the time that is left counts from now on.
        if !all.list().is_empty() {
            let saver = Arc::clone(&all);
            lock(&all.tasks).spawn(async move { drop(saver.save().await) });
        }
        all
    }

    fn restore(self: &Arc<Self>) {
        for state in self.file.read() {
            if !is_name(&state.terms.name) {
                continue;
            }
            let attending = state.terms.attending;
            let grant = self.grant(state);
            if let Some(attending) = attending {
                match attending.resume() {
                    Some(end) => self.attend(Arc::clone(&grant), end),
                    // The process ended while no daemon ran.
                    None => {
                        let socket = self.socket_of(&grant.terms().name);
                        let _ = std::fs::remove_file(&socket);
                        let _ = socket.parent().map(std::fs::remove_dir);
                        continue;
                    }
                }
            }
            lock(&self.grants).insert(grant.terms().name.clone(), grant);
        }
    }

    fn grant(&self, state: GrantState) -> Arc<Grant> {
        Arc::new(Grant::new(state, self.reach.clone(), self.used.clone()))
    }

    /// Makes a grant that lives for `life`, and saves it. `process` is the end of the one that it ends with.
    ///
    /// # Errors
    /// [`NotMade`]; then nothing has changed.
    pub async fn make(
        self: &Arc<Self>,
        terms: Terms,
        life: Duration,
        process: Option<ProcessEnd>,
        caller: &Caller,
    ) -> Result<Arc<Grant>, NotMade> {
        let name = terms.name.clone();
        let socket = self.socket_of(&name);
        if socket.as_os_str().len() > LONGEST_PATH {
            return Err(NotMade::TooLong(socket));
        }
        let grant = self.grant(GrantState::new(terms, Deadline::after(life, self.reach.clock.now())));
        let replaced = {
            let mut grants = lock(&self.grants);
            if grants.get(&name).is_some_and(|known| known.ended().is_none()) {
                return Err(NotMade::Exists(name));
            }
            if grants.values().filter(|known| known.ended().is_none()).count() >= MOST {
                return Err(NotMade::TooMany);
            }
            grants.insert(name, Arc::clone(&grant))
        };
        if let Some(replaced) = replaced {
            replaced.forget();
        }
        if let Err(unsaved) = self.save().await {
            self.withdraw(&grant).await;
            return Err(unsaved.into());
        }
        if let Some(end) = process {
            self.attend(Arc::clone(&grant), end);
        }
        tracing::info!(grant = grant.terms().name, until = %grant.deadline().wall, "a grant was made");
        for role in &grant.terms().roles {
            let until = format!("until {}", grant.deadline().wall);
            self.reach.audit.record(grant.happened(AuditEvent::GrantMade, Some(role)).because(until), Some(caller));
        }
        self.changes.send_replace(());
        Ok(grant)
    }

    /// Takes a grant back that could not be completed.
    pub async fn withdraw(self: &Arc<Self>, grant: &Arc<Grant>) {
        self.forget(grant);
        // If it stays in the file, a restarted daemon serves what somebody wanted to grant.
        let _ = self.save().await;
    }

    /// Every grant, by name, and those that have ended not long ago.
    pub fn list(&self) -> Vec<Arc<Grant>> {
        lock(&self.grants).values().cloned().collect()
    }

    /// The path of a grant's socket.
    pub fn socket_of(&self, name: &str) -> PathBuf {
        self.sockets.join(name).join(GRANT_SOCKET)
    }

    /// Tells that a grant was made or has ended.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// Tells that a grant was used.
    pub fn uses(&self) -> watch::Receiver<()> {
        self.used.subscribe()
    }

    /// Writes the uses so far, and follows nothing any more, since the daemon ends.
    pub async fn stop(self: &Arc<Self>) {
        lock(&self.tasks).abort_all();
        let _ = self.save().await;
    }

    /// Writes the file, also if the caller leaves meanwhile.
    async fn save(self: &Arc<Self>) -> Result<(), Unsaved> {
        let all = Arc::clone(self);
        let saving = tokio::spawn(async move {
            let state = || all.list().iter().map(|grant| grant.state()).collect();
            all.file.write(state).await
        });
        saving.await.unwrap_or_else(|error| Err(self.file.unsaved(error)))
    }
}
