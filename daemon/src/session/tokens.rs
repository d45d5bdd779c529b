//! The session's token: received, stored, served, refreshed, and given up.
//!
//! A token comes out of a device flow or a refresh, is stored, and only then served, so that a token that somebody was given
//! survives a crash; a store that is slow or broken delays that by [`policy::STORE_PATIENCE`] at most. What an error of the service
//! means for a refresh:
//!
//! | error | what happens |
//! |---|---|
//! | InvalidGrant, ExpiredToken, AccessDenied | the refresh token is spent; the access token lives on to its expiry |
//! | InvalidClient, UnauthorizedClient | the same, and the registration is given up |
//! | UnsupportedGrantType, InvalidScope | the refresh token is given up: the service does not take it |
//! | every other one, with or without a name | all is kept and tried again, backing off |
//! | no answer, an unusable answer, a configuration that allows no call | all is kept and tried again, backing off |
//!
//! Before a refresh token counts as spent, the store is read once more: if another daemon has put a newer one there, that one
//! counts.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::cap::Cap;
use super::context::Context;
use super::found::{Reception, compare};
use super::state::Effect;
use super::{AccessToken, CameBy, Renewal, SignInEpoch, Token, Trouble, Why, policy};
use crate::clock::{BootTime, Now};
use crate::oidc::{CallError, Issued, Registration};

#[derive(Default)]
pub(super) struct Tokens {
    /// The newest token that may be handed out, live or not.
    served: Option<Token>,
    pending: Option<PendingToken>,
    refresh: Refresh,
    rejection: Rejection,
    /// Of `served`. It is behind while the token of a new sign-in is being stored.
    served_epoch: SignInEpoch,
    came_by: CameBy,
    /// How much earlier than necessary `served` is refreshed, from 0 to 1.
    jitter: f64,
    /// When the end of `served` was computed from this machine's wall clock, until the service's clock has confirmed or corrected it.
    read_at: Option<Now>,
    cap: Cap,
}

/// A token that is being stored and not yet served.
struct PendingToken {
    token: Token,
    cap_is_certain: bool,
    /// Until when the store is waited for.
    deadline: BootTime,
}

pub(super) enum Refresh {
    /// `due` only while there is something to refresh with.
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
        verdict: policy::RefreshToken,
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

    /// The pending token, or else the served one: what the record holds.
    pub(super) fn newest(&self) -> Option<&Token> {
        self.pending.as_ref().map(|pending| &pending.token).or(self.served.as_ref())
    }

    /// Until when the store is waited for with a new token.
    pub(super) fn pending_until(&self) -> Option<BootTime> {
        self.pending.as_ref().map(|pending| pending.deadline)
    }

    /// What the record says of the portal's cap.
    pub(super) fn record_caps(&self) -> bool {
        self.cap.portal_caps() || self.pending.as_ref().is_some_and(|pending| pending.cap_is_certain)
    }

    pub(super) const fn cap(&self) -> &Cap {
        &self.cap
    }

    /// How refreshing stands; `None` if there is nothing to refresh with.
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

    /// When the token is refreshed by itself, if it is: what [`drive`](Self::drive) waits for.
    pub(super) fn wake_at(&self, now: BootTime, stopping: bool) -> Option<(BootTime, &'static str)> {
        if let Some(pending) = &self.pending {
            return Some((pending.deadline, "the store is waited for no longer"));
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

    // Receiving.

    /// A person has signed in with a device flow, whose last attempt began at `asked`.
    pub(super) fn signed_in(&mut self, issued: Issued, registration: Registration, asked: BootTime, cx: &mut Context) {
        self.begin_epoch(CameBy::SignIn, cx);
        self.receive(issued, registration, None, asked, cx);
    }

    fn begin_epoch(&mut self, came_by: CameBy, cx: &mut Context) {
        cx.epoch = cx.epoch.next();
        self.came_by = came_by;
        self.refresh = Refresh::default();
    }

    /// Takes a token that was `asked` for then. Its life counts from there: when the service gave it on the way of a slow
    /// answer, or before the machine fell asleep, nobody knows.
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
        let previous = self.live(cx.now.boot).filter(|_| self.read_at.is_none());
        let comparison = self.cap.compare(previous, &token, cx.now.boot, cx.name());
        token.capped = comparison.capped;
        self.store_first(token, comparison.is_certain, cx);
    }

    /// Has a new token stored before it is served.
    fn store_first(&mut self, token: Token, cap_is_certain: bool, cx: &mut Context) {
        let deadline = cx.now.boot + policy::STORE_PATIENCE;
        self.pending = Some(PendingToken { token, cap_is_certain, deadline });
        cx.trouble = None;
        cx.store.record_changed();
    }

    /// Serves the pending token once it is stored, or the store has kept it waiting for too long. Returns the token before it.
    pub(super) fn serve_pending(&mut self, cx: &mut Context) -> Option<Option<Token>> {
        let waits = cx.store.is_unsaved() && !cx.store.is_failing();
        let pending = self.pending.take_if(|pending| !waits || pending.deadline <= cx.now.boot)?;
        let previous = self.served.replace(pending.token);
        self.cap.set_certain(pending.cap_is_certain);
        // A new sign-in has nothing to do with what was rejected before.
        let is_renewed = std::mem::replace(&mut self.served_epoch, cx.epoch) == cx.epoch;
        self.rejection = match self.rejection {
            Rejection::Rejected if is_renewed => Rejection::ReplacedRejected,
            _ => Rejection::None,
        };
        self.read_at = None;
        self.plan_refresh_of_new_token(cx);
        Some(previous)
    }

    /// The store had this token when the daemon started.
    pub(super) fn loaded(&mut self, token: Option<Token>, cx: &mut Context) {
        self.served = token;
        self.read_at = Some(cx.now);
        if let Some(token) = &mut self.served {
            token.limit_life(cx.now.boot);
        }
        self.correct_end(cx);
        self.plan_refresh_of_new_token(cx);
    }

    pub(super) const fn portal_caps_is_recorded(&mut self, portal_caps: bool) {
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
            // What was refused would be refused again.
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
            renewable = token.renewal.is_some(),
            "another daemon has stored a newer token, which counts; let one daemon alone use this store"
        );
        cx.epoch = cx.epoch.next();
        self.served_epoch = cx.epoch;
        self.pending = None;
        self.rejection = Rejection::None;
        self.cap.set_certain(false);
        cx.trouble = None;
        let previous = self.served.take();
        self.loaded(Some(token), cx);
        previous
    }

    // Refreshing.

    fn plan_refresh_of_new_token(&mut self, cx: &mut Context) {
        self.jitter = cx.chance.f64();
        self.plan_refresh(cx);
    }

    fn plan_refresh(&mut self, cx: &Context) {
        let due = self.refresh_due(cx);
        self.refresh = Refresh::Idle { due };
        if let Some(token) = &self.served {
            tracing::info!(
                session = cx.name(),
                remaining = token.remaining(cx.now.boot).as_secs(),
                lifetime = token.lifetime.as_secs(),
                refreshable = token.renewal.is_some(),
                capped = token.capped,
                refresh_before = cx.terms.refresh_before.map(|before| before.as_secs()),
                due_in = due.map(|due| due.since(cx.now.boot).as_secs()),
                "decided when to refresh"
            );
        }
    }

    /// When the token is to be refreshed by itself. One that the portal session caps would not live longer, and is refreshed
    /// once more only to make sure.
    fn refresh_due(&self, cx: &Context) -> Option<BootTime> {
        let token = self.served.as_ref().filter(|token| token.renewal.is_some())?;
        let helps = !token.capped || !self.cap.is_certain();
        helps.then(|| token.expires - policy::refresh_lead(token.lifetime, cx.terms.refresh_before, self.jitter))
    }

    pub(super) fn terms_changed(&mut self, cx: &Context) {
        if matches!(self.refresh, Refresh::Idle { .. }) {
            self.refresh = Refresh::Idle { due: self.refresh_due(cx) };
        }
    }

    /// The service's clock has become known, or has changed. If it shows that the end of the token was computed from a wrong
    /// wall clock, the end is corrected, once. Returns the token as it was before.
    pub(super) fn service_clock_changed(&mut self, cx: &mut Context) -> Option<Token> {
        let previous = self.correct_end(cx)?;
        // An attempt that is under way, or waits for its pause, goes on.
        if matches!(self.refresh, Refresh::Idle { .. }) {
            self.plan_refresh(cx);
        }
        Some(previous)
    }

    fn correct_end(&mut self, cx: &Context) -> Option<Token> {
        cx.service_clock.ahead_seconds?;
        let read_at = self.read_at.take()?;
        let token = self.served.as_mut()?;
        let ahead = cx.service_clock.disagreement() + steps_between(read_at, cx.now);
        let distance = Duration::from_secs(ahead.unsigned_abs());
        let corrected = |time: BootTime| if ahead > 0 { time - distance } else { time + distance };
        let previous = token.clone();
        token.expires = corrected(token.expires);
        token.received = corrected(token.received);
        token.limit_life(read_at.boot);
        (*token != previous).then_some(previous)
    }

    /// Begins a refresh that is due. A token that has expired is refreshed when it is due, once; after a failure only when
    /// somebody asks or connectivity changes.
    pub(super) fn drive(&mut self, cx: &mut Context) {
        let now = cx.now.boot;
        let why = match &self.refresh {
            _ if cx.stopping => return,
            Refresh::Idle { due: Some(due) } if *due <= now => Why::Due,
            Refresh::BackingOff { until, .. } if *until <= now && self.live(now).is_some() => Why::PauseOver,
            _ => return,
        };
        self.begin_refresh(why, cx);
    }

    /// What failed may work now, so a pause is over.
    pub(super) fn connectivity_changed(&mut self, cx: &mut Context) {
        if let Refresh::BackingOff { until, .. } = &mut self.refresh {
            *until = cx.now.boot;
            self.begin_refresh(Why::ConnectivityChanged, cx);
        }
    }

    /// Begins a refresh, unless there is nothing to refresh with, a new token is being stored, or one is under way.
    pub(super) fn begin_refresh(&mut self, why: Why, cx: &mut Context) {
        let Some(token) = &self.served else { return };
        let Some(renewal) = token.renewal.clone().filter(|_| self.pending.is_none()) else { return };
        let failures = match self.refresh {
            Refresh::UnderWay { .. } | Refresh::Refused { .. } => return,
            Refresh::Idle { .. } => 0,
            Refresh::BackingOff { failures, .. } => failures,
        };
        let remaining = token.remaining(cx.now.boot).as_secs();
        tracing::info!(session = cx.name(), why = why.as_str(), remaining, failures, "decided to refresh");
        self.refresh = Refresh::UnderWay { failures, began: cx.now.boot };
        cx.effects.push(Effect::Refresh(cx.epoch, renewal));
    }

    /// CreateToken has answered to a refresh token that was sent in `epoch`.
    pub(super) fn refreshed(&mut self, epoch: SignInEpoch, result: Result<Issued, CallError>, cx: &mut Context) {
        if epoch != cx.epoch {
            return;
        }
        let Refresh::UnderWay { failures, began } = self.refresh else { return };
        let Some(token) = &self.served else { return };
        let Some(renewal) = token.renewal.clone() else { return };
        let session = cx.name();
        match result {
            Ok(mut issued) => {
                let expires_in = issued.expires_in.as_secs();
                tracing::info!(session, expires_in, rotated = issued.refresh_token.is_some(), "refreshed");
                // An answer without a new refresh token leaves the old one in force.
                issued.refresh_token.get_or_insert(renewal.refresh_token);
                self.refresh = Refresh::default();
                let found_in = token.found_in.clone();
                self.receive(issued, renewal.registration, found_in, began, cx);
            }
            Err(error) => {
                tracing::warn!(session, %error, "refreshing failed");
                let failures = failures + 1;
                let verdict = policy::verdict_on_refresh_token(&error);
                let again_in = (verdict == policy::RefreshToken::Kept)
                    .then(|| policy::backoff(failures, error.retry_after(), cx.chance.f64()));
                tracing::info!(
                    session = cx.name(),
                    error = error.code(),
                    refresh_token = ?verdict,
                    failures,
                    remaining = token.remaining(cx.now.boot).as_secs(),
                    again_in = again_in.map(|pause| pause.as_secs()),
                    "decided what is left of the refresh token"
                );
                let now = cx.now.boot;
                cx.trouble = Some(Trouble::of_call(&error, now));
                self.refresh = match again_in {
                    Some(pause) => Refresh::BackingOff { failures, until: now + pause, failed_at: now, error },
                    None => {
                        cx.store.read_again();
                        Refresh::Refused { verdict, until: now + policy::REFUSAL_PATIENCE }
                    }
                };
            }
        }
    }

    /// Believes a refusal of the refresh token, and gives the token up for renewal: once the store was read again, or has kept that
    /// waiting for too long. Returns the registration if that is to be given up, too.
    pub(super) fn believe_refusal(&mut self, store_was_read: bool, cx: &mut Context) -> Option<Registration> {
        let Refresh::Refused { verdict, until } = self.refresh else { return None };
        if !store_was_read && cx.now.boot < until {
            return None;
        }
        let renewal = self.served.as_mut().and_then(|token| token.renewal.take());
        self.refresh = Refresh::default();
        cx.store.record_changed();
        renewal
            .map(|renewal| renewal.registration)
            .filter(|_| verdict == policy::RefreshToken::SpentWithItsRegistration)
    }

    /// Whether the store is being read because the service has refused the refresh token.
    pub(super) const fn is_refused(&self) -> bool {
        matches!(self.refresh, Refresh::Refused { .. })
    }

    // The end.

    /// The portal does not accept a token: the session there was ended, or the token revoked. The token counts as expired. Its refresh
    /// token gets one chance, so that one that is worth nothing either is not used for ever.
    pub(super) fn rejected(&mut self, access: &Arc<AccessToken>, cx: &mut Context) {
        let now = cx.now.boot;
        let is_meant = |token: &&mut Token| Arc::ptr_eq(&token.access, access) && token.is_live(now);
        let Some(token) = self.served.as_mut().filter(is_meant) else { return };
        let remaining = token.remaining(now).as_secs();
        token.expires = now;
        self.read_at = None;
        if self.rejection == Rejection::ReplacedRejected {
            token.renewal = None;
            self.refresh = Refresh::default();
        }
        let refreshable = token.renewal.is_some();
        // A token that is being stored already was not obtained because of this rejection.
        let is_first = refreshable && self.pending.is_none();
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

    /// Ends the wait for the store, because somebody signs out. Returns the newest token.
    pub(super) fn stop_storing(&mut self) -> Option<&Token> {
        if let Some(pending) = self.pending.take() {
            self.served = Some(pending.token);
        }
        self.served.as_ref()
    }

    /// Forgets the token, and everything that belongs to its sign-in.
    pub(super) fn forget(&mut self, cx: &mut Context) {
        cx.epoch = cx.epoch.next();
        self.served_epoch = cx.epoch;
        self.served = None;
        self.pending = None;
        self.refresh = Refresh::default();
        self.rejection = Rejection::None;
        self.cap.set_certain(false);
        cx.trouble = None;
        cx.store.write_without_pause();
    }

    /// Forgets also what the record says of the portal.
    pub(super) const fn forget_portal(&mut self) {
        self.cap.forget();
    }
}

/// By how many seconds the wall clock was set forward between two moments.
fn steps_between(earlier: Now, later: Now) -> i64 {
    let expected = earlier.wall_at(later.boot);
    let seconds = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    match later.wall.duration_since(expected) {
        Ok(forward) => seconds(forward),
        Err(back) => -seconds(back.duration()),
    }
}
