//! The calls to the service and the accesses to the store: one of a kind at a time, none in vain, none too often.

use std::collections::HashMap;
use std::time::Duration;

use ssoctld::oidc::ErrorName;
use ssoctld::session::event::{Effect, Event};
use ssoctld::session::{Renewal, SignInEpoch, Token};

use super::super::world::World;
use super::{Checks, ON_ITS_WAY, Verdict, require};

/// Calls and accesses to the store that have begun and not ended, and what is known of refresh tokens.
#[derive(Default)]
pub(super) struct Calls {
    process: u64,
    in_flight: Vec<Kind>,
    open_flow: Option<u64>,
    /// Refresh tokens to which the service has given its last word, and the process that heard it.
    spent: HashMap<String, Vec<u64>>,
    /// How many violations have been looked at.
    seen: usize,
    /// How many of the next violations are repetitions that could not be avoided.
    excused: usize,
}

/// Of each there is one at a time.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Kind {
    Store,
    /// RegisterClient, StartDeviceAuthorization or CreateToken for this flow.
    Flow(u64),
    /// A refresh; the answer to one of an earlier sign-in has nothing to say any more.
    Refresh(SignInEpoch),
    Logout,
}

fn kind(effect: &Effect) -> Option<Kind> {
    Some(match effect {
        Effect::Load | Effect::Store(_) => Kind::Store,
        Effect::Register(flow, ..) | Effect::AuthorizeDevice(flow, _) | Effect::CreateToken(flow, ..) => {
            Kind::Flow(*flow)
        }
        Effect::Refresh(epoch, _) => Kind::Refresh(*epoch),
        Effect::EndPortalSession(_) => Kind::Logout,
        _ => return None,
    })
}

impl Calls {
    pub(super) fn daemon_started(&mut self) {
        self.process += 1;
        self.in_flight.clear();
        self.open_flow = None;
    }
}

impl Checks {
    /// One call of each kind is in flight, and one access to the store; and nothing is asked for a flow that is not open.
    pub(crate) fn begins(&mut self, effect: &Effect) -> Verdict {
        let Some(kind) = kind(effect) else { return Ok(()) };
        require(!self.calls.in_flight.contains(&kind), || format!("two calls at once: {kind:?}"))?;
        if let Kind::Flow(flow) = kind {
            let open = self.calls.open_flow;
            require(open == Some(flow), || format!("a call for flow {flow}, and {open:?} is open"))?;
        }
        match effect {
            Effect::Refresh(_, renewal) => self.sends(renewal)?,
            Effect::Store(record) if record.token.is_none() => self.forgets()?,
            _ => {}
        }
        self.calls.in_flight.push(kind);
        Ok(())
    }

    /// The result of a call has come.
    pub(crate) fn ends(&mut self, effect: &Effect) {
        if let Some(kind) = kind(effect) {
            self.calls.in_flight.retain(|known| *known != kind);
        }
    }

    /// The store has read or written, or has not.
    pub(crate) fn store_accessed(&mut self, worked: bool) {
        self.calls.in_flight.retain(|known| *known != Kind::Store);
        self.store_answered(worked);
    }

    /// A flow is opened when none is open.
    pub(super) fn flow_opens(&mut self, flow: u64) -> Verdict {
        let open = self.calls.open_flow.replace(flow);
        require(open.is_none(), || format!("flow {flow} was opened while {open:?} was open"))
    }

    pub(crate) fn flow_ends(&mut self, flow: u64) -> Verdict {
        let open = self.calls.open_flow.take();
        require(open == Some(flow), || format!("flow {flow} ended while {open:?} was open"))
    }

    /// Whether the answer to a refresh is awaited.
    pub(super) fn is_refreshing(&self) -> bool {
        self.calls.in_flight.iter().any(|kind| matches!(kind, Kind::Refresh(_)))
    }

    /// Whether a flow is open.
    pub(crate) const fn has_open_flow(&self) -> bool {
        self.calls.open_flow.is_some()
    }

    /// A refresh token that has a successor, or was refused, is not sent again by the process that knows it. Another process
    /// knows what was stored.
    fn sends(&mut self, renewal: &Renewal) -> Verdict {
        let heard = self.calls.spent.get(renewal.refresh_token.expose());
        let process = self.calls.process;
        let knows = heard.is_some_and(|heard| heard.contains(&process));
        require(!knows, || "a refresh token was sent after its successor or InvalidGrant arrived".to_owned())?;
        self.calls.excused += heard.map_or(0, |heard| heard.len().min(2));
        Ok(())
    }

    /// The service has given its last word to a refresh token: another one, or InvalidGrant.
    pub(crate) fn refresh_answered(&mut self, renewal: &Renewal, event: &Event) {
        let is_last_word = match event {
            Event::Refreshed(_, Ok(issued)) => {
                issued.refresh_token.as_ref().is_some_and(|next| *next != renewal.refresh_token)
            }
            Event::Refreshed(_, Err(error)) => error.name() == Some(ErrorName::InvalidGrant),
            _ => false,
        };
        if is_last_word {
            let heard = self.calls.spent.entry(renewal.refresh_token.expose().clone()).or_default();
            heard.push(self.calls.process);
        }
    }

    /// The simulator has seen nothing that a well-behaved client does not do: no poll faster than the interval, no refresh
    /// token in two requests or after its last word. A daemon whose predecessor died before it had stored that word cannot
    /// know better.
    pub(crate) fn conduct(&mut self, world: &World) -> Verdict {
        for violation in world.service.violations_after(self.calls.seen) {
            self.calls.seen += 1;
            let is_repetition =
                violation.contains("sent after its successor") || violation.contains("sent again after");
            require(is_repetition && self.calls.excused > 0, || format!("misconduct: {violation}"))?;
            self.calls.excused -= 1;
            self.counts.count("refresh tokens sent again");
        }
        Ok(())
    }

    /// What nobody asked for does not happen again and again: a token is refreshed by itself after a tenth of its life at the
    /// earliest.
    pub(crate) fn refreshes(&self, why: &str, token: Option<&Token>, now: Duration) -> Verdict {
        // One that came too late to be of use is not waited for again.
        let live = token.filter(|token| World::elapsed_at(token.expires) > now && !self.tokens.is_from_record(token));
        let Some(token) = live.filter(|_| why == "due") else { return Ok(()) };
        // An answer that was slept through has used up life on its way.
        let asked = World::elapsed_at(token.expires).saturating_sub(token.lifetime);
        require(now + ON_ITS_WAY >= asked + token.lifetime / 10, || {
            format!("refreshed {:?} after the last, lifetime {:?}", now.saturating_sub(asked), token.lifetime)
        })
    }
}

/// How often the session acts.
#[derive(Default)]
pub(super) struct Habits {
    ticks: Tally,
    idle_ticks: Tally,
}

/// A count within the current minute or hour.
#[derive(Default)]
struct Tally {
    slot: u64,
    count: u32,
}

impl Tally {
    fn add(&mut self, slot: u64) -> u32 {
        if self.slot != slot {
            *self = Self { slot, count: 0 };
        }
        self.count += 1;
        self.count
    }
}

impl Habits {
    /// A wake-up is for something: few lead to nothing, and no minute is full of them.
    pub(super) fn ticked(&mut self, did_something: bool, now: Duration) -> Verdict {
        let ticks = self.ticks.add(now.as_secs() / 60);
        require(ticks <= 200, || format!("{ticks} wake-ups in one minute"))?;
        if !did_something {
            let idle = self.idle_ticks.add(now.as_secs() / 3600);
            require(idle <= 20, || format!("{idle} wake-ups for nothing within an hour"))?;
        }
        Ok(())
    }
}

impl Checks {
    pub(crate) fn ticked(&mut self, did_something: bool, now: Duration) -> Verdict {
        self.habits.ticked(did_something, now)
    }
}

/// What happened up to a moment, or on one day.
#[derive(Default)]
pub(crate) struct DayOfWork {
    pub(crate) ticks: u64,
    pub(crate) polls: u64,
    pub(crate) refreshes: u64,
    pub(crate) flows: u64,
    pub(crate) calls: u64,
    pub(crate) asks: u64,
}

impl DayOfWork {
    pub(crate) const fn since(&self, before: &Self) -> Self {
        Self {
            ticks: self.ticks - before.ticks,
            polls: self.polls - before.polls,
            refreshes: self.refreshes - before.refreshes,
            flows: self.flows - before.flows,
            calls: self.calls - before.calls,
            asks: self.asks - before.asks,
        }
    }

    /// A day without callers and faults has few wake-ups besides polls: two for a refresh, and three for a flow, which are
    /// its beginning, the end of the token and the end of the code.
    pub(crate) fn is_calm(&self) -> Verdict {
        let Self { ticks, polls, refreshes, flows, .. } = *self;
        require(ticks <= polls + 2 * refreshes + 3 * flows + 15, || {
            format!("{ticks} wake-ups on a calm day with {refreshes} refreshes, {flows} flows and {polls} polls")
        })
    }

    /// The service is not asked without end.
    pub(crate) fn is_bearable(&self) -> Verdict {
        let (others, asks) = (self.calls - self.polls, self.asks);
        require(others <= 2 * 24 * 60 + 10 * asks, || format!("{others} calls on a day with {asks} callers"))
    }
}
