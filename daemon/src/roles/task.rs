//! The loop that owns the roles of one session: it feeds what happens to the [`State`] and carries out the effects.
//!
//! It gets tokens from the session as every other caller does, so whether there is one, and how it is renewed, is decided
//! in one place.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::ask::{Answer, AskId, Refusal, Want};
use super::state::{Effect, Event, Failure, Reply, State};
use super::{Subject, journal, policy};
use crate::asking;
use crate::config::SessionConfig;
use crate::issuer::Endpoint;
use crate::portal::{PageToken, Portal, PortalError};
use crate::session;
use crate::session::state::Lineage;
use crate::session::task::Session;
use crate::token::AccessToken;
use crate::world::World;

/// What the task is told from outside.
enum Message {
    Asked(AskId, Want, oneshot::Sender<Answer>),
    Left(AskId),
    Configured(Arc<SessionConfig>),
}

/// The roles of a session as the rest of the daemon sees them. They end with the session.
pub struct Roles {
    messages: mpsc::UnboundedSender<Message>,
    next_ask: AtomicU64,
}

impl Roles {
    /// Starts the task for a session. `seed` is where its chance comes from.
    pub fn start(config: Arc<SessionConfig>, session: Arc<Session>, world: World, seed: u64) -> Self {
        let (messages, inbox) = mpsc::unbounded_channel();
        let task = Task {
            lineage: session.snapshot().lineage,
            config,
            session,
            world,
            state: State::new(seed),
            callers: HashMap::new(),
            calls: JoinSet::new(),
        };
        tokio::spawn(task.run(inbox));
        Self { messages, next_ask: AtomicU64::new(0) }
    }

    /// Asks, and waits for the answer; each want has its own deadline. A caller that stops waiting is forgotten.
    pub async fn ask(&self, want: Want) -> Answer {
        let id = AskId(self.next_ask.fetch_add(1, Ordering::Relaxed));
        asking::ask(&self.messages, |reply| Message::Asked(id, want, reply), Message::Left(id))
            .await
            .unwrap_or_else(shutting_down)
    }

    /// Tells the task its configuration.
    pub fn configure(&self, config: Arc<SessionConfig>) {
        let _ = self.messages.send(Message::Configured(config));
    }
}

const fn shutting_down() -> Answer {
    Answer::Refused(Refusal::Session(session::ask::Refusal::ShuttingDown))
}

struct Task {
    config: Arc<SessionConfig>,
    session: Arc<Session>,
    /// Of the sign-in that everything in `state` was had with.
    lineage: Lineage,
    world: World,
    state: State,
    callers: HashMap<AskId, oneshot::Sender<Answer>>,
    calls: JoinSet<Event>,
}

impl Task {
    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Message>) {
        let mut snapshots = self.session.snapshots();
        let mut surroundings = self.world.surroundings.clone();
        let mut stirrings = surroundings.borrow_and_update().stirrings;
        loop {
            let wake_at = self.state.wake_at(self.world.clock.now().boot);
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
                    Some(Message::Configured(config)) => {
                        self.config = config;
                        continue;
                    }
                    None => break,
                },
                Some(done) = self.calls.join_next() => match done {
                    Ok(event) => event,
                    Err(error) => {
                        tracing::error!(session = self.config.name, %error, "a call ended unexpectedly");
                        continue;
                    }
                },
                changed = snapshots.changed() => match changed {
                    // What it means is looked at below, before every event.
                    Ok(()) => Event::Tick,
                    Err(_) => break,
                },
                Ok(()) = surroundings.changed() => {
                    let before = std::mem::replace(&mut stirrings, surroundings.borrow_and_update().stirrings);
                    if before == stirrings {
                        continue;
                    }
                    Event::Stirred
                }
                () = self.world.clock.sleep_until(wake_at.unwrap_or_default()), if wake_at.is_some() => Event::Tick,
            };
            self.look_at_lineage();
            self.on(event);
        }
        self.on(Event::Stop);
    }

    /// Nothing of another sign-in is handed out, however late the task hears of the change.
    fn look_at_lineage(&mut self) {
        let lineage = self.session.snapshot().lineage;
        if std::mem::replace(&mut self.lineage, lineage) != lineage {
            self.on(Event::LineageChanged);
        }
    }

    fn on(&mut self, event: Event) {
        let effects = self.state.on(event, self.world.clock.now().boot);
        for decision in self.state.decisions() {
            journal::decision(&self.config.name, decision);
        }
        for effect in effects {
            match effect {
                Effect::Answer(id, answer) => {
                    if let Some(caller) = self.callers.remove(&id) {
                        // Whoever left in this moment needs no answer.
                        let _ = caller.send(answer);
                    }
                }
                Effect::Reject(token) => self.session.reject(&token),
                Effect::Call(ticket, subject, page) => {
                    let call = Call {
                        config: Arc::clone(&self.config),
                        session: Arc::clone(&self.session),
                        world: self.world.clone(),
                    };
                    self.calls.spawn(async move {
                        let result = call.make(&subject, page.as_ref()).await;
                        Event::Ended(subject, ticket, result)
                    });
                }
            }
        }
    }
}

/// One request to the portal, from getting a token to the answer.
struct Call {
    config: Arc<SessionConfig>,
    session: Arc<Session>,
    world: World,
}

impl Call {
    async fn make(&self, subject: &Subject, page: Option<&PageToken>) -> Result<Reply, Failure> {
        let at = match &self.config.endpoints {
            Ok(endpoints) => &endpoints.portal,
            Err(error) => return Err(Failure::Portal(PortalError::Configuration(error.to_string()))),
        };
        let want = session::ask::Want::Token { min_valid: Duration::ZERO, wait: Duration::ZERO };
        let token = match self.session.ask(want).await {
            session::ask::Answer::Token(token, _) => token,
            session::ask::Answer::Refused(refusal) => return Err(Failure::NoToken(refusal)),
            _ => return Err(Failure::NoToken(session::ask::Refusal::ShuttingDown)),
        };
        self.ask(&*self.world.portal, at, &token, subject, page).await.map_err(|error| {
            if error.is_unauthorized() { Failure::Rejected(token, error) } else { Failure::Portal(error) }
        })
    }

    async fn ask(
        &self,
        portal: &dyn Portal,
        at: &Endpoint,
        token: &AccessToken,
        subject: &Subject,
        page: Option<&PageToken>,
    ) -> Result<Reply, PortalError> {
        match subject {
            Subject::Credentials(assignment) => {
                let credentials = portal.role_credentials(at, token, assignment).await?;
                let service_clock = *self.world.identity_center.service_clock().borrow();
                let life = policy::life(credentials.expiration, service_clock.at(self.world.clock.now().wall))?;
                Ok(Reply::Credentials(credentials.keys, life))
            }
            Subject::Accounts => portal.accounts(at, token, page).await.map(Reply::Accounts),
            Subject::Roles(account) => portal.roles(at, token, account, page).await.map(Reply::Roles),
        }
    }
}
