//! What has to hold, each rule with its sentence. A rule that is broken is an `Err` with that sentence and the numbers.

use std::collections::BTreeMap;
use std::time::Duration;

use ssoctld::clock::BootTime;
use ssoctld::session::Token;
use ssoctld::session::ask::{Answer, Need, Refusal, Want};
use ssoctld::session::attention::{Notice, Presence};
use ssoctld::session::decision::Why;
use ssoctld::session::state::Effect;

use super::world::{MINUTE, SECOND, World};

/// A rule that was broken.
pub(crate) type Verdict = Result<(), String>;

/// The session's own patience, as `policy` has it. Repeated here, because it is a promise to callers.
const SILENT: Duration = Duration::from_secs(10);
const LOADING: Duration = Duration::from_secs(2);
const STORING: Duration = Duration::from_secs(2);
const CODE: Duration = Duration::from_secs(30);
const LEAVING: Duration = Duration::from_secs(25);

/// What a wake-up may be late by.
const SLACK: Duration = Duration::from_millis(1500);

/// After trouble, this long a session may need to have a token again: a call that hangs, and one whole backoff.
pub(crate) const HEALING: Duration = Duration::from_secs(120);

/// How long an answer may take, which counts as life of the token in it.
const ON_ITS_WAY: Duration = Duration::from_secs(20);

/// Two ends that differ by less are one, also after the clock by which they were stored was put right.
const SAME_END: Duration = Duration::from_secs(150);

/// A disagreement of clocks that the session does not care about, on writing and on reading a record.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(63);

fn require(holds: bool, rule: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(rule()) }
}

/// A caller that has not been answered.
pub(crate) struct Caller {
    pub(crate) want: Want,
    pub(crate) since: Duration,
}

/// What was read from a record.
struct Loaded {
    access_token: String,
    /// By how much its end was believed to be later than it is.
    lateness: Duration,
    /// By how much the clock was wrong by which the record was written.
    written_off: Duration,
}

/// What the rules have to remember of one run of the daemon. It begins anew with each.
#[derive(Default)]
struct Run {
    in_flight: BTreeMap<&'static str, usize>,
    unasked_for: Vec<Duration>,
    pop_ups: Vec<(Duration, u32)>,
    ends_told: Vec<BootTime>,
    screen: Option<Notice>,
    loaded: Option<Loaded>,
    clock_known: bool,
    /// A caller was given this token, and the store has worked all the time.
    acknowledged: Option<String>,
    store_was_troubled: bool,
    served: Option<Duration>,
    live: bool,
}

/// The rules.
pub(crate) struct Checks {
    run: Run,
    callers: BTreeMap<u64, Caller>,
    presence: Presence,
    notices_on: bool,
    woken: Duration,
    ticks: (u64, u32),
    idle_ticks: (u64, u32),
    /// How many violations have been excused.
    excused: usize,
    /// A process ended, and nobody knows what it had not written.
    forgetful: u8,
    pub(crate) repetitions: u64,
    pub(crate) answers: u64,
    pub(crate) tokens: u64,
    pub(crate) pop_ups: u64,
    pub(crate) flows: u64,
}

impl Checks {
    pub(crate) fn new() -> Self {
        Self {
            run: Run::default(),
            callers: BTreeMap::new(),
            presence: Presence::Present,
            notices_on: true,
            woken: Duration::ZERO,
            ticks: (0, 0),
            idle_ticks: (0, 0),
            excused: 0,
            forgetful: 0,
            repetitions: 0,
            answers: 0,
            tokens: 0,
            pop_ups: 0,
            flows: 0,
        }
    }

    // What happens.

    pub(crate) fn daemon_started(&mut self) {
        self.run = Run::default();
    }

    pub(crate) fn woke_up(&mut self, now: Duration) {
        self.woken = now;
        self.run.store_was_troubled |= self.run.in_flight.get("store").is_some_and(|count| *count > 0);
    }

    pub(crate) const fn presence_changed(&mut self, presence: Presence) {
        self.presence = presence;
    }

    pub(crate) const fn notices_changed(&mut self, on: bool) {
        self.notices_on = on;
    }

    pub(crate) const fn store_was_troubled(&mut self) {
        self.run.store_was_troubled = true;
    }

    /// The service's clock was seen, and with it an end is put right which had been read off a wrong clock.
    pub(crate) fn service_clock_seen(&mut self, token: Option<&Token>, now: BootTime) {
        self.run.clock_known = true;
        // It may turn out to be over; then it is refreshed at once.
        self.run.live &= token.is_some_and(|token| token.is_live(now));
    }

    pub(crate) fn acted(&mut self) {
        self.run.acknowledged = None;
    }

    pub(crate) fn asked(&mut self, id: u64, want: Want, now: Duration) {
        if matches!(want, Want::Logout | Want::Login { need: Need::Fresh }) {
            self.run.acknowledged = None;
        }
        self.callers.insert(id, Caller { want, since: now });
    }

    pub(crate) fn left(&mut self, id: u64) {
        self.callers.remove(&id);
    }

    pub(crate) const fn callers(&self) -> &BTreeMap<u64, Caller> {
        &self.callers
    }

    pub(crate) const fn screen(&self) -> Option<&Notice> {
        self.run.screen.as_ref()
    }

    pub(crate) fn record_loaded(&mut self, token: &Token, world: &World) {
        let Some(issue) = world.issue(token.access.value.expose()) else { return };
        let written_off = world.stored.as_ref().map_or(Duration::ZERO, |(_, off)| *off);
        self.run.loaded = Some(Loaded {
            access_token: token.access.value.expose().clone(),
            lateness: World::elapsed_at(token.expires).saturating_sub(issue.ends),
            written_off,
        });
    }

    // Effects.

    /// One call of each kind is in flight, and one access to the store; a refresh of an earlier sign-in aside.
    pub(crate) fn begins(&mut self, effect: &Effect) -> Verdict {
        let Some((kind, limit)) = kind(effect) else { return Ok(()) };
        let count = self.run.in_flight.entry(kind).or_default();
        *count += 1;
        require(*count <= limit, || format!("{count} calls in flight: {kind}"))
    }

    pub(crate) fn ends(&mut self, effect: &Effect) {
        if let Some((kind, _)) = kind(effect)
            && let Some(count) = self.run.in_flight.get_mut(kind)
        {
            *count -= 1;
        }
    }

    /// A flow is opened unasked only for a live token that ends, once for the same end, and never while the person is away
    /// or does not want notices.
    pub(crate) fn opens_flow(&mut self, why: Why, token: Option<&Token>, now: Duration) -> Verdict {
        self.flows += 1;
        if why == Why::Asked {
            return Ok(());
        }
        require(self.presence == Presence::Present, || "a flow was opened unasked while the person was away".into())?;
        require(self.notices_on, || "a flow was opened unasked although notices are off".into())?;
        let Some(token) = token else { return Err("a flow was opened unasked without a token".into()) };
        let ends = World::elapsed_at(token.expires);
        require(ends > now, || "a flow was opened unasked after the end".into())?;
        require(!self.run.unasked_for.iter().any(|known| known.abs_diff(ends) < SAME_END), || {
            format!("a flow was opened unasked twice for the end at {ends:?}")
        })?;
        self.run.unasked_for.push(ends);
        Ok(())
    }

    /// Nothing is shown while the person is away or does not want it; at most two pop-ups come per end, of which an update in
    /// the place of a notice that still shows is none, unless it is the first to say that the end has come.
    pub(crate) fn shows(&mut self, notice: &Notice) -> Verdict {
        require(self.presence == Presence::Present, || format!("{} shown while away", notice.name()))?;
        require(self.notices_on, || format!("{} shown although notices are off", notice.name()))?;
        let says_end = |notice: &Notice| matches!(notice, Notice::Expired { .. });
        let is_pop_up = match &self.run.screen {
            None => true,
            Some(_) => {
                says_end(notice) && {
                    let is_this = |told: &BootTime| {
                        World::elapsed_at(*told).abs_diff(World::elapsed_at(notice.ends())) < SAME_END
                    };
                    !self.run.ends_told.iter().any(is_this)
                }
            }
        };
        if says_end(notice) {
            self.run.ends_told.push(notice.ends());
        }
        self.run.screen = Some(notice.clone());
        if !is_pop_up {
            return Ok(());
        }
        self.pop_ups += 1;
        let ends = World::elapsed_at(notice.ends());
        let known = self.run.pop_ups.iter_mut().find(|(known, _)| known.abs_diff(ends) < SAME_END);
        let count = match known {
            Some((_, count)) => {
                *count += 1;
                *count
            }
            None => {
                self.run.pop_ups.push((ends, 1));
                1
            }
        };
        require(count <= 2, || format!("pop-up number {count} for the end at {ends:?}"))
    }

    pub(crate) fn withdraws(&mut self) {
        self.run.screen = None;
    }

    /// Every caller is answered once, with a token only if that is live, lives long enough, and is what it claims to be; and
    /// not with a refusal while the service would give what is asked for.
    pub(crate) fn answers(&mut self, id: u64, answer: &Answer, token: Option<&Token>, world: &mut World) -> Verdict {
        let Some(caller) = self.callers.remove(&id) else {
            return Err("somebody was answered who had not asked".into());
        };
        self.answers += 1;
        match (&caller.want, answer) {
            (Want::Token { min_valid, .. }, Answer::Token(access, expires)) => {
                self.tokens += 1;
                let value = access.value.expose();
                let claimed = World::elapsed_at(*expires).saturating_sub(world.elapsed());
                require(claimed > Duration::ZERO && claimed >= *min_valid, || {
                    format!("a token for {claimed:?} was given to somebody who wanted {min_valid:?}")
                })?;
                let Some(issue) = world.issue(value) else { return Err("a token that nobody issued".into()) };
                let needed = world.elapsed() + *min_valid;
                let excess = needed.saturating_sub(issue.ends);
                let allowed = self.allowed_lateness(value);
                require(excess <= allowed, || {
                    format!("a token was served {excess:?} past its true end, {allowed:?} can be excused")
                })?;
                if !self.run.store_was_troubled {
                    self.run.acknowledged = Some(value.clone());
                }
                Ok(())
            }
            (Want::Token { min_valid, .. }, Answer::Refused(refusal)) => {
                if *refusal == Refusal::ShuttingDown || world.healthy_for() < HEALING {
                    return Ok(());
                }
                let could = token.and_then(|token| token.renewal.as_ref()).and_then(|it| world.refreshable_until(it));
                let enough = could.is_some_and(|until| until > world.elapsed() + *min_valid + MINUTE);
                require(!enough, || format!("refused with {refusal:?}, although a refresh would have given a token"))
            }
            (Want::Token { .. }, other) => Err(format!("a token was asked for, and the answer is {other:?}")),
            (_, Answer::Token(..)) => Err("a token for somebody who did not ask for one".into()),
            _ => Ok(()),
        }
    }

    /// A token from a record is believed in by the wall clock until the service's clock is known.
    fn allowed_lateness(&self, access_token: &str) -> Duration {
        match self.run.loaded.as_ref().filter(|loaded| loaded.access_token == access_token) {
            None => Duration::ZERO,
            Some(loaded) if self.run.clock_known => loaded.written_off + CLOCK_TOLERANCE,
            Some(loaded) => loaded.lateness + SECOND,
        }
    }

    // After every step.

    /// Nobody waits longer than was promised, a sleep of the machine aside.
    pub(crate) fn promises(&self, loading: bool, now: Duration) -> Verdict {
        for caller in self.callers.values() {
            let patience = match caller.want {
                Want::Token { wait, .. } if loading => wait.max(LOADING),
                Want::Token { wait, .. } => wait.max(SILENT) + STORING,
                Want::Login { need: Need::Fresh } => 2 * CODE,
                Want::Login { .. } => CODE + STORING,
                Want::LoginEnd { wait, .. } => wait.max(CODE) + STORING,
                Want::CancelLogin => Duration::ZERO,
                Want::Logout => LOADING + LEAVING,
            };
            let deadline = (caller.since + patience).max(self.woken) + SLACK;
            require(now <= deadline, || format!("{:?} has waited since {:?}", caller.want, caller.since))?;
        }
        Ok(())
    }

    /// A notice does not stay once a later end is served.
    pub(crate) fn screen_is_true(&self, token: Option<&Token>, now: BootTime) -> Verdict {
        let Some((notice, token)) = self.run.screen.as_ref().zip(token.filter(|token| token.is_live(now))) else {
            return Ok(());
        };
        require(token.expires.since(notice.ends()) <= SAME_END, || {
            format!("{} still shows, although a later token is served", notice.name())
        })
    }

    /// A token does not end while the service would have given the next one, and nothing was wrong for two minutes.
    pub(crate) fn stays_signed_in(&mut self, token: Option<&Token>, now: BootTime, world: &mut World) -> Verdict {
        let was_live = std::mem::replace(&mut self.run.live, token.is_some_and(|token| token.is_live(now)));
        let Some(token) = token.filter(|_| was_live && !self.run.live) else { return Ok(()) };
        // Nobody may have looked at it for a while.
        if world.last_trouble() + HEALING > World::elapsed_at(token.expires) {
            return Ok(());
        }
        let could = token.renewal.as_ref().and_then(|renewal| world.refreshable_until(renewal));
        require(could.is_none_or(|until| until < world.elapsed() + MINUTE), || {
            format!("a token ended that could have been refreshed until {could:?}")
        })
    }

    /// What nobody asked for does not happen again and again: a token is refreshed by itself after a tenth of its life at the
    /// earliest.
    pub(crate) fn refreshes(&self, why: Why, token: Option<&Token>, now: Duration) -> Verdict {
        // One that came too late to be of use is not waited for again.
        let live = token.filter(|token| World::elapsed_at(token.expires) > now);
        let Some((token, served)) = live.zip(self.run.served).filter(|_| why == Why::Due) else { return Ok(()) };
        require(now + ON_ITS_WAY >= served + token.lifetime / 10, || {
            format!("refreshed {:?} after the last, lifetime {:?}", now - served, token.lifetime)
        })
    }

    /// Nothing is served any more, because somebody signed out.
    pub(crate) fn token_forgotten(&mut self) {
        self.run.acknowledged = None;
    }

    /// Another token than before is served.
    pub(crate) fn token_served(&mut self, token: &Token) {
        let is_from_record = self.run.loaded.as_ref().is_some_and(|it| it.access_token == *token.access.value.expose());
        self.run.served = Some(World::elapsed_at(token.received)).filter(|_| !is_from_record);
    }

    /// A wake-up is for something: few lead to nothing, and no minute is full of them.
    pub(crate) fn ticked(&mut self, did_something: bool, now: Duration) -> Verdict {
        let count = |(slot, count): &mut (u64, u32), current: u64| {
            if *slot != current {
                (*slot, *count) = (current, 0);
            }
            *count += 1;
            *count
        };
        let ticks = count(&mut self.ticks, now.as_secs() / 60);
        require(ticks <= 200, || format!("{ticks} wake-ups in one minute"))?;
        if !did_something {
            let idle = count(&mut self.idle_ticks, now.as_secs() / 3600);
            require(idle <= 20, || format!("{idle} wake-ups for nothing within an hour"))?;
        }
        Ok(())
    }

    /// A day without callers and faults has few wake-ups besides polls.
    pub(crate) fn calm_day(ticks: u64, polls: u64, refreshes: u64) -> Verdict {
        require(ticks <= polls + 2 * refreshes + 15, || {
            format!("{ticks} wake-ups on a calm day with {refreshes} refreshes and {polls} polls")
        })
    }

    /// The service is not asked without end.
    pub(crate) fn busy_day(calls: u64, asks: u64, polls: u64) -> Verdict {
        let others = calls - polls;
        require(others <= 2 * 24 * 60 + 10 * asks, || format!("{others} calls on a day with {asks} callers"))
    }

    /// The simulator has seen nothing that a well-behaved client does not do. A daemon that lost an answer in a crash, which
    /// the store had not kept, sends a refresh token once more: it cannot know better.
    pub(crate) fn conduct(&mut self, world: &World) -> Verdict {
        for violation in world.service.violations().iter().skip(self.excused) {
            let is_repetition =
                violation.contains("sent after its successor") || violation.contains("sent again after");
            require(is_repetition && self.forgetful > 0, || format!("misconduct: {violation}"))?;
            self.forgetful -= 1;
            self.excused += 1;
            self.repetitions += 1;
        }
        Ok(())
    }

    /// A process has ended, with all that it had not written.
    pub(crate) const fn daemon_crashed(&mut self) {
        // Both its successor and InvalidGrant may have been lost.
        self.forgetful = 2;
    }

    /// What a caller was given before a crash is found again after it, as long as the store has worked.
    pub(crate) fn survives_crash(&self, world: &World) -> Verdict {
        let Some(acknowledged) = &self.run.acknowledged else { return Ok(()) };
        let kept = world.read_record().and_then(|kept| kept.token);
        let ordinal = |value: &str| world.issue(value).map(|issue| issue.ordinal);
        let found = kept.and_then(|token| ordinal(token.access.value.expose()));
        require(found >= ordinal(acknowledged), || {
            format!("token {:?} was given to a caller, and {found:?} is stored", ordinal(acknowledged))
        })
    }

    pub(crate) fn store_is_trusted(&self) -> bool {
        !self.run.store_was_troubled
    }
}

fn kind(effect: &Effect) -> Option<(&'static str, usize)> {
    Some(match effect {
        Effect::Load | Effect::Store(_) => ("store", 1),
        // A flow that was given up may leave a call behind.
        Effect::Register(_) => ("RegisterClient", usize::MAX),
        Effect::AuthorizeDevice(..) => ("StartDeviceAuthorization", usize::MAX),
        Effect::CreateToken(..) => ("poll", usize::MAX),
        Effect::Refresh(..) => ("refresh", usize::MAX),
        Effect::LeavePortal(_) => ("Logout", usize::MAX),
        _ => return None,
    })
}
