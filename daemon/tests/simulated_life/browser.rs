//! The browser in a life: the page of a sign-in is opened, the person decides there, and the browser comes back to the daemon.

use std::time::Duration;

use identity_center_simulator::Visit;
use ssoctld::issuer::Endpoint;
use ssoctld::oidc::{AuthorizationRequest, CallError, ErrorName, Registration};
use ssoctld::session::event::{CallbackPage, Event};
use ssoctld::transport::ErrorNames;
use url::Url;

use super::checks::Verdict;
use super::life::{Ahead, Life};
use super::people::{Choice, Matter};
use super::telling::trace;

const PORT: u16 = 8400;
/// The OIDC service of the session's region.
const OIDC: &str = "https://oidc.eu-west-1.amazonaws.com/";

/// The listener of a flow.
pub(super) struct Listener {
    flow: u64,
    request: AuthorizationRequest,
    pub(super) page: String,
    /// Whether the browser has come.
    pub(super) has_answered: bool,
}

impl Life {
    pub(super) fn open_callback(&mut self, flow: u64, registration: &Registration) {
        let opened = if self.world.rng.u8(..20) == 0 {
            Err("the port is in use".to_owned())
        } else {
            let request = AuthorizationRequest::new(format!("http://127.0.0.1:{PORT}/oauth/callback"));
            let request = request.expect("the system has randomness");
            let oidc = Endpoint::usual(Url::parse(OIDC).expect("a URL"));
            let page = request.page(&oidc, registration, &self.world.identity.scopes).expect("it is the issuer's");
            self.listener = Some(Listener { flow, request, page: page.clone(), has_answered: false });
            Ok(CallbackPage { page, port: PORT })
        };
        let process = self.process;
        self.ahead(Duration::from_millis(1), Ahead::CallbackOpened(process, flow, opened));
    }

    pub(super) fn callback_opened(&mut self, flow: u64, opened: Result<CallbackPage, String>) -> Verdict {
        if let Ok(CallbackPage { page, .. }) = &opened {
            self.person_hears_of(Matter::Page(page.clone()));
        }
        self.step(Event::CallbackOpened(flow, opened)).map(drop)
    }

    pub(super) fn end_callback(&mut self, flow: u64) {
        self.listener.take_if(|listener| listener.flow == flow);
    }

    /// The person opens the page and decides there. The flow may be over by now.
    pub(super) fn visit(&mut self, page: &str, choice: Choice) -> Verdict {
        let query = page.split_once('?').map_or("", |(_, query)| query);
        let redirect = match (self.world.service.authorize(query), choice) {
            (Visit::Redirect(url), _) => Some(url),
            (Visit::Page(pending), Choice::Approve) => self.world.service.allow_request(&pending.request).ok(),
            (Visit::Page(pending), Choice::Deny) => self.world.service.deny_request(&pending.request).ok(),
            (Visit::Page(_), Choice::LetDie) | (Visit::Nothing(_), _) => None,
        };
        match redirect {
            Some(url) => self.come_back(&url),
            None => Ok(()),
        }
    }

    /// The browser comes back to the daemon, if that still listens.
    fn come_back(&mut self, url: &str) -> Verdict {
        let url = Url::parse(url).expect("a redirect leads to a URL");
        let parameter =
            |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        let state = parameter("state").expect("a redirect has the state");
        let Some(listener) = self.listener.as_mut().filter(|it| *it.request.state().expose() == state) else {
            return Ok(());
        };
        if std::mem::replace(&mut listener.has_answered, true) {
            return Ok(());
        }
        let (flow, request) = (listener.flow, listener.request.clone());
        let came = match (parameter("code"), parameter("error")) {
            (Some(code), _) => Ok(request.grant(code.into())),
            (None, error) => {
                let name = error.and_then(|error| ErrorName::find(&error)).expect("an error that is known");
                Err(CallError::Service { name, description: String::new(), may_pass: false, retry_after: None })
            }
        };
        trace!(self, "the browser comes back to flow {flow}");
        self.step(Event::CalledBack(flow, came)).map(drop)
    }
}
