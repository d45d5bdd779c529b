//! What a browser asks for at `/authorize` (RFC 6749 4.1.1, RFC 7636 4.3), checked parameter by parameter.

use std::time::SystemTime;

use super::Service;
use super::redirect_uri;
use super::registration::{Registration, is_scope_token};
use crate::operation::Grant;
use crate::pkce;

/// A request that may be shown to a person.
#[derive(Clone)]
pub(crate) struct AuthorizationRequest {
    pub(super) client_id: String,
    /// With its port, as the client sent it.
    pub(super) redirect_uri: String,
    pub(super) state: Option<String>,
    pub(super) challenge: String,
}

/// Why a request is shown to nobody.
pub(crate) enum Rejection {
    /// The person is told, and the browser goes nowhere, for nobody vouches for the redirect URI (RFC 6749 4.1.2.1).
    Shown(&'static str),
    /// The client is told by a redirect to this URL.
    Redirected { location: String, error: String },
}

/// The query of a request.
pub(crate) type Parameters = [(String, String)];

/// The value of a parameter. Empty counts as missing, and a parameter may be there once (RFC 6749 3.1).
fn value<'a>(parameters: &'a Parameters, name: &str) -> Result<Option<&'a str>, String> {
    let mut values = parameters.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let first = values.next().filter(|value| !value.is_empty());
    if values.next().is_some() { Err(format!("{name} is there more than once")) } else { Ok(first) }
}

/// The redirect URI with an answer to the client in its query (RFC 6749 4.1.2 and 4.1.2.1).
pub(super) fn location(redirect_uri: &str, state: Option<&str>, members: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(members);
    if let Some(state) = state {
        query.append_pair("state", state);
    }
    format!("{redirect_uri}?{}", query.finish())
}

impl Service {
    /// Checks the parameters, in this order: whom an error may be sent to, then everything else.
    pub(crate) fn admit(&self, parameters: &Parameters, now: SystemTime) -> Result<AuthorizationRequest, Rejection> {
        let (client, redirect_uri) = self.recipient(parameters, now).map_err(Rejection::Shown)?;
        let state = value(parameters, "state");
        let known_state = state.clone().unwrap_or(None);
        let checked = state.map_err(invalid_request).and_then(|_| check(client, parameters));
        let challenge = checked.map_err(|(error, why)| Rejection::Redirected {
            location: location(redirect_uri, known_state, &[("error", error), ("error_description", &why)]),
            error: error.to_owned(),
        })?;
        Ok(AuthorizationRequest {
            client_id: client.client_id.clone(),
            redirect_uri: redirect_uri.to_owned(),
            state: known_state.map(str::to_owned),
            challenge: challenge.to_owned(),
        })
    }

    /// Where the browser takes this error, if there is anybody to tell.
    pub(crate) fn error_to_recipient(&self, parameters: &Parameters, error: &str, now: SystemTime) -> Option<String> {
        let (_, redirect_uri) = self.recipient(parameters, now).ok()?;
        let state = value(parameters, "state").ok().flatten();
        Some(location(redirect_uri, state, &[("error", error)]))
    }

    /// The client that asks, and the registered redirect URI at which it waits for the answer.
    fn recipient<'a>(
        &self,
        parameters: &'a Parameters,
        now: SystemTime,
    ) -> Result<(&Registration, &'a str), &'static str> {
        let one = |name| value(parameters, name).ok().flatten();
        let client = one("client_id").ok_or("The request does not say which application it comes from.")?;
        let client = self.usable_registration(client, now).ok_or("This application is not registered here.")?;
        let redirect_uri = one("redirect_uri").ok_or("The request does not say where its answer should go.")?;
        if !redirect_uri::is_registered(redirect_uri, &client.redirect_uris) {
            return Err("The application has not registered the address at which it wants the answer.");
        }
        Ok((client, redirect_uri))
    }
}

/// A code of RFC 6749 4.1.2.1, and why.
type Failure = (&'static str, String);

fn invalid_request(why: impl Into<String>) -> Failure {
    ("invalid_request", why.into())
}

/// Checks what is left once the client and its redirect URI are known, and returns the challenge.
fn check<'a>(client: &Registration, parameters: &'a Parameters) -> Result<&'a str, Failure> {
    let one = |name| value(parameters, name).map_err(invalid_request);
    let required = |name| one(name)?.ok_or_else(|| invalid_request(format!("missing: {name}")));
    if required("response_type")? != "code" {
        return Err(("unsupported_response_type", "response_type has to be code".to_owned()));
    }
    if client.permit(Grant::AuthorizationCode).is_err() {
        return Err(("unauthorized_client", "the client did not register this grant type".to_owned()));
    }
    // Without a method a challenge would be `plain` (RFC 7636 4.3).
    if required("code_challenge_method")? != "S256" {
        return Err(invalid_request("code_challenge_method has to be S256"));
    }
    let challenge = required("code_challenge")?;
    if !pkce::is_challenge(challenge) {
        return Err(invalid_request("code_challenge is no SHA-256 in base64url without padding"));
    }
    let mut scopes = one("scopes")?.unwrap_or_default().split(' ').filter(|scope| !scope.is_empty());
    match scopes.find(|scope| !is_scope_token(scope) || !client.scopes.iter().any(|known| known == scope)) {
        Some(scope) => Err(("invalid_scope", format!("the client did not register the scope {scope:?}"))),
        None => Ok(challenge),
    }
}
