//! Notices on the screen: one for each session, replaced in place and taken back.
//!
//! Callers only say what should be on the screen. One task for each session shows it, with one call to the notification server
//! at a time. If the server hangs, that call waits, later requests replace each other meanwhile, and the rest of the daemon goes on.

#[cfg_attr(target_os = "macos", path = "notices/macos.rs")]
#[cfg_attr(not(target_os = "macos"), path = "notices/freedesktop.rs")]
pub(super) mod server;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use super::question::{self, Question};
use super::text::{self, Buttons, Written};
use super::{Act, Asking, Desktop, DesktopEnvironment, browser, page};
use crate::caller::Who;
use crate::clock::{Clock, Now};
use crate::config::SessionConfig;
use crate::notice::Notice;
use crate::waiting::{lock, or_never};
use server::Shown;

/// After this time, the log says that the server does not answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest time that the end of the daemon waits for notices to be taken back.
const WITHDRAWAL_PATIENCE: Duration = Duration::from_secs(1);

/// The notice that should be on the screen for a session.
type Wanted = Option<Arc<NoticeRequest>>;

struct NoticeRequest {
    written: Written,
    act: Act,
}

/// The desktop of the person who runs the daemon: notices by its notification server, pages by its browser.
pub struct Screen {
    environment: DesktopEnvironment,
    runtime: Handle,
    clock: Arc<dyn Clock>,
    health: Arc<Health>,
    /// By the key of the session.
    slots: Mutex<HashMap<String, Slot>>,
}

struct Slot {
    wanted: watch::Sender<Wanted>,
    task: JoinHandle<()>,
}

impl Screen {
    /// Begins nothing before there is something to show. Has to be called within a tokio runtime.
    pub fn new(environment: DesktopEnvironment, clock: Arc<dyn Clock>) -> Self {
        Self { environment, runtime: Handle::current(), clock, health: Arc::default(), slots: Mutex::default() }
    }

    /// Takes all notices back before the daemon ends: they would lead nowhere. Takes a second at most.
    pub async fn withdraw_all(&self) {
        let slots = std::mem::take(&mut *lock(&self.slots));
        let all = async {
            for Slot { wanted, task } in slots.into_values() {
                drop(wanted);
                // A task that panicked has nothing on the screen.
                let _ = task.await;
            }
        };
        if self.clock.within(WITHDRAWAL_PATIENCE, all).await.is_none() {
            tracing::debug!("the notification server did not take the notices back in time");
        }
    }
}

impl Desktop for Screen {
    fn show(&self, session: &SessionConfig, notice: &Notice, asked_by: Option<&Who>, now: Now, act: Act) {
        let written = text::write(notice, session, now).asked_by(asked_by);
        let request = Some(Arc::new(NoticeRequest { written, act }));
        let mut slots = lock(&self.slots);
        let slot = slots.entry(session.identity.key()).or_insert_with(|| {
            let (wanted, requests) = watch::channel(None);
            let task = NoticeTask { clock: Arc::clone(&self.clock), health: Arc::clone(&self.health), shown: None };
            Slot { wanted, task: self.runtime.spawn(task.run(requests)) }
        });
        slot.wanted.send_replace(request);
    }

    fn withdraw(&self, session: &SessionConfig) {
        let slots = lock(&self.slots);
        if let Some(slot) = slots.get(&session.identity.key()) {
            slot.wanted.send_replace(None);
        }
    }

    fn ask(&self, question: Question) -> Asking {
        let clock = Arc::clone(&self.clock);
        Box::pin(async move { question::ask(&question, &*clock).await })
    }

    fn open(&self, session: &SessionConfig, page: &str) {
        match page::admit(page, Some(session)) {
            Ok(page) => {
                let launcher = self.environment.launcher;
                browser::open(&page, session.browser.as_ref(), launcher, &session.name, &self.runtime);
            }
            Err(refusal) => tracing::warn!(session = session.name, "the page is not opened: {refusal}"),
        }
    }
}

struct NoticeTask {
    clock: Arc<dyn Clock>,
    health: Arc<Health>,
    shown: Option<(Shown, Arc<NoticeRequest>)>,
}

impl NoticeTask {
    async fn run(mut self, mut requests: watch::Receiver<Wanted>) {
        loop {
            tokio::select! {
                changed = requests.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    let wanted = requests.borrow_and_update().clone();
                    self.follow(wanted).await;
                }
                // There is no deadline, although the death of a server gives no event: waiting costs nothing, and the next notice
                // ends it.
                used = or_never(self.shown.as_ref().map(|(shown, _)| server::response(shown))) => self.respond(used).await,
            }
        }
        self.follow(None).await;
    }

    async fn follow(&mut self, wanted: Wanted) {
        let previous = self.shown.take().map(|(shown, _)| shown);
        let Some(request) = wanted else { return self.take_back(previous).await };
        let written = request.written.clone();
        if let Some((shown, buttons)) = self.call(move || server::show(&written, previous)).await {
            self.health.set(match buttons {
                Buttons::Shown => ServerState::Working,
                Buttons::Missing => ServerState::WithoutButtons,
            });
            self.shown = Some((shown, request));
        }
    }

    /// `used` is the index of an action, or `None` if the notice is not on the screen any more.
    async fn respond(&mut self, used: Option<usize>) {
        let Some((shown, request)) = self.shown.take() else { return };
        if let Some((action, _)) = used.and_then(|index| request.written.actions.get(index)) {
            (request.act)(*action);
            // Some servers leave it on the screen, where it would do nothing any more.
            self.take_back(Some(shown)).await;
        }
    }

    async fn take_back(&self, shown: Option<Shown>) {
        if let Some(shown) = shown {
            self.call(move || {
                server::close(shown);
                Ok(())
            })
            .await;
        }
    }

    /// Runs `work`, which may block or panic, on a separate thread, and waits for its end.
    async fn call<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T, String> + Send + 'static) -> Option<T> {
        let (done, outcome) = oneshot::channel();
        // Nobody may wait any more.
        if let Err(error) = on_thread(move || drop(done.send(work()))) {
            self.health.set(ServerState::Failing(error.to_string()));
            return None;
        }
        let mut outcome = std::pin::pin!(outcome);
        let outcome = match self.clock.within(PATIENCE, &mut outcome).await {
            Some(outcome) => outcome,
            None => {
                self.health.set(ServerState::Silent);
                outcome.await
            }
        };
        let outcome = outcome.unwrap_or_else(|_| Err("the call ended unexpectedly".to_owned()));
        outcome.map_err(|error| self.health.set(ServerState::Failing(error))).ok()
    }
}

/// Runs work that may block or panic on a separate thread.
pub(super) fn on_thread(work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    std::thread::Builder::new().name("notice".to_owned()).spawn(work).map(drop)
}

/// Whether the notification server works, so that the log says it once and not with each notice.
#[derive(Default)]
struct Health(Mutex<Option<ServerState>>);

#[derive(Clone, Debug)]
enum ServerState {
    Working,
    WithoutButtons,
    Silent,
    Failing(String),
}

impl Health {
    /// Logs the state, if it is another one than before.
    fn set(&self, state: ServerState) {
        let before = lock(&self.0).replace(state.clone());
        if before.is_some_and(|before| std::mem::discriminant(&before) == std::mem::discriminant(&state)) {
            return;
        }
        match state {
            ServerState::Working => tracing::info!("notices are shown"),
            ServerState::WithoutButtons => {
                tracing::info!("notices are shown without buttons, which the notification server does not have");
            }
            ServerState::Silent => {
                tracing::warn!("the notification server does not answer; `ssoctl status` shows the same");
            }
            ServerState::Failing(error) => {
                tracing::warn!(error, "notices cannot be shown; `ssoctl status` shows the same");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};

    use super::*;

    /// A log that can be read.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_log_says_once_how_the_server_is_until_that_changes() {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).finish();
        let subscriber = tracing::Dispatch::new(subscriber);
        let health = Health::default();
        let lines = |states: &[ServerState]| {
            log.0.lock().unwrap().clear();
            tracing::dispatcher::with_default(&subscriber, || {
                states.iter().for_each(|state| health.set(state.clone()));
            });
            String::from_utf8(log.0.lock().unwrap().clone()).unwrap().lines().count()
        };
        let failing = || ServerState::Failing("no bus".to_owned());
        assert_eq!(lines(&[failing(), failing(), failing()]), 1);
        assert_eq!(lines(&[failing(), ServerState::Working, ServerState::Working]), 1);
        assert_eq!(lines(&[ServerState::Silent, ServerState::Silent, ServerState::Working, failing()]), 3);
    }
}
