//! A sign-out: the portal is told, and the token is forgotten.

use super::callers::{Forgotten, PortalOutcome};
use super::{SignInEpoch, policy};
use crate::clock::BootTime;
use crate::oidc::CallError;

#[derive(Default)]
pub(super) struct SignOut {
    under_way: Option<UnderWay>,
    /// What to forget when the store has been read, because somebody has signed out before.
    when_loaded: Option<Forgotten>,
}

struct UnderWay {
    /// The portal's answer, once it has come.
    outcome: Option<PortalOutcome>,
    forget: ForgetWhen,
    /// Of the sign-in that ends.
    epoch: SignInEpoch,
    /// Until when portal and store are waited for.
    deadline: BootTime,
}

/// When a sign-out forgets the token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ForgetWhen {
    /// Whatever the portal says.
    AtOnce,
    /// When the portal has ended the session.
    OncePortalWasTold,
}

impl SignOut {
    pub(super) const fn is_under_way(&self) -> bool {
        self.under_way.is_some()
    }

    /// Whether the portal has not answered yet.
    pub(super) fn waits_for_portal(&self) -> bool {
        self.under_way.as_ref().is_some_and(|it| it.outcome.is_none())
    }

    /// Whether one is under way of which the portal has heard, or will not hear.
    pub(super) fn portal_is_done(&self) -> bool {
        self.under_way.as_ref().is_some_and(|it| it.outcome.is_some())
    }

    /// The outcome of a sign-out that is under way. While the store has something to write, that is not known before the deadline.
    pub(super) fn outcome(&self, is_written: bool, now: BootTime) -> Option<&PortalOutcome> {
        self.under_way.as_ref().filter(|it| is_written || it.deadline <= now).and_then(|it| it.outcome.as_ref())
    }

    pub(super) fn wake_at(&self) -> Option<BootTime> {
        self.under_way.as_ref().map(|it| it.deadline)
    }

    /// Begins; with an outcome where there is nothing to tell the portal.
    pub(super) fn begin(
        &mut self,
        forget: ForgetWhen,
        outcome: Option<PortalOutcome>,
        epoch: SignInEpoch,
        now: BootTime,
    ) {
        self.under_way = Some(UnderWay { outcome, forget, epoch, deadline: now + policy::SIGN_OUT_PATIENCE });
    }

    /// Somebody signs out while another caller signs out only to sign in again. Returns whether the token is to be forgotten now.
    pub(super) fn forget_at_once(&mut self) -> bool {
        let waits = |it: &&mut UnderWay| it.forget == ForgetWhen::OncePortalWasTold;
        self.under_way.as_mut().filter(waits).map(|it| it.forget = ForgetWhen::AtOnce).is_some()
    }

    /// The portal has answered. Returns whether the token is to be forgotten now: a token of a sign-in that came meanwhile has not ended.
    pub(super) fn portal_answered(
        &mut self,
        result: Result<(), CallError>,
        newest: SignInEpoch,
        session: &str,
    ) -> bool {
        match &result {
            Ok(()) => tracing::info!(session, "the session at the portal is over"),
            Err(error) => tracing::warn!(session, %error, "the portal could not be told"),
        }
        let Some(it) = &mut self.under_way else { return false };
        let forget_now = it.forget == ForgetWhen::OncePortalWasTold && result.is_ok() && it.epoch == newest;
        it.outcome = Some(result.map_or_else(PortalOutcome::NotTold, |()| PortalOutcome::Ended));
        forget_now
    }

    /// Stops waiting for a portal that has not answered in time.
    pub(super) fn drive(&mut self, now: BootTime) {
        if let Some(it) = self.under_way.as_mut().filter(|it| it.deadline <= now) {
            it.outcome.get_or_insert_with(|| {
                PortalOutcome::NotTold(CallError::Network("the portal has not answered in time".to_owned()))
            });
        }
    }

    /// Everybody who waited has heard how it went.
    pub(super) fn end(&mut self) {
        self.under_way = None;
    }

    /// Somebody signs out before the store was read.
    pub(super) fn when_loaded(&mut self, forgotten: Forgotten) {
        self.when_loaded = self.when_loaded.max(Some(forgotten));
    }

    /// The store was read: what of its record is to be forgotten, if anything.
    pub(super) fn take_what_to_forget(&mut self) -> Option<Forgotten> {
        self.when_loaded.take()
    }
}
