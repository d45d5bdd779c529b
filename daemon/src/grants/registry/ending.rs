//! The ends of grants: because somebody asks for it, at their deadlines, and with their processes. Grants that have ended are forgotten later.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ssoctl_protocol::Timestamp;
use ssoctl_protocol::grant::GrantEndReason;
use tokio::sync::{mpsc, oneshot};

use super::{Grants, Unsaved};
use crate::audit::AuditEvent;
use crate::caller::Caller;
use crate::clock::BootTime;
use crate::grants::attending::ProcessEnd;
use crate::grants::grant::{Grant, NotGranted, Stage};
use crate::grants::terms::Ended;
use crate::waiting::{lock, or_never};

/// The largest number of grants that have ended and are remembered.
const MOST_ENDED: usize = 32;

/// How long a grant that has ended is remembered, so that its callers learn why they get nothing. One that ends with a process is
/// remembered until that has ended.
const REMEMBERED: Duration = Duration::from_secs(3600);

impl Grants {
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
        if grants.is_empty() && !self.file.is_behind() {
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

    /// Ends and forgets the grant at the end of its process.
    pub(super) fn attend(self: &Arc<Self>, grant: Arc<Grant>, process: ProcessEnd) {
        let all = Arc::clone(self);
        lock(&self.tasks).spawn(async move {
            process.reached().await;
            all.end(GrantEndReason::ProcessEnded, None, |one| std::ptr::eq(one, &*grant)).await;
            all.forget(&grant);
            let _ = all.save().await;
        });
    }

    pub(super) fn forget(&self, grant: &Arc<Grant>) {
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
    pub(super) async fn keep(self: Arc<Self>, mut saves: mpsc::Receiver<oneshot::Sender<()>>) {
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
