//! Client registrations: the part of RFC 7591 that the service has.

use std::time::SystemTime;

use serde::Deserialize;

use super::Service;
use super::redirect_uri;
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

impl RegistrationRequest {
    pub(crate) const fn names_an_issuer(&self) -> bool {
        self.issuer_url.is_some()
    }
}

pub(crate) struct Registration {
    pub(crate) client_id: String,
    pub(crate) secret: String,
    pub(super) client_name: String,
    pub(super) scopes: Vec<String>,
    grants: Vec<Grant>,
    pub(super) redirect_uris: Vec<String>,
    pub(super) issuer_url: Option<String>,
    pub(crate) expires_at: SystemTime,
    revoked: bool,
}

impl Registration {
    /// RFC 6749 5.2: `unauthorized_client` if the client may not use this grant.
    pub(crate) fn permit(&self, grant: Grant) -> Result<(), Refusal> {
        if self.grants.contains(&grant) {
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
        let grants = self.grants(&request.grant_types)?;
        if let Some(scope) = request.scopes.iter().find(|scope| !is_scope_token(scope)) {
            return Err(Refusal::new("InvalidScopeException", format!("not a scope: {scope:?}")));
        }
        if let Some(uri) = request.redirect_uris.iter().find(|uri| !redirect_uri::may_be_registered(uri)) {
            return Err(Refusal::new("InvalidRedirectUriException", format!("not a redirect URI: {uri:?}")));
        }
        if grants.contains(&Grant::AuthorizationCode) {
            self.check_code_client(&request)?;
        }
        self.registrations.push(Registration {
            client_id: random::opaque(32),
            secret: random::opaque(240),
            client_name: request.client_name,
            scopes: request.scopes,
            grants,
            redirect_uris: request.redirect_uris,
            issuer_url: request.issuer_url,
            expires_at: later(now, self.settings.registration_lifetime),
            revoked: false,
        });
        Ok(&self.registrations[self.registrations.len() - 1])
    }

    fn grants(&self, names: &[String]) -> Result<Vec<Grant>, Refusal> {
        if names.is_empty() {
            return Ok(vec![Grant::DeviceCode, Grant::RefreshToken]);
        }
        let mut grants = Vec::new();
        for name in names {
            let supported = Grant::from_wire(name).filter(|grant| self.settings.grants.contains(grant));
            let unsupported =
                || Refusal::new("UnsupportedGrantTypeException", format!("grant type not supported: {name:?}"));
            grants.push(supported.ok_or_else(unsupported)?);
        }
        // Observed: the service refuses the two ways of asking a person in one registration, and calls that a scope.
        if grants.contains(&Grant::DeviceCode) && grants.contains(&Grant::AuthorizationCode) {
            let why = "device and authorization code grants exclude each other";
            return Err(Refusal::new("InvalidScopeException", why));
        }
        Ok(grants)
    }

    /// What the authorization code grant needs: where its answer may go, and whose person to ask.
    fn check_code_client(&self, request: &RegistrationRequest) -> Result<(), Refusal> {
        let invalid = |why| Err(Refusal::new("InvalidRequestException", why));
        match &request.issuer_url {
            _ if request.redirect_uris.is_empty() => invalid("the authorization code grant needs redirectUris"),
            None => invalid("the authorization code grant needs issuerUrl"),
            // As with a start URL.
            Some(url) if !self.portal_exists(url) => invalid("there is no portal at this issuerUrl"),
            Some(_) => Ok(()),
        }
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

    /// The registration of a client that shows no secret.
    pub(super) fn usable_registration(&self, client_id: &str, now: SystemTime) -> Option<&Registration> {
        self.registration(client_id).filter(|known| !known.revoked && known.unexpired(now).is_ok())
    }

    pub(super) fn registration(&self, client_id: &str) -> Option<&Registration> {
        self.registrations.iter().find(|known| known.client_id == client_id)
    }
}

/// RFC 6749 3.3: printable ASCII without space, quotation mark and backslash.
pub(super) fn is_scope_token(scope: &str) -> bool {
    !scope.is_empty() && scope.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
}
