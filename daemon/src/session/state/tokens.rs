//! Tokens: receiving them, serving them, and getting the next one with a refresh token.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::{
    AccessToken, Arrival, BootTime, CallError, Decision, Effect, Flow, FlowEnd, Issued, Now, Registration, Renewal,
    ServiceClock, State, Terms, Token, Trouble, policy,
};
use crate::session::decision::Why;

/// A token that is being stored and not yet handed out.
pub(super) struct Incoming {
    pub(super) token: Token,
    pub(super) arrival: Arrival,
    pub(super) cap_is_certain: bool,
    /// Until when the store is waited for.
    pub(super) deadline: BootTime,
}

/// What decides when a token is refreshed, besides its life.
pub(super) struct Place {
    pub(super) arrival: Arrival,
    /// 0 to 1.
    pub(super) chance: f64,
}

/// What a wall clock that may be wrong made of a token's life.
pub(super) struct ReadOff {
    /// When, and what the wall clock showed.
    pub(super) at: Now,
    pub(super) received: BootTime,
    pub(super) expires: BootTime,
}

pub(super) enum Refresh {
    /// `due` only while there is something to refresh with.
    Idle {
        due: Option<BootTime>,
    },
    UnderWay {
        failures: u32,
        began: BootTime,
        arrival: Arrival,
    },
    BackingOff {
        failures: u32,
        until: BootTime,
        failed_at: BootTime,
        error: CallError,
    },
    /// The service has turned the refresh token down. The store is looked at first, as another daemon may have spent it and
    /// stored its successor; by `until` the refusal is believed.
    Doubted {
        verdict: policy::RefreshToken,
        until: BootTime,
    },
}

/// What the portal thinks of the token, as far as it said.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Trust {
    /// Nobody has complained.
    #[default]
    Full,
    /// It was rejected and is being replaced with its refresh token.
    Rejected,
    /// It replaces one that was rejected. If it is rejected as well, the sign-in is over.
    Probation,
}

impl State {
    /// Takes over a token that was `asked` for then, and whose sign-in was `found_in` a file, or nowhere. Its life is reckoned from there: when the service gave it on the way of
    /// a slow answer, or before the machine fell asleep, nobody knows.
    pub(super) fn receive(
        &mut self,
        issued: Issued,
        registration: Registration,
        found_in: Option<Arc<Path>>,
        asked: BootTime,
        arrival: Arrival,
        now: Now,
    ) {
        // A life read off a wall clock that nobody has put right says nothing about the portal session.
        let is_doubtful = self.read_off.is_some() && self.service_clock.ahead_seconds.is_none();
        let previous = self.token.as_ref().filter(|token| token.is_live(now.boot) && !is_doubtful);
        let expires = asked + issued.expires_in;
        let (elapsed, moved) =
            previous.map(|previous| (now.boot.since(previous.received), expires.since(previous.expires))).unzip();
        // A portal session ends when it ends. A token that ends earlier than the one before is cut by something else.
        let capped = previous.is_some_and(|previous| {
            previous.expires.since(expires) <= policy::SAME_END
                && policy::is_capped(
                    previous.lifetime,
                    elapsed.unwrap_or_default(),
                    moved.unwrap_or_default(),
                    previous.capped,
                )
        });
        let was_capped = previous.is_some_and(|previous| previous.capped);
        // Tokens that came right after each other show nothing, and only carry on what was known before.
        let came_at_once = self.read_off.is_none() && elapsed.is_some_and(|elapsed| elapsed < policy::SAME_MOMENT);
        self.decide(Decision::Compare { lifetime: issued.expires_in, elapsed, moved, capped });
        let token = Token {
            access: Arc::new(AccessToken {
                value: issued.access_token,
                token_type: issued.token_type,
                issuer: registration.issuer.clone(),
            }),
            received: now.boot,
            expires,
            lifetime: issued.expires_in,
            renewal: issued.refresh_token.map(|refresh_token| Renewal { refresh_token, registration }),
            capped,
            found_in,
        };
        // A service that gives shorter lives from now on looks like a cap, once. A person is not asked for a second look.
        let is_second_look = was_capped && (self.cap_is_certain || !came_at_once);
        let cap_is_certain = capped && (is_second_look || token.renewal.is_none());
        self.incoming = Some(Incoming { token, arrival, cap_is_certain, deadline: now.boot + policy::STORE_PATIENCE });
        self.trouble = None;
        self.saver.touch();
    }

    /// Hands a new token out once it is stored, or the store cannot be waited for any longer.
    pub(super) fn serve_incoming(&mut self, now: Now) {
        let waits = self.saver.is_unsaved() && !self.saver.is_failing();
        let Some(incoming) = self.incoming.take_if(|incoming| !waits || incoming.deadline <= now.boot) else { return };
        self.attention.token_came(self.token.as_ref(), &incoming.token);
        self.cap_is_certain = incoming.cap_is_certain;
        self.portal_caps |= incoming.cap_is_certain;
        self.token = Some(incoming.token);
        // What a person has signed in for anew has nothing to do with what was rejected before.
        let is_renewed = std::mem::replace(&mut self.token_lineage, self.lineage) == self.lineage;
        self.trust = if self.trust == Trust::Rejected && is_renewed { Trust::Probation } else { Trust::Full };
        self.read_off = None;
        self.take_place(incoming.arrival);
        self.plan_refresh(now);
        if self.flow.as_ref().is_some_and(Flow::is_granted) {
            self.end_flow(FlowEnd::Granted, now);
        }
    }

    /// The service's clock has become known, or has changed.
    pub(super) fn service_clock_changed(&mut self, clock: ServiceClock, now: Now) {
        self.service_clock = clock;
        let Some(believed) = self.reckon_end(now) else { return };
        if let Some(token) = &self.token {
            self.attention.end_corrected(believed, token, self.terms, now.boot);
        }
        // An attempt that is under way, or waits for its pause, stays what it is.
        if matches!(self.refresh, Refresh::Idle { .. }) {
            self.plan_refresh(now);
        }
    }

    /// Reckons the end of a token from an earlier run, by the service's clock once that is known. What counts is the wall
    /// clock that it was read off: a step since then has changed how far the service is ahead, and not when the token ends.
    /// Returns what was believed of it, if that was news.
    pub(super) fn reckon_end(&mut self, now: Now) -> Option<BootTime> {
        let is_known = self.service_clock.ahead_seconds.is_some();
        let (token, read_off) = self.token.as_mut().zip(self.read_off.as_mut())?;
        let ahead = if is_known { self.service_clock.disagreement() + steps_between(read_off.at, now) } else { 0 };
        let distance = Duration::from_secs(ahead.unsigned_abs());
        let shifted = |time: BootTime| if ahead > 0 { time - distance } else { time + distance };
        // Whatever the clocks say, it was received before then, and does not live longer than it was meant to live in all.
        let expires = shifted(read_off.expires).min(read_off.at.boot + token.lifetime);
        token.received = shifted(read_off.received).min(read_off.at.boot);
        let believed = std::mem::replace(&mut token.expires, expires);
        (believed != expires).then_some(believed)
    }

    /// There is another token, which came like this.
    pub(super) fn take_place(&mut self, arrival: Arrival) {
        self.place = Place { arrival, chance: self.chance.f64() };
    }

    pub(super) fn plan_refresh(&mut self, now: Now) {
        let due = self.refresh_due();
        self.refresh = Refresh::Idle { due };
        if let Some(token) = &self.token {
            self.decisions.push(Decision::Plan {
                remaining: token.remaining(now.boot),
                lifetime: token.lifetime,
                refreshable: token.renewal.is_some(),
                capped: token.capped,
                arrival: self.place.arrival,
                chosen: self.terms.refresh_before,
                due_in: due.map(|due| due.since(now.boot)),
            });
        }
    }

    pub(super) fn terms_changed(&mut self, terms: Terms) {
        self.terms = terms;
        if matches!(self.refresh, Refresh::Idle { .. }) {
            self.refresh = Refresh::Idle { due: self.refresh_due() };
        }
    }

    /// When the token is to be refreshed by itself. One that the portal session caps would not live longer, and is refreshed
    /// once more only to make sure: also after a restart, when its end was read off a wall clock that may be wrong.
    fn refresh_due(&self) -> Option<BootTime> {
        let Place { arrival, chance } = self.place;
        let token = self.token.as_ref().filter(|token| token.renewal.is_some())?;
        let helps = !token.capped || !self.cap_is_certain;
        helps.then(|| token.expires - arrival.refresh_lead(token.lifetime, self.terms.refresh_before, chance))
    }

    /// A token that has expired is refreshed when it is due, once; after a failure only when somebody asks or something
    /// stirs.
    pub(super) fn refresh_if_due(&mut self, now: Now) {
        if matches!(self.refresh, Refresh::Doubted { until, .. } if until <= now.boot) {
            self.believe_refusal();
        }
        let why = match &self.refresh {
            _ if self.stopping => return,
            Refresh::Idle { due: Some(due) } if *due <= now.boot => Why::Due,
            Refresh::BackingOff { until, .. } if *until <= now.boot && self.has_live_token(now.boot) => Why::PauseOver,
            _ => return,
        };
        self.begin_refresh(why, now);
    }

    /// What failed may work now, and is not paused for any longer.
    pub(super) fn stirred(&mut self, now: Now) {
        if let Refresh::BackingOff { until, .. } = &mut self.refresh {
            *until = now.boot;
            self.begin_refresh(Why::Stirred, now);
        }
    }

    pub(super) fn begin_refresh(&mut self, why: Why, now: Now) {
        let renewal = self.token.as_ref().and_then(|token| token.renewal.clone());
        let Some(renewal) = renewal.filter(|_| self.incoming.is_none()) else { return };
        let (failures, arrival) = match self.refresh {
            Refresh::UnderWay { .. } | Refresh::Doubted { .. } => return,
            Refresh::Idle { due: Some(due) } if why == Why::Due => (0, Arrival::after(now.boot.since(due))),
            Refresh::Idle { .. } => (0, Arrival::Unplanned),
            Refresh::BackingOff { failures, .. } => (failures, Arrival::Unplanned),
        };
        self.refresh = Refresh::UnderWay { failures, began: now.boot, arrival };
        let remaining = self.token.as_ref().map(|token| token.remaining(now.boot)).unwrap_or_default();
        self.decide(Decision::Refresh { why, remaining, failures });
        self.effects.push(Effect::Refresh(self.lineage, renewal));
    }

    pub(super) fn refreshed(&mut self, result: Result<Issued, CallError>, now: Now) {
        let Refresh::UnderWay { failures, began, arrival } = self.refresh else { return };
        let Some(token) = &self.token else { return };
        let Some(renewal) = token.renewal.clone() else { return };
        match result {
            Ok(mut issued) => {
                // An answer without a new refresh token leaves the old one in force.
                issued.refresh_token.get_or_insert(renewal.refresh_token);
                self.refresh = Refresh::Idle { due: None };
                let found_in = token.found_in.clone();
                self.receive(issued, renewal.registration, found_in, began, arrival, now);
            }
            Err(error) => {
                let remaining = token.remaining(now.boot);
                let verdict = policy::verdict_on_refresh_token(&error);
                self.trouble = Some(Trouble::of_call(&error, now.boot));
                let failures = failures + 1;
                let again_in = (verdict == policy::RefreshToken::Kept)
                    .then(|| policy::backoff(failures, error.retry_after(), self.chance.f64()));
                self.decide(Decision::KeepOrSpend {
                    error: error.code(),
                    refresh_token: verdict,
                    failures,
                    remaining,
                    again_in,
                });
                match again_in {
                    Some(pause) => {
                        let (until, failed_at) = (now.boot + pause, now.boot);
                        self.refresh = Refresh::BackingOff { failures, until, failed_at, error };
                    }
                    None => {
                        self.refresh = Refresh::Doubted { verdict, until: now.boot + policy::DOUBT_PATIENCE };
                        self.saver.look_again();
                    }
                }
            }
        }
    }

    /// Takes in that the portal does not accept a token: the session there was ended, or the token revoked. It is as good as
    /// expired then. Its refresh token gets one chance, as one that is worth nothing either must not be used for ever.
    pub(super) fn rejected(&mut self, access: &Arc<AccessToken>, now: Now) {
        let Some(token) = self.token.as_mut().filter(|token| Arc::ptr_eq(&token.access, access)) else { return };
        if !token.is_live(now.boot) {
            return;
        }
        let remaining = token.remaining(now.boot);
        token.expires = now.boot;
        // No clock that is put right later brings it back.
        self.read_off = None;
        let is_over = self.trust == Trust::Probation;
        if is_over {
            token.renewal = None;
            self.refresh = Refresh::Idle { due: None };
        }
        let refreshable = token.renewal.is_some();
        // What has come before the complaint, and is being stored, says nothing yet about what a refresh is worth.
        self.trust = if refreshable && self.incoming.is_none() { Trust::Rejected } else { Trust::Full };
        self.saver.touch();
        self.decide(Decision::Reject { remaining, refreshable });
        self.begin_refresh(Why::Rejected, now);
    }

    /// The refresh token that was turned down is given up.
    pub(super) fn believe_refusal(&mut self) {
        let Refresh::Doubted { verdict, .. } = self.refresh else { return };
        let renewal = self.token.as_ref().and_then(|token| token.renewal.as_ref());
        let is_known = self
            .registration
            .as_ref()
            .zip(renewal)
            .is_some_and(|(known, renewal)| known.client_id == renewal.registration.client_id);
        if verdict == policy::RefreshToken::SpentWithItsRegistration && is_known {
            self.registration = None;
        }
        if let Some(token) = &mut self.token {
            token.renewal = None;
        }
        self.refresh = Refresh::Idle { due: None };
        self.saver.touch();
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
