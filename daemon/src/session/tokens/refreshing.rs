//! Refreshing: when it is due, what its end means, and the correction of an end that was computed from a wrong wall clock.
//!
//! | error of the service | what happens |
//! |---|---|
//! | InvalidGrant, ExpiredToken, AccessDenied | the refresh token is spent; the access token lives on to its expiry |
//! | InvalidClient, UnauthorizedClient | the same, and the registration is given up |
//! | UnsupportedGrantType, InvalidScope | the refresh token is given up: the service does not take it |
//! | InvalidRequestRegion | all is kept and tried again, backing off; the error names the region |
//! | every other one, with or without a name | all is kept and tried again, backing off |
//! | no answer, an unusable answer, a configuration that allows no call | all is kept and tried again, backing off |
//!
//! Before a refresh token counts as spent, the store is read once more: if another daemon has put a newer one there, that one
//! counts.

use std::time::Duration;

use super::{Refresh, Tokens};
use crate::clock::{BootTime, Now};
use crate::oidc::{CallError, Issued, Registration};
use crate::session::context::Context;
use crate::session::event::Effect;
use crate::session::{SignInEpoch, Token, Trouble, Why, policy};

impl Tokens {
    pub(super) fn plan_refresh_of_new_token(&mut self, cx: &mut Context) {
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

    pub(in crate::session) fn terms_changed(&mut self, cx: &Context) {
        if matches!(self.refresh, Refresh::Idle { .. }) {
            self.refresh = Refresh::Idle { due: self.refresh_due(cx) };
        }
    }

    /// The service's clock has become known, or has changed. If it shows that the end of the token was computed from a wrong
    /// wall clock, the end is corrected, once. Returns the token as it was before.
    pub(in crate::session) fn service_clock_changed(&mut self, cx: &mut Context) -> Option<Token> {
        let previous = self.correct_end(cx)?;
        // An attempt that is under way, or waits for its pause, goes on.
        if matches!(self.refresh, Refresh::Idle { .. }) {
            self.plan_refresh(cx);
        }
        Some(previous)
    }

    pub(super) fn correct_end(&mut self, cx: &Context) -> Option<Token> {
        cx.service_clock.ahead_seconds?;
        let unconfirmed = self.unconfirmed.take()?;
        let token = self.served.as_mut()?;
        let ahead = cx.service_clock.disagreement() + steps_between(unconfirmed.at, cx.now);
        let distance = Duration::from_secs(ahead.unsigned_abs());
        let corrected = |time: BootTime| if ahead > 0 { time - distance } else { time + distance };
        let previous = token.clone();
        token.expires = corrected(unconfirmed.expires);
        token.received = corrected(unconfirmed.received);
        token.limit_life(unconfirmed.at.boot);
        (*token != previous).then_some(previous)
    }

    /// Begins a refresh that is due. A token that has expired is refreshed when it is due, once; after a failure only when
    /// somebody asks or connectivity changes.
    pub(in crate::session) fn drive(&mut self, cx: &mut Context) {
        let now = cx.now.boot;
        let why = match &self.refresh {
            _ if cx.stopping => return,
            Refresh::Idle { due: Some(due) } if *due <= now => Why::Due,
            Refresh::BackingOff { until, .. } if *until <= now && self.live(now).is_some() => Why::PauseOver,
            _ => return,
        };
        self.begin_refresh(why, cx);
    }

    /// A refresh that failed may work now, so its pause is over.
    pub(in crate::session) fn connectivity_changed(&mut self, cx: &mut Context) {
        if let Refresh::BackingOff { until, .. } = &mut self.refresh {
            *until = cx.now.boot;
            self.begin_refresh(Why::ConnectivityChanged, cx);
        }
    }

    /// Begins a refresh, unless there is nothing to refresh with, a new token is being stored, or one is under way.
    pub(in crate::session) fn begin_refresh(&mut self, why: Why, cx: &mut Context) {
        let Some(token) = self.served.as_ref().filter(|_| !cx.stopping) else { return };
        let Some(renewal) = token.renewal.clone().filter(|_| self.unstored.is_none()) else { return };
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
    pub(in crate::session) fn refreshed(
        &mut self,
        epoch: SignInEpoch,
        result: Result<Issued, CallError>,
        cx: &mut Context,
    ) {
        if epoch != cx.epoch {
            tracing::info!(
                session = cx.name(),
                succeeded = result.is_ok(),
                "the answer to a refresh of an earlier sign-in was dropped"
            );
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
                let fate = policy::fate_of_refresh_token(&error);
                let again_in = (fate == policy::RefreshTokenFate::Kept)
                    .then(|| policy::backoff(failures, error.retry_after(), cx.chance.f64()));
                tracing::info!(
                    session = cx.name(),
                    error = error.code(),
                    refresh_token = ?fate,
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
                        Refresh::Refused { fate, until: now + policy::REFUSAL_PATIENCE }
                    }
                };
            }
        }
    }

    /// Whether the service has refused the refresh token, and the store takes too long to be read again.
    pub(in crate::session) fn refusal_is_overdue(&self, now: BootTime) -> bool {
        matches!(self.refresh, Refresh::Refused { until, .. } if until <= now)
    }

    /// Gives the refresh token up if the service has refused it. Returns the registration if that is to be given up, too.
    pub(in crate::session) fn believe_refusal(&mut self, cx: &mut Context) -> Option<Registration> {
        let Refresh::Refused { fate, .. } = self.refresh else { return None };
        let renewal = self.served.as_mut().and_then(|token| token.renewal.take());
        self.refresh = Refresh::default();
        cx.store.record_changed();
        renewal
            .map(|renewal| renewal.registration)
            .filter(|_| fate == policy::RefreshTokenFate::SpentWithItsRegistration)
    }

    /// Whether the store is being read because the service has refused the refresh token.
    pub(in crate::session) const fn is_refused(&self) -> bool {
        matches!(self.refresh, Refresh::Refused { .. })
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
