//! All grants: made, ended at their deadlines, kept in a file, and forgotten.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use ssoctl_protocol::Timestamp;
use ssoctl_protocol::grant::GrantEndReason;
use ssoctl_protocol::socket::{GRANT_SOCKET, LONGEST_PATH};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use super::attending::ProcessEnd;
use super::grant::{Grant, NotGranted, Reach, Stage, Uses};
use super::saved::{self, Restored, SavedGrant};
use super::terms::{Deadline, Ended, Terms, is_name};
use crate::audit::AuditEvent;
use crate::caller::Caller;
use crate::clock::{self, BootTime};
use crate::machine::{MachineProblems, RESTART};
use crate::waiting::{lock, or_never};

/// The largest number of grants that give credentials at the same time.
const MOST: usize = 64;

/// The largest number of grants that have ended and are remembered.
const MOST_ENDED: usize = 32;

/// How long a grant that has ended is remembered, so that its callers learn why they get nothing. One that ends with a process is
/// remembered until that has ended.
const REMEMBERED: Duration = Duration::from_secs(3600);

/// Every grant.
pub struct Grants {
    /// Where they are kept; `None`: nowhere.
    file: Option<PathBuf>,
    /// The directory with a directory for each socket.
    sockets: PathBuf,
    reach: Reach,
    machine: MachineProblems,
    boot: Option<String>,
    grants: Mutex<BTreeMap<String, Arc<Grant>>>,
    changes: watch::Sender<()>,
    used: watch::Sender<()>,
    /// Held while the file is written, so that an older state never replaces a newer one.
    saving: Arc<tokio::sync::Mutex<()>>,
    /// Whether the file is behind, because it could not be written.
    is_behind: AtomicBool,
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

/// The file of the grants could not be written.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the grants cannot be saved in {}: {}", .path.display(), .why)]
pub struct Unsaved {
    path: PathBuf,
    why: String,
}

impl Grants {
    /// Reads the grants of the daemon before this one, and follows all from now on. Has to be called within a tokio runtime.
    pub fn start(file: Option<PathBuf>, sockets: PathBuf, reach: Reach, machine: MachineProblems) -> Arc<Self> {
        let (save, saves) = mpsc::channel(1);
        let reach = Reach { save: Some(save), ..reach };
        let all = Arc::new(Self {
            file,
            sockets,
            reach,
            machine,
            boot: clock::boot_id(),
            grants: Mutex::default(),
            changes: watch::Sender::default(),
            used: watch::Sender::default(),
            saving: Arc::default(),
            is_behind: AtomicBool::new(false),
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
        let Some(file) = &self.file else { return };
        let saved = saved::read(file).unwrap_or_else(|why| {
            let (file, message) = (file.display(), format!("the grants in {} cannot be read: {why}", file.display()));
            self.machine.found("grants", message, format!("remove {file}, {RESTART}, and make the grants anew"));
            Vec::new()
        });
        let now = self.reach.clock.now();
        for grant in saved {
            let Restored { terms, deadline, ended, uses } = grant.restored(now, self.boot.as_deref());
            if !is_name(&terms.name) {
                continue;
            }
            let attending = terms.attending;
            let grant = self.grant(terms, deadline, ended, uses);
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

    fn grant(&self, terms: Terms, deadline: Deadline, ended: Option<Ended>, uses: Uses) -> Arc<Grant> {
        Arc::new(Grant::new(terms, deadline, ended, uses, self.reach.clone(), self.used.clone()))
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
        let grant = self.grant(terms, Deadline::after(life, self.reach.clock.now()), None, Uses::default());
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

    /// Ends every grant that is meant and has not ended. Returns these grants, and why ends are not in the file.
    pub async fn end(
        self: &Arc<Self>,
        reason: GrantEndReason,
        caller: Option<&Caller>,
        is_meant: impl Fn(&Grant) -> bool,
    ) -> (Vec<Arc<Grant>>, Option<Unsaved>) {
        let ended = Ended { at: Timestamp::from(self.reach.clock.now().wall), reason };
        let all = self.list();
        let ends = |grant: &Arc<Grant>| grant.ended().is_none() && is_meant(grant) && grant.end(ended);
        let grants: Vec<_> = all.into_iter().filter(ends).collect();
        if grants.is_empty() && !self.is_behind.load(Ordering::Relaxed) {
            return (grants, None);
        }
        for grant in &grants {
            tracing::info!(grant = grant.terms().name, ?reason, "a grant has ended");
            self.record_end(grant, ended, caller);
        }
        self.changes.send_replace(());
        let unsaved = self.save().await.err();
        (grants, unsaved)
    }

    fn record_end(&self, grant: &Grant, ended: Ended, caller: Option<&Caller>) {
        let what = match ended.reason {
            GrantEndReason::Revoked => AuditEvent::GrantRevoked,
            _ => AuditEvent::GrantEnded,
        };
        let why = NotGranted::Ended { name: grant.terms().name.clone(), ended };
        self.reach.audit.record(grant.happened(what, None).because(why), caller);
    }

    /// Ends the grants of a session that is signed out, by the key of its identity.
    ///
    /// # Errors
    /// Their end is not saved, so a restarted daemon may serve them.
    pub async fn signed_out(self: &Arc<Self>, identity: &str) -> Result<(), Unsaved> {
        let is_of_session = |grant: &Grant| grant.terms().roles.iter().any(|role| role.identity == identity);
        let (_, unsaved) = self.end(GrantEndReason::SignedOut, None, is_of_session).await;
        unsaved.map_or(Ok(()), Err)
    }

    /// Writes the uses so far, and follows nothing any more, since the daemon ends.
    pub async fn stop(self: &Arc<Self>) {
        lock(&self.tasks).abort_all();
        let _ = self.save().await;
    }

    /// Ends and forgets the grant at the end of its process.
    fn attend(self: &Arc<Self>, grant: Arc<Grant>, process: ProcessEnd) {
        let all = Arc::clone(self);
        lock(&self.tasks).spawn(async move {
            process.reached().await;
            all.end(GrantEndReason::ProcessEnded, None, |one| std::ptr::eq(one, &*grant)).await;
            all.forget(&grant);
            let _ = all.save().await;
        });
    }

    fn forget(&self, grant: &Arc<Grant>) {
        let mut grants = lock(&self.grants);
        let name = &grant.terms().name;
        // The name may be another grant's by now.
        if grants.get(name).is_some_and(|known| Arc::ptr_eq(known, grant)) {
            grants.remove(name);
        }
        drop(grants);
        grant.forget();
        self.changes.send_replace(());
    }

    /// Ends grants at their deadlines, and forgets them later.
    async fn keep(self: Arc<Self>, mut saves: mpsc::Receiver<oneshot::Sender<()>>) {
        let mut changes = self.changes();
        loop {
            changes.mark_unchanged();
            let now = self.reach.clock.now();
            let mut next = Wake::default();
            let (mut ended, mut forgotten) = (false, self.ended_too_many());
            for grant in self.list() {
                let stage = *grant.stages().borrow();
                match (stage, grant.ended()) {
                    (Stage::Open, Some(expiry)) => {
                        if grant.end(expiry) {
                            self.record_end(&grant, expiry, None);
                            ended = true;
                        }
                    }
                    (Stage::Open, None) => next.at(Some(grant.deadline().boot), grant.deadline().wall.into()),
                    (Stage::Ended(_), _) if grant.terms().attending.is_some() => {}
                    (Stage::Ended(ended), _) => {
                        let until = SystemTime::from(ended.at) + REMEMBERED;
                        if now.wall >= until { forgotten.push(grant) } else { next.at(None, until) }
                    }
                    (Stage::Forgotten, _) => {}
                }
            }
            if ended || !forgotten.is_empty() {
                for grant in &forgotten {
                    self.forget(grant);
                }
                self.changes.send_replace(());
                let _ = self.save().await;
                continue;
            }
            tokio::select! {
                // `self` has the sender, so this does not fail.
                _ = changes.changed() => {}
                Some(saved) = saves.recv() => {
                    let _ = self.save().await;
                    let _ = saved.send(());
                }
                () = or_never(next.boot.map(|boot| self.reach.clock.sleep_until(boot))) => {}
                () = or_never(next.wall.map(|wall| self.reach.clock.sleep_until_shown(wall))) => {}
            }
        }
    }

    /// The grants that ended first, if too many of those that have ended are remembered.
    fn ended_too_many(&self) -> Vec<Arc<Grant>> {
        let mut ended: Vec<_> = self.list().into_iter().filter_map(|grant| Some((grant.ended()?.at, grant))).collect();
        ended.sort_by_key(|(at, _)| *at);
        let too_many = ended.len().saturating_sub(MOST_ENDED);
        ended.into_iter().take(too_many).map(|(_, grant)| grant).collect()
    }

    /// Writes the file, also if the caller leaves meanwhile.
    async fn save(self: &Arc<Self>) -> Result<(), Unsaved> {
        let all = Arc::clone(self);
        let saving = tokio::spawn(async move { all.save_now().await });
        saving.await.unwrap_or_else(|error| Err(self.unsaved(error.to_string())))
    }

    async fn save_now(&self) -> Result<(), Unsaved> {
        let Some(path) = self.file.clone() else { return Ok(()) };
        let turn = Arc::clone(&self.saving).lock_owned().await;
        let now = self.reach.clock.now();
        let saved: Vec<SavedGrant> = self
            .list()
            .iter()
            .map(|grant| {
                let boot = self.boot.as_deref();
                SavedGrant::new(grant.terms(), grant.deadline(), grant.ended(), grant.uses(), now, boot)
            })
            .collect();
        let work = move || {
            let written = write(&path, &saved);
            drop(turn);
            written
        };
        let written = tokio::task::spawn_blocking(work).await;
        let result = written.unwrap_or_else(|error| Err(self.unsaved(error.to_string())));
        self.is_behind.store(result.is_err(), Ordering::Relaxed);
        match &result {
            Ok(()) => self.machine.solved("grants"),
            Err(unsaved) => {
                self.machine.found("grants", unsaved.to_string(), "make room for the file, and give it to yourself")
            }
        }
        result
    }

    fn unsaved(&self, why: String) -> Unsaved {
        Unsaved { path: self.file.clone().unwrap_or_default(), why }
    }
}

fn write(path: &Path, saved: &[SavedGrant]) -> Result<(), Unsaved> {
    // No file is made for no grant.
    if saved.is_empty() && !path.exists() {
        return Ok(());
    }
    saved::write(path, saved).map_err(|error| Unsaved { path: path.to_owned(), why: error.to_string() })
}

/// The earliest point on each clock.
#[derive(Default)]
struct Wake {
    boot: Option<BootTime>,
    wall: Option<SystemTime>,
}

impl Wake {
    fn at(&mut self, boot: Option<BootTime>, wall: SystemTime) {
        self.boot = self.boot.into_iter().chain(boot).min();
        self.wall = self.wall.into_iter().chain([wall]).min();
    }
}
