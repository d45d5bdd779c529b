//! The control API, as the README shows it.

use std::time::Duration;

use crate::code_flow::{REDIRECT_URI, parameters};
use crate::support::{Bench, START_URL, with};
use identity_center_simulator::{Approval, Operation};
use serde_json::json;

#[test]
fn pending_authorizations_are_listed_approved_denied_and_expired() {
    let (bench, client) = Bench::new().registered();
    for (decision, then) in
        [("approve", "none"), ("deny", "AccessDeniedException"), ("expire", "ExpiredTokenException")]
    {
        let codes = bench.start(&client);
        let pending = bench.control_get("pending");
        assert_eq!(pending[0]["user_code"], codes.user);
        assert_eq!(pending[0]["client_name"], "test");
        assert_eq!(pending[0]["start_url"], START_URL);
        assert_eq!(pending[0]["expires_in"], 600);
        let decided = bench.control("POST", decision, &json!({ "user_code": codes.user }));
        assert_eq!((decided.status, decided.member("user_code")), (200, codes.user.clone()));
        assert_eq!(bench.poll(&client, &codes).exception(), then);
        assert_eq!(bench.control_get("pending"), json!([]));
    }
}

#[test]
fn the_code_may_be_left_out_where_only_one_is_pending() {
    let (bench, client) = Bench::new().registered();
    assert_eq!(bench.control("POST", "approve", &json!({})).status, 404);
    let codes = bench.start(&client);
    assert_eq!(bench.control("POST", "approve", &json!({ "person": "joe" })).status, 200);
    assert_eq!(bench.poll(&client, &codes).status, 200);
    let state = bench.control_get("state");
    assert_eq!(state["portal_sessions"][0]["person"], "joe");

    bench.start(&client);
    bench.start(&client);
    let answer = bench.control("POST", "deny", &json!({}));
    assert_eq!(answer.status, 409);
    assert_eq!(answer.member("error"), "2 authorizations are pending; name a user_code or a request");
}

#[test]
fn authorization_requests_are_listed_approved_denied_and_expired_too() {
    let (bench, client) = Bench::new().with_code_client();
    for (decision, parameter) in [("approve", Some("code")), ("deny", Some("error")), ("expire", None)] {
        bench.open(&client);
        let pending = bench.control_get("pending");
        assert_eq!(pending[0]["start_url"], START_URL);
        assert_eq!(pending[0]["redirect_uri"], REDIRECT_URI);
        let decided = bench.control("POST", decision, &json!({ "request": pending[0]["request"] })).json();
        assert_eq!(decided["request"], pending[0]["request"]);
        let location = decided["location"].as_str().map(parameters);
        assert_eq!(location.and_then(|answer| answer.into_keys().next()).as_deref(), parameter);
        assert_eq!(bench.control_get("pending"), json!([]));
    }
    bench.open(&client);
    assert_eq!(bench.control("POST", "approve", &json!({})).status, 200);
}

#[test]
fn each_kind_of_credential_can_be_revoked() {
    let (bench, client, token) = Bench::new().signed_in();
    let revoke = |what: &str| assert_eq!(bench.control("POST", "revoke", &json!({ "what": what })).status, 200);
    let accounts = |token: &str| bench.portal("GET", "/assignment/accounts", token).status;

    revoke("access_tokens");
    assert_eq!(accounts(&token.member("accessToken")), 401);
    let fresh = bench.refresh(&client, &token.member("refreshToken")).member("accessToken");
    revoke("refresh_tokens");
    assert_eq!(bench.refresh(&client, &token.member("refreshToken")).exception(), "InvalidGrantException");
    assert_eq!(accounts(&fresh), 200);
    revoke("portal_sessions");
    assert_eq!(accounts(&fresh), 401);
    revoke("registrations");
    assert_eq!(bench.refresh(&client, "any").exception(), "InvalidClientException");
}

#[test]
fn calls_are_counted_and_logged_without_secrets() {
    let (bench, client, token) = Bench::new().signed_in();
    bench.refresh(&client, "made-up");
    bench.portal("POST", "/logout", &token.member("accessToken"));
    let answer = bench.control("GET", "calls", &json!({}));
    let calls = answer.json();
    assert_eq!(calls["counts"]["CreateToken"], 2);
    assert_eq!(calls["counts"]["DevicePage"], 0);
    let log: Vec<_> = calls["log"].as_array().expect("a list").iter().map(|call| call["outcome"].clone()).collect();
    assert_eq!(log, ["ok", "ok", "ok", "InvalidGrantException", "ok"]);
    assert_eq!(calls["log"][3]["grant"], "refresh_token");
    assert_eq!(calls["log"][3]["at"], "2027-01-15T08:00:00.000Z");

    let told = [answer, bench.control("GET", "state", &json!({})), bench.control("GET", "violations", &json!({}))];
    for secret in bench.simulator.secrets() {
        assert!(told.iter().all(|answer| !answer.text().contains(&secret)));
    }
}

#[test]
fn faults_are_injected_listed_and_cleared() {
    let bench = Bench::new();
    for injection in [
        json!({ "fault": { "kind": "error", "name": "SlowDownException" }, "times": { "next": 2 } }),
        json!({ "fault": { "kind": "status", "status": 503 } }),
        json!({ "fault": { "kind": "html" }, "times": "until_cleared" }),
    ] {
        let answer = bench.control("POST", "faults", &with(injection, "operation", json!("RegisterClient")));
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let statuses = [(); 5].map(|()| bench.register_with(json!({})).status);
    assert_eq!(statuses, [400, 400, 503, 200, 200]);
    assert_eq!(bench.control_get("faults").as_array().map(Vec::len), Some(1));
    assert_eq!(bench.control("DELETE", "faults", &json!({})).status, 200);
    assert!(bench.register_with(json!({})).json()["clientId"].is_string());
}

#[test]
fn every_fault_has_the_json_that_the_readme_gives_it() {
    let bench = Bench::new();
    for fault in [
        json!({ "kind": "error", "name": "InvalidRequestException", "reason": "KMS_DisabledException" }),
        json!({ "kind": "status", "status": 500 }),
        json!({ "kind": "delay", "by": "150ms" }),
        json!({ "kind": "hang" }),
        json!({ "kind": "reset" }),
        json!({ "kind": "truncated" }),
        json!({ "kind": "not_json" }),
        json!({ "kind": "html" }),
        json!({ "kind": "oversized", "bytes": 1_000_000 }),
        json!({ "kind": "too_many_requests", "retry_after": "5s" }),
        json!({ "kind": "missing_member", "name": "expiresIn" }),
        json!({ "kind": "replaced_member", "name": "expiresIn", "value": -1 }),
        json!({ "kind": "lost_answer" }),
    ] {
        let injected = bench.control("POST", "faults", &json!({ "operation": "Logout", "fault": fault })).json();
        assert_eq!(injected.as_array().and_then(|list| list.last()).map(|last| &last["fault"]), Some(&fault));
        let kind = format!("| `{}` |", fault["kind"].as_str().expect("a kind"));
        assert!(include_str!("../../README.md").contains(&kind), "the README lacks {kind}");
    }
}

#[test]
fn service_time_is_advanced_and_wall_time_set_behind_it() {
    let bench = Bench::new();
    let clock = bench.control("POST", "clock", &json!({ "advance": "1h" })).json();
    assert_eq!(clock, json!({ "now": "2027-01-15T09:00:00.000Z", "wall": "2027-01-15T09:00:00.000Z" }));
    bench.control("POST", "clock", &json!({ "wall_behind": "30m" }));
    let clock = bench.control_get("clock");
    assert_eq!(clock, json!({ "now": "2027-01-15T09:00:00.000Z", "wall": "2027-01-15T08:30:00.000Z" }));
    assert_eq!(bench.get("/device").date(), bench.clock.now() + Duration::from_mins(30));
}

#[test]
fn settings_change_member_by_member() {
    let bench = Bench::new();
    let changes = json!({ "token_lifetime": "2m", "approval": { "automatic": { "after": "5s" } } });
    let settings = bench.control("PATCH", "settings", &changes).json();
    assert_eq!(settings["token_lifetime"], "2m");
    assert_eq!(settings["portal_session"], "8h");
    assert_eq!(settings["registration_lifetime"], "90d");
    bench.simulator.settings(|settings| {
        assert_eq!(settings.approval, Approval::Automatic { after: Duration::from_secs(5) });
        assert_eq!(settings.token_lifetime, Duration::from_mins(2));
    });
    assert_eq!(bench.control_get("settings"), settings);
}

#[test]
fn an_invalid_request_is_refused_and_changes_nothing() {
    let bench = Bench::new();
    for (method, path, body, status) in [
        ("POST", "approve", json!({ "user_code": "AAAA-AAAA" }), 404),
        ("POST", "approve", json!({ "request": "made-up" }), 404),
        ("POST", "approve", json!({ "request": "made-up", "user_code": "AAAA-AAAA" }), 400),
        ("POST", "approve", json!({ "code": "AAAA-AAAA" }), 400),
        ("POST", "revoke", json!({ "what": "everything" }), 400),
        ("POST", "revoke", json!({ "what": "access_tokens", "of": "jane" }), 400),
        ("POST", "faults", json!({ "operation": "Logout", "fault": { "kind": "flood" } }), 400),
        ("POST", "clock", json!({ "advance": "soon" }), 400),
        ("PATCH", "settings", json!({ "token_lifetime": 60 }), 400),
        ("PATCH", "settings", json!({ "token_lifetme": "1m" }), 400),
        ("GET", "approve", json!({}), 404),
        ("GET", "nothing", json!({}), 404),
    ] {
        let answer = bench.control(method, path, &body);
        assert_eq!(answer.status, status, "{method} {path} {body}");
        assert!(!answer.member("error").is_empty());
    }
    assert_eq!(bench.control_get("faults"), json!([]));
    assert_eq!(bench.control_get("settings")["token_lifetime"], "1h");
}

#[test]
fn control_calls_are_not_in_the_call_log() {
    let bench = Bench::new();
    bench.control("GET", "state", &json!({}));
    assert!(bench.simulator.call_log().is_empty());
}

#[test]
fn a_waiting_test_is_woken_by_the_authorization_that_it_waits_for() {
    let (bench, client) = Bench::new().registered();
    let found = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| bench.simulator.wait_for_pending());
        let codes = bench.start(&client);
        (waiting.join().expect("it was woken"), codes)
    });
    assert_eq!(found.0.user_code, found.1.user);
    assert!(found.0.verification_uri_complete.ends_with(&format!("/device?user_code={}", found.1.user)));
}

#[tokio::test]
async fn waiting_does_not_block_the_thread_of_an_asynchronous_test() {
    let (bench, client) = Bench::new().registered();
    let start = client.body(json!({ "startUrl": START_URL }));
    let (pending, ()) = tokio::join!(bench.simulator.next_pending(), async {
        let _connection = bench.send_post("/device_authorization", &start);
        bench.simulator.calls_reached(Operation::StartDeviceAuthorization, 1).await;
    });
    bench.simulator.approve(&pending.user_code).expect("a pending code");
    assert!(bench.simulator.pending().is_empty());
}
