//! A session as the rest of the daemon sees it: a snapshot to read, and questions that its task answers.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard, mpsc, oneshot, watch};

use super::callers::{
    Forgotten, How, LiveToken, Login, LoginReply, Need, PortalOutcome, Question, Refusal, TokenReply,
};
use super::event::Event;
use super::flow::FlowTarget;
use super::found::{Found, Reception, Refused};
use super::roles::callers::{LiveKeys, RoleQuestion, RoleRefusal};
use super::state::State;
use super::task::Task;
use super::waiting_room::{Patience, Waiting, WaitingRoom, Wanted};
use super::{AccessToken, Snapshot, Target, Terms};
use crate::assignment::{AccountId, Assignment};
use crate::caller::Caller;
use crate::clock::BootTime;
use crate::config::{Notifications, SessionConfig};
use crate::portal::{Account, PortalError};
use crate::world::World;

/// A session as the rest of the daemon sees it.
pub struct Session {
    events: mpsc::UnboundedSender<Event>,
    config: watch::Sender<Arc<SessionConfig>>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    room: WaitingRoom,
    /// The last sign-in that was offered and that its issuer does not know.
    last_refused: Mutex<Option<Refused>>,
}

/// Every question is answered by a deadline of its own, whatever happens.
impl Session {
    /// Starts the task of a session. `seed` is where its chance comes from. A `predecessor` with the same record is stopped, and waited
    /// for before the record is read, so that no two tasks ever use one record.
    pub fn start(
        config: Arc<SessionConfig>,
        notifications: Notifications,
        world: World,
        seed: u64,
        predecessor: Option<Arc<Self>>,
    ) -> Self {
        let (events, inbox) = mpsc::unbounded_channel();
        let state = State::new(terms(&config, notifications), seed);
        let (publish, snapshots) = watch::channel(Arc::new(state.snapshot(world.clock.now())));
        let (config, configured) = watch::channel(config);
        if let Some(predecessor) = &predecessor {
            predecessor.stop();
        }
        let room = WaitingRoom::default();
        let task = Task::new(configured, world, state, publish, events.downgrade(), predecessor, room.clone());
        tokio::spawn(task.run(inbox));
        Self { events, config, snapshots, room, last_refused: Mutex::default() }
    }

    /// The session's state now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshots.borrow())
    }

    /// The session's state, now and after every change. The channel ends with the session.
    pub fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    /// Those that have waited longest for a person, and the number of all who do.
    pub fn waiting(&self) -> (Vec<Waiting>, usize) {
        self.room.look()
    }

    /// Tells that somebody who waits for a person came or left.
    pub fn waiting_changes(&self) -> watch::Receiver<()> {
        self.room.changes()
    }

    /// Asks for a token that lives for `min_valid` at least, and waits for a person for `wait` at most. A token that is good
    /// enough at `now` comes from the snapshot, without a question to the task.
    pub async fn token(
        &self,
        min_valid: Duration,
        wait: Duration,
        now: BootTime,
        caller: &Caller,
    ) -> Result<LiveToken, Refusal> {
        let snapshot = self.snapshot();
        if let Some(token) = snapshot.token.as_ref().filter(|token| token.lives_for(min_valid, now)) {
            return Ok((Arc::clone(&token.access), token.expires));
        }
        let _place = self.room.enter(caller.who(), Wanted::Token, now, Patience::of(wait));
        let reply = |reply: oneshot::Sender<_>| TokenReply::Caller(reply.into());
        self.ask(|sender| Event::Asked(Question::Token { min_valid, wait, reply: reply(sender) })).await
    }

    /// Has a flow opened, or joins the open one.
    pub async fn login(&self, need: Need, how: How) -> Result<Login, Refusal> {
        let reply = |reply: oneshot::Sender<_>| LoginReply::Caller(reply.into());
        self.ask(|sender| Event::Asked(Question::Login { need, how, reply: reply(sender) })).await
    }

    /// Waits for the end of a flow, for `wait` at most.
    pub async fn login_end(&self, flow: u64, wait: Duration, now: BootTime, caller: &Caller) -> Result<Login, Refusal> {
        let _place = self.room.enter(caller.who(), Wanted::SignIn, now, Patience::of(wait));
        self.ask(|reply| Event::Asked(Question::LoginEnd { flow, wait, reply: reply.into() })).await
    }

    /// Gives the open flow up, if there is one.
    pub async fn cancel_login(&self) -> Result<(), Refusal> {
        self.ask(|reply| Event::Asked(Question::CancelLogin { reply: reply.into() })).await
    }

    /// Signs out, here and at the portal.
    pub async fn logout(&self, forgotten: Forgotten) -> Result<PortalOutcome, Refusal> {
        self.ask(|reply| Event::Asked(Question::Logout { forgotten, reply: reply.into() })).await
    }

    /// Asks for credentials of a role that live for `min_valid` at least.
    pub async fn credentials(
        &self,
        assignment: Assignment,
        min_valid: Duration,
        now: BootTime,
        caller: &Caller,
    ) -> Result<LiveKeys, RoleRefusal> {
        let _place = self.room.enter(caller.who(), Wanted::Credentials, now, Patience::Short);
        self.ask_of_roles(|reply| RoleQuestion::Credentials { assignment, min_valid, reply: reply.into() }).await
    }

    /// Asks for the person's accounts.
    pub async fn accounts(&self) -> Result<Arc<Vec<Account>>, RoleRefusal> {
        self.ask_of_roles(|reply| RoleQuestion::Accounts { reply: reply.into() }).await
    }

    /// Asks for the person's roles in an account.
    pub async fn roles(&self, account: AccountId) -> Result<Arc<Vec<String>>, RoleRefusal> {
        self.ask_of_roles(|reply| RoleQuestion::Roles { account, reply: reply.into() }).await
    }

    /// A configuration that allows no call is told rather than that a sign-in is required, which would not help.
    async fn ask_of_roles<T>(
        &self,
        question: impl FnOnce(oneshot::Sender<Result<T, RoleRefusal>>) -> RoleQuestion,
    ) -> Result<T, RoleRefusal> {
        let answer = self.ask(|reply| Event::AskedOfRoles(question(reply))).await;
        match (answer, self.config.borrow().endpoints.error()) {
            (Err(RoleRefusal::Session(Refusal::SignInRequired { .. })), Some(error)) => {
                Err(RoleRefusal::Portal(PortalError::Configuration(error.to_string())))
            }
            (answer, _) => answer,
        }
    }

    /// Offers a sign-in that another program has made.
    pub async fn offer(&self, found: Found) -> Reception {
        let (reply, reception) = oneshot::channel();
        let _ = self.events.send(Event::Found(found, reply.into()));
        reception.await.unwrap_or(Reception::NotNow)
    }

    /// Waits for the turn to prove and offer a sign-in: one at a time does. What was refused last is kept here for all of them.
    pub async fn lock_offers(&self) -> MutexGuard<'_, Option<Refused>> {
        self.last_refused.lock().await
    }

    /// Sends the event that carries a question, and waits for the answer. If the caller stops waiting, the task is told.
    async fn ask<T, R: From<Stopped>>(
        &self,
        event: impl FnOnce(oneshot::Sender<Result<T, R>>) -> Event,
    ) -> Result<T, R> {
        struct Waiting<'a, A> {
            answer: oneshot::Receiver<A>,
            events: &'a mpsc::UnboundedSender<Event>,
        }
        impl<A> Drop for Waiting<'_, A> {
            fn drop(&mut self) {
                if !self.answer.is_terminated() {
                    // Closed first, so that the task sees who has left.
                    self.answer.close();
                    let _ = self.events.send(Event::CallersLeft);
                }
            }
        }
        let (reply, answer) = oneshot::channel();
        // If the task has ended, so has the other end of `reply`.
        let _ = self.events.send(event(reply));
        let mut waiting = Waiting { answer, events: &self.events };
        (&mut waiting.answer).await.unwrap_or_else(|_| Err(Stopped.into()))
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
    pub fn configure(&self, config: Arc<SessionConfig>, notifications: Notifications) {
        let terms = terms(&config, notifications);
        self.config.send_replace(config);
        let _ = self.events.send(Event::TermsChanged(terms));
    }

    /// Answers all callers, writes what is to be written, and ends. Takes four seconds at most. A session that
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

fn terms(config: &SessionConfig, notifications: Notifications) -> Terms {
    let issuer = config.identity.issuer.clone().filter(|_| config.identity.region.is_some());
    Terms {
        target: issuer.map(|issuer| FlowTarget {
            may_move: config.endpoints.follow_issuer() && issuer.is_aws(),
            target: Target { issuer, resolved: None },
        }),
        name: config.name.as_str().into(),
        refresh_before: config.refresh_before,
        notify_before: config.notify_before,
        notifications,
        sign_in: config.sign_in,
    }
}
