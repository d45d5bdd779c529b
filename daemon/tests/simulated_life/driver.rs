//! One life of a session: thirty virtual days of events from a queue, drawn from a seed.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use identity_center_simulator::{Delivery, RefreshTokens};
use ssoctld::clock::BootTime;
use ssoctld::oidc::{CallError, ServiceClock};
use ssoctld::session::ask::{Answer, AskId, Need, Want};
use ssoctld::session::attention::{Notice, Presence};
use ssoctld::session::decision::Decision;
use ssoctld::session::state::{Effect, Event, State};
use ssoctld::session::{Kept, Notices, Terms, Token};

use super::checks::{Checks, HEALING, Verdict};
use super::world::{DAY, HOUR, Journey, MINUTE, SECOND, StoreMood, Weather, World};

/// How long a life is.
const DAYS: u32 = 30;

/// The task's patience with a session that stops.
const FLUSH_PATIENCE: Duration = Duration::from_secs(4);

/// What lies ahead.
enum Ahead {
    /// A call gets to the service.
    Reach(u64, Box<Journey>),
    /// A call is over for the session; `Err` without the service's doing.
    Conclude(u64, Box<Journey>, Result<Box<Delivery>, CallError>),
    /// The store has read.
    Read(u64),
    /// The store has written.
    Written(u64, Vec<u8>, Duration, Box<Kept>),
    /// The person decides about a code.
    Decide(String, Choice),
    /// The person clicks on what shows.
    Click,
    /// One of the things that just happen.
    Chance,
    /// A caller loses its patience.
    Leave(AskId),
    WeatherClears,
    StoreRecovers,
    WakeUp,
    Start,
    /// The process that was told to stop has had its time.
    Exit(u64),
    Midnight,
}

#[derive(Clone, Copy, Debug)]
enum Choice {
    Approve,
    Deny,
    LetDie,
}

/// How much happens on a day.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Day {
    /// Nothing but time.
    Calm,
    Ordinary,
    Stormy,
    /// The last hours: all is well, and stays so.
    Over,
}

/// What came of a life.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) events: u64,
    pub(crate) calls: u64,
    pub(crate) answers: u64,
    pub(crate) tokens: u64,
    pub(crate) flows: u64,
    pub(crate) refreshes: u64,
    pub(crate) pop_ups: u64,
    pub(crate) faults: u64,
    pub(crate) restarts: u64,
    pub(crate) crashes: u64,
    /// How often a crash lost an answer that had a successor for the refresh token in it, so that a person was needed.
    pub(crate) costly_crashes: u64,
}

/// A life.
pub(crate) struct Life {
    world: World,
    checks: Checks,
    state: Option<State>,
    /// Which process of the daemon runs. What was begun for an earlier one comes to nothing.
    process: u64,
    queue: BTreeMap<(Duration, u64), Ahead>,
    queued: u64,
    asleep_until: Option<Duration>,
    /// What was to happen on the machine while it slept. It happens soon after it has woken up.
    frozen: Vec<Ahead>,
    terms: Terms,
    presence: Presence,
    day: Day,
    /// The token as it was after the last step.
    token: Option<Token>,
    loading: bool,
    asked: u64,
    newest_flow: u64,
    ticks: u64,
    polls: u64,
    day_began: [u64; 5],
    report: Report,
    trace: Option<Vec<String>>,
    stopping: bool,
    /// A crash came between the service's answer and the store.
    unstored_at_crash: Option<String>,
}

macro_rules! trace {
    ($life:expr, $($text:tt)*) => {
        if let Some(lines) = &mut $life.trace {
            let time = $life.world.elapsed();
            let (day, rest) = (time.as_secs() / 86_400, time.as_secs() % 86_400);
            lines.push(format!("{day:2}d {:02}:{:02}:{:06.3}  {}", rest / 3600, rest / 60 % 60,
                (rest % 60) as f64 + f64::from(time.subsec_millis()) / 1000.0, format!($($text)*)));
        }
    };
}

/// Lives through a seed. With `trace`, every event is written down, also those before a failure.
pub(crate) fn live(seed: u64, trace: Option<Vec<String>>) -> (Result<Report, String>, Vec<String>) {
    let mut life = Life::new(seed, trace);
    let outcome = life.run();
    let at = life.world.elapsed();
    let report = life.report();
    (outcome.map(|()| report).map_err(|rule| format!("after {at:?}: {rule}")), life.trace.unwrap_or_default())
}

impl Life {
    fn new(seed: u64, trace: Option<Vec<String>>) -> Self {
        let mut world = World::new(seed);
        let terms = draw_terms(&mut world);
        let mut life = Self {
            world,
            checks: Checks::new(),
            state: None,
            process: 0,
            queue: BTreeMap::new(),
            queued: 0,
            asleep_until: None,
            frozen: Vec::new(),
            terms,
            presence: Presence::Present,
            day: Day::Ordinary,
            token: None,
            loading: true,
            asked: 0,
            newest_flow: 0,
            ticks: 0,
            polls: 0,
            day_began: [0; 5],
            report: Report::default(),
            trace,
            stopping: false,
            unstored_at_crash: None,
        };
        life.checks.notices_changed(terms.notices == Notices::On);
        trace!(life, "seed {seed}: {}; {terms:?}", life.world.settings);
        life
    }

    fn report(&mut self) -> Report {
        Report {
            calls: self.world.calls,
            answers: self.checks.answers,
            tokens: self.checks.tokens,
            flows: self.checks.flows,
            refreshes: self.world.refreshes,
            pop_ups: self.checks.pop_ups,
            faults: self.world.faults,
            ..std::mem::take(&mut self.report)
        }
    }

    fn run(&mut self) -> Verdict {
        self.ahead(Duration::ZERO, Ahead::Start);
        self.ahead(MINUTE, Ahead::Chance);
        self.ahead(DAY, Ahead::Midnight);
        let end = DAY * DAYS;
        while self.world.elapsed() < end {
            self.next(end)?;
        }
        self.finale()
    }

    /// All that was wrong comes right. A session that lives heals within a backoff, and one whose token has ended when
    /// somebody asks.
    fn finale(&mut self) -> Verdict {
        self.day = Day::Over;
        trace!(self, "all is well from here on");
        self.world.weather = Weather::Fair;
        self.set_store(StoreMood::Prompt);
        if self.asleep_until.is_some() {
            self.wake_up()?;
        }
        self.presence = Presence::Present;
        self.checks.presence_changed(Presence::Present);
        self.step(Event::PresenceChanged(Presence::Present))?;
        let mut until = self.world.elapsed();
        // A flow that is open already may have too little of its life left for a person.
        while self.state.is_none()
            || self.stopping
            || self.world.healthy_for() < HEALING
            || !self.world.service.pending().is_empty()
        {
            until += MINUTE;
            while self.world.elapsed() < until {
                self.next(until)?;
            }
        }
        let due =
            self.token.as_ref().filter(|token| token.renewal.is_some() && !token.capped).map(|token| token.expires);
        if let Some(expires) = due.filter(|expires| *expires > self.boot()) {
            let left = expires.since(self.boot());
            let renewal = self.token.as_ref().and_then(|token| token.renewal.as_ref());
            let could = renewal.and_then(|renewal| self.world.refreshable_until(renewal));
            if could.is_some_and(|until| until > self.world.elapsed() + left + 10 * MINUTE) && left < MINUTE {
                return Err(format!("not healed {HEALING:?} after the last fault: {left:?} left"));
            }
        }
        // With a person at hand, whoever asks gets a token.
        let id = self.ask(Want::Token { min_valid: Duration::ZERO, wait: 15 * MINUTE })?;
        let deadline = self.world.elapsed() + 16 * MINUTE;
        while self.world.elapsed() < deadline && self.checks.callers().contains_key(&id.0) {
            for pending in self.world.service.pending() {
                // It is pending, so somebody can approve it.
                let _ = self.world.service.approve(&pending.user_code);
            }
            self.next(deadline)?;
        }
        match &self.token {
            Some(token) if token.is_live(self.boot()) => Ok(()),
            _ => Err("with everything well and a person at hand, there is no token in the end".to_owned()),
        }
    }

    // Time.

    fn boot(&self) -> BootTime {
        self.world.clocks().boot
    }

    fn ahead(&mut self, after: Duration, what: Ahead) {
        self.queued += 1;
        self.queue.insert((self.world.elapsed() + after, self.queued), what);
    }

    /// Does what comes next, if it comes before `end`; otherwise it is `end`.
    fn next(&mut self, end: Duration) -> Verdict {
        let now = self.world.clocks();
        let alarm = self.state.as_ref().filter(|_| self.asleep_until.is_none()).and_then(|state| state.wake_at(now));
        let alarm = alarm.map(|time| World::elapsed_at(time).max(self.world.elapsed()));
        let queued = self.queue.first_key_value().map(|((time, _), _)| *time);
        match (alarm, queued) {
            (Some(alarm), queued) if alarm < end && queued.is_none_or(|queued| alarm <= queued) => {
                self.world.advance_to(alarm);
                self.ticks += 1;
                let (before, answers) = (self.world.calls, self.checks.answers);
                let flow = self.newest_flow;
                let asked = self.checks.callers().len();
                let effects = self.step(Event::Tick)?;
                let did = effects > 0 || before != self.world.calls || answers != self.checks.answers;
                let did = did || flow != self.newest_flow || asked != self.checks.callers().len();
                self.checks.ticked(did, self.world.elapsed())
            }
            (_, Some(queued)) if queued < end => {
                let (_, what) = self.queue.pop_first().expect("there is a first");
                self.world.advance_to(queued);
                self.happens(what)
            }
            _ => {
                self.world.advance_to(end);
                Ok(())
            }
        }
    }

    fn happens(&mut self, what: Ahead) -> Verdict {
        if self.asleep_until.is_some() {
            let is_outside = matches!(
                what,
                Ahead::Reach(..) | Ahead::Decide(..) | Ahead::WakeUp | Ahead::WeatherClears | Ahead::StoreRecovers
            );
            if !is_outside {
                // A connection that was open when the machine fell asleep is mostly dead when it wakes up.
                let what = match what {
                    Ahead::Conclude(process, journey, Ok(_)) if self.world.rng.u8(..3) > 0 => {
                        Ahead::Conclude(process, journey, Err(CallError::Network("reset".to_owned())))
                    }
                    what => what,
                };
                self.frozen.push(what);
                return Ok(());
            }
        }
        match what {
            Ahead::Reach(process, journey) => {
                let down = journey.route.as_ref().map_or(Duration::ZERO, |(_, down)| *down);
                let delivery = self.world.reach(&journey);
                if process == self.process {
                    let (after, result) = match delivery {
                        Some(delivery) => (down, Ok(Box::new(delivery))),
                        None => (down, Err(CallError::Network("the connection ended".to_owned()))),
                    };
                    self.ahead(after, Ahead::Conclude(process, journey, result));
                }
                Ok(())
            }
            Ahead::Conclude(process, journey, result) if process == self.process => self.conclude(&journey, result),
            Ahead::Read(process) if process == self.process => {
                self.checks.ends(&Effect::Load);
                let result = match self.world.store_mood {
                    StoreMood::Failing | StoreMood::Hanging => Err("the store is locked".to_owned()),
                    _ => Ok(self.world.read_record()),
                };
                if let Ok(Some(Kept { token: Some(token), .. })) = &result {
                    self.checks.record_loaded(token, &self.world);
                }
                self.step(Event::Loaded(result)).map(drop)
            }
            Ahead::Written(process, bytes, off, kept) if process == self.process => {
                self.checks.ends(&Effect::Store(*kept));
                let result = match self.world.store_mood {
                    StoreMood::Failing | StoreMood::Hanging => Err("the store is locked".to_owned()),
                    _ => Ok(()),
                };
                if result.is_ok() {
                    self.world.stored = Some((bytes, off));
                }
                self.step(Event::Stored(result)).map(drop)
            }
            Ahead::Decide(code, choice) => {
                trace!(self, "the person decides: {choice:?}");
                // The code may be dead or decided by now.
                let _ = match choice {
                    Choice::Approve => self.world.service.approve(&code),
                    Choice::Deny => self.world.service.deny(&code),
                    Choice::LetDie => self.world.service.expire(&code),
                };
                Ok(())
            }
            Ahead::Click => match self.checks.screen().map(Notice::action) {
                Some(action) if self.is_running() => {
                    self.checks.acted();
                    self.step(Event::Acted(action)).map(drop)
                }
                _ => Ok(()),
            },
            Ahead::Leave(id) if self.checks.callers().contains_key(&id.0) => {
                self.checks.left(id.0);
                self.step(Event::Left(id)).map(drop)
            }
            Ahead::WeatherClears => {
                self.world.healthy_for();
                self.world.weather = Weather::Fair;
                trace!(self, "the weather clears");
                if self.asleep_until.is_none() && self.world.rng.bool() && self.is_running() {
                    self.step(Event::Stirred)?;
                }
                Ok(())
            }
            Ahead::StoreRecovers => {
                self.set_store(StoreMood::Prompt);
                Ok(())
            }
            Ahead::WakeUp => self.wake_up(),
            Ahead::Start => self.start(),
            Ahead::Exit(process) if process == self.process => {
                self.crash();
                Ok(())
            }
            Ahead::Midnight => self.midnight(),
            Ahead::Chance => self.chance(),
            _ => Ok(()),
        }
    }

    fn conclude(&mut self, journey: &Journey, result: Result<Box<Delivery>, CallError>) -> Verdict {
        self.checks.ends(&journey.request);
        let response = match result {
            Ok(delivery) => {
                if let Some(clock) = self.world.look_at_clock() {
                    self.step(Event::ServiceClock(clock))?;
                }
                delivery.deliver().ok_or_else(|| CallError::Unusable("it does not end".to_owned()))
            }
            Err(error) => Err(error),
        };
        let event = self.world.conclude(&journey.request, response);
        if let Event::DeviceAuthorized(_, Ok(authorization)) = &event {
            self.person_hears_of(authorization.user_code.clone());
        }
        if let Event::Refreshed(_, Err(error)) = &event
            && error.name() == Some(ssoctld::oidc::ErrorName::InvalidGrant)
            && let Effect::Refresh(_, renewal) = &journey.request
            && self.unstored_at_crash.take().is_some_and(|lost| lost == *renewal.refresh_token.expose())
        {
            self.report.costly_crashes += 1;
        }
        self.step(event).map(drop)
    }

    // The session.

    fn is_running(&self) -> bool {
        self.state.is_some() && !self.stopping
    }

    fn start(&mut self) -> Verdict {
        if self.state.is_some() {
            return Ok(());
        }
        trace!(self, "the daemon starts");
        self.process += 1;
        self.report.restarts += 1;
        self.newest_flow = 0;
        self.loading = true;
        self.stopping = false;
        self.checks.daemon_started();
        self.world.known_clock = ServiceClock::default();
        self.world.note_trouble(self.world.elapsed());
        self.state = Some(State::new(self.terms, self.world.rng.u64(..)));
        self.step(Event::PresenceChanged(self.presence))?;
        self.step(Event::ServiceClock(ServiceClock::default()))?;
        Ok(())
    }

    /// The process is gone, and with it all that it knew and waited for.
    fn crash(&mut self) {
        self.state = None;
        self.stopping = false;
        self.process += 1;
        for id in self.checks.callers().keys().copied().collect::<Vec<_>>() {
            self.checks.left(id);
        }
        self.checks.withdraws();
        self.checks.daemon_crashed();
        self.token = None;
        let pause = self.world.span(20 * SECOND);
        self.ahead(SECOND + pause, Ahead::Start);
    }

    fn kill(&mut self) -> Verdict {
        trace!(self, "kill -9");
        self.report.crashes += 1;
        self.world.note_trouble(self.world.elapsed());
        self.checks.survives_crash(&self.world)?;
        let stored = self.world.read_record().and_then(|kept| kept.token).and_then(|token| token.renewal);
        self.unstored_at_crash = stored.map(|renewal| renewal.refresh_token.expose().clone());
        self.crash();
        Ok(())
    }

    /// Tells the session something, carries out what it wants, and holds it to the rules. Returns how much it wanted.
    fn step(&mut self, event: Event) -> Result<usize, String> {
        let Some(mut state) = self.state.take() else { return Ok(0) };
        let now = self.world.clocks();
        self.report.events += 1;
        if self.trace.is_some() && !matches!(event, Event::Tick) {
            trace!(self, "{}", told(&event));
        }
        let sees_clock = matches!(&event, Event::ServiceClock(clock) if clock.ahead_seconds.is_some());
        let is_pending_poll = matches!(&event, Event::Polled(_, Err(_)));
        let before = self.token.take();
        let effects = state.on(event, now);
        let decisions: Vec<Decision> = state.decisions().to_vec();
        let count = effects.len();
        let is_quiet = is_pending_poll && decisions.is_empty() && effects.is_empty();
        let snapshot = (!is_quiet).then(|| state.snapshot(now));
        self.state = Some(state);
        match snapshot {
            Some(snapshot) => {
                if snapshot.token.is_none() {
                    self.checks.token_forgotten();
                }
                let is_new = snapshot.token.as_ref().map(|it| &it.access) != before.as_ref().map(|it| &it.access);
                if let Some(token) = snapshot.token.as_ref().filter(|_| is_new) {
                    self.checks.token_served(token);
                }
                self.token = snapshot.token;
                self.loading = snapshot.loading;
            }
            None => self.token = before,
        }
        for decision in &decisions {
            trace!(self, "    {decision:?}");
            match decision {
                Decision::OpenFlow { why, flow, .. } => {
                    self.newest_flow = *flow;
                    self.checks.opens_flow(*why, self.token.as_ref(), self.world.elapsed())?;
                }
                Decision::Refresh { why, .. } => {
                    self.checks.refreshes(*why, self.token.as_ref(), self.world.elapsed())?
                }
                _ => {}
            }
        }
        if sees_clock {
            self.checks.service_clock_seen(self.token.as_ref(), now.boot);
        }
        for effect in effects {
            self.carry_out(effect)?;
        }
        if self.loading {
            self.world.note_trouble(self.world.elapsed());
        }
        self.checks.promises(self.loading, self.world.elapsed())?;
        self.checks.screen_is_true(self.token.as_ref(), now.boot)?;
        self.checks.stays_signed_in(self.token.as_ref(), now.boot, &mut self.world)?;
        if !is_quiet {
            self.checks.conduct(&self.world)?;
        }
        if self.stopping && self.state.as_ref().is_some_and(State::is_settled) {
            trace!(self, "the daemon has stopped");
            if self.checks.store_is_trusted() {
                self.checks.survives_crash(&self.world)?;
            }
            self.crash();
        }
        Ok(count)
    }

    fn carry_out(&mut self, effect: Effect) -> Verdict {
        self.checks.begins(&effect)?;
        match effect {
            Effect::Load | Effect::Store(_) => self.access_store(effect),
            Effect::Answer(AskId(id), answer) => {
                trace!(self, "    caller {id}: {}", answered(&answer));
                self.checks.answers(id, &answer, self.token.as_ref(), &mut self.world)?;
            }
            Effect::Show(notice) => {
                trace!(self, "    shows {}", notice.name());
                self.checks.shows(&notice)?;
                if self.world.rng.u8(..10) < 4 {
                    let delay = self.world.span(5 * MINUTE);
                    self.ahead(delay, Ahead::Click);
                }
            }
            Effect::Withdraw => {
                trace!(self, "    withdraws");
                self.checks.withdraws();
            }
            Effect::OpenPage(flow) => {
                trace!(self, "    opens the page");
                let delay = self.world.span(20 * SECOND);
                self.ahead(delay, Ahead::Decide(flow.user_code, Choice::Approve));
            }
            request => {
                self.polls += u64::from(matches!(request, Effect::CreateToken(..)));
                if !matches!(request, Effect::CreateToken(..)) {
                    trace!(self, "    calls {}", called(&request));
                }
                let journey = Box::new(self.world.send(request));
                let process = self.process;
                match journey.route.clone() {
                    Ok((up, _)) => self.ahead(up, Ahead::Reach(process, journey)),
                    Err((after, error)) => self.ahead(after, Ahead::Conclude(process, journey, Err(error))),
                }
            }
        }
        Ok(())
    }

    fn access_store(&mut self, effect: Effect) {
        let takes = match self.world.store_mood {
            StoreMood::Prompt | StoreMood::Failing => Duration::from_millis(self.world.rng.u64(1..40)),
            StoreMood::Slow => Duration::from_millis(self.world.rng.u64(500..12_000)),
            StoreMood::Hanging => Duration::from_secs(self.world.rng.u64(30..300)),
        };
        let process = self.process;
        match effect {
            Effect::Store(kept) => {
                let (bytes, off) = self.world.record(&kept);
                self.ahead(takes, Ahead::Written(process, bytes, off, Box::new(kept)));
            }
            _ => self.ahead(takes, Ahead::Read(process)),
        }
    }

    // The person.

    /// Whoever has the code may come to a decision.
    fn person_hears_of(&mut self, user_code: String) {
        let dice = self.world.rng.u8(..100);
        let choice = match dice {
            _ if self.day == Day::Over => Choice::Approve,
            0..=54 => Choice::Approve,
            55..=61 => Choice::Deny,
            62..=65 => Choice::LetDie,
            _ => return,
        };
        if self.presence == Presence::Away && !dice.is_multiple_of(4) {
            return;
        }
        let delay = if self.day == Day::Over { 5 * SECOND } else { self.world.span(MINUTE) };
        self.ahead(delay, Ahead::Decide(user_code, choice));
    }

    // What just happens.

    fn chance(&mut self) -> Verdict {
        let mean = match self.day {
            Day::Over => return Ok(()),
            Day::Calm => Duration::ZERO,
            Day::Ordinary => 80 * MINUTE,
            Day::Stormy => 15 * MINUTE,
        };
        if !mean.is_zero() {
            let pause = self.world.span(mean);
            self.ahead(pause, Ahead::Chance);
        }
        if self.day == Day::Calm {
            return Ok(());
        }
        match self.world.rng.u8(..100) {
            0..=54 if self.is_running() => self.callers_come(),
            55..=62 => {
                let presence = if self.presence == Presence::Away { Presence::Present } else { Presence::Away };
                self.set_presence(presence)
            }
            63..=72 => {
                self.worsen_weather();
                Ok(())
            }
            73..=77 => self.fall_asleep(),
            78..=80 => {
                self.world.wall_ahead = match self.world.rng.u8(..4) {
                    0 => 0,
                    1 => self.world.rng.i64(-90..90),
                    2 => self.world.rng.i64(-7200..7200),
                    _ => self.world.rng.i64(-200_000..200_000),
                };
                trace!(self, "the wall clock is {} s ahead now", self.world.wall_ahead);
                Ok(())
            }
            81..=83 if self.state.is_some() => self.kill(),
            84..=85 if self.is_running() => {
                self.stopping = true;
                self.world.note_trouble(self.world.elapsed());
                let process = self.process;
                self.ahead(FLUSH_PATIENCE, Ahead::Exit(process));
                self.step(Event::Stop).map(drop)
            }
            86 => {
                trace!(self, "registrations are revoked");
                self.world.service.revoke_registrations();
                Ok(())
            }
            87 => {
                trace!(self, "refresh tokens are revoked");
                self.world.service.revoke_refresh_tokens();
                Ok(())
            }
            88 => {
                trace!(self, "portal sessions are ended");
                self.world.service.end_portal_sessions();
                Ok(())
            }
            89..=90 => {
                self.terms = draw_terms(&mut self.world);
                self.checks.notices_changed(self.terms.notices == Notices::On);
                self.step(Event::TermsChanged(self.terms)).map(drop)
            }
            91..=92 => self.step(Event::Stirred).map(drop),
            93..=96 => {
                let moods = [StoreMood::Slow, StoreMood::Failing, StoreMood::Hanging];
                let mood = moods[self.world.rng.usize(..3)];
                self.set_store(mood);
                let span = self.world.span(20 * MINUTE);
                self.ahead(span, Ahead::StoreRecovers);
                Ok(())
            }
            97 => {
                let kinds = [RefreshTokens::Rotated, RefreshTokens::Repeated, RefreshTokens::Omitted];
                let kind = kinds[self.world.rng.usize(..3)];
                self.world.service.settings(|settings| settings.refresh_tokens = kind);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn set_store(&mut self, mood: StoreMood) {
        trace!(self, "the store is {mood:?}");
        self.world.healthy_for();
        self.checks.store_was_troubled();
        self.world.store_mood = mood;
    }

    fn set_presence(&mut self, presence: Presence) -> Verdict {
        self.presence = presence;
        self.checks.presence_changed(presence);
        self.step(Event::PresenceChanged(presence)).map(drop)
    }

    fn worsen_weather(&mut self) {
        let (weather, mean) = match self.world.rng.u8(..10) {
            0..=1 => (Weather::Outage, 2 * HOUR),
            _ => (Weather::Foul(self.world.draw_trouble()), 10 * MINUTE),
        };
        trace!(self, "the weather turns: {weather:?}");
        self.world.weather = weather;
        let span = self.world.span(mean);
        self.ahead(span, Ahead::WeatherClears);
    }

    fn fall_asleep(&mut self) -> Verdict {
        if self.world.rng.bool() {
            self.set_presence(Presence::Away)?;
        }
        let mean = if self.world.rng.bool() { 10 * MINUTE } else { 5 * HOUR };
        let span = self.world.span(mean);
        trace!(self, "the machine sleeps for {span:?}");
        self.asleep_until = Some(self.world.elapsed() + span);
        self.ahead(span, Ahead::WakeUp);
        Ok(())
    }

    fn wake_up(&mut self) -> Verdict {
        trace!(self, "the machine wakes up");
        self.asleep_until = None;
        for what in std::mem::take(&mut self.frozen) {
            let delay = Duration::from_millis(self.world.rng.u64(1..900));
            self.ahead(delay, what);
        }
        self.world.note_trouble(self.world.elapsed());
        self.checks.woke_up(self.world.elapsed());
        if self.world.rng.bool() {
            self.set_presence(Presence::Present)?;
            self.step(Event::Stirred)?;
        }
        self.step(Event::Tick).map(drop)
    }

    fn callers_come(&mut self) -> Verdict {
        let count = match self.world.rng.u8(..20) {
            0 => 50,
            1..=4 => 4,
            _ => 1,
        };
        for _ in 0..count {
            let want = self.draw_want();
            let id = self.ask(want)?;
            if self.world.rng.u8(..10) == 0 {
                let patience = self.world.span(20 * SECOND);
                self.ahead(patience, Ahead::Leave(id));
            }
        }
        Ok(())
    }

    fn draw_want(&mut self) -> Want {
        let lifetime = self.world.token_lifetime;
        let rng = &mut self.world.rng;
        match rng.u8(..100) {
            0..=79 => {
                let valid = [
                    Duration::ZERO,
                    Duration::ZERO,
                    Duration::ZERO,
                    MINUTE,
                    15 * MINUTE,
                    lifetime.mul_f64(0.95),
                    9 * HOUR,
                ];
                let waits =
                    [Duration::ZERO, Duration::ZERO, Duration::ZERO, 5 * SECOND, 30 * SECOND, 2 * MINUTE, 15 * MINUTE];
                Want::Token { min_valid: valid[rng.usize(..7)], wait: waits[rng.usize(..7)] }
            }
            80..=81 => Want::Login { need: Need::Always },
            82..=87 => Want::Login { need: Need::IfSignedOut },
            88 => Want::Login { need: Need::Fresh },
            89..=96 => {
                let flow = self.newest_flow.saturating_sub(rng.u64(..2));
                Want::LoginEnd { flow, wait: Duration::from_secs(rng.u64(..300)) }
            }
            97 => Want::CancelLogin,
            98 => Want::Logout,
            _ => Want::Token { min_valid: Duration::ZERO, wait: 5 * MINUTE },
        }
    }

    fn ask(&mut self, want: Want) -> Result<AskId, String> {
        self.asked += 1;
        let id = AskId(self.asked);
        if self.is_running() {
            self.checks.asked(id.0, want, self.world.elapsed());
            self.step(Event::Asked(id, want))?;
        }
        Ok(id)
    }

    // Days.

    fn midnight(&mut self) -> Verdict {
        let ended = [self.ticks, self.polls, self.world.refreshes, self.world.calls, self.asked];
        let [ticks, polls, refreshes, calls, asks] = std::array::from_fn(|index| ended[index] - self.day_began[index]);
        self.day_began = ended;
        Checks::busy_day(calls, asks, polls)?;
        if self.day == Day::Calm && self.world.healthy_for() >= DAY {
            Checks::calm_day(ticks, polls, refreshes)?;
        }
        let was_calm = self.day == Day::Calm;
        self.day = [Day::Calm, Day::Calm, Day::Ordinary, Day::Ordinary, Day::Stormy][self.world.rng.usize(..5)];
        trace!(self, "a new day, {:?}", self.day);
        if was_calm && self.day != Day::Calm {
            self.ahead(MINUTE, Ahead::Chance);
        }
        self.ahead(DAY, Ahead::Midnight);
        Ok(())
    }
}

fn draw_terms(world: &mut World) -> Terms {
    let rng = &mut world.rng;
    Terms {
        refresh_before: (rng.u8(..4) == 0).then(|| Duration::from_secs(rng.u64(1..7200))),
        notify_before: (rng.u8(..4) == 0).then(|| Duration::from_secs(rng.u64(1..7200))),
        notices: if rng.u8(..5) == 0 { Notices::Off } else { Notices::On },
    }
}

fn told(event: &Event) -> String {
    match event {
        Event::Loaded(Ok(kept)) => format!("loaded, found: {}", kept.is_some()),
        Event::Polled(flow, Ok(issued)) => format!("polled {flow}: a token for {:?}", issued.expires_in),
        Event::Refreshed(_, Ok(issued)) => {
            format!("refreshed: {:?}, rotated: {}", issued.expires_in, issued.refresh_token.is_some())
        }
        Event::Registered(flow, Ok(_)) => format!("registered for {flow}"),
        Event::DeviceAuthorized(flow, Ok(it)) => format!("authorized {flow}, for {:?}", it.expires_in),
        other => format!("{other:?}"),
    }
}

fn answered(answer: &Answer) -> String {
    match answer {
        Answer::Token(_, expires) => format!("a token until {:?}", World::elapsed_at(*expires)),
        Answer::Pending { flow, started } => format!("pending {}, started for it: {started}", flow.number),
        other => format!("{other:?}"),
    }
}

const fn called(request: &Effect) -> &'static str {
    match request {
        Effect::Register(_) => "RegisterClient",
        Effect::AuthorizeDevice(..) => "StartDeviceAuthorization",
        Effect::Refresh(..) => "CreateToken to refresh",
        Effect::LeavePortal(_) => "Logout",
        _ => "CreateToken",
    }
}

impl Report {
    /// Adds what came of another life.
    pub(crate) fn add(&mut self, other: &Self) {
        self.events += other.events;
        self.calls += other.calls;
        self.answers += other.answers;
        self.tokens += other.tokens;
        self.flows += other.flows;
        self.refreshes += other.refreshes;
        self.pop_ups += other.pop_ups;
        self.faults += other.faults;
        self.restarts += other.restarts;
        self.crashes += other.crashes;
        self.costly_crashes += other.costly_crashes;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} events, {} calls, {} faults; {} answers, {} of them tokens; {} refreshes, {} flows, {} notices; {} starts, \
             {} crashes, {} of which cost a sign-in",
            self.events,
            self.calls,
            self.faults,
            self.answers,
            self.tokens,
            self.refreshes,
            self.flows,
            self.pop_ups,
            self.restarts,
            self.crashes,
            self.costly_crashes
        )
    }
}
