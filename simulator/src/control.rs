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
use crate::state::{DEFAULT_PERSON, Service, UnknownUserCode};

/// The failure of a control request: status and message.
struct Failure(u16, String);

impl From<UnknownUserCode> for Failure {
    fn from(unknown: UnknownUserCode) -> Self {
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
        ("GET", "pending") => Ok(json!(service.pending(at.now))),
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DecisionRequest {
    /// May be absent where only one authorization is pending.
    user_code: Option<String>,
    person: Option<String>,
}

fn decide(service: &mut Service, at: Moment, decision: &str, request: DecisionRequest) -> Outcome {
    let code = match request.user_code {
        Some(code) => code,
        None => the_only_pending_code(service, at)?,
    };
    match decision {
        "approve" => service.approve(&code, request.person.as_deref().unwrap_or(DEFAULT_PERSON), at.now)?,
        "deny" => service.deny(&code, at.now)?,
        _ => service.expire(&code, at.now)?,
    }
    Ok(json!({ "user_code": code }))
}

fn the_only_pending_code(service: &Service, at: Moment) -> Result<String, Failure> {
    match service.pending(at.now).as_slice() {
        [only] => Ok(only.user_code.clone()),
        [] => Err(Failure(404, "no authorization is pending".to_owned())),
        several => Err(Failure(409, format!("{} authorizations are pending; name a user_code", several.len()))),
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
        "pending": service.pending(at.now),
        "faults": service.faults,
        "counts": counts(service),
        "violations": service.violations,
    })
}

fn counts(service: &Service) -> Map<String, Value> {
    let count = |operation: Operation| (operation.to_string(), json!(service.call_count(operation)));
    Operation::ALL.into_iter().map(count).collect()
}
