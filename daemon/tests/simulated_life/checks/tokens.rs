//! The token is not lost, is stored before it is handed out, is served no longer than it lives, and is renewed in time.

use std::time::Duration;

use ssoctld::clock::BootTime;
use ssoctld::session::{Next, Snapshot, Token};

use super::super::world::{SECOND, World};
use super::{CLOCK_TOLERANCE, Checks, HEALING, ON_ITS_WAY, REACHABLE, SAME_END, SLACK, STORING, Verdict, require};

/// What is known of the tokens of one run of the daemon.
#[derive(Default)]
pub(super) struct Tokens {
    loaded: Option<Loaded>,
    clock_known: bool,
    live: bool,
    /// Since when without a break.
    live_since: Option<Duration>,
    /// The token that the portal has turned away, and the one that took its place by a refresh.
    rejected: Option<String>,
    on_probation: Option<String>,
    /// The newest token that the session has accepted, and when.
    accepted: Option<(String, Duration)>,
    /// The last access to the store failed.
    store_fails: bool,
    /// One has failed since the newest token came, so that it was handed out without waiting for the next.
    has_failed: bool,
    unsaved_since: Option<Duration>,
    /// Somebody has signed out, so that nothing need be stored any more.
    signed_out: bool,
    /// Somebody was told that what the store has will be signed out of.
    deferred: bool,
}

/// What was read from a record.
struct Loaded {
    access_token: String,
    /// By how much its end was believed to be later than it is.
    lateness: Duration,
    /// By how much the clock was wrong by which the record was written.
    written_off: Duration,
}

impl Tokens {
    pub(super) fn is_from_record(&self, token: &Token) -> bool {
        self.loaded.as_ref().is_some_and(|loaded| loaded.access_token == *token.access.value.expose())
    }
}

impl Checks {
    /// A token was found in the store, and this is believed of it.
    pub(crate) fn token_loaded(&mut self, token: &Token, world: &World) {
        let Some(issue) = world.issue(token.access.value.expose()) else { return };
        self.tokens.loaded = Some(Loaded {
            access_token: token.access.value.expose().clone(),
            lateness: World::elapsed_at(token.expires).saturating_sub(issue.ends),
            written_off: world.stored.as_ref().map_or(Duration::ZERO, |stored| stored.off),
        });
    }

    /// The service's clock was seen, and with it an end is put right which had been read off a wrong clock.
    pub(crate) fn service_clock_seen(&mut self, token: Option<&Token>, now: BootTime) {
        self.tokens.clock_known = true;
        // It may turn out to be over; then it is refreshed at once.
        self.tokens.live &= token.is_some_and(|token| token.is_live(now));
    }

    /// The session has accepted this token.
    pub(crate) fn token_accepted(&mut self, access_token: &str, is_refreshed: bool, now: Duration) {
        let has_replaced = self.tokens.rejected.take().is_some() && is_refreshed;
        self.tokens.on_probation = has_replaced.then(|| access_token.to_owned());
        self.tokens.accepted = Some((access_token.to_owned(), now));
        self.tokens.has_failed = self.tokens.store_fails;
        self.tokens.signed_out = false;
        self.tokens.deferred = false;
    }

    /// The store has read or written, or has not.
    pub(super) const fn store_answered(&mut self, worked: bool) {
        self.tokens.store_fails = !worked;
        self.tokens.has_failed |= !worked;
    }

    /// Somebody was told that what the store has is signed out of as soon as it answers.
    pub(super) const fn defers(&mut self) {
        self.tokens.deferred = true;
    }

    /// The portal has turned the token away. One that can be renewed is, at once; but a replacement that is turned away as well
    /// ends the sign-in.
    pub(crate) fn rejects(
        &mut self,
        token: Option<&Token>,
        had_renewal: bool,
        refreshable: bool,
        tries: bool,
    ) -> Verdict {
        self.counts.count("rejections");
        let value = token.map(|token| token.access.value.expose().clone());
        let is_second = value.is_some() && value == self.tokens.on_probation;
        require(!is_second || !refreshable, || {
            "the replacement of a rejected token was rejected, and is renewed".into()
        })?;
        require(is_second || refreshable == had_renewal, || {
            "a rejected token could be renewed, and is given up".into()
        })?;
        let is_replaced = self.tokens.accepted.as_ref().is_some_and(|(newest, _)| Some(newest) != value.as_ref());
        require(!refreshable || tries || is_replaced || self.is_refreshing(), || {
            "a rejected token can be renewed, and nobody tries".into()
        })?;
        self.tokens.rejected = value.filter(|_| refreshable);
        // It has not ended in its own time.
        self.tokens.live = false;
        Ok(())
    }

    /// Since when there has been a live token.
    pub(super) const fn live_since(&self) -> Option<Duration> {
        self.tokens.live_since
    }

    /// Somebody has signed out, or signs out to sign in anew.
    pub(crate) fn signs_out(&mut self) {
        self.tokens.accepted = None;
        self.tokens.signed_out = true;
    }

    /// A record without a token is written after a sign-out, or if there was never one.
    pub(crate) fn forgets(&self) -> Verdict {
        let had_one = self.tokens.accepted.is_some() || self.tokens.loaded.is_some();
        require(self.tokens.signed_out || !had_one, || "a token is forgotten although nobody has signed out".into())
    }

    /// A record takes the place of another. What is durable stays so, unless it is forgotten.
    pub(crate) fn stores(&self, access_token: Option<&str>, world: &World) -> Verdict {
        let before = world.stored_token().and_then(|token| world.issue(token)).and_then(|issue| issue.ordinal);
        let after = access_token.and_then(|token| world.issue(token)).and_then(|issue| issue.ordinal);
        require(after >= before || after.is_none(), || {
            format!("a record with token {after:?} takes the place of one with {before:?}")
        })
    }

    /// A token that somebody is given is live until `needed`, and stored, unless the store fails or takes too long.
    pub(super) fn token_given(&self, access_token: &str, needed: Duration, world: &World) -> Verdict {
        let Some(issue) = world.issue(access_token) else { return Err("a token that nobody issued".into()) };
        require(!self.tokens.deferred, || "a token that somebody has signed out of is given to a caller".into())?;
        let (excess, allowed) = (needed.saturating_sub(issue.ends), self.allowed_lateness(access_token));
        require(excess <= allowed, || {
            format!("a token was served {excess:?} past its true end, {allowed:?} can be excused")
        })?;
        let stored = world.stored_token().and_then(|token| world.issue(token)).and_then(|issue| issue.ordinal);
        let waited = self.tokens.accepted.as_ref().map_or(Duration::ZERO, |(_, at)| world.elapsed() - *at);
        let may_be_unstored = self.tokens.signed_out || self.tokens.has_failed || waited >= STORING;
        require(stored >= issue.ordinal || may_be_unstored, || {
            format!(
                "token {:?} was given to a caller {waited:?} after it came, and {stored:?} is stored",
                issue.ordinal
            )
        })
    }

    /// A token from a record is believed in by the wall clock until the service's clock is known.
    fn allowed_lateness(&self, access_token: &str) -> Duration {
        match self.tokens.loaded.as_ref().filter(|loaded| loaded.access_token == access_token) {
            None => Duration::ZERO,
            Some(loaded) if self.tokens.clock_known => loaded.written_off + CLOCK_TOLERANCE,
            Some(loaded) => loaded.lateness + SECOND,
        }
    }

    /// A token that was received is served soon, whatever the store does, and not lost before another one comes.
    pub(crate) fn keeps_token(&self, token: Option<&Token>, now: Duration) -> Verdict {
        let Some((accepted, at)) = &self.tokens.accepted else { return Ok(()) };
        let is_served = token.is_some_and(|token| token.access.value.expose() == accepted);
        require(is_served || now <= (*at + STORING).max(self.woken) + SLACK, || {
            format!("the token that came at {at:?} is not served")
        })
    }

    /// A token does not end while the service would have given the next one, and nothing was wrong for two minutes.
    pub(crate) fn stays_signed_in(&mut self, token: Option<&Token>, now: BootTime, world: &mut World) -> Verdict {
        let was_live = std::mem::replace(&mut self.tokens.live, token.is_some_and(|token| token.is_live(now)));
        self.tokens.live_since = self.tokens.live.then(|| self.tokens.live_since.unwrap_or(world.elapsed()));
        let Some(token) = token.filter(|_| was_live && !self.tokens.live) else { return Ok(()) };
        // Nobody may have looked at it for a while.
        if world.last_trouble() + REACHABLE > World::elapsed_at(token.expires) {
            return Ok(());
        }
        // The next one may end with the same portal session, and one of them may be reckoned a little early. New and shorter
        // lives that begin to end just before the portal session look like its end.
        let early = match token {
            token if self.tokens.is_from_record(token) => 2 * CLOCK_TOLERANCE,
            token if token.capped => SAME_END,
            _ => ON_ITS_WAY,
        };
        let could = token.renewal.as_ref().and_then(|renewal| world.refreshable_until(renewal));
        require(could.is_none_or(|until| until <= world.elapsed() + early + SECOND), || {
            format!("a token ended that could have been refreshed until {could:?}")
        })
    }

    /// Within one backoff after the last fault the session has loaded, saved and refreshed all there is.
    pub(crate) fn heals(&mut self, snapshot: &Snapshot, world: &mut World) -> Verdict {
        let now = world.elapsed();
        self.tokens.unsaved_since = if snapshot.unsaved { self.tokens.unsaved_since.or(Some(now)) } else { None };
        let healthy = world.healthy_for();
        if healthy < HEALING {
            return Ok(());
        }
        let is_behind = |since: Duration| since + 5 * SECOND < now;
        require(!snapshot.loading, || format!("nothing was wrong for {healthy:?}, and nothing is loaded"))?;
        require(!self.tokens.unsaved_since.is_some_and(is_behind), || {
            format!("nothing was wrong for {healthy:?}, and the record is not saved")
        })?;
        // In the last second of a portal session there is nothing left to be had.
        let renewal = snapshot.token.as_ref().and_then(|token| token.renewal.as_ref());
        let could = renewal.and_then(|renewal| world.refreshable_until(renewal));
        let would_help = could.is_some_and(|until| until >= now + 2 * SECOND);
        require(!would_help || !matches!(snapshot.next, Some((Next::RetryRefresh, _))), || {
            format!("nothing was wrong for {healthy:?}, and a refresh still waits for its turn: {:?}", snapshot.trouble)
        })
    }
}
