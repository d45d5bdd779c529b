//! The OIDC service's three operations: JSON in, rules in [`crate::state`], JSON out.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::clock::{Moment, epoch_seconds};
use crate::errors::{OidcError, Refusal};
use crate::operation::{Grant, Operation};
use crate::settings::UnsetMembers;
use crate::state::{IssuedToken, Pace, RegistrationRequest, Service};

/// The members of a request body.
pub(crate) struct Members(Map<String, Value>);

impl Members {
    /// `None` where the body is not a JSON object.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok().map(Self)
    }

    /// A member that is there, is a string, and is not empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.text(name)
            .ok_or_else(|| Refusal::new(OidcError::InvalidRequest, format!("missing or not a string: {name}")))
    }

    /// A list of strings; absent and `null` are the empty list.
    fn list(&self, name: &str) -> Result<Vec<String>, Refusal> {
        let invalid = || Refusal::new(OidcError::InvalidRequest, format!("not a list of strings: {name}"));
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(items)) => {
                items.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(invalid)).collect()
            }
            Some(_) => Err(invalid()),
        }
    }

    /// Refuses members that do not have the type of the model, even those that the service ignores.
    fn conform(&self, texts: &[&str], lists: &[&str]) -> Result<(), Refusal> {
        let is_text = |name: &&str| matches!(self.0.get(*name), None | Some(Value::Null | Value::String(_)));
        if let Some(name) = texts.iter().find(|name| !is_text(name)) {
            return Err(Refusal::new(OidcError::InvalidRequest, format!("not a string: {name}")));
        }
        lists.iter().try_for_each(|name| self.list(name).map(drop))
    }
}

/// Carries out an OIDC operation. `pace` matters to polls alone.
pub(crate) fn answer(
    service: &mut Service,
    operation: Operation,
    members: Option<&Members>,
    pace: Pace,
    at: Moment,
) -> Answer {
    let result = members
        .ok_or_else(|| Refusal::new(OidcError::InvalidRequest, "the body is not a JSON object"))
        .and_then(|members| match operation {
            Operation::RegisterClient => register_client(service, members, at),
            Operation::StartDeviceAuthorization => start_device_authorization(service, members, at),
            _ => create_token(service, members, pace, at),
        });
    match result {
        Ok(body) => Answer::json(200, body),
        Err(refusal) => refusal.answer(operation, service.settings.error_statuses),
    }
}

fn register_client(service: &mut Service, members: &Members, at: Moment) -> Result<Value, Refusal> {
    members.conform(
        &["clientName", "clientType", "issuerUrl", "entitledApplicationArn"],
        &["scopes", "redirectUris", "grantTypes"],
    )?;
    let request = RegistrationRequest {
        client_name: members.required("clientName")?.to_owned(),
        client_type: members.required("clientType")?.to_owned(),
        scopes: members.list("scopes")?,
        redirect_uris: members.list("redirectUris")?,
        grant_types: members.list("grantTypes")?,
    };
    let issued = service.register(request, at)?;
    Ok(written(
        json!({
            "clientId": issued.client_id,
            "clientSecret": issued.client_secret,
            "clientIdIssuedAt": epoch_seconds(issued.issued_at),
            "clientSecretExpiresAt": epoch_seconds(issued.expires_at),
            "authorizationEndpoint": null,
            "tokenEndpoint": null,
        }),
        service.settings.unset_members,
    ))
}

fn start_device_authorization(service: &mut Service, members: &Members, at: Moment) -> Result<Value, Refusal> {
    let started = service.start_authorization(
        members.required("clientId")?,
        members.required("clientSecret")?,
        members.required("startUrl")?,
        at,
    )?;
    Ok(json!({
        "deviceCode": started.device_code,
        "verificationUri": service.verification_uri(),
        "verificationUriComplete": service.verification_uri_complete(&started.user_code),
        "userCode": started.user_code,
        "expiresIn": started.expires_in.as_secs(),
        "interval": whole_seconds_up(started.interval),
    }))
}

/// Rounded up: a client that keeps to the interval on the wire keeps to the real one.
fn whole_seconds_up(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

fn create_token(service: &mut Service, members: &Members, pace: Pace, at: Moment) -> Result<Value, Refusal> {
    members.conform(
        &["clientId", "clientSecret", "grantType", "deviceCode", "code", "refreshToken", "redirectUri", "codeVerifier"],
        &["scope"],
    )?;
    let client_id = members.required("clientId")?;
    let client_secret = members.required("clientSecret")?;
    let grant_type = members.required("grantType")?;
    let grant = Grant::from_wire(grant_type).ok_or_else(|| {
        Refusal::new(OidcError::UnsupportedGrantType, format!("grant type not supported: {grant_type:?}"))
    })?;
    service.admit_client(client_id, client_secret, grant, at)?;
    let issued = match grant {
        Grant::DeviceCode => service.redeem(client_id, members.required("deviceCode")?, pace, at)?,
        Grant::RefreshToken => service.refresh(client_id, members.required("refreshToken")?, at)?,
        Grant::AuthorizationCode => {
            members.required("code")?;
            // There is no authorization endpoint here, so no code can ever have been issued.
            return Err(Refusal::new(OidcError::InvalidGrant, "unknown authorization code"));
        }
    };
    Ok(token_answer(issued, service.settings.unset_members))
}

fn token_answer(issued: IssuedToken, unset: UnsetMembers) -> Value {
    written(
        json!({
            "accessToken": issued.access_token,
            "tokenType": "Bearer",
            "expiresIn": issued.expires_in.as_secs(),
            "refreshToken": issued.refresh_token,
            "idToken": null,
        }),
        unset,
    )
}

fn written(mut body: Value, unset: UnsetMembers) -> Value {
    if let (UnsetMembers::Omitted, Value::Object(members)) = (unset, &mut body) {
        members.retain(|_, value| !value.is_null());
    }
    body
}
