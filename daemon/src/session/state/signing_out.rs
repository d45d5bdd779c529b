//! Signing out: what is forgotten when, and what the portal is told.

use std::sync::Arc;

use super::State;
use crate::session::AccessToken;
use crate::session::callers::{Ask, Forgotten, PortalOutcome};
use crate::session::event::Effect;
use crate::session::sign_out::ForgetWhen;

impl State {
    /// Tells the portal, and forgets the token at once or when the portal was told.
    pub(super) fn begin_sign_out(&mut self, forget: ForgetWhen) {
        self.sign_in.cancel(&mut self.cx);
        // Even an expired token can end the portal session, which may outlive it.
        let outcome = match self.tokens.newest() {
            Some(token) => {
                self.cx.effects.push(Effect::EndPortalSession(Arc::clone(&token.access)));
                None
            }
            None => Some(PortalOutcome::NothingToEnd),
        };
        self.sign_out.begin(forget, outcome, self.cx.epoch, self.cx.now.boot);
        if forget == ForgetWhen::AtOnce {
            self.forget();
        }
    }

    /// Begins a sign-out while the record is not read yet. A sign-in since the start is ended now. The sign-in of the record, if there is
    /// one, is ended when the store has answered.
    pub(super) fn sign_out_before_the_store_answers(&mut self, forgotten: Forgotten) {
        self.sign_out.when_loaded(forgotten);
        if self.tokens.newest().is_some() {
            self.begin_sign_out(ForgetWhen::AtOnce);
        } else {
            self.sign_in.cancel(&mut self.cx);
        }
    }

    /// A sign-out is over once everybody who waited for it has heard how it went.
    pub(super) fn end_sign_out(&mut self) {
        if self.sign_out.portal_is_done() && !self.callers.any(Ask::waits_for_sign_out) {
            self.sign_out.end();
            // Those who waited for its end can go on.
            self.look_at_all();
        }
    }

    /// The portal does not know this token any more: somebody has signed out elsewhere.
    pub(super) fn ended_elsewhere(&mut self, access: &AccessToken) {
        if self.tokens.is_newest(access) {
            tracing::info!(session = self.cx.name(), "signed out elsewhere");
            self.sign_in.cancel(&mut self.cx);
            self.forget();
        }
    }

    pub(super) fn forget(&mut self) {
        self.tokens.forget(&mut self.cx);
        self.attention.token_went();
    }

    pub(super) fn forget_registration(&mut self) {
        self.sign_in.forget_registration();
        self.tokens.forget_portal();
        self.cx.store.write_without_pause();
    }
}
