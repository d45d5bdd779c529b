//! The listener of a flow at the browser: it is open before the page is shown, and closes with the flow.

use std::sync::Arc;

use ssoctl_protocol::shell;
use tokio::sync::oneshot;

use super::Task;
use super::effects::endpoints_of;
use crate::callback::{AuthorizationError, Listener, SignInEnd};
use crate::config::SessionConfig;
use crate::oidc::{AuthorizationRequest, CallError, ErrorName, Registration};
use crate::session::event::{CallbackPage, Event};
use crate::session::flow::FlowEnd;
use crate::transport::ErrorNames;

/// The listener of the open flow.
pub(super) struct Callback {
    flow: u64,
    /// The end of the flow, which the browser is told.
    end: oneshot::Sender<SignInEnd>,
}

impl Task {
    /// Begins to listen for the browser. Returns the page to open, or why there is none.
    pub(super) fn open_callback(
        &mut self,
        config: &SessionConfig,
        flow: u64,
        registration: &Registration,
        port: Option<u16>,
    ) -> Result<CallbackPage, String> {
        let listener = Listener::bind(port, &config.name, Arc::clone(&self.world.clock));
        let mut listener = listener.map_err(|error| match port {
            Some(port) => format!("port {port} cannot be listened on: {error}"),
            None => format!("no port can be listened on: {error}"),
        })?;
        let request = AuthorizationRequest::new(listener.redirect_uri()).map_err(|error| error.to_string())?;
        let endpoints = endpoints_of(config, registration).map_err(|error| error.to_string())?;
        let page = request.page(&endpoints.oidc, registration, &config.scopes).map_err(|error| error.to_string())?;
        let listening = listener.port();
        tracing::info!(session = config.name, flow, port = listening, "listening for the browser");
        let (end, mut ended) = oneshot::channel();
        self.callback = Some(Callback { flow, end });
        let events = self.events.clone();
        tokio::spawn(async move {
            let end = tokio::select! {
                came = listener.code(request.state()) => {
                    if let Some(events) = events.upgrade() {
                        let grant = came.map(|code| request.grant(code)).map_err(|error| of_service(&error));
                        let _ = events.send(Event::CalledBack(flow, grant));
                    }
                    ended.await
                }
                end = &mut ended => end,
            };
            // Without an end the daemon stops.
            if let Ok(end) = end {
                listener.finish(&end).await;
            }
        });
        Ok(CallbackPage { page, port: listening })
    }

    /// Tells the browser how the flow has ended, and listens no longer.
    pub(super) fn end_callback(&mut self, session: &str, flow: u64, end: &FlowEnd) {
        if let Some(callback) = self.callback.take_if(|callback| callback.flow == flow) {
            let _ = callback.end.send(end_for_browser(session, end));
        }
    }
}

fn end_for_browser(session: &str, end: &FlowEnd) -> SignInEnd {
    let login = format!("ssoctl login {}", shell::argument(session));
    let failed =
        |what: &str| SignInEnd::Failed { what: what.to_owned(), remedy: format!("To start over, run: {login}") };
    match end {
        FlowEnd::Granted => SignInEnd::SignedIn,
        FlowEnd::Denied => failed("The sign-in was denied."),
        FlowEnd::Cancelled => failed("The sign-in was cancelled."),
        FlowEnd::Expired => failed("The sign-in took too long."),
        FlowEnd::Failed(error) => SignInEnd::Failed {
            what: format!("The sign-in failed: {}.", error.to_string().trim_end_matches('.')),
            remedy: format!("Try again: {login}. To sign in by a code instead: {login} --flow device"),
        },
    }
}

/// What the browser has brought instead of a code, as an error of the service.
fn of_service(error: &AuthorizationError) -> CallError {
    match ErrorName::find(error.name.as_str()) {
        Some(name) => {
            let description = error.description.clone().unwrap_or_default();
            CallError::Service { name, description, may_pass: false, retry_after: None }
        }
        None => CallError::Unusable(format!("the browser has brought the error {error}")),
    }
}
