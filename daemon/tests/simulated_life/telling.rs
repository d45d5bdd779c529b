//! Prints the events of a life, and counts them.

use std::collections::BTreeMap;
use std::fmt;

use ssoctld::session::event::{Effect, Event};

use super::wants::Answer;
use super::world::World;

/// Writes an event down, if the life is traced.
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

/// The number of times that each thing happened in a life, by its name.
#[derive(Default)]
pub(crate) struct Counts(BTreeMap<&'static str, u64>);

impl Counts {
    pub(crate) fn add(&mut self, what: &'static str, count: u64) {
        *self.0.entry(what).or_default() += count;
    }

    /// One more.
    pub(crate) fn count(&mut self, what: &'static str) {
        self.add(what, 1);
    }

    pub(crate) fn of(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or_default()
    }

    pub(crate) fn add_all(&mut self, other: &Self) {
        other.0.iter().for_each(|(what, count)| self.add(what, *count));
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts: Vec<String> = self.0.iter().map(|(what, count)| format!("{count} {what}")).collect();
        f.write_str(&counts.join(", "))
    }
}

pub(crate) fn told(event: &Event) -> String {
    match event {
        Event::Loaded(Ok(record)) => format!("loaded, found: {}", record.is_some()),
        Event::TokenCreated(flow, Ok(issued)) => format!("polled {flow}: a token for {:?}", issued.expires_in),
        Event::Refreshed(_, Ok(issued)) => {
            format!("refreshed: {:?}, rotated: {}", issued.expires_in, issued.refresh_token.is_some())
        }
        Event::Registered(flow, _, Ok(_)) => format!("registered for {flow}"),
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
        Effect::ResolveStartUrl(_) => "the start URL",
        Effect::Register(..) => "RegisterClient",
        Effect::AuthorizeDevice(..) => "StartDeviceAuthorization",
        Effect::Refresh(..) => "CreateToken to refresh",
        Effect::EndPortalSession(_) => "Logout",
        _ => "CreateToken",
    }
}
