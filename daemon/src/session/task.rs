//! The loop that owns one session: it feeds what happens to the [`State`] and has the `effects` carried out.
//!
//! Nothing else changes a session. Readers look at the snapshot; whoever needs more sends a [`Want`] and waits.

mod effects;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard, mpsc, oneshot, watch};
use tokio::task::JoinSet;

use super::ask::{Answer, AskId, Refusal, Want};

use super::found::{Found, Refused};
use super::state::{Effect, Event, State};
use super::{AccessToken, Notices, Snapshot, Terms, journal};
use crate::asking;
use crate::config::SessionConfig;
use crate::notice::Action;
use crate::world::World;

/// How long a stopping session waits for its record to become durable.
const FLUSH_PATIENCE: Duration = Duration::from_secs(4);

/// What the task is told from outside.
enum Message {
    Asked(AskId, Want, oneshot::Sender<Answer>),
    Found(AskId, Found, oneshot::Sender<Answer>),
    Left(AskId),
    Rejected(Arc<AccessToken>),
    StoreChanged,
    EndedElsewhere(Arc<AccessToken>),
    Configured(Arc<SessionConfig>, Notices),
    Acted(Action),
    Stop,
}

/// A session as the rest of the daemon sees it.
pub struct Session {
    messages: mpsc::UnboundedSender<Message>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    next_ask: AtomicU64,
    /// The last sign-in that was offered and that its issuer does not know.
    offering: Mutex<Option<Refused>>,
}

impl Session {
    /// Starts the task of a session. `seed` is where its chance comes from. A `predecessor` with the same record is
    /// stopped and waited for first, so that no two tasks ever use one record.
    pub fn start(
        config: Arc<SessionConfig>,
        notices: Notices,
        world: World,
        seed: u64,
        predecessor: Option<Arc<Self>>,
    ) -> Self {
        let (messages, inbox) = mpsc::unbounded_channel();
        let state = State::new(terms(&config, notices), seed);
        let (publish, snapshots) = watch::channel(Arc::new(state.snapshot(world.clock.now())));
        let task = Task {
            config,
            world,
            state,
            publish,
            callers: HashMap::new(),
            calls: JoinSet::new(),
            messages: messages.downgrade(),
        };
        tokio::spawn(async move {
            if let Some(predecessor) = predecessor {
                predecessor.stop();
                predecessor.stopped().await;
            }
            task.run(inbox).await;
        });
        Self { messages, snapshots, next_ask: AtomicU64::new(0), offering: Mutex::default() }
    }

    /// What is known of the session now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshots.borrow())
    }

    /// What is known of the session, now and after every change. It ends with the session.
    pub fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    /// Asks, and waits for the answer; each want has its own deadline. A caller that stops waiting is forgotten.
    pub async fn ask(&self, want: Want) -> Answer {
        self.answer_to(|id, reply| Message::Asked(id, want, reply)).await
    }

    /// Offers a sign-in that another program has made, and waits for [`Answer::Found`].
    pub async fn offer(&self, found: Found) -> Answer {
        self.answer_to(|id, reply| Message::Found(id, found, reply)).await
    }

    /// Waits for the turn to prove and offer a sign-in: one at a time does. What was refused last is kept here for all of them.
    pub async fn turn_to_offer(&self) -> MutexGuard<'_, Option<Refused>> {
        self.offering.lock().await
    }

    async fn answer_to(&self, message: impl FnOnce(AskId, oneshot::Sender<Answer>) -> Message) -> Answer {
        let id = AskId(self.next_ask.fetch_add(1, Ordering::Relaxed));
        let answer = asking::ask(&self.messages, |reply| message(id, reply), Message::Left(id)).await;
        answer.unwrap_or(Answer::Refused(Refusal::ShuttingDown))
    }

    /// Tells the session that the portal does not accept this token ([`PortalError::is_unauthorized`]). If it is still the
    /// session's token, it counts as expired from now on, and is renewed once if it can be.
    ///
    /// [`PortalError::is_unauthorized`]: crate::portal::PortalError::is_unauthorized
    pub fn reject(&self, token: &Arc<AccessToken>) {
        let _ = self.messages.send(Message::Rejected(Arc::clone(token)));
    }

    /// Tells the session that the portal does not know this token any more.
    pub fn ended_elsewhere(&self, token: Arc<AccessToken>) {
        let _ = self.messages.send(Message::EndedElsewhere(token));
    }

    /// Tells the session that another place keeps the records from now on, or that the one that did has lost them.
    pub fn store_changed(&self) {
        let _ = self.messages.send(Message::StoreChanged);
    }

    /// Tells the session its configuration.
    pub fn configure(&self, config: Arc<SessionConfig>, notices: Notices) {
        let _ = self.messages.send(Message::Configured(config, notices));
    }

    /// Answers all callers, writes what is to be written, and ends. Takes [`FLUSH_PATIENCE`] at most. A session that
    /// nobody holds any more does the same by itself.
    pub fn stop(&self) {
        let _ = self.messages.send(Message::Stop);
    }

    /// Whether it has ended.
    pub fn has_stopped(&self) -> bool {
        self.snapshots.has_changed().is_err()
    }

    /// Waits for the end after [`stop`](Self::stop).
    pub async fn stopped(&self) {
        let mut snapshots = self.snapshots.clone();
        // The task owns the other end and publishes nothing more once it is gone.
        while snapshots.changed().await.is_ok() {}
    }
}

struct Task {
    config: Arc<SessionConfig>,
    world: World,
    state: State,
    publish: watch::Sender<Arc<Snapshot>>,
    callers: HashMap<AskId, oneshot::Sender<Answer>>,
    calls: JoinSet<Event>,
    /// For those who act on a notice. Weak, so that a notice on the screen does not keep the session alive.
    messages: mpsc::WeakUnboundedSender<Message>,
}

impl Task {
    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Message>) {
        let mut surroundings = self.world.surroundings.clone();
        let mut known = *surroundings.borrow_and_update();
        let mut presence = known.presence_at(self.world.clock.now().wall);
        self.on(Event::PresenceChanged(presence));
        let mut service_clock = self.world.identity_center.service_clock();
        service_clock.mark_changed();
        loop {
            let wake_at = self.state.wake_at(self.world.clock.now());
            let event = tokio::select! {
                message = inbox.recv() => match message.and_then(|message| self.take_in(message)) {
                    Some(event) => event,
                    None => break,
                },
                Some(done) = self.calls.join_next() => match done {
                    Ok(event) => event,
                    Err(error) => {
                        tracing::error!(session = self.config.name, %error, "a call ended unexpectedly");
                        continue;
                    }
                },
                Ok(()) = service_clock.changed() => Event::ServiceClock(*service_clock.borrow_and_update()),
                Ok(()) = surroundings.changed() => {
                    let before = std::mem::replace(&mut known, *surroundings.borrow_and_update());
                    if before.stirrings == known.stirrings { Event::Tick } else { Event::Stirred }
                }
                () = self.world.clock.sleep_until(wake_at.unwrap_or_default()), if wake_at.is_some() => Event::Tick,
            };
            // After a suspend this may wake before whoever follows the quiet hours.
            let before = std::mem::replace(&mut presence, known.presence_at(self.world.clock.now().wall));
            if before != presence {
                self.on(Event::PresenceChanged(presence));
            }
            self.on(event);
        }
        self.stop(inbox).await;
    }

    /// What a message means to the state; `None`: the end.
    fn take_in(&mut self, message: Message) -> Option<Event> {
        Some(match message {
            Message::Asked(id, want, reply) => {
                self.callers.insert(id, reply);
                Event::Asked(id, want)
            }
            Message::Found(id, found, reply) => {
                self.callers.insert(id, reply);
                Event::Found(id, found)
            }
            Message::Left(id) => {
                self.callers.remove(&id);
                Event::Left(id)
            }
            Message::Configured(config, notices) => {
                self.config = config;
                Event::TermsChanged(terms(&self.config, notices))
            }
            Message::Acted(action) => Event::Acted(action),
            Message::StoreChanged => Event::StoreChanged,
            Message::Rejected(token) => Event::Rejected(token),
            Message::EndedElsewhere(token) => Event::EndedElsewhere(token),
            Message::Stop => return None,
        })
    }

    /// Everybody gets an answer, also who came too late, and the store gets its last record.
    async fn stop(mut self, mut inbox: mpsc::UnboundedReceiver<Message>) {
        self.on(Event::Stop);
        inbox.close();
        while let Some(message) = inbox.recv().await {
            if let Message::Asked(_, _, reply) | Message::Found(_, _, reply) = message {
                let _ = reply.send(Answer::Refused(Refusal::ShuttingDown));
            }
        }
        let deadline = self.world.clock.now().boot + FLUSH_PATIENCE;
        while !self.state.is_settled() {
            tokio::select! {
                Some(done) = self.calls.join_next() => if let Ok(event) = done {
                    self.on(event);
                },
                () = self.world.clock.sleep_until(deadline) => {
                    tracing::warn!(session = self.config.name, "stopped before everything was written");
                    return;
                }
            }
        }
    }

    fn on(&mut self, event: Event) {
        let now = self.world.clock.now();
        journal::event(&self.config.name, &event);
        let is_visit = matches!(
            event,
            Event::Asked(_, Want::Token { .. } | Want::Login { .. } | Want::LoginEnd { .. }) | Event::Left(_)
        );
        let effects = self.state.on(event, now);
        for decision in self.state.decisions() {
            journal::decision(&self.config.name, decision);
        }
        // A visit that leads to nothing but an answer changes nothing that readers see.
        if !is_visit || effects.iter().any(|effect| !matches!(effect, Effect::Answer(..))) {
            self.publish.send_replace(Arc::new(self.state.snapshot(now)));
        }
        for effect in effects {
            self.carry_out(effect);
        }
    }
}

const fn terms(config: &SessionConfig, notices: Notices) -> Terms {
    Terms { refresh_before: config.refresh_before, notify_before: config.notify_before, notices }
}
