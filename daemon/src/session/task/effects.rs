//! Carrying out what the machine wants done: calls to the service, the store, and the desktop.

use std::sync::Arc;

use super::Task;
use crate::clock::{Clock, Now};
use crate::config::{EndpointError, Endpoints, Identity, SessionConfig, region_of_start_url};
use crate::notice::Notice;
use crate::oidc::{CallError, Client, Grant, IdentityCenter, Registration};
use crate::portal::{PageToken, PortalError};
use crate::secrets::record::{self, NotARecord};
use crate::secrets::{RecordName, SecretStore};
use crate::session::event::{Effect, Event};
use crate::session::flow::FlowTarget;
use crate::session::roles::{self, PortalAnswer, Subject};
use crate::session::{AccessToken, Record, Target};
use crate::world::World;

impl Task {
    pub(super) fn carry_out(&mut self, effect: Effect) {
        let World { identity_center, portal, desktop, .. } = &self.world;
        let config = self.config();
        let name = config.name.as_str();
        match effect {
            Effect::Load => self.load(&config),
            Effect::Store(kept) => self.store(&config, &kept),
            Effect::ResolveStartUrl(flow) => {
                let service = Arc::clone(identity_center);
                self.calls.spawn(async move { Event::StartUrlResolved(flow, resolve(&*service, &config).await) });
            }
            Effect::Register(flow, kind, Target { issuer, resolved }) => {
                tracing::info!(session = name, flow, kind = kind.as_str(), "registering a client");
                let service = Arc::clone(identity_center);
                let start_url = resolved.as_deref().unwrap_or(config.start_url()).to_owned();
                let client = Client { kind, scopes: config.scopes.clone(), start_url };
                self.call(
                    &config,
                    config.endpoints.of(&issuer, resolved.as_deref()),
                    move |result| Event::Registered(flow, kind, result),
                    move |at, _| async move {
                        let registration = service.register(&at.oidc, &client).await?;
                        Ok(Registration { resolved, ..registration })
                    },
                );
            }
            Effect::AuthorizeDevice(flow, registration) => {
                tracing::info!(session = name, flow, "starting a device authorization");
                let service = Arc::clone(identity_center);
                self.call(
                    &config,
                    endpoints_of(&config, &registration),
                    move |result| Event::DeviceAuthorized(flow, result),
                    move |at, config| async move {
                        let start_url = registration.resolved.as_deref().unwrap_or(config.start_url());
                        service.authorize_device(&at.oidc, &registration, start_url).await
                    },
                );
            }
            Effect::OpenCallback(flow, registration, port) => {
                let opened = self.open_callback(&config, flow, &registration, port);
                self.calls.spawn(async move { Event::CallbackOpened(flow, opened) });
            }
            Effect::EndCallback(flow, end) => self.end_callback(name, flow, &end),
            Effect::CreateToken(flow, registration, grant) => {
                tracing::debug!(session = name, flow, "asking for a token");
                let service = Arc::clone(identity_center);
                self.call(
                    &config,
                    endpoints_of(&config, &registration),
                    move |result| Event::TokenCreated(flow, result),
                    move |at, _| async move { service.create_token(&at.oidc, &registration, &grant).await },
                );
            }
            Effect::Refresh(epoch, renewal) => {
                let service = Arc::clone(identity_center);
                let grant = Grant::RefreshToken(renewal.refresh_token);
                self.call(
                    &config,
                    endpoints_of(&config, &renewal.registration),
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
            Effect::EndPortalSession(token) => {
                tracing::info!(session = name, "ending the session at the portal");
                let portal = Arc::clone(portal);
                let at = config.endpoints.of(&token.issuer, None);
                self.call(&config, at, Event::PortalSessionEnded, move |at, _| async move {
                    portal.logout(&at.portal, &token).await.map_err(CallError::from)
                });
            }
            Effect::Show(notice) => self.show(&config, &notice),
            Effect::Withdraw => desktop.withdraw(&config),
            Effect::OpenPage(flow) => desktop.open(&config, &flow.page),
        }
    }

    fn load(&mut self, config: &SessionConfig) {
        let (clock, secrets) = (Arc::clone(&self.world.clock), Arc::clone(&self.world.secrets));
        let (identity, predecessor) = (config.identity.clone(), self.predecessor.clone());
        self.calls.spawn(async move {
            if let Some(predecessor) = predecessor {
                predecessor.stopped().await;
            }
            Event::Loaded(load(&*secrets, &*clock, &identity).await)
        });
    }

    fn store(&mut self, config: &SessionConfig, kept: &Record) {
        let issuer = kept.token.as_ref().map(|token| &token.access.issuer).or(config.identity.issuer.as_ref());
        let endpoints = issuer.and_then(|issuer| config.endpoints.of(issuer, None).ok());
        let portal = endpoints.map(|endpoints| endpoints.portal.shown().to_string());
        let owner = record::Owner { identity: config.identity.clone(), portal };
        let now = self.world.clock.now();
        let service_now = Now { wall: self.world.identity_center.service_clock().borrow().at(now.wall), ..now };
        let bytes = record::encode(&owner, kept, service_now);
        let (secrets, name) = (Arc::clone(&self.world.secrets), RecordName::of(&config.identity));
        let (is_empty, has_token) = (*kept == Record::default(), kept.token.is_some());
        self.calls.spawn(async move {
            let stored = if is_empty { secrets.delete(&name).await } else { secrets.write(&name, bytes).await };
            // Without room to write, the old record may hold the token that was signed out of. It is deleted, and the
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
        let asked_by = self.room.first();
        self.world.desktop.show(config, notice, asked_by.as_ref(), self.world.clock.now(), Box::new(act));
    }

    /// Begins a call to the service, whose result becomes an event. A configuration that allows no call is a result, too.
    fn call<T, F>(
        &mut self,
        config: &Arc<SessionConfig>,
        at: Result<Endpoints, EndpointError>,
        event: impl FnOnce(Result<T, CallError>) -> Event + Send + 'static,
        call: impl FnOnce(Endpoints, Arc<SessionConfig>) -> F + Send + 'static,
    ) where
        F: Future<Output = Result<T, CallError>> + Send + 'static,
        T: Send + 'static,
    {
        let config = Arc::clone(config);
        self.calls.spawn(async move {
            event(match at {
                Ok(endpoints) => call(endpoints, config).await,
                Err(error) => Err(CallError::Configuration(error.to_string())),
            })
        });
    }
}

/// Finds out where the start URL leads. A region that only its host has named may be another one.
async fn resolve(service: &dyn IdentityCenter, config: &SessionConfig) -> Result<FlowTarget, CallError> {
    let target = service.resolve(config.start_url()).await?.target(config)?;
    let named = target.resolved.as_deref().and_then(region_of_start_url);
    let may_move = named.is_some() && target.issuer.is_aws() && config.endpoints.configured().is_none();
    Ok(FlowTarget { target, may_move })
}

/// The endpoints for the secrets of a registration.
pub(super) fn endpoints_of(config: &SessionConfig, registration: &Registration) -> Result<Endpoints, EndpointError> {
    config.endpoints.of(&registration.issuer, registration.resolved.as_deref())
}

/// Asks the portal one question. What it gives lives by the service's clock.
async fn ask_portal(
    config: &SessionConfig,
    world: &World,
    token: &AccessToken,
    subject: &Subject,
    page: Option<&PageToken>,
) -> Result<PortalAnswer, PortalError> {
    let endpoints = config.endpoints.of(&token.issuer, None);
    let at = &endpoints.map_err(|error| PortalError::Configuration(error.to_string()))?.portal;
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
async fn load(secrets: &dyn SecretStore, clock: &dyn Clock, identity: &Identity) -> Result<Option<Record>, String> {
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
