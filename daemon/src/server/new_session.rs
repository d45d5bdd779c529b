//! Saving a session in the configuration file.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::Request;
use hyper::body::Incoming;
use ssoctl_protocol::{ErrorCode, NewSession, Problem, SessionStatus};

use super::handlers::Api;
use super::problem::{self, invalid};
use super::silent::Activity;
use crate::aws_hosts::region_to_ask;
use crate::config::{Endpoints, Identity, IdentityError};
use crate::directory::Entry;
use crate::issuer::Endpoint;
use crate::notice::FlowKind;
use crate::oidc::{CallError, Client};

const BODY_LIMIT: usize = 64 << 10;

const BODY_TIMEOUT: Duration = Duration::from_secs(30);

impl Api {
    pub(super) async fn add_session(&self, request: Request<Incoming>) -> Result<SessionStatus, Problem> {
        let session: NewSession = serde_json::from_slice(&self.body(request).await?)
            .map_err(|error| invalid(format!("the body is not a session: {error}")))?;
        let session = self.with_region(session).await?;
        if let Some(known) = self.known(&session)? {
            return Ok(known);
        }
        self.new_sessions.admit(self.now().boot)?;
        let (name, directory) = self.requests.save(session).await.map_err(|error| problem::not_saved(&error))?;
        directory.default_view().named(&name).map(|entry| self.status(entry)).ok_or_else(|| {
            let detail = format!("session {name:?} was saved but could not be read back; see: ssoctl status");
            Problem::new(ErrorCode::ConfigurationUnwritable, detail)
        })
    }

    /// The session with its region. Where its start URL is AWS's own and names none, the service is asked in one region: it refuses a
    /// start URL of another one, and says of which (InvalidRequestRegionException).
    async fn with_region(&self, session: NewSession) -> Result<NewSession, Problem> {
        let scopes = session.scopes.clone().unwrap_or_default();
        let identity = Identity::new(None, &session.start_url, session.region.as_deref(), &scopes);
        let Err(IdentityError::NoRegion(start_url)) = identity else { return Ok(session) };
        self.new_sessions.admit(self.now().boot)?;
        let asked = region_to_ask(&start_url);
        let endpoints = Endpoints::without_files(&start_url, asked, &self.environment).map_err(invalid)?;
        let region = match self.ask_at(&endpoints.oidc, &start_url).await {
            Ok(()) => asked.to_owned(),
            Err(CallError::OtherRegion { region, .. }) => region,
            Err(error) => {
                let why = IdentityError::NoRegion(start_url);
                return Err(invalid(format!("{why}; the service was asked in {asked} and did not tell it: {error}")));
            }
        };
        tracing::info!(region, "the service has told the region of a new session");
        Ok(NewSession { region: Some(region), ..session })
    }

    /// Asks for a device authorization, whose code nobody uses.
    async fn ask_at(&self, oidc: &Endpoint, start_url: &str) -> Result<(), CallError> {
        let service = &self.shown.world.identity_center;
        let client = Client { kind: FlowKind::Device, scopes: Vec::new(), start_url: start_url.to_owned() };
        let registration = service.register(oidc, &client).await?;
        service.authorize_device(oidc, &registration, start_url).await.map(drop)
    }

    pub(super) async fn body(&self, request: Request<Incoming>) -> Result<Bytes, Problem> {
        let activity = request.extensions().get::<Arc<Activity>>().cloned();
        if let Some(activity) = &activity {
            activity.wait_for_client();
        }
        let body = Limited::new(request.into_body(), BODY_LIMIT).collect();
        let late = || Problem::new(ErrorCode::RequestTimeout, "the body did not come to its end in time");
        let body = self.shown.world.clock.within(BODY_TIMEOUT, body).await.ok_or_else(late)?;
        if let Some(activity) = &activity {
            activity.request_arrived();
        }
        match body {
            Ok(body) => Ok(body.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => {
                Err(Problem::new(ErrorCode::BodyTooLarge, format!("the body is longer than {BODY_LIMIT} bytes")))
            }
            Err(_) => Err(invalid("the body could not be read to its end")),
        }
    }

    /// The session to be saved, if there is one like it already.
    fn known(&self, session: &NewSession) -> Result<Option<SessionStatus>, Problem> {
        let scopes = session.scopes.as_deref();
        let identity = Identity::new(None, &session.start_url, session.region.as_deref(), scopes.unwrap_or_default());
        let identity = identity.map_err(invalid)?;
        let is_same = |entry: &&Entry| {
            let known = &entry.config.identity;
            (&known.start_url, &known.region) == (&identity.start_url, &identity.region)
                && (scopes.is_none() || known.scopes == identity.scopes)
        };
        // Its start URL alone tells such a session from others, so that its region can only be changed.
        let has_other_region =
            |entry: &Entry| session.region.is_some() && entry.config.region() != session.region.as_deref();
        let directory = Arc::clone(&self.shown.directory.borrow());
        let view = directory.default_view();
        if let Some(entry) = view.entries().iter().find(is_same).filter(|entry| has_other_region(entry)) {
            let (name, place) = (&entry.config.name, &entry.config.origin.place);
            let detail =
                format!("there is a session {name:?} already, for another region or none; write the region at {place}");
            return Err(Problem::new(ErrorCode::SessionExists, detail).of_session(name));
        }
        let Some(name) = &session.name else {
            return Ok(view.entries().iter().find(is_same).map(|entry| self.status(entry)));
        };
        match view.named(name) {
            Some(entry) if !is_same(&entry) => {
                let url = entry.config.start_url();
                let place = entry.config.region().map(|region| format!(" in {region}")).unwrap_or_default();
                let file = entry.config.origin.place.file.display();
                let detail = format!("there is a session {name:?} already, for {url}{place} ({file})");
                Err(Problem::new(ErrorCode::SessionExists, detail).of_session(name))
            }
            known => Ok(known.map(|entry| self.status(entry))),
        }
    }
}
