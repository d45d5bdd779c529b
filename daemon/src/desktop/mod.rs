//! The person in front of the machine: what is shown, and whether anybody is there to see it.
//!
//! `text`, `page` and the rules in `presence` and `quiet` are pure. D-Bus is spoken by `notices` (the session's bus, from the first notice
//! on) and `presence` (the machine's bus) alone.

mod browser;
mod environment;
#[cfg(target_os = "linux")]
mod network;
mod notices;
mod open_page;
mod page;
#[cfg(target_os = "linux")]
mod presence;
pub mod quiet;
mod screen;
mod surroundings;
mod text;
mod zone;

pub use environment::{Display, Environment};
pub use open_page::{NotOpened, Wish, open_page};
pub use page::{Page, Refusal, admit};
pub use screen::Screen;
pub use surroundings::observe;
pub use zone::LocalZone;

use std::time::SystemTime;

use tokio::sync::watch;

use crate::clock::Now;
use crate::config::{BrowserCommand, SessionConfig};
use crate::notice::{Action, Notice, Presence};

/// The door to the screen. Nothing behind it may keep a caller waiting: whatever takes time happens elsewhere, and what
/// fails is logged there.
pub trait Desktop: Send + Sync {
    /// Shows a notice in the place of the one that was shown for this session before. `act` is called when the person
    /// uses its action, from any thread, at most once for each notice.
    fn show(&self, session: &Subject, notice: &Notice, now: Now, act: Act);

    /// Takes back what is shown for this session.
    fn withdraw(&self, session: &Subject);

    /// Opens a page, with the session's own command if it has one.
    fn open(&self, session: &Subject, page: &str);
}

/// What is called when the person uses the action of a notice.
pub type Act = Box<dyn Fn(Action) + Send + Sync>;

/// Whom a notice is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subject {
    /// Tells sessions apart, whatever they are called: the key of the session's record.
    pub key: String,
    /// The session's name, for people.
    pub name: String,
    /// The start URL, whose host may also serve the verification page.
    pub start_url: String,
    /// The region of the Identity Center instance.
    pub region: String,
    /// The command that opens pages.
    pub browser: Option<BrowserCommand>,
    /// Further hosts that may serve the verification page.
    pub verification_hosts: Vec<String>,
}

impl Subject {
    /// The session that the configuration describes.
    pub fn of(config: &SessionConfig) -> Self {
        Self {
            key: config.identity.key(),
            name: config.name.clone(),
            start_url: config.start_url().to_owned(),
            region: config.region().to_owned(),
            browser: config.browser.clone(),
            verification_hosts: config.verification_hosts.clone(),
        }
    }
}

/// What goes on around the daemon. Changes when the person comes or goes, when the machine wakes up, and when the
/// network changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Surroundings {
    /// Whether the person is there, as far as the screen tells.
    pub presence: Presence,
    /// The quiet hours that are, or come next.
    pub quiet: Option<Quiet>,
    /// Counts wake-ups and changes of the network: what failed before may work after one.
    pub stirrings: u64,
}

impl Surroundings {
    /// Whether the person counts as there when the wall clock shows this. Sessions and quiet hours may wake in any order, so
    /// this is looked at before anything is begun or shown.
    pub fn presence_at(&self, wall: SystemTime) -> Presence {
        if self.quiet_until(wall).is_some() { Presence::Away } else { self.presence }
    }

    /// Until when it is quiet, if it is.
    pub fn quiet_until(&self, wall: SystemTime) -> Option<SystemTime> {
        self.quiet.filter(|quiet| quiet.from <= wall && wall < quiet.until).map(|quiet| quiet.until)
    }
}

/// When it is quiet, by the wall clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quiet {
    /// The first moment.
    pub from: SystemTime,
    /// The first moment after it.
    pub until: SystemTime,
}

/// A desktop that shows nothing: `notifications = "off"`, or a machine without a screen.
pub struct NoDesktop;

impl Desktop for NoDesktop {
    fn show(&self, _: &Subject, _: &Notice, _: Now, _: Act) {}
    fn withdraw(&self, _: &Subject) {}
    fn open(&self, _: &Subject, _: &str) {}
}

/// Surroundings that never change.
pub fn still() -> watch::Receiver<Surroundings> {
    watch::channel(Surroundings::default()).1
}
