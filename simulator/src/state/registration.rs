//! Client registrations: the part of RFC 7591 that the service has.

use std::time::SystemTime;

use serde::Deserialize;

use super::Service;
use crate::clock::later;
use crate::errors::Refusal;
use crate::operation::Grant;
use crate::random;

/// The members of a RegisterClient request.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "members that the service ignores have to have the model's type too")]
pub(crate) struct RegistrationRequest {
    client_name: String,
    client_type: String,
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default)]
    redirect_uris: Vec<String>,
    #[serde(default)]
    grant_types: Vec<String>,
    issuer_url: Option<String>,
    entitled_application_arn: Option<String>,
}

pub(crate) struct Registration {
    pub(crate) client_id: String,
    pub(crate) secret: String,
    pub(super) client_name: String,
    pub(super) scopes: Vec<String>,
    /// Empty if the client named none; then it may use every grant.
    grants: Vec<Grant>,
    pub(crate) expires_at: SystemTime,
    revoked: bool,
}

impl Registration {
    /// RFC 6749 5.2: `unauthorized_client` if the client may not use this grant.
    pub(crate) fn permit(&self, grant: Grant) -> Result<(), Refusal> {
        if self.grants.is_empty() || self.grants.contains(&grant) {
            return Ok(());
        }
        Err(Refusal::new("UnauthorizedClientException", "the client did not register this grant type"))
    }

    /// Refuses an expired registration. StartDeviceAuthorization does not look at that (observed).
    pub(crate) fn unexpired(&self, now: SystemTime) -> Result<&Self, Refusal> {
        if now < self.expires_at {
            return Ok(self);
        }
        Err(Refusal::new("InvalidClientException", "the registration has expired"))
    }
}

impl Service {
    pub(crate) fn register(&mut self, request: RegistrationRequest, now: SystemTime) -> Result<&Registration, Refusal> {
        if request.client_type != "public" {
            return Err(Refusal::new("InvalidClientMetadataException", "clientType has to be public"));
        }
        let grants = grants(&request.grant_types)?;
        if let Some(scope) = request.scopes.iter().find(|scope| !is_scope_token(scope)) {
            return Err(Refusal::new("InvalidScopeException", format!("not a scope: {scope:?}")));
        }
        if let Some(uri) = request.redirect_uris.iter().find(|uri| !is_redirect_uri(uri)) {
            return Err(Refusal::new("InvalidRedirectUriException", format!("not a redirect URI: {uri:?}")));
        }
        self.registrations.push(Registration {
            client_id: random::opaque(32),
            secret: random::opaque(240),
            client_name: request.client_name,
            scopes: request.scopes,
            grants,
            expires_at: later(now, self.settings.registration_lifetime),
            revoked: false,
        });
        Ok(&self.registrations[self.registrations.len() - 1])
    }

    /// The registration with this id and secret, be it expired or not.
    pub(crate) fn authenticate(&self, client_id: &str, client_secret: &str) -> Result<&Registration, Refusal> {
        self.registrations
            .iter()
            .find(|known| known.client_id == client_id && known.secret == client_secret && !known.revoked)
            .ok_or_else(|| Refusal::new("InvalidClientException", "unknown client or wrong secret"))
    }

    /// Makes every registration so far unknown to the service.
    pub(crate) fn revoke_registrations(&mut self) {
        for registration in &mut self.registrations {
            registration.revoked = true;
        }
    }

    pub(crate) fn registration_count(&self) -> usize {
        self.registrations.len()
    }

    pub(super) fn registration(&self, client_id: &str) -> Option<&Registration> {
        self.registrations.iter().find(|known| known.client_id == client_id)
    }
}

fn grants(names: &[String]) -> Result<Vec<Grant>, Refusal> {
    let mut grants = Vec::new();
    for name in names {
        let unsupported =
            || Refusal::new("UnsupportedGrantTypeException", format!("grant type not supported: {name:?}"));
        grants.push(Grant::from_wire(name).ok_or_else(unsupported)?);
    }
    // Observed: the service refuses the two ways of asking a person in one registration, and calls that a scope.
    if grants.contains(&Grant::DeviceCode) && grants.contains(&Grant::AuthorizationCode) {
        return Err(Refusal::new("InvalidScopeException", "device and authorization code grants exclude each other"));
    }
    Ok(grants)
}

/// RFC 6749 3.3: printable ASCII without space, quotation mark and backslash.
fn is_scope_token(scope: &str) -> bool {
    !scope.is_empty() && scope.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
}

/// RFC 6749 3.1.2: absolute, without a fragment.
fn is_redirect_uri(uri: &str) -> bool {
    url::Url::parse(uri).is_ok_and(|uri| uri.fragment().is_none())
}
