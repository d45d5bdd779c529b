//! The control API under `/_control/`: everything that the Rust API does, for tests in other languages and for people
//! with curl. The README documents it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::clock::Moment;
use crate::faults::Injection;
use crate::journal::CallRecord;
use crate::operation::Operation;
use crate::settings::{Settings, duration_text};
use crate::shared::{Inner, Shared};
use crate::state::{DEFAULT_PERSON, UnknownUserCode};

/// Why a control request was not carried out: status and message.
struct Failure(u16, String);

impl From<UnknownUserCode> for Failure {
    fn from(unknown: UnknownUserCode) -> Self {
        Self(404, unknown.to_string())
    }
}

type Outcome = Result<Value, Failure>;

/// Answers `method /_control/{path}`.
pub(crate) fn answer(shared: &Arc<Shared>, method: &str, path: &str, body: &[u8]) -> Answer {
    let outcome = match (method, path) {
        ("GET", "state") => Ok(shared.with(state)),
        ("GET", "pending") => Ok(shared.with(|inner, at| json!(inner.service.pending(at.now)))),
        ("POST", "approve" | "deny" | "expire") => decide(shared, path, body),
        ("POST", "revoke") => revoke(shared, body),
        ("GET", "calls") => Ok(shared.with(|inner, _| calls(inner))),
        ("GET", "violations") => Ok(shared.with(|inner, _| json!(inner.service.violations()))),
        ("GET", "faults") => Ok(shared.with(|inner, _| json!(inner.faults.waiting()))),
        ("POST", "faults") => inject(shared, body),
        ("DELETE", "faults") => {
            shared.with(|inner, _| inner.faults.clear());
            Ok(json!([]))
        }
        ("GET", "clock") => Ok(shared.with(|_, at| clock(at))),
        ("POST", "clock") => set_clock(shared, body),
        ("GET", "settings") => Ok(shared.with(|inner, _| json!(inner.service.settings))),
        ("PATCH", "settings") => change_settings(shared, body),
        _ => Err(Failure(404, format!("no control operation {method} /_control/{path}"))),
    };
    match outcome {
        Ok(body) => Answer::json(200, body),
        Err(Failure(status, message)) => Answer::json(status, json!({ "error": message })),
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|why| Failure(400, format!("request body not understood: {why}")))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DecisionRequest {
    /// Absent: the one authorization that is pending.
    user_code: Option<String>,
    person: Option<String>,
}

fn decide(shared: &Shared, decision: &str, body: &[u8]) -> Outcome {
    let request: DecisionRequest = read(body)?;
    shared.with(|inner, at| {
        let code = match request.user_code {
            Some(code) => code,
            None => the_only_pending_code(inner, at)?,
        };
        match decision {
            "approve" => inner.service.approve(&code, request.person.as_deref().unwrap_or(DEFAULT_PERSON), at.now)?,
            "deny" => inner.service.deny(&code, at.now)?,
            _ => inner.service.expire(&code, at.now)?,
        }
        Ok(json!({ "user_code": code }))
    })
}

fn the_only_pending_code(inner: &Inner, at: Moment) -> Result<String, Failure> {
    match inner.service.pending(at.now).as_slice() {
        [only] => Ok(only.user_code.clone()),
        [] => Err(Failure(404, "no authorization is pending".to_owned())),
        several => Err(Failure(409, format!("{} authorizations are pending; name a user_code", several.len()))),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Revocable {
    AccessTokens,
    RefreshTokens,
    Registrations,
    PortalSessions,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RevokeRequest {
    what: Revocable,
}

fn revoke(shared: &Shared, body: &[u8]) -> Outcome {
    let RevokeRequest { what } = read(body)?;
    shared.with(|inner, _| match what {
        Revocable::AccessTokens => inner.service.revoke_access_tokens(),
        Revocable::RefreshTokens => inner.service.revoke_refresh_tokens(),
        Revocable::Registrations => inner.service.revoke_registrations(),
        Revocable::PortalSessions => inner.service.end_portal_sessions(),
    });
    Ok(json!({}))
}

fn inject(shared: &Shared, body: &[u8]) -> Outcome {
    let injection: Injection = read(body)?;
    Ok(shared.with(|inner, _| {
        inner.faults.add(injection);
        json!(inner.faults.waiting())
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum ClockRequest {
    Advance(#[serde(with = "duration_text")] Duration),
    WallAhead(#[serde(with = "duration_text")] Duration),
    WallBehind(#[serde(with = "duration_text")] Duration),
}

fn set_clock(shared: &Shared, body: &[u8]) -> Outcome {
    match read(body)? {
        ClockRequest::Advance(by) => shared.clock.advance(by),
        ClockRequest::WallAhead(offset) => shared.clock.set_wall_ahead(offset),
        ClockRequest::WallBehind(offset) => shared.clock.set_wall_behind(offset),
    }
    Ok(shared.with(|_, at| clock(at)))
}

/// Changes the members that the body names and leaves the others as they are.
fn change_settings(shared: &Shared, body: &[u8]) -> Outcome {
    let changes: Map<String, Value> = read(body)?;
    shared.with(|inner, _| {
        let mut merged = json!(inner.service.settings);
        if let Value::Object(members) = &mut merged {
            members.extend(changes);
        }
        let settings: Settings =
            serde_json::from_value(merged).map_err(|why| Failure(400, format!("settings not understood: {why}")))?;
        inner.service.settings = settings;
        Ok(json!(inner.service.settings))
    })
}

fn state(inner: &mut Inner, at: Moment) -> Value {
    let service = &inner.service;
    let sessions: Vec<Value> = service
        .live_sessions(at.now)
        .map(|(person, start_url, ends)| json!({ "person": person, "start_url": start_url, "ends_at": rfc3339(ends) }))
        .collect();
    json!({
        "url": service.base_url,
        "clock": clock(at),
        "registrations": service.registration_count(),
        "access_tokens": service.issued_access_tokens().len(),
        "refresh_tokens": service.issued_refresh_tokens().len(),
        "portal_sessions": sessions,
        "pending": service.pending(at.now),
        "faults": inner.faults.waiting(),
        "counts": counts(inner),
        "violations": service.violations(),
    })
}

#[derive(Serialize)]
struct LoggedCall<'a> {
    operation: Operation,
    at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    grant: Option<&'static str>,
    outcome: &'a str,
}

impl<'a> LoggedCall<'a> {
    fn of(record: &'a CallRecord) -> Self {
        Self {
            operation: record.operation,
            at: rfc3339(record.at),
            grant: record.grant.map(crate::operation::Grant::wire_name),
            outcome: &record.outcome,
        }
    }
}

fn calls(inner: &Inner) -> Value {
    let log: Vec<LoggedCall<'_>> = inner.journal.records().iter().map(LoggedCall::of).collect();
    json!({ "counts": counts(inner), "log": log })
}

fn counts(inner: &Inner) -> Value {
    let counts: Map<String, Value> = Operation::ALL
        .into_iter()
        .map(|operation| (operation.to_string(), json!(inner.journal.count(operation))))
        .collect();
    Value::Object(counts)
}

fn clock(at: Moment) -> Value {
    json!({ "now": rfc3339(at.now), "wall": rfc3339(at.wall) })
}

fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(time).to_string()
}
