//! The OIDC service's three operations: they read JSON, apply the rules in [`crate::state`], and write JSON.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::clock::{Moment, epoch_seconds};
use crate::errors::Refusal;
use crate::operation::{Grant, Operation};
use crate::pkce;
use crate::settings::UnsetMembers;
use crate::state::{CodeExchange, Pace, RegistrationRequest, Service};

/// The members of a request body.
pub(crate) type Members = Map<String, Value>;

/// The members that have a value: `null` and the empty string count as missing. `None` if the body is no JSON object.
pub(crate) fn read_members(body: &[u8]) -> Option<Members> {
    let mut members: Members = serde_json::from_slice(body).ok()?;
    members.retain(|_, value| !value.is_null() && value != "");
    Some(members)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AuthorizationRequest {
    client_id: String,
    client_secret: String,
    start_url: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "members that the service ignores have to have the model's type too")]
struct TokenRequest {
    client_id: String,
    client_secret: String,
    grant_type: String,
    device_code: Option<String>,
    code: Option<String>,
    refresh_token: Option<String>,
    redirect_uri: Option<String>,
    code_verifier: Option<String>,
    scope: Option<Vec<String>>,
}

fn invalid_request(why: impl Into<String>) -> Refusal {
    Refusal::new("InvalidRequestException", why)
}

fn read<T: DeserializeOwned>(members: &Members) -> Result<T, Refusal> {
    serde_json::from_value(Value::Object(members.clone())).map_err(|why| invalid_request(why.to_string()))
}

/// Carries out an OIDC operation. `pace` matters to polls alone.
pub(crate) fn answer(
    service: &mut Service,
    operation: Operation,
    members: Option<&Members>,
    pace: Pace,
    at: Moment,
) -> Answer {
    let body =
        members.ok_or_else(|| invalid_request("the body is not a JSON object")).and_then(|members| match operation {
            Operation::RegisterClient => register_client(service, read(members)?, at),
            Operation::StartDeviceAuthorization => start_device_authorization(service, &read(members)?, at),
            _ => create_token(service, &read(members)?, pace, at),
        });
    match body {
        Ok(mut body) => {
            if let (UnsetMembers::Omitted, Value::Object(members)) = (service.settings.unset_members, &mut body) {
                members.retain(|_, value| !value.is_null());
            }
            Answer::json(200, body)
        }
        Err(refusal) => refusal.answer(operation, service.settings.error_statuses),
    }
}

fn check_region(service: &Service) -> Result<(), Refusal> {
    service.settings.right_region.as_deref().map_or(Ok(()), |region| Err(Refusal::of_region(region)))
}

fn register_client(service: &mut Service, request: RegistrationRequest, at: Moment) -> Result<Value, Refusal> {
    if request.names_an_issuer() {
        check_region(service)?;
    }
    let registration = service.register(request, at.now)?;
    Ok(json!({
        "clientId": registration.client_id,
        "clientSecret": registration.secret,
        "clientIdIssuedAt": epoch_seconds(at.wall),
        "clientSecretExpiresAt": epoch_seconds(at.wall_at(registration.expires_at)),
        "authorizationEndpoint": null,
        "tokenEndpoint": null,
    }))
}

fn start_device_authorization(
    service: &mut Service,
    request: &AuthorizationRequest,
    at: Moment,
) -> Result<Value, Refusal> {
    check_region(service)?;
    let started =
        service.start_authorization(&request.client_id, &request.client_secret, &request.start_url, at.now)?;
    Ok(json!({
        "deviceCode": started.device_code,
        "verificationUri": service.verification_uri(),
        "verificationUriComplete": service.verification_uri_complete(&started.user_code),
        "userCode": started.user_code,
        "expiresIn": service.settings.device_code_lifetime.as_secs(),
        "interval": whole_seconds_up(started.interval),
    }))
}

/// Rounded up, so that a client that keeps to the interval it was told keeps to the real one.
fn whole_seconds_up(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

/// A member that the grant needs.
fn needed<'a>(member: &'a Option<String>, name: &str) -> Result<&'a str, Refusal> {
    member.as_deref().ok_or_else(|| invalid_request(format!("missing: {name}")))
}

fn code_exchange(request: &TokenRequest) -> Result<CodeExchange<'_>, Refusal> {
    let exchange = CodeExchange {
        code: needed(&request.code, "code")?,
        redirect_uri: needed(&request.redirect_uri, "redirectUri")?,
        verifier: needed(&request.code_verifier, "codeVerifier")?,
    };
    if !pkce::is_verifier(exchange.verifier) {
        return Err(invalid_request("codeVerifier is not 43 to 128 unreserved characters"));
    }
    Ok(exchange)
}

fn create_token(service: &mut Service, request: &TokenRequest, pace: Pace, at: Moment) -> Result<Value, Refusal> {
    let client_id = &request.client_id;
    let grant = Grant::from_wire(&request.grant_type).ok_or_else(|| {
        let why = format!("grant type not supported: {:?}", request.grant_type);
        Refusal::new("UnsupportedGrantTypeException", why)
    })?;
    check_region(service)?;
    service.authenticate(client_id, &request.client_secret)?.unexpired(at.now)?.permit(grant)?;
    let issued = match grant {
        Grant::DeviceCode => service.redeem(client_id, needed(&request.device_code, "deviceCode")?, pace, at.now)?,
        Grant::RefreshToken => service.refresh(client_id, needed(&request.refresh_token, "refreshToken")?, at.now)?,
        Grant::AuthorizationCode => service.exchange_code(client_id, &code_exchange(request)?, at.now)?,
    };
    Ok(json!({
        "accessToken": issued.access_token,
        "tokenType": "Bearer",
        "expiresIn": issued.expires_in.as_secs(),
        "refreshToken": issued.refresh_token,
        "idToken": null,
    }))
}
