//! The control API under `/_control/`: everything that the Rust API does, for tests in other languages and for people
//! with curl. The README documents it.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::clock::Moment;
use crate::faults::Injection;
use crate::identity_center::IdentityCenter;
use crate::operation::Operation;
use crate::settings::duration_text;
use crate::state::{DEFAULT_PERSON, Service, UnknownRequest, UnknownUserCode};

/// The failure of a control request: status and message.
struct Failure(u16, String);

impl From<UnknownUserCode> for Failure {
    fn from(unknown: UnknownUserCode) -> Self {
        Self(404, unknown.to_string())
    }
}

impl From<UnknownRequest> for Failure {
    fn from(unknown: UnknownRequest) -> Self {
        Self(404, unknown.to_string())
    }
}

type Outcome = Result<Value, Failure>;

/// Answers `method /_control/{path}`.
pub(crate) fn answer(identity_center: &IdentityCenter, method: &str, path: &str, body: &[u8]) -> Answer {
    let outcome = match (method, path) {
        ("POST", "clock") => set_clock(identity_center, body),
        _ => identity_center.with(|service, at| carry_out(service, at, method, path, body)),
    };
    match outcome {
        Ok(body) => Answer::json(200, body),
        Err(Failure(status, message)) => Answer::json(status, json!({ "error": message })),
    }
}

fn carry_out(service: &mut Service, at: Moment, method: &str, path: &str, body: &[u8]) -> Outcome {
    match (method, path) {
        ("GET", "state") => Ok(state(service, at)),
        ("GET", "pending") => Ok(json!(pending(service, at))),
        ("POST", "approve" | "deny" | "expire") => decide(service, at, path, read(body)?),
        ("POST", "revoke") => {
            revoke(service, &read(body)?);
            Ok(json!({}))
        }
        ("GET", "calls") => Ok(json!({ "counts": counts(service), "log": service.calls })),
        ("GET", "violations") => Ok(json!(service.violations)),
        ("GET", "faults") => Ok(json!(service.faults)),
        ("POST", "faults") => {
            let Injection { operation, fault, times } = read(body)?;
            service.faults.inject(operation, fault, times);
            Ok(json!(service.faults))
        }
        ("DELETE", "faults") => {
            service.faults = Default::default();
            Ok(json!(service.faults))
        }
        ("GET", "clock") => Ok(json!(at)),
        ("GET", "settings") => Ok(json!(service.settings)),
        ("PATCH", "settings") => change_settings(service, read(body)?),
        _ => Err(Failure(404, format!("no control operation {method} /_control/{path}"))),
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|why| Failure(400, format!("request body not understood: {why}")))
}

/// Both kinds of authorizations that wait for a decision: those with a `user_code`, and those with a `request`.
fn pending(service: &Service, at: Moment) -> Vec<Value> {
    let requests = service.pending_requests(at.now).into_iter().map(|request| json!(request));
    service.pending(at.now).into_iter().map(|authorization| json!(authorization)).chain(requests).collect()
}

/// What to decide; both names may be absent where only one thing is pending.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DecisionRequest {
    user_code: Option<String>,
    request: Option<String>,
    person: Option<String>,
}

enum Subject {
    DeviceAuthorization(String),
    AuthorizationRequest(String),
}

fn decide(service: &mut Service, at: Moment, decision: &str, request: DecisionRequest) -> Outcome {
    let person = request.person.as_deref().unwrap_or(DEFAULT_PERSON);
    let subject = match (request.user_code, request.request) {
        (Some(code), None) => Subject::DeviceAuthorization(code),
        (None, Some(name)) => Subject::AuthorizationRequest(name),
        (None, None) => the_only_pending(service, at)?,
        (Some(_), Some(_)) => return Err(Failure(400, "name a user_code or a request, not both".to_owned())),
    };
    match subject {
        Subject::DeviceAuthorization(code) => {
            match decision {
                "approve" => service.approve(&code, person, at.now)?,
                "deny" => service.deny(&code, at.now)?,
                _ => service.expire(&code, at.now)?,
            }
            Ok(json!({ "user_code": code }))
        }
        Subject::AuthorizationRequest(name) => {
            let location = match decision {
                "approve" => Some(service.allow_request(&name, person, at.now)?),
                "deny" => Some(service.deny_request(&name, at.now)?),
                _ => service.expire_request(&name, at.now).map(|()| None)?,
            };
            Ok(json!({ "request": name, "location": location }))
        }
    }
}

fn the_only_pending(service: &Service, at: Moment) -> Result<Subject, Failure> {
    let (codes, requests) = (service.pending(at.now), service.pending_requests(at.now));
    match (codes.as_slice(), requests.as_slice()) {
        ([only], []) => Ok(Subject::DeviceAuthorization(only.user_code.clone())),
        ([], [only]) => Ok(Subject::AuthorizationRequest(only.request.clone())),
        ([], []) => Err(Failure(404, "no authorization is pending".to_owned())),
        (codes, requests) => {
            let count = codes.len() + requests.len();
            Err(Failure(409, format!("{count} authorizations are pending; name a user_code or a request")))
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RevokeRequest {
    what: Revocable,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Revocable {
    AccessTokens,
    RefreshTokens,
    Registrations,
    PortalSessions,
}

fn revoke(service: &mut Service, request: &RevokeRequest) {
    match request.what {
        Revocable::AccessTokens => service.revoke_access_tokens(),
        Revocable::RefreshTokens => service.revoke_refresh_tokens(),
        Revocable::Registrations => service.revoke_registrations(),
        Revocable::PortalSessions => service.end_portal_sessions(),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum ClockRequest {
    Advance(#[serde(with = "duration_text")] Duration),
    WallAhead(#[serde(with = "duration_text")] Duration),
    WallBehind(#[serde(with = "duration_text")] Duration),
}

fn set_clock(identity_center: &IdentityCenter, body: &[u8]) -> Outcome {
    let clock = &identity_center.clock;
    match read(body)? {
        ClockRequest::Advance(by) => clock.advance(by),
        ClockRequest::WallAhead(offset) => clock.set_wall_ahead(offset),
        ClockRequest::WallBehind(offset) => clock.set_wall_behind(offset),
    }
    Ok(identity_center.with(|_, at| json!(at)))
}

/// Changes the members that the body names and leaves the others as they are.
fn change_settings(service: &mut Service, changes: Map<String, Value>) -> Outcome {
    let mut merged = json!(service.settings);
    if let Value::Object(members) = &mut merged {
        members.extend(changes);
    }
    service.settings =
        serde_json::from_value(merged).map_err(|why| Failure(400, format!("settings not understood: {why}")))?;
    Ok(json!(service.settings))
}

fn state(service: &Service, at: Moment) -> Value {
    json!({
        "url": service.base_url,
        "clock": at,
        "registrations": service.registration_count(),
        "access_tokens": service.issued_access_tokens().len(),
        "refresh_tokens": service.issued_refresh_tokens().len(),
        "portal_sessions": service.live_sessions(at.now),
        "pending": pending(service, at),
        "faults": service.faults,
        "counts": counts(service),
        "violations": service.violations,
    })
}

fn counts(service: &Service) -> Map<String, Value> {
    let count = |operation: Operation| (operation.to_string(), json!(service.call_count(operation)));
    Operation::ALL.into_iter().map(count).collect()
}
