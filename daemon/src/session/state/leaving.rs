//! Signing out: telling the portal, and forgetting.

use std::sync::Arc;

use super::{Ask, BootTime, CallError, Effect, FlowEnd, Now, Refresh, State, Token, Trust, Want, policy};
use crate::session::ask::{Forget, Forgotten, Need, PortalOutcome};

/// A sign-out that callers wait for.
pub(super) struct Leaving {
    /// What the portal said, once it did.
    pub(super) outcome: Option<PortalOutcome>,
    forget: Forget,
    /// Until when portal and store are waited for.
    pub(super) deadline: BootTime,
}

impl State {
    /// Tells the portal, and forgets the token now or once it was told.
    pub(super) fn leave(&mut self, forget: Forget, now: Now) {
        self.end_flow(FlowEnd::Cancelled, now);
        let incoming = self.incoming.take().map(|incoming| incoming.token);
        self.token = incoming.or(self.token.take());
        // Even an expired token can end the portal session, which may outlive it.
        let outcome = match &self.token {
            Some(token) => {
                self.effects.push(Effect::LeavePortal(Arc::clone(&token.access)));
                None
            }
            None => Some(PortalOutcome::NothingToEnd),
        };
        self.leaving = Some(Leaving { outcome, forget, deadline: now.boot + policy::LEAVE_PATIENCE });
        if forget == Forget::Now {
            self.forget();
        }
    }

    /// Somebody leaves to sign in anew, and somebody else wants to be gone in any case.
    pub(super) fn forget_at_once(&mut self) {
        if let Some(leaving) = self.leaving.as_mut().filter(|leaving| leaving.forget == Forget::OnceTold) {
            leaving.forget = Forget::Now;
            self.forget();
        }
    }

    /// Nobody knows yet what there is to sign out of. What a person has signed in for meanwhile is left now, and what the store
    /// has once it is read.
    pub(super) fn leave_before_the_store_answers(&mut self, forgotten: Forgotten, now: Now) {
        self.wants_out = self.wants_out.max(Some(forgotten));
        if self.token.is_some() || self.incoming.is_some() {
            self.leave(Forget::Now, now);
        } else {
            self.end_flow(FlowEnd::Cancelled, now);
        }
    }

    /// Leaves what the store had, for somebody who has signed out before it answered.
    pub(super) fn leave_what_was_kept(&mut self, token: Option<Token>, now: Now) {
        // The portal is told of one session at a time, and may be hearing of the one that was signed in to since.
        if self.leaving.as_ref().is_some_and(|leaving| leaving.outcome.is_none()) {
            self.forget();
        } else {
            self.token = token;
            self.leave(Forget::Now, now);
        }
    }

    pub(super) fn portal_left(&mut self, result: Result<(), CallError>) {
        let Some(leaving) = &mut self.leaving else { return };
        let forget_now = leaving.forget == Forget::OnceTold && result.is_ok();
        leaving.outcome = Some(result.map_or_else(PortalOutcome::NotTold, |()| PortalOutcome::Ended));
        if forget_now {
            self.forget();
        }
    }

    /// A portal that has not answered in time was not told.
    pub(super) fn stop_waiting_for_portal(&mut self, now: Now) {
        if let Some(leaving) = self.leaving.as_mut().filter(|leaving| leaving.deadline <= now.boot) {
            leaving.outcome.get_or_insert_with(|| {
                PortalOutcome::NotTold(CallError::Network("the portal has not answered in time".to_owned()))
            });
        }
    }

    /// A sign-out is over once everybody who waited for it has heard how it went.
    pub(super) fn end_leaving(&mut self, now: Now) {
        let waits_for_it = |ask: &Ask| match ask.want {
            Want::Logout(_) => true,
            Want::Login { need: Need::Fresh } => ask.flow.is_none(),
            _ => false,
        };
        let is_told = self.leaving.as_ref().is_some_and(|leaving| leaving.outcome.is_some());
        if is_told && !self.asks.values().any(waits_for_it) {
            self.leaving = None;
            // Whoever waited for its end can go on.
            self.settle_all(now);
        }
    }

    /// Nothing of the record is to be left, nor of what flows that are given up now may still register.
    pub(super) fn forget_registration(&mut self) {
        self.registration = None;
        self.portal_caps = false;
        self.forgotten_flows = self.flows;
        self.saver.touch_at_once();
    }

    pub(super) fn forget(&mut self) {
        self.lineage.0 += 1;
        self.refresh = Refresh::Idle { due: None };
        self.token = None;
        self.token_lineage = self.lineage;
        self.trust = Trust::Full;
        self.cap_is_certain = false;
        self.trouble = None;
        self.attention.token_went();
        self.saver.touch_at_once();
    }
}
