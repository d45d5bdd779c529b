//! The session's token: received, stored, served, refreshed, and given up.
//!
//! A token comes out of a device flow or a refresh, is stored, and only then served, so that a token that somebody was given
//! survives a crash; a store that is slow or broken delays that by [`policy::STORE_PATIENCE`] at most.

mod refreshing;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::cap::Cap;
use super::context::Context;
use super::found::{Reception, compare};
use super::{AccessToken, CameBy, Renewal, SignInEpoch, Token, Why, policy};
use crate::clock::{BootTime, Now};
use crate::oidc::{CallError, Issued, Registration};

#[derive(Default)]
pub(super) struct Tokens {
    /// The newest token that may be handed out, live or not.
    served: Option<Token>,
    unstored: Option<UnstoredToken>,
    refresh: Refresh,
    rejection: Rejection,
    /// Of `served`. It is behind while the token of a new sign-in is being stored.
    served_epoch: SignInEpoch,
    came_by: CameBy,
    /// How much earlier than necessary `served` is refreshed, from 0 to 1.
    jitter: f64,
    /// Set while `served` has times that were computed from this machine's wall clock, and that the service's clock has not confirmed or
    /// corrected yet.
    unconfirmed: Option<Unconfirmed>,
    cap: Cap,
}

/// The times of a token as the wall clock gave them.
struct Unconfirmed {
    /// When they were computed.
    at: Now,
    received: BootTime,
    expires: BootTime,
}

/// A token that is being stored and not yet served.
struct UnstoredToken {
    token: Token,
    cap_is_certain: bool,
    /// Until when the store is waited for.
    deadline: BootTime,
}

pub(super) enum Refresh {
    /// `due` is `None` if the token cannot be refreshed, or if a refresh would not help.
    Idle {
        due: Option<BootTime>,
    },
    UnderWay {
        failures: u32,
        began: BootTime,
    },
    BackingOff {
        failures: u32,
        until: BootTime,
        failed_at: BootTime,
        error: CallError,
    },
    /// The service has refused the refresh token. The store is read first, as another daemon may have spent it and stored its
    /// successor; by `until` the refusal is believed.
    Refused {
        fate: policy::RefreshTokenFate,
        until: BootTime,
    },
}

impl Default for Refresh {
    fn default() -> Self {
        Self::Idle { due: None }
    }
}

/// Whether the portal has rejected the token.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Rejection {
    #[default]
    None,
    /// It was rejected and is being replaced with its refresh token.
    Rejected,
    /// It replaces one that was rejected. If it is rejected as well, the sign-in is over.
    ReplacedRejected,
}

impl Tokens {
    pub(super) const fn served(&self) -> Option<&Token> {
        self.served.as_ref()
    }

    pub(super) fn live(&self, now: BootTime) -> Option<&Token> {
        self.served.as_ref().filter(|token| token.is_live(now))
    }

    /// The unstored token, or else the served one: what the record holds.
    pub(super) fn newest(&self) -> Option<&Token> {
        self.unstored.as_ref().map(|unstored| &unstored.token).or(self.served.as_ref())
    }

    /// Until when the store is waited for with a new token.
    pub(super) fn unstored_until(&self) -> Option<BootTime> {
        self.unstored.as_ref().map(|unstored| unstored.deadline)
    }

    /// Whether the record says that the portal caps.
    pub(super) fn record_caps(&self) -> bool {
        self.cap.portal_caps() || self.unstored.as_ref().is_some_and(|unstored| unstored.cap_is_certain)
    }

    pub(super) const fn cap(&self) -> &Cap {
        &self.cap
    }

    /// The state of refreshing; `None` if there is nothing to refresh with.
    pub(super) fn refresh(&self) -> Option<&Refresh> {
        self.served.as_ref().and_then(|token| token.renewal.as_ref()).map(|_| &self.refresh)
    }

    pub(super) const fn is_refreshing(&self) -> bool {
        matches!(self.refresh, Refresh::UnderWay { .. })
    }

    pub(super) const fn served_epoch(&self) -> SignInEpoch {
        self.served_epoch
    }

    pub(super) const fn came_by(&self) -> CameBy {
        self.came_by
    }

    /// When the unstored token, or a refresh, needs the next step.
    pub(super) fn wake_at(&self, now: BootTime, stopping: bool) -> Option<(BootTime, &'static str)> {
        if let Some(unstored) = &self.unstored {
            return Some((unstored.deadline, "the store is waited for no longer"));
        }
        match &self.refresh {
            _ if stopping => None,
            Refresh::Idle { due } => due.map(|due| (due, "the refresh is due")),
            Refresh::BackingOff { until, .. } => {
                self.live(now).map(|_| (*until, "the pause after a failed refresh is over"))
            }
            Refresh::Refused { until, .. } => Some((*until, "the refusal of the refresh token is believed")),
            Refresh::UnderWay { .. } => None,
        }
    }

    /// A person has signed in with a device flow. The call that gave the token began at `asked`.
    pub(super) fn signed_in(&mut self, issued: Issued, registration: Registration, asked: BootTime, cx: &mut Context) {
        self.begin_epoch(CameBy::SignIn, cx);
        self.receive(issued, registration, None, asked, cx);
    }

    fn begin_epoch(&mut self, came_by: CameBy, cx: &mut Context) {
        cx.epoch = cx.epoch.next();
        self.came_by = came_by;
        self.refresh = Refresh::default();
    }

    /// Takes a token in. Its life counts from the moment `asked` at which the call began, and not from the answer: a slow answer, or one
    /// before which the machine was asleep, does not say when the service issued the token.
    fn receive(
        &mut self,
        issued: Issued,
        registration: Registration,
        found_in: Option<Arc<Path>>,
        asked: BootTime,
        cx: &mut Context,
    ) {
        let mut token = Token {
            access: Arc::new(AccessToken {
                value: issued.access_token,
                token_type: issued.token_type,
                issuer: registration.issuer.clone(),
            }),
            received: cx.now.boot,
            expires: asked + issued.expires_in,
            lifetime: issued.expires_in,
            renewal: issued.refresh_token.map(|refresh_token| Renewal { refresh_token, registration }),
            capped: false,
            found_in,
        };
        // An end computed from a clock that nothing has confirmed says nothing about the portal session.
        let previous = self.live(cx.now.boot).filter(|_| self.unconfirmed.is_none());
        let comparison = self.cap.compare(previous, &token, cx.now.boot, cx.name());
        token.capped = comparison.capped;
        self.store_first(token, comparison.is_certain, cx);
    }

    /// Has a new token stored before it is served.
    fn store_first(&mut self, token: Token, cap_is_certain: bool, cx: &mut Context) {
        let deadline = cx.now.boot + policy::STORE_PATIENCE;
        self.unstored = Some(UnstoredToken { token, cap_is_certain, deadline });
        cx.trouble = None;
        cx.store.record_changed();
    }

    /// Serves the unstored token once it is stored, or the store has kept it waiting for too long. Returns the token before it.
    pub(super) fn serve_stored(&mut self, cx: &mut Context) -> Option<Option<Token>> {
        let waits = cx.store.is_unsaved() && !cx.store.is_failing();
        let unstored = self.unstored.take_if(|unstored| !waits || unstored.deadline <= cx.now.boot)?;
        let previous = self.served.replace(unstored.token);
        self.cap.set_certain(unstored.cap_is_certain);
        // A new sign-in has nothing to do with what was rejected before.
        let is_renewed = std::mem::replace(&mut self.served_epoch, cx.epoch) == cx.epoch;
        self.rejection = match self.rejection {
            Rejection::Rejected if is_renewed => Rejection::ReplacedRejected,
            _ => Rejection::None,
        };
        self.unconfirmed = None;
        self.plan_refresh_of_new_token(cx);
        Some(previous)
    }

    /// Serves a token that was read from the store.
    pub(super) fn serve_from_record(&mut self, token: Option<Token>, cx: &mut Context) {
        self.served = token;
        self.unconfirmed = self.served.as_mut().map(|token| {
            let (at, received, expires) = (cx.now, token.received, token.expires);
            token.limit_life(cx.now.boot);
            Unconfirmed { at, received, expires }
        });
        self.correct_end(cx);
        self.plan_refresh_of_new_token(cx);
    }

    pub(super) const fn note_recorded_cap(&mut self, portal_caps: bool) {
        self.cap.recorded(portal_caps);
    }

    /// Compares a sign-in of another program with ours.
    pub(super) fn compare(&self, found: &Token, now: BootTime) -> Reception {
        compare(self.newest(), found, now)
    }

    /// Takes over a sign-in of another program.
    pub(super) fn adopt(&mut self, token: Token, cx: &mut Context) {
        self.begin_epoch(CameBy::TokenFile, cx);
        self.store_first(token, false, cx);
    }

    /// Whether a token in the store came after ours. While something of ours is yet to be written, the store is behind.
    pub(super) fn is_newer(&self, stored: &Token, cx: &Context) -> bool {
        // Records count whole seconds.
        const SECOND: Duration = Duration::from_secs(1);
        if cx.store.is_unsaved() {
            return false;
        }
        let Some(ours) = self.newest() else { return stored.is_live(cx.now.boot) || stored.renewal.is_some() };
        let refresh_token = |token: &Token| token.renewal.as_ref().map(|renewal| renewal.refresh_token.clone());
        let is_another = match self.refresh {
            // A refresh token that was refused would be refused again.
            Refresh::Refused { .. } => stored.renewal.is_some() && refresh_token(stored) != refresh_token(ours),
            _ => stored.access != ours.access,
        };
        is_another && ours.received < stored.received + SECOND
    }

    /// Takes a newer token that another daemon has put into the store. Returns the token before it.
    pub(super) fn take_from_store(&mut self, token: Token, cx: &mut Context) -> Option<Token> {
        tracing::warn!(
            session = cx.name(),
            remaining = token.remaining(cx.now.boot).as_secs(),
            refreshable = token.renewal.is_some(),
            "another daemon has stored a newer token, which counts; let one daemon alone use this store"
        );
        let previous = self.clear(cx);
        self.serve_from_record(Some(token), cx);
        previous
    }

    /// The portal does not accept a token: the session there was ended, or the token revoked. The token counts as expired. Its refresh
    /// token gets one chance, so that one that is worth nothing either is not used for ever.
    pub(super) fn rejected(&mut self, access: &Arc<AccessToken>, cx: &mut Context) {
        let now = cx.now.boot;
        let is_meant = |token: &&mut Token| Arc::ptr_eq(&token.access, access) && token.is_live(now);
        let Some(token) = self.served.as_mut().filter(is_meant) else { return };
        let remaining = token.remaining(now).as_secs();
        token.expires = now;
        self.unconfirmed = None;
        if self.rejection == Rejection::ReplacedRejected {
            token.renewal = None;
            self.refresh = Refresh::default();
        }
        let refreshable = token.renewal.is_some();
        // A token that is being stored already was not obtained because of this rejection.
        let is_first = refreshable && self.unstored.is_none();
        self.rejection = if is_first { Rejection::Rejected } else { Rejection::None };
        cx.store.record_changed();
        let session = cx.name();
        tracing::warn!(
            session,
            remaining,
            refreshable,
            "the portal does not accept the token, which counts as expired"
        );
        self.begin_refresh(Why::Rejected, cx);
    }

    /// Whether this is the newest token.
    pub(super) fn is_newest(&self, access: &AccessToken) -> bool {
        self.newest().is_some_and(|token| *token.access == *access)
    }

    /// Forgets the token, and everything that belongs to its sign-in.
    pub(super) fn forget(&mut self, cx: &mut Context) {
        self.clear(cx);
        cx.store.write_without_pause();
    }

    /// Ends the sign-in here, so that what was begun for it has no effect any more. Returns the token that was served.
    fn clear(&mut self, cx: &mut Context) -> Option<Token> {
        cx.epoch = cx.epoch.next();
        cx.trouble = None;
        self.served_epoch = cx.epoch;
        self.unstored = None;
        self.refresh = Refresh::default();
        self.rejection = Rejection::None;
        self.cap.set_certain(false);
        self.served.take()
    }

    /// Forgets also what the record says of the portal.
    pub(super) const fn forget_portal(&mut self) {
        self.cap.forget();
    }
}
