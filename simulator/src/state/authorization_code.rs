//! The authorization code grant (RFC 6749 4.1): from a request that waits on its page to the code in the client's hands.

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::Service;
use super::authorization_request::{AuthorizationRequest, location};
use super::conduct::Usage;
use super::device::whole_seconds;
use super::portal_session::{DEFAULT_PERSON, SessionId};
use super::token::{IssuedToken, invalid_grant};
use crate::clock::later;
use crate::errors::Refusal;
use crate::pkce;
use crate::random;
use crate::settings::{Approval, Consent};

/// An authorization request (RFC 6749 4.1.1) that waits on its page for a person's decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PendingRequest {
    /// The name of the request on its page. Each opening of the page is a request of its own.
    pub request: String,
    /// The `clientName` of the registration.
    pub client_name: String,
    /// The scopes of the registration.
    pub scopes: Vec<String>,
    /// The `issuerUrl` of the registration.
    pub start_url: String,
    /// Where the answer goes, with its port.
    pub redirect_uri: String,
    /// Time until the page is too old, by the simulator's clock; whole seconds in JSON.
    #[serde(serialize_with = "whole_seconds")]
    pub expires_in: Duration,
}

/// No pending authorization request has this name: it was never made, is decided already, or has expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownRequest(pub(crate) String);

impl fmt::Display for UnknownRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no pending authorization request has the name {:?}", self.0)
    }
}

impl std::error::Error for UnknownRequest {}

/// A request and what has become of it.
pub(super) struct OpenedRequest {
    name: String,
    request: AuthorizationRequest,
    opened_at: SystemTime,
    pub(super) expires_at: SystemTime,
    /// Where the decision sends the browser.
    location: Option<String>,
}

impl OpenedRequest {
    fn is_pending(&self, now: SystemTime) -> bool {
        self.location.is_none() && now < self.expires_at
    }
}

/// A request by its name.
pub(crate) enum RequestEntry {
    Pending(PendingRequest),
    /// With the URL to which the decision sends the browser.
    Decided(String),
    Expired,
    Unknown,
}

pub(super) struct AuthorizationCode {
    pub(super) value: String,
    /// Counted from 1, also over codes that are forgotten.
    pub(super) number: usize,
    client_id: String,
    redirect_uri: String,
    challenge: String,
    /// What was sent with it.
    pub(super) verifier: Option<String>,
    session: SessionId,
    pub(super) expires_at: SystemTime,
    redeemed: bool,
    pub(super) usage: Usage,
}

/// The members of CreateToken that have to fit a code.
pub(crate) struct CodeExchange<'a> {
    pub(crate) code: &'a str,
    pub(crate) redirect_uri: &'a str,
    pub(crate) verifier: &'a str,
}

impl Service {
    /// Opens the page of a request, and decides it at once where nobody has to be asked.
    pub(crate) fn open_request(&mut self, request: AuthorizationRequest, now: SystemTime) -> RequestEntry {
        if request.state.is_none() {
            self.violations.push("an authorization request without state".to_owned());
        }
        let start_url = self.issuer_of(&request);
        let asks = match self.settings.consent {
            Consent::Always => true,
            Consent::OncePerPortalSession => self.live_session(DEFAULT_PERSON, &start_url, now).is_none(),
        };
        let name = random::opaque(32);
        self.requests.push(OpenedRequest {
            name: name.clone(),
            request,
            opened_at: now,
            expires_at: later(now, self.settings.authorization_page_lifetime),
            location: None,
        });
        self.settle_requests(now);
        if !asks {
            // It may have been approved by the line above; then there is nothing left to do.
            let _ = self.allow_request(&name, DEFAULT_PERSON, now);
        }
        self.request_entry(&name, now)
    }

    pub(crate) fn request_entry(&self, name: &str, now: SystemTime) -> RequestEntry {
        match self.requests.iter().find(|known| known.name == name) {
            None => RequestEntry::Unknown,
            Some(OpenedRequest { location: Some(location), .. }) => RequestEntry::Decided(location.clone()),
            Some(known) if known.is_pending(now) => RequestEntry::Pending(self.describe_request(known, now)),
            Some(_) => RequestEntry::Expired,
        }
    }

    /// The person agrees. Returns the URL to which that sends the browser, with a new code in it.
    pub(crate) fn allow_request(
        &mut self,
        name: &str,
        person: &str,
        now: SystemTime,
    ) -> Result<String, UnknownRequest> {
        let index = self.pending_request(name, now)?;
        Ok(self.allow_at(index, person, now))
    }

    /// The person refuses. Returns the URL to which that sends the browser (RFC 6749 4.1.2.1).
    pub(crate) fn deny_request(&mut self, name: &str, now: SystemTime) -> Result<String, UnknownRequest> {
        let index = self.pending_request(name, now)?;
        let OpenedRequest { request, location: decision, .. } = &mut self.requests[index];
        let members = [("error", "access_denied"), ("error_description", "the person denied the request")];
        let location = location(&request.redirect_uri, request.state.as_deref(), &members);
        Ok(decision.insert(location).clone())
    }

    /// Where the browser takes this error about a request, which goes on waiting.
    pub(crate) fn error_to_asker(&self, name: &str, error: &str) -> Option<String> {
        let OpenedRequest { request, .. } = self.requests.iter().find(|known| known.name == name)?;
        Some(location(&request.redirect_uri, request.state.as_deref(), &[("error", error)]))
    }

    /// Makes the page too old now.
    pub(crate) fn expire_request(&mut self, name: &str, now: SystemTime) -> Result<(), UnknownRequest> {
        let index = self.pending_request(name, now)?;
        self.requests[index].expires_at = now;
        Ok(())
    }

    /// The requests that wait for a decision, the oldest first.
    pub(crate) fn pending_requests(&self, now: SystemTime) -> Vec<PendingRequest> {
        let pending = self.requests.iter().filter(|known| known.is_pending(now));
        pending.map(|known| self.describe_request(known, now)).collect()
    }

    /// Carries out what [`Approval`] says about the requests that are pending, as of `now`.
    pub(super) fn settle_requests(&mut self, now: SystemTime) {
        let after = match self.settings.approval {
            Approval::Manual => return,
            Approval::Automatic { after } => after,
            Approval::Preauthorised => Duration::ZERO,
        };
        for index in 0..self.requests.len() {
            let known = &self.requests[index];
            let due = later(known.opened_at, after);
            if known.location.is_none() && due <= now && due < known.expires_at {
                self.allow_at(index, DEFAULT_PERSON, due);
            }
        }
    }

    fn allow_at(&mut self, index: usize, person: &str, at: SystemTime) -> String {
        let request = self.requests[index].request.clone();
        let session = self.join_session(person, &self.issuer_of(&request), at);
        let value = random::opaque(64);
        let location = location(&request.redirect_uri, request.state.as_deref(), &[("code", &value)]);
        self.issued_codes += 1;
        self.codes.push(AuthorizationCode {
            value,
            number: self.issued_codes,
            client_id: request.client_id,
            redirect_uri: request.redirect_uri,
            challenge: request.challenge,
            verifier: None,
            session,
            expires_at: later(at, self.settings.authorization_code_lifetime),
            redeemed: false,
            usage: Usage::default(),
        });
        self.requests[index].location.insert(location).clone()
    }

    fn pending_request(&self, name: &str, now: SystemTime) -> Result<usize, UnknownRequest> {
        let mut requests = self.requests.iter();
        requests
            .position(|known| known.name == name && known.is_pending(now))
            .ok_or_else(|| UnknownRequest(name.to_owned()))
    }

    fn issuer_of(&self, request: &AuthorizationRequest) -> String {
        self.registration(&request.client_id).and_then(|known| known.issuer_url.clone()).unwrap_or_default()
    }

    fn describe_request(&self, known: &OpenedRequest, now: SystemTime) -> PendingRequest {
        let registration = self.registration(&known.request.client_id);
        PendingRequest {
            request: known.name.clone(),
            client_name: registration.map(|client| client.client_name.clone()).unwrap_or_default(),
            scopes: registration.map(|client| client.scopes.clone()).unwrap_or_default(),
            start_url: self.issuer_of(&known.request),
            redirect_uri: known.request.redirect_uri.clone(),
            expires_in: known.expires_at.duration_since(now).unwrap_or_default(),
        }
    }

    /// The exchange of a code for tokens (RFC 6749 4.1.3, RFC 7636 4.6).
    pub(crate) fn exchange_code(
        &mut self,
        client_id: &str,
        exchange: &CodeExchange<'_>,
        now: SystemTime,
    ) -> Result<IssuedToken, Refusal> {
        let index = self
            .code_index(exchange.code)
            .filter(|index| self.codes[*index].client_id == client_id)
            .ok_or_else(|| invalid_grant("unknown authorization code, or one of another client"))?;
        let code = &mut self.codes[index];
        code.verifier = Some(exchange.verifier.to_owned());
        let (number, session) = (code.number, code.session);
        if code.redeemed {
            // Two have had the code, and one of them is a thief (RFC 6749 4.1.2).
            self.revoke_tokens_of_code(number);
            return Err(invalid_grant("the authorization code has been used; its tokens are revoked"));
        }
        if now >= code.expires_at {
            return Err(invalid_grant("the authorization code has expired"));
        }
        if exchange.redirect_uri != code.redirect_uri {
            return Err(invalid_grant("redirectUri is not the one of the authorization request"));
        }
        if pkce::challenge(exchange.verifier) != code.challenge {
            return Err(invalid_grant("codeVerifier does not fit the challenge"));
        }
        let issued = self.issue_pair(client_id, session, Some(number), now)?;
        self.codes[index].redeemed = true;
        Ok(issued)
    }

    pub(super) fn code_index(&self, code: &str) -> Option<usize> {
        self.codes.iter().position(|known| known.value == code)
    }
}
