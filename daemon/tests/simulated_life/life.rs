//! One life of a session: thirty virtual days of events from a queue, drawn from a seed.

use std::collections::BTreeMap;
use std::time::Duration;

use identity_center_simulator::Delivery;
use ssoctld::clock::BootTime;
use ssoctld::config::Notifications;
use ssoctld::notice::Presence;
use ssoctld::oidc::CallError;
use ssoctld::session::event::{CallbackPage, Event};
use ssoctld::session::state::State;
use ssoctld::session::{SignInEpoch, Terms, Token};

use super::browser::Listener;
use super::calls::Journey;
use super::chance::{Day, draw_terms};
use super::checks::{Checks, DayOfWork, Verdict};
use super::decisions;
use super::people::{Choice, Matter};
use super::roles::Errand;
use super::telling::{Counts, trace};
use super::wants::{Hear, Want};
use super::watchers::Watchers;
use super::weather::Weather;
use super::world::{DAY, MINUTE, StoreMood, Stored, World};

/// How long a life is.
const DAYS: u32 = 30;

/// What lies ahead.
pub(super) enum Ahead {
    /// A call gets to the service.
    Reach(u64, Box<Journey>),
    /// A call is over for the session; `Err` without the service's doing.
    Conclude(u64, Box<Journey>, Result<Box<Delivery>, CallError>),
    /// The same as the first two, for a call to the portal.
    ReachPortal(u64, Box<Errand>),
    ConcludeErrand(u64, Box<Errand>, Result<Box<Delivery>, CallError>),
    /// The store has read.
    Read(u64),
    /// The store has written.
    Written(u64, Box<Stored>),
    /// The person decides about a code, or on a page.
    Decide(Matter, Choice),
    /// A listener for the browser is open, or cannot be opened.
    CallbackOpened(u64, u64, Result<CallbackPage, String>),
    /// The person clicks on what shows.
    Click,
    /// One of the things that just happen.
    Chance,
    /// A caller comes for the same thing as one before.
    AskForRole(Box<Want>),
    /// A caller loses its patience.
    Leave(u64),
    WeatherClears,
    StoreRecovers,
    WakeUp,
    Start,
    /// The process that was told to stop has had its time.
    Exit(u64),
    Midnight,
}

/// A life.
pub(crate) struct Life {
    pub(super) world: World,
    pub(super) checks: Checks,
    pub(super) state: Option<State>,
    /// Of the token that readers see.
    pub(super) epoch: SignInEpoch,
    /// The callers that wait, and how to hear what they are told.
    pub(super) waiting: BTreeMap<u64, Hear>,
    /// Which process of the daemon runs. What was begun for an earlier one comes to nothing.
    pub(super) process: u64,
    queue: BTreeMap<(Duration, u64), Ahead>,
    queued: u64,
    pub(super) is_asleep: bool,
    /// What was to happen on the machine while it slept. It happens soon after it has woken up.
    pub(super) frozen: Vec<Ahead>,
    pub(super) terms: Terms,
    pub(super) presence: Presence,
    /// Of the open flow, if that is one at the browser.
    pub(super) listener: Option<Listener>,
    pub(super) day: Day,
    /// The token as it was after the last step.
    pub(super) token: Option<Token>,
    /// Whether a code can be shown.
    pub(super) has_code: bool,
    pub(super) loading: bool,
    pub(super) asked: u64,
    pub(super) newest_flow: u64,
    pub(super) ticks: u64,
    pub(super) polls: u64,
    pub(super) day_began: DayOfWork,
    pub(super) trace: Option<Vec<String>>,
    pub(super) stopping: bool,
    /// In every fourth life.
    pub(super) watchers: Option<Watchers>,
    /// A crash came between the service's answer and the store.
    pub(super) unstored_at_crash: Option<String>,
}

/// Lives through a seed. With `trace`, every event is written down, also those before a failure.
pub(crate) fn live(seed: u64, trace: Option<Vec<String>>) -> (Result<Counts, String>, Vec<String>) {
    let mut life = Life::new(seed, trace);
    let outcome = tracing::subscriber::with_default(decisions::Log, || life.run());
    let at = life.world.elapsed();
    let counts = life.counts();
    (outcome.map(|()| counts).map_err(|rule| format!("after {at:?}: {rule}")), life.trace.unwrap_or_default())
}

impl Life {
    fn new(seed: u64, trace: Option<Vec<String>>) -> Self {
        let mut world = World::new(seed);
        let terms = draw_terms(&mut world);
        let mut life = Self {
            world,
            checks: Checks::default(),
            state: None,
            epoch: SignInEpoch::default(),
            waiting: BTreeMap::new(),
            process: 0,
            queue: BTreeMap::new(),
            queued: 0,
            is_asleep: false,
            frozen: Vec::new(),
            terms,
            presence: Presence::Present,
            listener: None,
            day: Day::Ordinary,
            token: None,
            has_code: false,
            loading: true,
            asked: 0,
            newest_flow: 0,
            ticks: 0,
            polls: 0,
            day_began: DayOfWork::default(),
            trace,
            stopping: false,
            // They cost more than all the rest of a life.
            watchers: seed.is_multiple_of(4).then(|| Watchers::new(0, 0)),
            unstored_at_crash: None,
        };
        life.checks.notices_changed(life.terms.notifications == Notifications::On);
        trace!(life, "seed {seed}: {}; {:?}", life.world.settings, life.terms);
        life
    }

    fn counts(&mut self) -> Counts {
        let mut counts = std::mem::take(&mut self.checks.counts);
        counts.add("calls", self.world.calls);
        counts.add("refreshes", self.world.refreshes);
        counts.add("faults", self.world.faults);
        counts
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

    pub(super) fn boot(&self) -> BootTime {
        self.world.clocks().boot
    }

    pub(super) fn ahead(&mut self, after: Duration, what: Ahead) {
        self.queued += 1;
        self.queue.insert((self.world.elapsed() + after, self.queued), what);
    }

    /// Does what comes next, if it comes before `end`; otherwise it is `end`.
    pub(super) fn next(&mut self, end: Duration) -> Verdict {
        let now = self.world.clocks();
        let at = |wake_at: Option<BootTime>| {
            let time = wake_at.filter(|_| !self.is_asleep)?;
            Some(World::elapsed_at(time).max(self.world.elapsed()))
        };
        let session = at(self.state.as_ref().and_then(|state| state.wake_at(now)).map(|(wake_at, _)| wake_at));
        let queued = self.queue.first_key_value().map(|((time, _), _)| *time);
        let first = session.into_iter().chain(queued).min().filter(|first| *first < end);
        self.world.advance_to(first.unwrap_or(end));
        match first {
            None => Ok(()),
            first if first == session => {
                self.ticks += 1;
                let acts = |life: &Self| {
                    // A token that a slow store has kept waiting is served, also where nobody asks for it.
                    let served = life.token.as_ref().map(|token| token.received);
                    (
                        life.world.calls,
                        life.checks.counts.of("answers"),
                        life.newest_flow,
                        life.checks.waiting(),
                        served,
                    )
                };
                let before = acts(self);
                let did = self.step(Event::Tick)? > 0 || acts(self) != before;
                self.checks.ticked(did, self.world.elapsed())
            }
            Some(_) => {
                let (_, what) = self.queue.pop_first().expect("there is a first");
                self.happens(what)
            }
        }
    }

    fn happens(&mut self, what: Ahead) -> Verdict {
        if self.is_asleep {
            let is_outside = matches!(
                what,
                Ahead::Reach(..)
                    | Ahead::ReachPortal(..)
                    | Ahead::Decide(Matter::Code(_), _)
                    | Ahead::WakeUp
                    | Ahead::WeatherClears
                    | Ahead::StoreRecovers
            );
            if !is_outside {
                // A connection that was open when the machine fell asleep is mostly dead when it wakes up.
                let reset = || CallError::Network("reset".to_owned());
                let what = match what {
                    Ahead::Conclude(process, journey, Ok(_)) if self.world.rng.u8(..3) > 0 => {
                        Ahead::Conclude(process, journey, Err(reset()))
                    }
                    Ahead::ConcludeErrand(process, errand, Ok(_)) if self.world.rng.u8(..3) > 0 => {
                        Ahead::ConcludeErrand(process, errand, Err(reset()))
                    }
                    what => what,
                };
                self.frozen.push(what);
                return Ok(());
            }
        }
        match what {
            Ahead::Reach(process, journey) => {
                let down = journey.fate.route.as_ref().map_or(Duration::ZERO, |(_, down)| *down);
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
            Ahead::ReachPortal(process, errand) => {
                self.reach_portal(process, errand);
                Ok(())
            }
            Ahead::ConcludeErrand(process, errand, result) if process == self.process => {
                self.conclude_errand(&errand, result)
            }
            Ahead::Read(process) if process == self.process => {
                let result = self.world.access_store().map(|()| self.world.read_record());
                self.checks.store_accessed(result.is_ok());
                self.step(Event::Loaded(result)).map(drop)
            }
            Ahead::Written(process, record) if process == self.process => {
                let result = self.world.access_store();
                self.checks.store_accessed(result.is_ok());
                if result.is_ok() {
                    self.checks.stores(record.access_token(), &self.world)?;
                    self.world.stored = Some(*record);
                }
                self.step(Event::Stored(result)).map(drop)
            }
            Ahead::CallbackOpened(process, flow, opened) if process == self.process => {
                self.callback_opened(flow, opened)
            }
            Ahead::Decide(Matter::Page(page), choice) => {
                trace!(self, "the person decides at the browser: {choice:?}");
                self.visit(&page, choice)
            }
            Ahead::Decide(Matter::Code(code), choice) => {
                trace!(self, "the person decides: {choice:?}");
                // The code may be dead or decided by now.
                let _ = match choice {
                    Choice::Approve => self.world.service.approve(&code),
                    Choice::Deny => self.world.service.deny(&code),
                    Choice::LetDie => self.world.service.expire(&code),
                };
                Ok(())
            }
            Ahead::Click => self.click(),
            Ahead::Leave(id) if self.waiting.remove(&id).is_some() => {
                self.checks.left(id);
                self.step(Event::CallersLeft).map(drop)
            }
            Ahead::AskForRole(want) if self.is_running() => self.ask_for_role(*want),
            Ahead::WeatherClears => {
                self.world.healthy_for();
                self.world.weather = Weather::Fair;
                trace!(self, "the weather clears");
                if !self.is_asleep && self.world.rng.bool() && self.is_running() {
                    self.stir()?;
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
}
