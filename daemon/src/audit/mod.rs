//! The audit: who got what, when. One file of JSON lines that is only appended to, and moved away when it has grown.
//!
//! [`Audit::record`] never blocks: it merges what repeats (`merging`, pure) and leaves the writing to a task, which writes on a thread
//! (`file`). Where the file cannot be written, requests are still served, `status` says so, and what was lost is counted.

mod file;
mod merging;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ssoctl_protocol::Timestamp;
use ssoctl_protocol::audit::{self, AuditRecord};
use ssoctl_protocol::text::shown;
use tokio::sync::{Notify, oneshot};

use crate::assignment::Assignment;
use crate::caller::Caller;
use crate::clock::{BootTime, Clock, Now};
use crate::machine::MachineProblems;
use crate::waiting::{lock, or_never};
use merging::Merging;

pub use file::FILE;
pub use ssoctl_protocol::audit::AuditEvent;

/// The largest number of records that wait to be written.
const MOST_WAITING: usize = 8192;

/// The longest detail, in characters.
const LONGEST_DETAIL: usize = 300;

/// The detail of what too many programs did to have a record each.
const FURTHER: &str = "by further programs";

/// The pause before a file that could not be written is tried again.
const PAUSE: Duration = Duration::from_secs(60);

/// The subject of its problem in `status`.
const ABOUT: &str = "audit";

/// What happened, to be recorded.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Happened {
    pub what: AuditEvent,
    pub session: Option<String>,
    pub account: Option<String>,
    pub role: Option<String>,
    pub grant: Option<String>,
    pub detail: Option<String>,
}

impl Happened {
    pub const fn new(what: AuditEvent) -> Self {
        Self { what, session: None, account: None, role: None, grant: None, detail: None }
    }

    #[must_use]
    pub fn to_session(self, name: &str) -> Self {
        Self { session: Some(name.to_owned()), ..self }
    }

    #[must_use]
    pub fn of_role(self, Assignment { account, role }: &Assignment) -> Self {
        Self { account: Some(account.to_string()), role: Some(role.to_string()), ..self }
    }

    #[must_use]
    pub fn by_grant(self, name: &str) -> Self {
        Self { grant: Some(name.to_owned()), ..self }
    }

    /// With a detail that is not too long.
    fn cut(self) -> Self {
        let detail = self.detail.map(|detail| shown(&detail, LONGEST_DETAIL).into_owned());
        Self { detail, ..self }
    }

    #[must_use]
    pub fn because(self, detail: impl ToString) -> Self {
        Self { detail: Some(detail.to_string()), ..self }
    }
}

/// The audit of one daemon.
pub struct Audit {
    /// `None`: nothing is kept.
    directory: Option<PathBuf>,
    clock: Arc<dyn Clock>,
    machine: MachineProblems,
    state: Mutex<State>,
    wake: Notify,
}

#[derive(Default)]
struct State {
    merging: Merging,
    /// Records to be written.
    waiting: Vec<AuditRecord>,
    /// The number of records that found no place in `waiting`.
    lost: u64,
    /// Told when everything that waits is written, or cannot be.
    flushes: Vec<oneshot::Sender<()>>,
    /// When a file that could not be written is tried again.
    again: Option<BootTime>,
}

impl Audit {
    /// Keeps the records in this directory. Has to be called within a tokio runtime.
    pub fn start(directory: Option<PathBuf>, clock: Arc<dyn Clock>, machine: MachineProblems) -> Arc<Self> {
        let state = Mutex::default();
        let audit = Arc::new(Self { directory, clock, machine, state, wake: Notify::new() });
        tokio::spawn(write(Arc::downgrade(&audit)));
        audit
    }

    /// Records what happened. `caller` is the program that has asked.
    pub fn record(&self, happened: Happened, caller: Option<&Caller>) {
        if self.directory.is_none() {
            return;
        }
        let now = self.clock.now();
        let happened = happened.cut();
        let (program, uid) = (caller.and_then(Caller::name), caller.and_then(Caller::uid));
        let mut state = lock(&self.state);
        let had_to_wait = state.merging.due().is_some();
        let is_merged = state.merging.repeats(&happened, program.as_deref(), uid, now);
        if !is_merged {
            if state.merging.has_room_for(&happened, now) {
                state.begin(first(happened, program, caller, now), now);
            } else {
                state.share(&happened, now);
            }
        }
        drop(state);
        // The writer knows already when the minute of a repetition ends, unless this is the first one.
        if !is_merged || !had_to_wait {
            self.wake.notify_one();
        }
    }

    /// The records since then, of this grant or of all. Those that are merged now are included.
    pub async fn read(&self, since: Option<Timestamp>, grant: Option<String>) -> audit::Audit {
        self.flush().await;
        let Some(directory) = self.directory.clone() else { return audit::Audit::default() };
        let is_meant = move |record: &AuditRecord| {
            since.is_none_or(|since| record.until.unwrap_or(record.at) >= since)
                && grant.as_ref().is_none_or(|grant| record.grant.as_ref() == Some(grant))
        };
        let read = tokio::task::spawn_blocking(move || file::read(&directory, is_meant)).await;
        let failed = |why: String| audit::Audit { records: Vec::new(), incomplete: Some(why) };
        let mut audit = read.unwrap_or_else(|error| failed(error.to_string()));
        let state = lock(&self.state);
        let missing = state.waiting.len() as u64 + state.lost;
        if state.again.is_some() && missing > 0 {
            audit.incomplete = Some(format!("{missing} records cannot be written now; see: ssoctl status"));
        }
        drop(state);
        audit
    }

    /// Writes everything so far, with what is merged now, and waits until that was done or has failed.
    pub async fn flush(&self) {
        let done = {
            let mut state = lock(&self.state);
            for record in state.merging.end_all() {
                state.add(record);
            }
            let (done, flushed) = oneshot::channel();
            state.flushes.push(done);
            flushed
        };
        self.wake.notify_one();
        // An error means that the writer has ended, and with it the daemon.
        let _ = done.await;
    }
}

impl State {
    fn begin(&mut self, record: AuditRecord, now: Now) {
        if let Some(before) = self.merging.begin(&record, now) {
            self.add(before);
        }
        self.add(record);
    }

    /// Records it for one of too many programs, which have one record together.
    fn share(&mut self, happened: &Happened, now: Now) {
        let shared = happened.clone().because(FURTHER);
        if !self.merging.repeats(&shared, None, None, now) {
            self.begin(first(shared, None, None, now), now);
        }
    }

    fn add(&mut self, record: AuditRecord) {
        if self.waiting.len() < MOST_WAITING { self.waiting.push(record) } else { self.lost += 1 }
    }
}

fn first(happened: Happened, program: Option<String>, caller: Option<&Caller>, now: Now) -> AuditRecord {
    let Happened { what, session, account, role, grant, detail } = happened;
    AuditRecord {
        at: now.wall.into(),
        until: None,
        what,
        count: 1,
        session,
        account,
        role,
        grant,
        detail,
        pid: caller.and_then(Caller::pid),
        program,
        executable: caller.and_then(Caller::executable).map(|path| path.to_string_lossy().into_owned()),
        started: caller.and_then(Caller::started).map(|started| now.wall_at(started).into()),
        uid: caller.and_then(Caller::uid),
    }
}

/// Writes what is recorded, until the audit is gone.
async fn write(audit: std::sync::Weak<Audit>) {
    let mut file = file::AuditFile::default();
    loop {
        let Some(audit) = audit.upgrade() else { return };
        let Some(directory) = audit.directory.clone() else { return };
        let (records, lost, flushes, next) = {
            let now = audit.clock.now();
            let mut state = lock(&audit.state);
            for record in state.merging.end_due(now.boot) {
                state.add(record);
            }
            let may_try = state.again.is_none_or(|again| again <= now.boot) || !state.flushes.is_empty();
            let records = if may_try { std::mem::take(&mut state.waiting) } else { Vec::new() };
            let lost = if may_try { std::mem::take(&mut state.lost) } else { 0 };
            let next = state.merging.due().into_iter().chain(state.again.filter(|_| !may_try)).min();
            (records, lost, std::mem::take(&mut state.flushes), next)
        };
        if records.is_empty() && lost == 0 {
            answer(flushes);
            let clock = Arc::clone(&audit.clock);
            let woken = audit.wake.notified();
            tokio::select! {
                () = woken => {}
                () = or_never(next.map(|next| clock.sleep_until(next))) => {}
            }
            continue;
        }
        let at = Timestamp::from(audit.clock.now().wall);
        let writing = tokio::task::spawn_blocking(move || {
            let written = file.append(&directory, &records, lost, at);
            (file, records, written)
        });
        let Ok((again, records, written)) = writing.await else { return };
        file = again;
        let mut state = lock(&audit.state);
        match written {
            Ok(()) => {
                state.again = None;
                audit.machine.solved(ABOUT);
            }
            Err(why) => {
                // What came meanwhile is newer.
                let newer = std::mem::replace(&mut state.waiting, records);
                newer.into_iter().for_each(|record| state.add(record));
                state.lost += lost;
                state.again = Some(audit.clock.now().boot + PAUSE);
                let remedy = "make room for it, or see to it that you may write there; requests are served meanwhile";
                audit.machine.found(ABOUT, format!("the audit cannot be written: {why}"), remedy);
            }
        }
        drop(state);
        answer(flushes);
    }
}

/// Tells those who wait for a flush, unless they have left.
fn answer(flushes: Vec<oneshot::Sender<()>>) {
    for done in flushes {
        let _ = done.send(());
    }
}
