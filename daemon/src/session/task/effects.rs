//! Carrying out what the state wants done: the session's side of the doors.

use std::sync::Arc;

use super::{Message, Task};
use crate::clock::{Clock, Now};
use crate::config::{Endpoints, Identity};
use crate::notice::Notice;
use crate::oidc::{CallError, Grant};
use crate::secrets::record::{self, NotARecord};
use crate::secrets::{RecordName, SecretStore};
use crate::session::Kept;
use crate::session::state::{Effect, Event};
use crate::world::World;

impl Task {
    pub(super) fn carry_out(&mut self, effect: Effect) {
        let World { identity_center, portal, desktop, .. } = &self.world;
        let name = self.config.name.as_str();
        match effect {
            Effect::Answer(id, answer) => {
                if let Some(caller) = self.callers.remove(&id) {
                    // Whoever left in this moment needs no answer.
                    let _ = caller.send(answer);
                }
            }
            Effect::Load => self.load(),
            Effect::Store(kept) => self.store(&kept),
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
                let (service, start_url) = (Arc::clone(identity_center), self.config.start_url().to_owned());
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
            Effect::Show(notice) => self.show(&notice),
            Effect::Withdraw => desktop.withdraw(&self.config),
            Effect::OpenPage(flow) => desktop.open(&self.config, &flow.verification_uri_complete),
            Effect::LeavePortal(token) => {
                tracing::info!(session = name, "ending the session at the portal");
                let portal = Arc::clone(portal);
                self.call(Event::PortalLeft, move |at| async move {
                    portal.logout(&at.portal, &token).await.map_err(CallError::from)
                });
            }
        }
    }

    fn load(&mut self) {
        let World { clock, secrets, .. } = self.world.clone();
        let identity = self.config.identity.clone();
        self.calls.spawn(async move { Event::Loaded(load(&*secrets, &*clock, &identity).await) });
    }

    fn store(&mut self, kept: &Kept) {
        let World { clock, identity_center, secrets, .. } = &self.world;
        let now = clock.now();
        let service_now = Now { wall: identity_center.service_clock().borrow().at(now.wall), ..now };
        let portal = self.config.endpoints.as_ref().ok().map(|endpoints| endpoints.portal.shown().to_string());
        let owner = record::Owner { identity: self.config.identity.clone(), portal };
        let bytes = record::encode(&owner, kept, service_now);
        let (secrets, name) = (Arc::clone(secrets), RecordName::of(&self.config.identity));
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

    fn show(&self, notice: &Notice) {
        tracing::info!(session = self.config.name, notice = notice.name(), "the person is told");
        let messages = self.messages.clone();
        let act = move |action| {
            if let Some(messages) = messages.upgrade() {
                let _ = messages.send(Message::Acted(action));
            }
        };
        self.world.desktop.show(&self.config, notice, self.world.clock.now(), Box::new(act));
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

/// Reads a record. One that is damaged is put aside, so that nothing is lost, and the session starts without it.
async fn load(secrets: &dyn SecretStore, clock: &dyn Clock, identity: &Identity) -> Result<Option<Kept>, String> {
    let name = RecordName::of(identity);
    let Some(bytes) = secrets.read(&name).await.map_err(|error| error.to_string())? else { return Ok(None) };
    let kept = record::owner(bytes.expose()).and_then(|owner| {
        // Somebody has given it another name: what one session had is no other's.
        if owner.identity == *identity { record::decode(bytes.expose(), clock.now()) } else { Err(NotARecord::Damaged) }
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
