//! Tokens near their end: renewed, unattainable, expired while the service is down.

use std::time::{Duration, SystemTime};

use identity_center_simulator::{Fault, Operation, Settings, Times};
use serde_json::Value;
use ssoctl_protocol::Timestamp;

use test_support::{Stage, until};

/// Whether this time of the wall clock has passed.
pub(crate) fn is_over(time: &Value) -> bool {
    let time: Timestamp = serde_json::from_value(time.clone()).expect("a time");
    Timestamp::from(SystemTime::now()) > time
}

/// Waits until this time of the wall clock has passed.
pub(crate) fn wait_until(time: &Value) {
    until("its end has come", || is_over(time).then_some(()));
}

#[test]
fn a_token_is_renewed_before_it_expires_and_the_person_is_not_asked() {
    let stage = Stage::signed_in(Settings { token_lifetime: Duration::from_secs(6), ..Settings::default() });
    let first = stage.run(["token", "--json"]).exits(0).json();
    let renewed = until("the token is renewed", || {
        let asked = Timestamp::from(SystemTime::now());
        let token = stage.run(["token", "--json"]).exits(0).json();
        let expires_at: Timestamp = serde_json::from_value(token["expires_at"].clone()).unwrap();
        assert!(asked <= expires_at, "a dead token is never handed out");
        (token["access_token"] != first["access_token"]).then_some(token)
    });
    assert!(renewed["expires_at"].as_str() > first["expires_at"].as_str());
    assert_eq!(stage.identity_center.calls(Operation::StartDeviceAuthorization), 1);
}

#[test]
fn a_validity_that_the_service_does_not_give_exits_7_without_a_call_each_time() {
    let stage = Stage::signed_in(Settings::default());
    let calls = stage.identity_center.call_log();
    for _ in 0..5 {
        stage.run(["token", "--min-valid", "24h"]).exits(7).prints_nothing().says("--min-valid");
    }
    stage.run(["token", "--min-valid", "24h", "--wait", "30s"]).exits(7).prints_nothing();
    assert_eq!(stage.identity_center.call_log(), calls);
    stage.run(["token", "--min-valid", "30m"]).exits(0);
}

#[test]
fn an_expired_token_and_a_service_that_is_down_exit_1_and_say_so_until_it_is_back() {
    let stage = Stage::signed_in(Settings { token_lifetime: Duration::from_secs(3), ..Settings::default() });
    stage.identity_center.inject(Operation::CreateToken, Fault::Status { status: 503 }, Times::UntilCleared);
    stage.wait_for_state("corp", "expired");
    stage.run(["token"]).exits(1).prints_nothing().says("corp").says("503").says("try again");
    assert_eq!(stage.status("corp")["refreshable"], true, "an outage costs no refresh token");

    stage.identity_center.settings(|settings| settings.token_lifetime = Duration::from_secs(3600));
    stage.identity_center.clear_faults();
    let token = stage.run(["token"]).exits(0).stdout;
    assert_eq!(stage.identity_center.issued_access_tokens().last().map(String::as_str), Some(token.trim_end()));
    assert_eq!(stage.status("corp")["last_error"], Value::Null);
    assert_eq!(stage.identity_center.calls(Operation::StartDeviceAuthorization), 1);
}

#[test]
fn a_refresh_token_that_is_refused_is_not_sent_again_and_a_person_is_needed() {
    let stage = Stage::signed_in(Settings { token_lifetime: Duration::from_secs(3), ..Settings::default() });
    stage.identity_center.revoke_refresh_tokens();
    stage.wait_for_state("corp", "expired");
    stage.run(["token"]).exits(3).prints_nothing().says("expired").says("ssoctl login corp");
    stage.run(["token"]).exits(3);
    let calls = stage.identity_center.call_log();
    assert_eq!(calls.iter().filter(|call| call.outcome == "InvalidGrantException").count(), 1, "{calls:?}");
}
