//! The OpenAPI document is valid by OpenAPI's own rules, and the tests that compare answers with its schemas decide as a real
//! validator of JSON Schema does.
//!
//! Needs a Python with openapi-spec-validator and jsonschema: `SSOCTL_TEST_PYTHON`, else `python3`.

use std::process::Command;

use serde_json::{Value, json};
use ssoctl_protocol::openapi;
use test_support::part::ask_python;

const ORACLE: &str = include_str!("openapi_oracle.py");

/// One body for each kind of schema. The test then changes their members in every way.
fn bodies() -> [(&'static str, Value); 6] {
    let (at, url) = ("2026-11-23T11:16:00Z", "https://corp.awsapps.com/start");
    let pending = json!({"flow": 3, "kind": "device", "user_code": "ABCD-EFGH", "verification_uri": url,
        "verification_uri_complete": url, "expires_at": at});
    let mut login = pending.clone();
    login["state"] = json!("pending");
    login["started"] = json!(true);
    [
        ("PendingLogin", pending.clone()),
        ("Login", login),
        ("Login", json!({"state": "signed_in", "expires_at": at})),
        (
            "SessionStatus",
            json!({"name": "corp", "aliases": ["dev"], "start_url": url, "region": "eu-west-1", "scopes": [],
                "state": "signed_in", "expires_at": at, "refreshable": true, "oidc_endpoint": null, "login": pending,
                "last_error": null, "session_ends_at": null, "next": {"action": "refresh", "at": at}, "unsaved": false,
                "found_in": "/a", "token_files": {"published": ["/a"], "error": null, "unproved": [{"file": "/a", "why": "w"}]}}),
        ),
        ("Accounts", json!({"session": "corp", "accounts": [{"id": "111122223333", "name": null, "email": null}]})),
        (
            "Problem",
            json!({"status": 404, "code": "not_found", "detail": "nothing", "sessions": ["a"], "expires_at": at}),
        ),
    ]
}

/// A body, and copies of it in which one member, at any depth, is removed or replaced.
fn variants(body: &Value) -> Vec<Value> {
    let mut variants = vec![body.clone()];
    let Some(members) = body.as_object() else {
        variants.extend([json!(null), json!(-7), json!(true), json!("x"), json!([]), json!({})]);
        return variants;
    };
    for (name, member) in members {
        let with = |value: Option<Value>| {
            let mut changed = members.clone();
            match value {
                Some(value) => changed.insert(name.clone(), value),
                None => changed.remove(name),
            };
            Value::Object(changed)
        };
        variants.push(with(None));
        variants.extend(variants_of_member(member).into_iter().map(|value| with(Some(value))));
    }
    variants
}

fn variants_of_member(member: &Value) -> Vec<Value> {
    let mut variants = vec![json!(null), json!(-7), json!(true), json!("x"), json!([7]), json!({})];
    if member.is_object() {
        variants.extend(self::variants(member));
    }
    for item in member.as_array().into_iter().flatten() {
        variants.extend(self::variants(item).into_iter().map(|item| json!([item])));
    }
    variants
}

#[test]
fn the_document_is_valid_and_our_validator_agrees_with_a_real_one() {
    let Some(python) = test_support::speed::python_with("openapi_spec_validator, jsonschema") else { return };
    let bodies = bodies();
    let cases: Vec<(&str, Value)> =
        bodies.iter().flat_map(|(schema, body)| variants(body).into_iter().map(|variant| (*schema, variant))).collect();
    let document: Value = serde_json::from_str(openapi::DOCUMENT).expect("JSON");
    let questions = json!({"document": document, "cases": cases});
    let verdicts = ask_python(&mut Command::new(python), ORACLE, &questions);
    let verdicts: Vec<bool> = serde_json::from_value(verdicts).expect("verdicts");
    assert_eq!(verdicts.len(), cases.len());
    for ((schema, body), is_valid) in cases.iter().zip(&verdicts) {
        let ours = test_support::document::check(schema, body);
        assert_eq!(ours.is_ok(), *is_valid, "{schema}: {ours:?}: {body}");
    }
    let valid = verdicts.iter().filter(|is_valid| **is_valid).count();
    assert!(valid > 20 && verdicts.len() - valid > 200, "{valid} of {}", verdicts.len());
}
