//! The loop that owns one session: it feeds what happens to the [`State`] and carries out its effects.
//!
//! Nothing else changes a session. Readers look at the snapshot; whoever needs more asks, and waits for the answer.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard, mpsc, oneshot, watch};
use tokio::task::JoinSet;

use super::callers::{Forgotten, LiveToken, Login, LoginReply, Need, PortalOutcome, Question, Refusal, TokenReply};
use super::found::{Found, Reception, Refused};
use super::roles::callers::{LiveKeys, RoleQuestion, RoleRefusal};
use super::roles::{self, PortalAnswer, Subject};
use super::state::{Effect, Event, State};
use super::{AccessToken, Kept, Notices, Snapshot, Terms};
use crate::clock::{BootTime, Now};
use crate::config::{Endpoints, Identity, SessionConfig};
use crate::notice::Notice;
use crate::oidc::{CallError, Grant};
use crate::portal::{Account, AccountId, Assignment, PageToken, PortalError};
use crate::secrets::record::{self, NotARecord};
use crate::secrets::{RecordName, SecretStore};
use crate::world::World;

/// How long a stopping session waits for its record to become durable.
const FLUSH_PATIENCE: Duration = Duration::from_secs(4);

/// A session as the rest of the daemon sees it.
pub struct Session {
    events: mpsc::UnboundedSender<Event>,
    config: watch::Sender<Arc<SessionConfig>>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
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
        let (events, inbox) = mpsc::unbounded_channel();
        let state = State::new(terms(&config, notices), seed);
        let (publish, snapshots) = watch::channel(Arc::new(state.snapshot(world.clock.now())));
        let (config, configured) = watch::channel(config);
        let task =
            Task { config: configured, world, state, publish, calls: JoinSet::new(), events: events.downgrade() };
        tokio::spawn(async move {
            if let Some(predecessor) = predecessor {
                predecessor.stop();
                predecessor.stopped().await;
            }
            task.run(inbox).await;
        });
        Self { events, config, snapshots, offering: Mutex::default() }
    }

    /// What is known of the session now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshots.borrow())
    }

    /// What is known of the session, now and after every change. It ends with the session.
    pub fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    /// Asks for a token that lives for `min_valid` at least, and waits for a person for `wait` at most. A token that is good
    /// enough at `now` comes from the snapshot, without a question to the task.
    ///
    /// # Errors
    /// [`Refusal`]; every question is answered by a deadline.
    pub async fn token(&self, min_valid: Duration, wait: Duration, now: BootTime) -> Result<LiveToken, Refusal> {
        let snapshot = self.snapshot();
        if let Some(token) = snapshot.token.as_ref().filter(|token| token.lives_for(min_valid, now)) {
            return Ok((Arc::clone(&token.access), token.expires));
        }
        let reply = |reply: oneshot::Sender<_>| TokenReply::Caller(reply.into());
        self.ask(|sender| Event::Asked(Question::Token { min_valid, wait, reply: reply(sender) })).await
    }

    /// Has a flow opened, or joins the open one.
    ///
    /// # Errors
    /// [`Refusal`]
    pub async fn login(&self, need: Need) -> Result<Login, Refusal> {
        let reply = |reply: oneshot::Sender<_>| LoginReply::Caller(reply.into());
        self.ask(|sender| Event::Asked(Question::Login { need, reply: reply(sender) })).await
    }

    /// Waits for the end of a flow, for `wait` at most.
    ///
    /// # Errors
    /// [`Refusal`]
    pub async fn login_end(&self, flow: u64, wait: Duration) -> Result<Login, Refusal> {
        self.ask(|reply| Event::Asked(Question::LoginEnd { flow, wait, reply: reply.into() })).await
    }

    /// Gives the open flow up, if there is one.
    ///
    /// # Errors
    /// [`Refusal::ShuttingDown`]
    pub async fn cancel_login(&self) -> Result<(), Refusal> {
        self.ask(|reply| Event::Asked(Question::CancelLogin { reply: reply.into() })).await
    }

    /// Signs out, here and at the portal.
    ///
    /// # Errors
    /// [`Refusal::ShuttingDown`]
    pub async fn logout(&self, forgotten: Forgotten) -> Result<PortalOutcome, Refusal> {
        self.ask(|reply| Event::Asked(Question::Logout { forgotten, reply: reply.into() })).await
    }

    /// Asks for credentials of a role that live for `min_valid` at least.
    ///
    /// # Errors
    /// [`RoleRefusal`]; every question is answered by a deadline.
    pub async fn credentials(&self, assignment: Assignment, min_valid: Duration) -> Result<LiveKeys, RoleRefusal> {
        self.ask(|reply| Event::AskedOfRoles(RoleQuestion::Credentials { assignment, min_valid, reply: reply.into() }))
            .await
    }

    /// Asks for the person's accounts.
    ///
    /// # Errors
    /// [`RoleRefusal`]
    pub async fn accounts(&self) -> Result<Arc<Vec<Account>>, RoleRefusal> {
        self.ask(|reply| Event::AskedOfRoles(RoleQuestion::Accounts { reply: reply.into() })).await
    }

    /// Asks for the person's roles in an account.
    ///
    /// # Errors
    /// [`RoleRefusal`]
    pub async fn roles(&self, account: AccountId) -> Result<Arc<Vec<String>>, RoleRefusal> {
        self.ask(|reply| Event::AskedOfRoles(RoleQuestion::Roles { account, reply: reply.into() })).await
    }

    /// Offers a sign-in that another program has made.
    pub async fn offer(&self, found: Found) -> Reception {
        let (reply, reception) = oneshot::channel();
        let _ = self.events.send(Event::Found(found, reply.into()));
        reception.await.unwrap_or(Reception::NotNow)
    }

    /// Waits for the turn to prove and offer a sign-in: one at a time does. What was refused last is kept here for all of them.
    pub async fn turn_to_offer(&self) -> MutexGuard<'_, Option<Refused>> {
        self.offering.lock().await
    }

    /// Sends the event that carries a question, and waits for the answer. If the caller stops waiting, the task is told.
    async fn ask<T, R: From<Stopped>>(
        &self,
        event: impl FnOnce(oneshot::Sender<Result<T, R>>) -> Event,
    ) -> Result<T, R> {
        /// The receiver is dropped first, so that the task sees who has left.
        struct Waiting<'a, A>(Option<oneshot::Receiver<A>>, &'a mpsc::UnboundedSender<Event>);
        impl<A> Drop for Waiting<'_, A> {
            fn drop(&mut self) {
                if self.0.take().is_some() {
                    let _ = self.1.send(Event::CallersLeft);
                }
            }
        }
        let (reply, answer) = oneshot::channel();
        // If the task has ended, so has the other end of `reply`.
        let _ = self.events.send(event(reply));
        let mut waiting = Waiting(Some(answer), &self.events);
        let answer = match &mut waiting.0 {
            Some(answer) => answer.await.unwrap_or_else(|_| Err(Stopped.into())),
            None => Err(Stopped.into()),
        };
        waiting.0 = None;
        answer
    }

    /// Tells the session that the portal does not know this token any more.
    pub fn ended_elsewhere(&self, token: Arc<AccessToken>) {
        let _ = self.events.send(Event::EndedElsewhere(token));
    }

    /// Tells the session that another place keeps the records from now on, or that the one that did has lost them.
    pub fn store_changed(&self) {
        let _ = self.events.send(Event::StoreChanged);
    }

    /// Tells the session its configuration.
    pub fn configure(&self, config: Arc<SessionConfig>, notices: Notices) {
        let terms = terms(&config, notices);
        self.config.send_replace(config);
        let _ = self.events.send(Event::TermsChanged(terms));
    }

    /// Answers all callers, writes what is to be written, and ends. Takes [`FLUSH_PATIENCE`] at most. A session that
    /// nobody holds any more does the same by itself.
    pub fn stop(&self) {
        let _ = self.events.send(Event::Stop);
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

/// The session has ended without an answer.
struct Stopped;

impl From<Stopped> for Refusal {
    fn from(_: Stopped) -> Self {
        Self::ShuttingDown
    }
}

impl From<Stopped> for RoleRefusal {
    fn from(_: Stopped) -> Self {
        Self::Session(Refusal::ShuttingDown)
    }
}

struct Task {
    config: watch::Receiver<Arc<SessionConfig>>,
    world: World,
    state: State,
    publish: watch::Sender<Arc<Snapshot>>,
    calls: JoinSet<Event>,
    /// For those who act on a notice. Weak, so that a notice on the screen does not keep the session alive.
    events: mpsc::WeakUnboundedSender<Event>,
}

impl Task {
    fn config(&self) -> Arc<SessionConfig> {
        Arc::clone(&self.config.borrow())
    }

    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Event>) {
        let mut surroundings = self.world.surroundings.clone();
        let mut known = *surroundings.borrow_and_update();
        let mut presence = known.presence_at(self.world.clock.now().wall);
        let mut service_clock = self.world.identity_center.service_clock();
        service_clock.mark_changed();
        self.on(Event::PresenceChanged(presence));
        loop {
            let due = self.state.wake_at(self.world.clock.now());
            let (wake_at, why) = due.unwrap_or_default();
            let event = tokio::select! {
                event = inbox.recv() => match event {
                    None | Some(Event::Stop) => break,
                    Some(event) => event,
                },
                Some(done) = self.calls.join_next() => match done {
                    Ok(event) => event,
                    Err(error) => {
                        tracing::error!(session = self.config().name, %error, "a call ended unexpectedly");
                        continue;
                    }
                },
                Ok(()) = service_clock.changed() => Event::ServiceClock(*service_clock.borrow_and_update()),
                Ok(()) = surroundings.changed() => {
                    let before = std::mem::replace(&mut known, *surroundings.borrow_and_update());
                    if before.stirrings == known.stirrings { Event::Tick } else { Event::ConnectivityChanged }
                }
                () = self.world.clock.sleep_until(wake_at), if due.is_some() => {
                    tracing::debug!(session = self.config().name, why, "woke up");
                    Event::Tick
                }
            };
            // After a suspend this may wake before the task that follows the quiet hours.
            let before = std::mem::replace(&mut presence, known.presence_at(self.world.clock.now().wall));
            if before != presence {
                self.on(Event::PresenceChanged(presence));
            }
            self.on(event);
        }
        self.stop(inbox).await;
    }

    /// Answers everybody, also those who came too late, and gives the store its last record.
    async fn stop(mut self, mut inbox: mpsc::UnboundedReceiver<Event>) {
        self.on(Event::Stop);
        inbox.close();
        // A question that is dropped unanswered is refused.
        while inbox.recv().await.is_some() {}
        let deadline = self.world.clock.now().boot + FLUSH_PATIENCE;
        while !self.state.is_settled() {
            tokio::select! {
                Some(done) = self.calls.join_next() => if let Ok(event) = done {
                    self.on(event);
                },
                () = self.world.clock.sleep_until(deadline) => {
                    tracing::warn!(session = self.config().name, "stopped before everything was written");
                    return;
                }
            }
        }
    }

    fn on(&mut self, event: Event) {
        let now = self.world.clock.now();
        let is_visit = matches!(event, Event::Asked(_) | Event::AskedOfRoles(_) | Event::CallersLeft);
        let effects = self.state.on(event, now);
        // A caller that came or left and caused nothing changes nothing that readers see.
        if !is_visit || !effects.is_empty() {
            let snapshot = self.state.snapshot(now);
            self.publish.send_if_modified(|published| {
                let is_news = **published != snapshot;
                if is_news {
                    *published = Arc::new(snapshot);
                }
                is_news
            });
        }
        self.state.answers().send();
        for effect in effects {
            self.carry_out(effect);
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        let World { identity_center, portal, desktop, .. } = &self.world;
        let config = self.config();
        let name = config.name.as_str();
        match effect {
            Effect::Load => self.load(&config),
            Effect::Store(kept) => self.store(&config, &kept),
            Effect::Register(flow) => {
                tracing::info!(session = name, flow, "registering a client");
                let service = Arc::clone(identity_center);
                self.call(
                    &config,
                    move |result| Event::Registered(flow, result),
                    move |at, config| async move { service.register(&at.oidc, &config.scopes).await },
                );
            }
            Effect::AuthorizeDevice(flow, registration) => {
                tracing::info!(session = name, flow, "starting a device authorization");
                let service = Arc::clone(identity_center);
                self.call(
                    &config,
                    move |result| Event::DeviceAuthorized(flow, result),
                    move |at, config| async move {
                        service.authorize_device(&at.oidc, &registration, config.start_url()).await
                    },
                );
            }
            Effect::CreateToken(flow, registration, grant) => {
                tracing::debug!(session = name, flow, "polling for a token");
                let service = Arc::clone(identity_center);
                self.call(
                    &config,
                    move |result| Event::Polled(flow, result),
                    move |at, _| async move { service.create_token(&at.oidc, &registration, &grant).await },
                );
            }
            Effect::Refresh(epoch, renewal) => {
                let service = Arc::clone(identity_center);
                let grant = Grant::RefreshToken(renewal.refresh_token);
                self.call(
                    &config,
                    move |result| Event::Refreshed(epoch, result),
                    move |at, _| async move { service.create_token(&at.oidc, &renewal.registration, &grant).await },
                );
            }
            Effect::AskPortal(ticket, subject, page, token) => {
                let world = self.world.clone();
                self.calls.spawn(async move {
                    let answer = ask_portal(&config, &world, &token, &subject, page.as_ref()).await;
                    Event::PortalAnswered(ticket, subject, answer)
                });
            }
            Effect::LeavePortal(token) => {
                tracing::info!(session = name, "ending the session at the portal");
                let portal = Arc::clone(portal);
                self.call(&config, Event::PortalLeft, move |at, _| async move {
                    portal.logout(&at.portal, &token).await.map_err(CallError::from)
                });
            }
            Effect::Show(notice) => self.show(&config, &notice),
            Effect::Withdraw => desktop.withdraw(&config),
            Effect::OpenPage(flow) => desktop.open(&config, &flow.verification_uri_complete),
        }
    }

    fn load(&mut self, config: &SessionConfig) {
        let now = self.world.clock.now();
        let secrets = Arc::clone(&self.world.secrets);
        let identity = config.identity.clone();
        self.calls.spawn(async move { Event::Loaded(load(&*secrets, now, &identity).await) });
    }

    fn store(&mut self, config: &SessionConfig, kept: &Kept) {
        let portal = config.endpoints.as_ref().ok().map(|endpoints| endpoints.portal.shown().to_string());
        let owner = record::Owner { identity: config.identity.clone(), portal };
        let now = self.world.clock.now();
        let service_now = Now { wall: self.world.identity_center.service_clock().borrow().at(now.wall), ..now };
        let bytes = record::encode(&owner, kept, service_now);
        let (secrets, name) = (Arc::clone(&self.world.secrets), RecordName::of(&config.identity));
        let (is_empty, has_token) = (*kept == Kept::default(), kept.token.is_some());
        self.calls.spawn(async move {
            let stored = if is_empty { secrets.delete(&name).await } else { secrets.write(&name, bytes).await };
            // Where there is no room to write, what stands there may hold the token that was signed out of. It goes, and the
            // registration is written when there is room again.
            if stored.is_err() && !is_empty && !has_token {
                let _ = secrets.delete(&name).await;
            }
            Event::Stored(stored.map_err(|error| error.to_string()))
        });
    }

    fn show(&self, config: &SessionConfig, notice: &Notice) {
        tracing::info!(session = config.name, notice = notice.name(), "the person is told");
        let events = self.events.clone();
        let act = move |action| {
            if let Some(events) = events.upgrade() {
                let _ = events.send(Event::Acted(action));
            }
        };
        self.world.desktop.show(config, notice, self.world.clock.now(), Box::new(act));
    }

    /// Begins a call to the service, whose result becomes an event. A configuration that allows no call is a result, too.
    fn call<T, F>(
        &mut self,
        config: &Arc<SessionConfig>,
        event: impl FnOnce(Result<T, CallError>) -> Event + Send + 'static,
        call: impl FnOnce(Endpoints, Arc<SessionConfig>) -> F + Send + 'static,
    ) where
        F: Future<Output = Result<T, CallError>> + Send + 'static,
        T: Send + 'static,
    {
        let config = Arc::clone(config);
        self.calls.spawn(async move {
            event(match config.endpoints.clone() {
                Ok(endpoints) => call(endpoints, config).await,
                Err(error) => Err(CallError::Configuration(error.to_string())),
            })
        });
    }
}

/// Asks the portal one question. What it gives lives by the service's clock.
async fn ask_portal(
    config: &SessionConfig,
    world: &World,
    token: &AccessToken,
    subject: &Subject,
    page: Option<&PageToken>,
) -> Result<PortalAnswer, PortalError> {
    let at = match &config.endpoints {
        Ok(endpoints) => &endpoints.portal,
        Err(error) => return Err(PortalError::Configuration(error.to_string())),
    };
    match subject {
        Subject::Credentials(assignment) => {
            let credentials = world.portal.role_credentials(at, token, assignment).await?;
            let service_clock = *world.identity_center.service_clock().borrow();
            let life = roles::policy::life(credentials.expiration, service_clock.at(world.clock.now().wall))?;
            Ok(PortalAnswer::Credentials(credentials.keys, life))
        }
        Subject::Accounts => world.portal.accounts(at, token, page).await.map(PortalAnswer::Accounts),
        Subject::Roles(account) => world.portal.roles(at, token, account, page).await.map(PortalAnswer::Roles),
    }
}

/// Reads a record. One that is damaged is put aside, so that nothing is lost, and the session starts without it.
async fn load(secrets: &dyn SecretStore, now: Now, identity: &Identity) -> Result<Option<Kept>, String> {
    let name = RecordName::of(identity);
    let Some(bytes) = secrets.read(&name).await.map_err(|error| error.to_string())? else { return Ok(None) };
    let kept = record::owner(bytes.expose()).and_then(|owner| {
        // Somebody has given it another name: what one session had is no other's.
        if owner.identity == *identity { record::decode(bytes.expose(), now) } else { Err(NotARecord::Damaged) }
    });
    match kept {
        Ok(kept) => Ok(Some(kept)),
        Err(other @ NotARecord::OfAnotherVersion(_)) => Err(other.to_string()),
        Err(damaged @ NotARecord::Damaged) => {
            secrets.set_aside(&name).await.map_err(|error| error.to_string())?;
            tracing::warn!(
                aside = name.set_aside().key,
                "{damaged}; it was moved aside, and the session starts without it"
            );
            Ok(None)
        }
    }
}

fn terms(config: &SessionConfig, notices: Notices) -> Terms {
    Terms {
        name: config.name.as_str().into(),
        refresh_before: config.refresh_before,
        notify_before: config.notify_before,
        notices,
    }
}
