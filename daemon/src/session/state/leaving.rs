//! Signing out: telling the portal, and forgetting.

use std::sync::Arc;

use super::{CallError, Effect, FlowEnd, Forget, Leaving, Now, PortalOutcome, Refresh, State, Trust, policy};

impl State {
    /// Tells the portal, and forgets the token now or once it was told.
    pub(super) fn leave(&mut self, forget: Forget, now: Now, effects: &mut Vec<Effect>) {
        self.end_flow(FlowEnd::Cancelled, now);
        let incoming = self.incoming.take().map(|incoming| incoming.token);
        self.token = incoming.or(self.token.take());
        // Even an expired token can end the portal session, which may outlive it.
        let outcome = match &self.token {
            Some(token) => {
                effects.push(Effect::LeavePortal(Arc::clone(&token.access)));
                None
            }
            None => Some(PortalOutcome::NothingToEnd),
        };
        self.leaving = Some(Leaving { outcome, forget, deadline: now.boot + policy::LEAVE_PATIENCE });
        if forget == Forget::Now {
            self.forget();
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

    pub(super) fn forget(&mut self) {
        self.lineage.0 += 1;
        self.refresh = Refresh::Idle { due: None };
        self.token = None;
        self.token_lineage = self.lineage;
        self.trust = Trust::Full;
        self.cap_is_certain = false;
        self.trouble = None;
        self.attention.token_went();
        self.saver.touch();
    }
}
