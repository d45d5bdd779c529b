//! The loop that owns one session: it feeds what happens to the [`State`] and carries out the effects.
//!
//! Nothing else changes a session. Readers look at the snapshot; whoever needs more sends a [`Want`] and waits.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use super::ask::{Answer, AskId, Refusal, Want};
use super::attention::Action;
use super::found::Found;
use super::state::{Effect, Event, State};
use super::{AccessToken, Kept, Notices, Snapshot, Terms, journal};
use crate::asking;
use crate::clock::{Clock, Now};
use crate::config::{Endpoints, SessionConfig};
use crate::desktop::Subject;
use crate::oidc::{CallError, Grant};
use crate::secrets::{RecordName, SecretStore, record};
use crate::world::World;

/// How long a stopping session waits for its record to become durable.
const FLUSH_PATIENCE: Duration = Duration::from_secs(4);

/// What the task is told from outside.
enum Message {
    Asked(AskId, Want, oneshot::Sender<Answer>),
    Left(AskId),
    Acted(Action),
    Rejected(Arc<AccessToken>),
    Found(AskId, Found, oneshot::Sender<Answer>),
    EndedElsewhere(Arc<AccessToken>),
    Configured(Arc<SessionConfig>, Notices),
    Stop,
}

/// A session as the rest of the daemon sees it.
pub struct Session {
    messages: mpsc::UnboundedSender<Message>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    next_ask: AtomicU64,
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
        Self { messages, snapshots, next_ask: AtomicU64::new(0) }
    }

    /// What is known of the session now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshots.borrow())
    }

    /// What is known of the session, now and after every change. It ends with the session.
    pub fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    /// Offers a sign-in that another program has made, and waits for [`Answer::Found`].
    pub async fn offer(&self, found: Found) -> Answer {
        let id = AskId(self.next_ask.fetch_add(1, Ordering::Relaxed));
        let (reply, answer) = oneshot::channel();
        // If the task is gone, so is the other end of `reply`.
        let _ = self.messages.send(Message::Found(id, found, reply));
        answer.await.unwrap_or(Answer::Refused(Refusal::ShuttingDown))
    }

    /// Tells the session that the portal does not know this token any more.
    pub fn ended_elsewhere(&self, access: Arc<AccessToken>) {
        let _ = self.messages.send(Message::EndedElsewhere(access));
    }

    /// Asks, and waits for the answer; each want has its own deadline. A caller that stops waiting is forgotten.
    pub async fn ask(&self, want: Want) -> Answer {
        let id = AskId(self.next_ask.fetch_add(1, Ordering::Relaxed));
        asking::ask(&self.messages, |reply| Message::Asked(id, want, reply), Message::Left(id))
            .await
            .unwrap_or(Answer::Refused(Refusal::ShuttingDown))
    }

    /// Tells the session that the portal does not accept this token ([`PortalError::is_unauthorized`]). If it is still the
    /// session's token, it counts as expired from now on, and is renewed once if it can be.
    ///
    /// [`PortalError::is_unauthorized`]: crate::portal::PortalError::is_unauthorized
    pub fn reject(&self, token: &Arc<AccessToken>) {
        let _ = self.messages.send(Message::Rejected(Arc::clone(token)));
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
                message = inbox.recv() => match message {
                    Some(Message::Asked(id, want, reply)) => {
                        self.callers.insert(id, reply);
                        Event::Asked(id, want)
                    }
                    Some(Message::Left(id)) => {
                        self.callers.remove(&id);
                        Event::Left(id)
                    }
                    Some(Message::Acted(action)) => Event::Acted(action),
                    Some(Message::Rejected(token)) => Event::Rejected(token),
                    Some(Message::Found(id, found, reply)) => {
                        self.callers.insert(id, reply);
                        Event::Found(id, found)
                    }
                    Some(Message::EndedElsewhere(access)) => Event::EndedElsewhere(access),
                    Some(Message::Configured(config, notices)) => {
                        self.config = config;
                        Event::TermsChanged(terms(&self.config, notices))
                    }
                    Some(Message::Stop) | None => break,
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
            let before = std::mem::replace(&mut presence, known.presence_at(self.world.clock.now().wall));
            if before != presence {
                self.on(Event::PresenceChanged(presence));
            }
            self.on(event);
        }
        self.stop(inbox).await;
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
        let is_visit =
            matches!(event, Event::Asked(_, Want::Token { .. } | Want::Login { .. } | Want::LoginEnd { .. }));
        let is_visit = is_visit || matches!(event, Event::Left(_));
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

    fn carry_out(&mut self, effect: Effect) {
        let World { clock, identity_center, portal, secrets, desktop, .. } = &self.world;
        let name = self.config.name.as_str();
        match effect {
            Effect::Answer(id, answer) => {
                if let Some(caller) = self.callers.remove(&id) {
                    // Whoever left in this moment needs no answer.
                    let _ = caller.send(answer);
                }
            }
            Effect::Load => {
                let (secrets, clock, record_name) = (Arc::clone(secrets), Arc::clone(clock), record_name(&self.config));
                self.calls.spawn(async move { Event::Loaded(load(&*secrets, &*clock, &record_name).await) });
            }
            Effect::Store(kept) => {
                let now = clock.now();
                let service_now = Now { wall: identity_center.service_clock().borrow().at(now.wall), ..now };
                let bytes = record::encode(&self.config.identity, &kept, service_now);
                let (secrets, record_name) = (Arc::clone(secrets), record_name(&self.config));
                self.calls.spawn(async move {
                    Event::Stored(secrets.write(&record_name, bytes).await.map_err(|error| error.to_string()))
                });
            }
            Effect::Register(flow) => {
                tracing::info!(session = name, flow, "registering a client");
                let (service, scopes) = (Arc::clone(identity_center), self.config.scopes.clone());
                self.call(
                    move |result| Event::Registered(flow, result),
                    move |at| async move { service.register(&at.oidc, &scopes).await },
                );
            }
            Effect::AuthorizeDevice(flow, registration) => {
                tracing::info!(session = name, flow, "starting a device authorization");
                let (service, start_url) = (Arc::clone(identity_center), self.config.start_url.clone());
                self.call(
                    move |result| Event::DeviceAuthorized(flow, result),
                    move |at| async move { service.authorize_device(&at.oidc, &registration, &start_url).await },
                );
            }
            Effect::CreateToken(flow, registration, grant) => {
                tracing::debug!(session = name, flow, "polling for a token");
                let service = Arc::clone(identity_center);
                self.call(
                    move |result| Event::Polled(flow, result),
                    move |at| async move { service.create_token(&at.oidc, &registration, &grant).await },
                );
            }
            Effect::Refresh(lineage, renewal) => {
                let service = Arc::clone(identity_center);
                let grant = Grant::RefreshToken(renewal.refresh_token);
                self.call(
                    move |result| Event::Refreshed(lineage, result),
                    move |at| async move { service.create_token(&at.oidc, &renewal.registration, &grant).await },
                );
            }
            Effect::Show(notice) => {
                tracing::info!(session = name, notice = notice.name(), "the person is told");
                let messages = self.messages.clone();
                let act = move |action| {
                    if let Some(messages) = messages.upgrade() {
                        let _ = messages.send(Message::Acted(action));
                    }
                };
                desktop.show(&subject(&self.config), &notice, clock.now(), Box::new(act));
            }
            Effect::Withdraw => desktop.withdraw(&subject(&self.config)),
            Effect::OpenPage(flow) => desktop.open(&subject(&self.config), &flow.verification_uri_complete),
            Effect::LeavePortal(token) => {
                tracing::info!(session = name, "ending the session at the portal");
                let portal = Arc::clone(portal);
                self.call(Event::PortalLeft, move |at| async move {
                    portal.logout(&at.portal, &token.value).await.map_err(CallError::from)
                });
            }
        }
    }

    /// Begins a call to the service, whose result becomes an event. A configuration that allows no call is a result, too.
    fn call<T, F>(
        &mut self,
        event: impl FnOnce(Result<T, CallError>) -> Event + Send + 'static,
        call: impl FnOnce(Endpoints) -> F + Send + 'static,
    ) where
        F: Future<Output = Result<T, CallError>> + Send + 'static,
        T: Send + 'static,
    {
        let endpoints = self.config.endpoints.clone();
        self.calls.spawn(async move {
            event(match endpoints {
                Ok(endpoints) => call(endpoints).await,
                Err(error) => Err(CallError::Configuration(error.to_string())),
            })
        });
    }
}

fn record_name(config: &SessionConfig) -> RecordName {
    RecordName { key: config.identity.key(), label: format!("ssoctl: {}", config.identity.start_url) }
}

const fn terms(config: &SessionConfig, notices: Notices) -> Terms {
    Terms { refresh_before: config.refresh_before, notify_before: config.notify_before, notices }
}

fn subject(config: &SessionConfig) -> Subject {
    Subject {
        key: config.identity.key(),
        name: config.name.clone(),
        start_url: config.start_url.clone(),
        region: config.region().to_owned(),
        browser: config.browser.clone(),
        verification_hosts: config.verification_hosts.clone(),
    }
}

/// Reads a record. One that is damaged is put aside, so that nothing is lost, and the session starts without it.
async fn load(secrets: &dyn SecretStore, clock: &dyn Clock, name: &RecordName) -> Result<Option<Kept>, String> {
    let Some(bytes) = secrets.read(name).await.map_err(|error| error.to_string())? else { return Ok(None) };
    match record::decode(bytes.expose(), clock.now()) {
        Ok(kept) => Ok(Some(kept)),
        Err(newer @ record::NotARecord::Newer(_)) => Err(newer.to_string()),
        Err(damaged @ record::NotARecord::Damaged) => {
            let aside = secrets.set_aside(name).await.map_err(|error| error.to_string())?;
            tracing::warn!(aside, "{damaged}; it was moved aside, and the session starts without it");
            Ok(None)
        }
    }
}
