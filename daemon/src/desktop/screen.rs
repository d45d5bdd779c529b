//! The desktop of the person who runs the daemon.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::notices::Notices;
use super::{Act, Desktop, Environment, Subject, browser, page, text};
use crate::clock::{Clock, Now};
use crate::notice::Notice;

/// Notices by the desktop's notification server, pages by its browser.
pub struct Screen {
    environment: Environment,
    runtime: Handle,
    notices: Notices,
}

impl Screen {
    /// Begins nothing before there is something to show. Has to be called within a tokio runtime.
    pub fn new(environment: Environment, clock: Arc<dyn Clock>) -> Self {
        let runtime = Handle::current();
        Self { environment, notices: Notices::new(clock, runtime.clone()), runtime }
    }

    /// Takes all notices back before the daemon ends. Takes a second at most.
    pub async fn farewell(&self) {
        self.notices.farewell().await;
    }
}

impl Desktop for Screen {
    fn show(&self, session: &Subject, notice: &Notice, now: Now, act: Act) {
        self.notices.show(&session.key, text::write(notice, session, now), act);
    }

    fn withdraw(&self, session: &Subject) {
        self.notices.withdraw(&session.key);
    }

    fn open(&self, session: &Subject, page: &str) {
        match page::admit(page, Some(session)) {
            Ok(page) => {
                let launcher = self.environment.launcher;
                browser::open(&page, session.browser.as_ref(), launcher, &session.name, &self.runtime);
            }
            Err(refusal) => tracing::warn!(session = session.name, "the page is not opened: {refusal}"),
        }
    }
}
