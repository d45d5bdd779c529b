//! Notices on the screen: one for each session, replaced in place and taken back.
//!
//! Callers only leave word of what should be on the screen; one task for each session sees to it, with one call to the
//! notification server at a time. If the server hangs, that call waits, later words replace each other meanwhile, and
//! nobody else notices. Nothing is begun before the first notice.

#[cfg_attr(target_os = "macos", path = "notices/macos.rs")]
#[cfg_attr(not(target_os = "macos"), path = "notices/freedesktop.rs")]
mod server;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use super::Act;
use super::text::{Buttons, Written};
use crate::clock::Clock;
use server::{Response, Shown};

/// After how long a server that does not answer is worth a word in the log.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the end of the daemon waits for notices to be taken back.
const FAREWELL_PATIENCE: Duration = Duration::from_secs(1);

/// What should be on the screen for a session: this, or nothing.
type Wanted = Option<Arc<Notice>>;

struct Notice {
    written: Written,
    act: Act,
}

/// All notices.
pub(super) struct Notices {
    runtime: Handle,
    clock: Arc<dyn Clock>,
    server: Arc<Health>,
    places: Mutex<HashMap<String, Place>>,
}

/// Where the notice of one session goes.
struct Place {
    wanted: watch::Sender<Wanted>,
    keeper: JoinHandle<()>,
}

impl Notices {
    pub(super) fn new(clock: Arc<dyn Clock>, runtime: Handle) -> Self {
        Self { runtime, clock, server: Arc::default(), places: Mutex::default() }
    }

    /// Shows a notice in the place of the one before.
    pub(super) fn show(&self, key: &str, written: Written, act: Act) {
        let notice = Some(Arc::new(Notice { written, act }));
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = places.get(key) {
            place.wanted.send_replace(notice);
            return;
        }
        let (wanted, wishes) = watch::channel(notice);
        let keeper = Keeper { clock: Arc::clone(&self.clock), server: Arc::clone(&self.server), shown: None };
        let keeper = self.runtime.spawn(keeper.run(wishes));
        places.insert(key.to_owned(), Place { wanted, keeper });
    }

    /// Takes back what is shown.
    pub(super) fn withdraw(&self, key: &str) {
        if let Some(place) = self.places.lock().unwrap_or_else(PoisonError::into_inner).get(key) {
            place.wanted.send_replace(None);
        }
    }

    /// Takes everything back: a notice whose daemon is gone would lead nowhere. Takes a second at most.
    pub(super) async fn farewell(&self) {
        let places = std::mem::take(&mut *self.places.lock().unwrap_or_else(PoisonError::into_inner));
        let deadline = self.clock.sleep_until(self.clock.now().boot + FAREWELL_PATIENCE);
        let all = async {
            for (_, Place { wanted, keeper }) in places {
                drop(wanted);
                // A keeper that ended otherwise has nothing on the screen.
                let _ = keeper.await;
            }
        };
        tokio::select! {
            () = all => {}
            () = deadline => tracing::debug!("the notification server did not take the notices back in time"),
        }
    }
}

/// Keeps the notice of one session as it is wanted.
struct Keeper {
    clock: Arc<dyn Clock>,
    server: Arc<Health>,
    shown: Option<(Shown, Arc<Notice>)>,
}

impl Keeper {
    async fn run(mut self, mut wishes: watch::Receiver<Wanted>) {
        wishes.mark_changed();
        loop {
            tokio::select! {
                changed = wishes.changed() => match changed {
                    Ok(()) => {
                        let wanted = wishes.borrow_and_update().clone();
                        self.follow(wanted).await;
                    }
                    Err(_) => break,
                },
                response = response_to(self.shown.as_ref()) => self.respond(response).await,
            }
        }
        self.follow(None).await;
    }

    async fn follow(&mut self, wanted: Wanted) {
        let previous = self.shown.take().map(|(shown, _)| shown);
        match wanted {
            Some(notice) => {
                let written = notice.written.clone();
                self.shown = self.call(move || server::show(&written, previous)).await.map(|shown| (shown, notice));
            }
            None => self.take_back(previous).await,
        }
    }

    async fn respond(&mut self, response: Response) {
        let Some((shown, notice)) = self.shown.take() else { return };
        let used = match response {
            Response::Used => notice.written.action,
            Response::UsedSecond => notice.written.second,
            // Dismissed, or the bus went away and the server with it.
            Response::Gone => None,
        };
        if let Some((action, _)) = used {
            (notice.act)(action);
            // Some servers leave it on the screen, where it would do nothing any more.
            self.take_back(Some(shown)).await;
        }
    }

    async fn take_back(&self, shown: Option<Shown>) {
        if let Some(shown) = shown {
            self.call(move || server::close(shown)).await;
        }
    }

    /// Does what may block on a thread of its own, which also contains panics, and waits for the end.
    async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<(T, Buttons), String> + Send + 'static,
    ) -> Option<T> {
        let (done, outcome) = oneshot::channel();
        let thread = std::thread::Builder::new().name("notice".to_owned()).spawn(move || done.send(work()));
        if let Err(error) = thread {
            self.server.is(State::Failing, &error.to_string());
            return None;
        }
        let mut outcome = std::pin::pin!(outcome);
        let outcome = tokio::select! {
            outcome = &mut outcome => outcome,
            () = self.clock.sleep_until(self.clock.now().boot + PATIENCE) => {
                self.server.is(State::Silent, "no answer");
                outcome.await
            }
        };
        match outcome.unwrap_or_else(|_| Err("the call ended unexpectedly".to_owned())) {
            Ok((value, Buttons::Drawn)) => {
                self.server.is(State::Working, "");
                Some(value)
            }
            Ok((value, Buttons::Missing)) => {
                self.server.is(State::WithoutButtons, "");
                Some(value)
            }
            Err(error) => {
                self.server.is(State::Failing, &error);
                None
            }
        }
    }
}

/// What the person does with what is shown; never, if nothing is. There is no deadline, although the death of a server
/// gives no event: waiting costs nothing, and the next notice ends it.
async fn response_to(shown: Option<&(Shown, Arc<Notice>)>) -> Response {
    match shown {
        Some((shown, _)) => server::response(shown).await,
        None => std::future::pending().await,
    }
}

/// How the notification server is, so that the log says it once and not with each notice.
#[derive(Default)]
struct Health(Mutex<State>);

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum State {
    #[default]
    Untried,
    Working,
    WithoutButtons,
    Silent,
    Failing,
}

impl Health {
    fn is(&self, state: State, error: &str) {
        let before = std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), state);
        if before == state {
            return;
        }
        match state {
            State::Untried => {}
            State::Working => tracing::info!("notices are shown"),
            State::WithoutButtons => {
                tracing::info!("notices are shown without buttons, which the notification server does not have");
            }
            State::Silent => {
                tracing::warn!("the notification server does not answer; `ssoctl status` shows what notices would");
            }
            State::Failing => {
                tracing::warn!(error, "notices cannot be shown; `ssoctl status` shows what they would");
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
        let lines = |states: &[State]| {
            log.0.lock().unwrap().clear();
            tracing::dispatcher::with_default(&subscriber, || {
                states.iter().for_each(|state| health.is(*state, "no bus"));
            });
            String::from_utf8(log.0.lock().unwrap().clone()).unwrap().lines().count()
        };
        assert_eq!(lines(&[State::Failing, State::Failing, State::Failing]), 1);
        assert_eq!(lines(&[State::Failing, State::Working, State::Working]), 1);
        assert_eq!(lines(&[State::Silent, State::Silent, State::Working, State::Failing]), 3);
    }
}
