//! The loop that owns one session: it feeds what happens to the [`State`] and has its effects carried out.
//!
//! Nothing else changes a session.

mod callback;
mod effects;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::event::Event;
use super::state::State;
use super::waiting_room::WaitingRoom;
use super::{CameBy, Session, Snapshot};
use crate::audit::{Audit, AuditEvent, Happened};
use crate::config::SessionConfig;
use crate::world::World;
use callback::Callback;

/// How long a stopping session waits for its record to become durable.
const FLUSH_PATIENCE: Duration = Duration::from_secs(4);

pub(super) struct Task {
    config: watch::Receiver<Arc<SessionConfig>>,
    world: World,
    state: State,
    publish: watch::Sender<Arc<Snapshot>>,
    calls: JoinSet<Event>,
    /// For those who act on a notice. Weak, so that a notice on the screen does not keep the session alive.
    events: mpsc::WeakUnboundedSender<Event>,
    /// A session that stops and may still write to the same record.
    predecessor: Option<Arc<Session>>,
    /// Of the open flow, if that is one at the browser.
    callback: Option<Callback>,
    /// Who waits for the session.
    room: WaitingRoom,
}

impl Task {
    pub(super) fn new(
        config: watch::Receiver<Arc<SessionConfig>>,
        world: World,
        state: State,
        publish: watch::Sender<Arc<Snapshot>>,
        events: mpsc::WeakUnboundedSender<Event>,
        predecessor: Option<Arc<Session>>,
        room: WaitingRoom,
    ) -> Self {
        Self { config, world, state, publish, calls: JoinSet::new(), events, predecessor, callback: None, room }
    }

    fn config(&self) -> Arc<SessionConfig> {
        Arc::clone(&self.config.borrow())
    }

    pub(super) async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Event>) {
        let mut surroundings = self.world.surroundings.clone();
        let mut known = *surroundings.borrow_and_update();
        let mut presence = known.presence_at(self.world.clock.now().wall);
        let mut service_clock = self.world.identity_center.service_clock();
        service_clock.mark_changed();
        self.on(Event::PresenceChanged(presence));
        loop {
            let due = self.state.wake_at(self.world.clock.now());
            // Without anything due they are not used.
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
                    if before.changes == known.changes { Event::Tick } else { Event::ConnectivityChanged }
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
        self.flush().await;
        // Whoever waits for this session means its predecessor, too.
        if let Some(predecessor) = &self.predecessor {
            predecessor.stopped().await;
        }
    }

    /// Waits until the record is durable, within reason.
    async fn flush(&mut self) {
        let deadline = self.world.clock.now().boot + FLUSH_PATIENCE;
        while !self.state.may_end() {
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
        let effects = self.state.on(event, now);
        // A caller that came or left and caused nothing changes nothing that readers see.
        if self.state.was_driven() || !effects.is_empty() {
            let snapshot = self.state.snapshot(now);
            self.publish.send_if_modified(|published| {
                let is_news = **published != snapshot;
                if is_news {
                    let before = std::mem::replace(published, Arc::new(snapshot));
                    record(&self.world.audit, &self.config().name, &before, published);
                }
                is_news
            });
        }
        self.state.answers().send();
        for effect in effects {
            self.carry_out(effect);
        }
    }
}

/// Records a sign-in or a sign-out. What a session finds in its store at the start is neither.
fn record(audit: &Audit, session: &str, before: &Snapshot, after: &Snapshot) {
    let happened = |what| Happened::new(what).to_session(session);
    let is_another = before.token.is_none() || before.epoch != after.epoch;
    match (&after.token, after.came_by) {
        (None, _) if before.token.is_some() => audit.record(happened(AuditEvent::SignedOut), None),
        (Some(_), CameBy::SignIn) if is_another => audit.record(happened(AuditEvent::SignedIn), None),
        (Some(token), CameBy::TokenFile) if is_another => {
            let found = token.found_in.as_deref().map(|file| format!("found in {}", file.display()));
            audit.record(Happened { detail: found, ..happened(AuditEvent::SignedIn) }, None);
        }
        _ => {}
    }
}
