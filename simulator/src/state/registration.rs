//! Client registrations: RFC 7591 as far as the service goes.

use std::time::SystemTime;

use super::Service;
use crate::clock::{Moment, later};
use crate::errors::{OidcError, Refusal};
use crate::operation::Grant;
use crate::random;

/// What RegisterClient asks for, its required members being there.
pub(crate) struct RegistrationRequest {
    pub(crate) client_name: String,
    pub(crate) client_type: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) redirect_uris: Vec<String>,
    pub(crate) grant_types: Vec<String>,
}

/// What RegisterClient hands out; the times are wall times.
pub(crate) struct IssuedRegistration {
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    pub(crate) issued_at: SystemTime,
    pub(crate) expires_at: SystemTime,
}

pub(super) struct Registration {
    pub(super) client_id: String,
    pub(super) secret: String,
    pub(super) client_name: String,
    pub(super) scopes: Vec<String>,
    /// Empty where the client named none: every grant is open to it.
    grants: Vec<Grant>,
    expires_at: SystemTime,
    standing: Standing,
}

#[derive(PartialEq)]
enum Standing {
    Good,
    Revoked,
}

/// Whether an expired registration still counts.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Expiry {
    /// StartDeviceAuthorization does not look (observed).
    Overlooked,
    Enforced,
}

impl Registration {
    /// RFC 6749 5.2: `unauthorized_client` where the client may not use this grant.
    pub(super) fn permit(&self, grant: Grant) -> Result<(), Refusal> {
        if self.grants.is_empty() || self.grants.contains(&grant) {
            return Ok(());
        }
        Err(Refusal::new(OidcError::UnauthorizedClient, "the client did not register this grant type"))
    }
}

impl Service {
    pub(crate) fn register(&mut self, request: RegistrationRequest, at: Moment) -> Result<IssuedRegistration, Refusal> {
        if request.client_type != "public" {
            return Err(Refusal::new(OidcError::InvalidClientMetadata, "clientType has to be public"));
        }
        let grants = grants(&request.grant_types)?;
        if let Some(scope) = request.scopes.iter().find(|scope| !is_scope_token(scope)) {
            return Err(Refusal::new(OidcError::InvalidScope, format!("not a scope: {scope:?}")));
        }
        if let Some(uri) = request.redirect_uris.iter().find(|uri| !is_redirect_uri(uri)) {
            return Err(Refusal::new(OidcError::InvalidRedirectUri, format!("not a redirect URI: {uri:?}")));
        }
        let expires_at = later(at.now, self.settings.registration_lifetime);
        let registration = Registration {
            client_id: random::opaque(32),
            secret: random::opaque(240),
            client_name: request.client_name,
            scopes: request.scopes,
            grants,
            expires_at,
            standing: Standing::Good,
        };
        let issued = IssuedRegistration {
            client_id: registration.client_id.clone(),
            client_secret: registration.secret.clone(),
            issued_at: at.wall,
            expires_at: at.wall_at(expires_at),
        };
        self.registrations.push(registration);
        Ok(issued)
    }

    /// The registration with this id and secret (model: InvalidClient for a wrong id or secret and for an expired one).
    pub(super) fn authenticate(
        &self,
        client_id: &str,
        client_secret: &str,
        expiry: Expiry,
        now: SystemTime,
    ) -> Result<&Registration, Refusal> {
        let invalid = |why| Refusal::new(OidcError::InvalidClient, why);
        let registration = self
            .registrations
            .iter()
            .find(|known| known.client_id == client_id && known.secret == client_secret)
            .filter(|known| known.standing == Standing::Good)
            .ok_or_else(|| invalid("unknown client or wrong secret"))?;
        if expiry == Expiry::Enforced && now >= registration.expires_at {
            return Err(invalid("the registration has expired"));
        }
        Ok(registration)
    }

    /// Makes every registration that there is unknown to the service.
    pub(crate) fn revoke_registrations(&mut self) {
        for registration in &mut self.registrations {
            registration.standing = Standing::Revoked;
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
    let grants = names
        .iter()
        .map(|name| {
            Grant::from_wire(name).ok_or_else(|| {
                Refusal::new(OidcError::UnsupportedGrantType, format!("grant type not supported: {name:?}"))
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    // Observed: the service refuses the two ways of asking a person in one registration, and calls that a scope.
    if grants.contains(&Grant::DeviceCode) && grants.contains(&Grant::AuthorizationCode) {
        return Err(Refusal::new(OidcError::InvalidScope, "device and authorization code grants exclude each other"));
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
