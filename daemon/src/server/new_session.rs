//! Saving a session.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::Request;
use hyper::body::Incoming;
use ssoctl_protocol::{ErrorCode, NewSession, Problem, SessionStatus};

use super::handlers::Api;
use super::reply::{Reply, ok};
use super::silent::Turn;
use super::translate;
use crate::config::Identity;
use crate::directory::Entry;

/// The largest body that any route takes.
const BODY_LIMIT: usize = 64 << 10;

/// How long a client may take to send a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

impl Api {
    pub(super) async fn add_session(&self, request: Request<Incoming>) -> Reply {
        let session: NewSession = serde_json::from_slice(&self.body(request).await?)
            .map_err(|error| Problem::new(ErrorCode::InvalidRequest, format!("the body is not a session: {error}")))?;
        if let Some(known) = self.known(&session)? {
            return ok(&known);
        }
        self.calls.new_session(self.world.clock.now().boot)?;
        let (name, directory) = (self.save)(session).await.map_err(|error| translate::not_saved(&error))?;
        match directory.default_view().named(&name) {
            Some(entry) => ok(&self.status(entry)),
            None => Err(Problem::new(
                ErrorCode::ConfigurationUnwritable,
                format!("session {name:?} was saved but could not be read back; see: ssoctl status"),
            )),
        }
    }

    async fn body(&self, request: Request<Incoming>) -> Result<Bytes, Problem> {
        let turn = request.extensions().get::<Arc<Turn>>().cloned();
        if let Some(turn) = &turn {
            turn.is_silent();
        }
        let body = tokio::select! {
            body = Limited::new(request.into_body(), BODY_LIMIT).collect() => body,
            () = self.world.clock.sleep_until(self.world.clock.now().boot + BODY_TIMEOUT) => {
                return Err(Problem::new(ErrorCode::RequestTimeout, "the body did not come to its end in time"));
            }
        };
        if let Some(turn) = &turn {
            turn.asks();
        }
        match body {
            Ok(body) => Ok(body.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => {
                Err(Problem::new(ErrorCode::BodyTooLarge, format!("the body is longer than {BODY_LIMIT} bytes")))
            }
            Err(_) => Err(Problem::new(ErrorCode::InvalidRequest, "the body could not be read to its end")),
        }
    }

    /// The session that is meant to be saved, if there is one like it already.
    fn known(&self, session: &NewSession) -> Result<Option<SessionStatus>, Problem> {
        let scopes = session.scopes.clone();
        let identity = Identity::new(None, &session.start_url, &session.region, scopes.as_deref().unwrap_or_default())
            .map_err(|error| Problem::new(ErrorCode::InvalidRequest, error.to_string()))?;
        let directory = Arc::clone(&self.directory.borrow());
        let is_same = |entry: &&Entry| {
            let known = &entry.config.identity;
            (&known.start_url, &known.region) == (&identity.start_url, &identity.region)
                && (scopes.is_none() || known.scopes == identity.scopes)
        };
        match &session.name {
            None => Ok(directory.default_view().entries().iter().find(is_same).map(|entry| self.status(entry))),
            Some(name) => match directory.default_view().named(name) {
                None => Ok(None),
                Some(entry) if is_same(&entry) => Ok(Some(self.status(entry))),
                Some(entry) => Err(Problem::new(
                    ErrorCode::SessionExists,
                    format!(
                        "there is a session {name:?} already, for {} in {} ({})",
                        entry.config.start_url(),
                        entry.config.region(),
                        entry.config.origin.file.display(),
                    ),
                )
                .of_session(name)),
            },
        }
    }
}
