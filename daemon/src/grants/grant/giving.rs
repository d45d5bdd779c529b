//! Giving credentials over a grant: they are had of the session, confirmed by the person if that is wanted, counted and recorded.

use std::time::Duration;

use ssoctl_protocol::Timestamp;
use ssoctl_protocol::grant::GrantUse;
use tokio::sync::oneshot;

use super::{Denial, Grant, NotGranted, Role, Stage};
use crate::audit::AuditEvent;
use crate::caller::Caller;
use crate::clock::BootTime;
use crate::session::callers::Refusal;
use crate::session::roles::callers::{LiveKeys, RoleRefusal};
use crate::waiting::lock;

/// The longest time for the uses to be saved.
const SAVING: Duration = Duration::from_secs(2);

/// A request for credentials over a grant.
#[derive(Clone, Copy)]
struct Request<'a> {
    role: &'a Role,
    min_valid: Duration,
    wait: Duration,
    caller: &'a Caller,
}

impl Grant {
    /// Credentials of a granted role. If nobody is signed in, it waits for a person for `wait`, if it may ask for one. If each time has
    /// to be confirmed, the person is asked.
    pub async fn credentials(
        &self,
        role: &Role,
        min_valid: Duration,
        wait: Duration,
        caller: &Caller,
    ) -> Result<LiveKeys, Denial> {
        let mut stages = self.stages();
        let caller = &caller.over(&self.terms.name);
        tokio::select! {
            keys = self.give(Request { role, min_valid, wait, caller }) => keys,
            // It may end while the person or the service is asked.
            _ = stages.wait_for(|stage| *stage != Stage::Open) => {
                let ended = self.ended().unwrap_or_else(|| self.expiry());
                Err(NotGranted::Ended { name: self.terms.name.clone(), ended }.into())
            }
        }
    }

    async fn give(&self, request: Request<'_>) -> Result<LiveKeys, Denial> {
        let Request { role, caller, .. } = request;
        let mut keys = self.obtain(request).await?;
        if self.terms.confirm {
            let confirmed = self.confirm(role, caller.who()).await;
            let happened = match &confirmed {
                Ok(()) => self.happened(AuditEvent::GrantConfirmed, Some(role)),
                Err(why) => self.happened(AuditEvent::GrantDenied, Some(role)).because(why),
            };
            self.reach.audit.record(happened, Some(caller));
            confirmed?;
            // A minute may have passed.
            keys = self.obtain(Request { wait: Duration::ZERO, ..request }).await?;
        }
        self.used(caller, keys.1).await;
        self.reach.audit.record(self.happened(AuditEvent::GrantUsed, Some(role)), Some(caller));
        Ok(keys)
    }

    async fn obtain(&self, Request { role, min_valid, wait, caller }: Request<'_>) -> Result<LiveKeys, Denial> {
        let entry = self.entry(role)?;
        let now = || self.reach.clock.now().boot;
        let ask = || entry.session.credentials(role.assignment.clone(), min_valid, now(), caller);
        let mut answer = ask().await;
        let needs_person = matches!(answer, Err(RoleRefusal::Session(Refusal::SignInRequired { .. })));
        if self.terms.may_ask && !wait.is_zero() && needs_person {
            let token = tokio::select! {
                token = entry.session.token(Duration::ZERO, wait, now(), caller) => token,
                () = self.invite(&entry, caller.who()) => {
                    return Err(self.not_confirmed("the person does not want to sign in for it").into());
                }
            };
            answer = match token {
                Ok(_) => ask().await,
                Err(refusal) => Err(RoleRefusal::Session(refusal)),
            };
        }
        // The deadline counts before anybody has noticed that it has passed.
        if let Some(ended) = self.ended() {
            return Err(NotGranted::Ended { name: self.terms.name.clone(), ended }.into());
        }
        answer.map_err(|refusal| Denial::Refused(entry.config, refusal))
    }

    /// Notes that credentials were given, which live until `end`. If they outlive all before, that is saved before they are given: a
    /// revocation has to tell their end, also after a restart.
    async fn used(&self, caller: &Caller, end: BootTime) {
        let (pid, program) = (caller.pid(), caller.name());
        let at = Timestamp::from(self.reach.clock.now().wall);
        let is_later = {
            let mut uses = lock(&self.uses);
            uses.count += 1;
            uses.last = Some(GrantUse { at, pid, program });
            let is_later = uses.credentials_end.is_none_or(|before| end > before);
            uses.credentials_end = uses.credentials_end.max(Some(end));
            is_later
        };
        self.used.send_replace(());
        if let Some(save) = self.reach.save.as_ref().filter(|_| is_later) {
            let saving = async {
                let (saved, done) = oneshot::channel();
                if save.send(saved).await.is_ok() {
                    let _ = done.await;
                }
            };
            // A file system that hangs does not keep the credentials back.
            self.reach.clock.within(SAVING, saving).await;
        }
    }
}
