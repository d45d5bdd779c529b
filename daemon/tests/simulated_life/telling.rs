//! What is told of a life: its events one by one, and what came of it.

use std::fmt;

use ssoctld::session::event::{Effect, Event};

use super::wants::Answer;
use super::world::World;

/// Writes an event down, if anybody wants to read it.
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

pub(crate) use trace;

/// What came of a life.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) events: u64,
    pub(crate) calls: u64,
    pub(crate) answers: u64,
    pub(crate) tokens: u64,
    /// Credentials of roles that somebody was given.
    pub(crate) credentials: u64,
    /// Tokens that the portal did not take although they lived.
    pub(crate) rejections: u64,
    /// Notices that were put off.
    pub(crate) put_offs: u64,
    pub(crate) flows: u64,
    pub(crate) refreshes: u64,
    pub(crate) pop_ups: u64,
    pub(crate) faults: u64,
    pub(crate) restarts: u64,
    pub(crate) crashes: u64,
    /// Refresh tokens that a new process sent again, because the one before had not stored the answer.
    pub(crate) repetitions: u64,
    /// How often a crash lost an answer that had a successor for the refresh token in it, so that a person was needed.
    pub(crate) costly_crashes: u64,
}

impl Report {
    /// Adds what came of another life.
    pub(crate) fn add(&mut self, other: &Self) {
        self.events += other.events;
        self.calls += other.calls;
        self.answers += other.answers;
        self.tokens += other.tokens;
        self.credentials += other.credentials;
        self.rejections += other.rejections;
        self.put_offs += other.put_offs;
        self.flows += other.flows;
        self.refreshes += other.refreshes;
        self.pop_ups += other.pop_ups;
        self.faults += other.faults;
        self.restarts += other.restarts;
        self.crashes += other.crashes;
        self.repetitions += other.repetitions;
        self.costly_crashes += other.costly_crashes;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} events, {} calls, {} faults; {} answers, {} of them tokens and {} credentials; {} refreshes, \
             {} rejections, {} flows, {} notices, {} of them put off; {} starts, \
             {} crashes, after which {} refresh tokens were sent again and {} sign-ins were needed",
            self.events,
            self.calls,
            self.faults,
            self.answers,
            self.tokens,
            self.credentials,
            self.refreshes,
            self.rejections,
            self.flows,
            self.pop_ups,
            self.put_offs,
            self.restarts,
            self.crashes,
            self.repetitions,
            self.costly_crashes
        )
    }
}

pub(crate) fn told(event: &Event) -> String {
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

pub(crate) fn answered(answer: &Answer) -> String {
    match answer {
        Answer::Token(_, expires) => format!("a token until {:?}", World::elapsed_at(*expires)),
        Answer::Pending { flow, started } => format!("pending {}, started for it: {started}", flow.number),
        other => format!("{other:?}"),
    }
}

pub(crate) const fn called(request: &Effect) -> &'static str {
    match request {
        Effect::Register(_) => "RegisterClient",
        Effect::AuthorizeDevice(..) => "StartDeviceAuthorization",
        Effect::Refresh(..) => "CreateToken to refresh",
        Effect::LeavePortal(_) => "Logout",
        _ => "CreateToken",
    }
}
