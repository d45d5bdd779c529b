//! Notices and pages for the person, and whether the person is there to see them.
//!
//! `text`, `page` and the rules in `presence` and `quiet` are pure. `notices` uses the session's D-Bus from the first notice on,
//! and `presence` the system's D-Bus.

mod browser;
mod environment;
#[cfg(target_os = "linux")]
mod network;
mod notices;
mod open_page;
mod page;
#[cfg(target_os = "linux")]
mod presence;
mod question;
pub mod quiet;
mod text;
mod zone;

pub use environment::DesktopEnvironment;
pub use notices::Screen;
pub use open_page::{Opening, open_page};
pub use page::{Page, PageRefusal, admit};
pub use question::{About, Consent, Question};
pub use zone::LocalZone;

use std::pin::Pin;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::watch;

use crate::caller::Who;
use crate::clock::{Clock, Now};
use crate::config::SessionConfig;
use crate::notice::{Action, Notice, Presence};

/// The screen. No function keeps a caller waiting, and failures are only logged.
pub trait Desktop: Send + Sync {
    /// Shows a notice in the place of the session's last one. `asked_by` is who has waited longest for the session. `act` is called when the person uses an action, from any
    /// thread, at most once for each notice.
    fn show(&self, session: &SessionConfig, notice: &Notice, asked_by: Option<&Who>, now: Now, act: Act);

    fn withdraw(&self, session: &SessionConfig);

    /// Asks the person for at most a minute. The question is taken back when the future is dropped.
    fn ask(&self, question: Question) -> Asking;

    /// Opens a page, with the session's own command if it has one.
    fn open(&self, session: &SessionConfig, page: &str);
}

/// The person's answer to come.
pub type Asking = Pin<Box<dyn Future<Output = Consent> + Send>>;

pub type Act = Box<dyn Fn(Action) + Send + Sync>;

/// The person, sleep and the network. Changes when the person comes or goes, when the machine wakes up, and when the network
/// changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Surroundings {
    /// From the state of the screen.
    pub presence: Presence,
    /// The present quiet hours, or the next ones.
    pub quiet: Option<Quiet>,
    /// Counts wake-ups and changes of the network: calls that failed before may succeed after one.
    pub changes: u64,
}

impl Surroundings {
    /// Whether the person counts as present when the wall clock shows `wall`. This has to be asked before anything is begun or
    /// shown, since sessions and quiet hours may wake in any order.
    pub fn presence_at(&self, wall: SystemTime) -> Presence {
        if self.quiet_until(wall).is_some() { Presence::Away } else { self.presence }
    }

    /// The end of the quiet hours in which `wall` lies.
    pub fn quiet_until(&self, wall: SystemTime) -> Option<SystemTime> {
        self.quiet.filter(|quiet| quiet.from <= wall && wall < quiet.until).map(|quiet| quiet.until)
    }
}

/// Quiet hours of one day, by the wall clock: from the first moment to the first moment after them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quiet {
    pub from: SystemTime,
    pub until: SystemTime,
}

/// Follows the person, sleep and the network. Has to be called within a tokio runtime. A fact that cannot be observed does not
/// change, and the person counts as present.
#[cfg(target_os = "linux")]
pub fn observe(clock: Arc<dyn Clock>) -> watch::Receiver<Surroundings> {
    let (tell, surroundings) = watch::channel(Surroundings::default());
    let tell = Arc::new(tell);
    match network::Routes::open() {
        Ok(routes) => {
            let tell = Arc::clone(&tell);
            tokio::spawn(async move {
                let error = routes.follow(clock, tell).await;
                tracing::warn!(%error, "changes of the network are not noticed from now on");
            });
        }
        Err(error) => tracing::warn!(%error, "changes of the network are not noticed"),
    }
    tokio::spawn(async move {
        let Err(error) = presence::follow(&tell).await;
        tracing::info!(%error, "it cannot be seen whether the screen is locked; the person counts as present");
        tell.send_modify(|surroundings| surroundings.presence = Presence::Present);
    });
    surroundings
}

#[cfg(not(target_os = "linux"))]
pub fn observe(_: Arc<dyn Clock>) -> watch::Receiver<Surroundings> {
    watch::channel(Surroundings::default()).1
}
