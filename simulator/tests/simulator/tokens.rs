//! Tokens from the device flow: what decides their lifetime, how they are refreshed, and when they end.

use std::time::Duration;

use crate::support::{Bench, SCOPED, UNSCOPED};
use identity_center_simulator::{Approval, RefreshTokens, UnsetMembers};
use serde_json::{Value, json};

#[test]
fn a_client_with_scopes_gets_an_hour_and_a_refresh_token() {
    let (_, _, token) = Bench::new().signed_in();
    let token = token.json();
    assert_eq!(token["expiresIn"], 3600);
    assert_eq!(token["tokenType"], "Bearer");
    assert!(token["refreshToken"].is_string());
}

#[test]
fn a_client_without_scopes_gets_eight_hours_and_no_refresh_token() {
    let bench = Bench::new();
    let token = bench.sign_in(&bench.register(UNSCOPED)).json();
    assert_eq!(token["expiresIn"], 8 * 3600);
    assert_eq!(token.get("refreshToken"), None);
}

#[test]
fn unset_members_can_be_written_as_null() {
    let bench = Bench::with(|settings| settings.unset_members = UnsetMembers::Null);
    let token = bench.sign_in(&bench.register(UNSCOPED)).json();
    assert_eq!(token.get("refreshToken"), Some(&Value::Null));
    assert_eq!(token.get("idToken"), Some(&Value::Null));
}

#[test]
fn without_rotation_a_refresh_token_works_again_and_again() {
    let (bench, client) = Bench::new().registered();
    let token = bench.sign_in(&client).member("refreshToken");
    for _ in 0..3 {
        bench.clock.advance(Duration::from_mins(40));
        let refreshed = bench.refresh(&client, &token);
        assert_eq!(refreshed.status, 200);
        assert_eq!(refreshed.member("refreshToken"), token);
    }
    assert_eq!(bench.simulator.issued_access_tokens().len(), 4);
    assert!(bench.simulator.violations().is_empty());
}

#[test]
fn the_client_keeps_its_refresh_token_when_a_refresh_returns_none() {
    let (bench, client) = Bench::with(|settings| settings.refresh_tokens = RefreshTokens::Omitted).registered();
    let token = bench.sign_in(&client).member("refreshToken");
    assert_eq!(bench.refresh(&client, &token).json().get("refreshToken"), None);
    assert_eq!(bench.refresh(&client, &token).status, 200);
    assert!(bench.simulator.violations().is_empty());
}

#[test]
fn a_rotated_refresh_token_is_spent() {
    let (bench, client) = Bench::with(|settings| settings.refresh_tokens = RefreshTokens::Rotated).registered();
    let first = bench.sign_in(&client).member("refreshToken");
    let second = bench.refresh(&client, &first).member("refreshToken");
    assert_ne!(first, second);
    assert!(bench.simulator.violations().is_empty());

    assert_eq!(bench.refresh(&client, &first).exception(), "InvalidGrantException");
    assert_eq!(bench.simulator.violations(), ["refresh token 1 sent after its successor arrived"]);
    assert_eq!(bench.refresh(&client, &second).status, 200);
}

#[test]
fn a_refresh_token_belongs_to_its_registration() {
    let bench = Bench::new();
    let (owner, other) = (bench.register(SCOPED), bench.register(SCOPED));
    let token = bench.sign_in(&owner).member("refreshToken");
    assert_eq!(bench.refresh(&other, &token).exception(), "InvalidGrantException");
}

#[test]
fn a_token_does_not_outlive_the_portal_session_and_signing_in_early_does_not_extend_it() {
    let (bench, client) = Bench::new().registered();
    let refresh_token = bench.sign_in(&client).member("refreshToken");

    bench.clock.advance(Duration::from_hours(7) + Duration::from_mins(45));
    assert_eq!(bench.refresh(&client, &refresh_token).json()["expiresIn"], 15 * 60);
    let again = bench.sign_in(&client);
    assert_eq!(again.json()["expiresIn"], 15 * 60, "the new sign-in joins the session that is live");

    bench.clock.advance(Duration::from_mins(15));
    assert_eq!(bench.refresh(&client, &refresh_token).exception(), "InvalidGrantException");
    assert_eq!(bench.refresh(&client, &again.member("refreshToken")).exception(), "InvalidGrantException");
    assert_eq!(bench.sign_in(&client).json()["expiresIn"], 3600, "a session that is over makes room for a new one");
}

#[test]
fn logging_out_and_in_again_starts_a_new_session() {
    let (bench, client) = Bench::new().registered_as(UNSCOPED);
    let token = bench.sign_in(&client).member("accessToken");
    bench.clock.advance(Duration::from_hours(6));
    assert_eq!(bench.sign_in(&client).json()["expiresIn"], 2 * 3600);

    assert_eq!(bench.portal("POST", "/logout", &token).status, 200);
    assert_eq!(bench.portal("GET", "/assignment/accounts", &token).status, 401);
    assert_eq!(bench.sign_in(&client).json()["expiresIn"], 8 * 3600);
}

#[test]
fn another_person_has_a_session_of_their_own() {
    let (bench, client) = Bench::new().registered_as(UNSCOPED);
    bench.sign_in(&client);
    bench.clock.advance(Duration::from_hours(6));
    let codes = bench.start(&client);
    bench.simulator.approve_as(&codes.user, "joe").expect("a pending code");
    assert_eq!(bench.poll(&client, &codes).json()["expiresIn"], 8 * 3600);
}

#[test]
fn another_portal_has_its_own_session_and_another_spelling_has_not() {
    let (bench, client) = Bench::new().registered_as(UNSCOPED);
    bench.sign_in(&client);
    bench.clock.advance(Duration::from_hours(6));
    for (start_url, left) in [("https://example.awsapps.com/start#/", 2), ("https://other.awsapps.com/start", 8)] {
        let codes = bench.start_at(&client, start_url);
        bench.approve(&codes);
        assert_eq!(bench.poll(&client, &codes).json()["expiresIn"], left * 3600, "{start_url}");
    }
}

#[test]
fn an_expired_registration_starts_a_flow_but_gets_no_token() {
    let (bench, client) = Bench::new().registered();
    let refresh_token = bench.sign_in(&client).member("refreshToken");
    bench.clock.advance(Duration::from_hours(24 * 90));
    let codes = bench.start(&client);
    let poll = bench.poll(&client, &codes);
    assert_eq!((poll.status, poll.exception()), (401, "InvalidClientException"));
    assert_eq!(bench.refresh(&client, &refresh_token).exception(), "InvalidClientException");
}

#[test]
fn automatic_approval_comes_when_the_clock_says_so() {
    let (bench, client, codes) =
        Bench::with(|settings| settings.approval = Approval::Automatic { after: Duration::from_secs(30) }).started();
    bench.clock.advance(Duration::from_secs(29));
    assert_eq!(bench.poll(&client, &codes).exception(), "AuthorizationPendingException");
    bench.clock.advance(Duration::from_secs(1));
    assert_eq!(bench.poll(&client, &codes).status, 200);
}

#[test]
fn a_preauthorised_client_has_its_token_with_the_first_call() {
    let (bench, client, codes) = Bench::with(|settings| settings.approval = Approval::Preauthorised).started();
    assert!(bench.simulator.pending().is_empty());
    assert_eq!(bench.poll(&client, &codes).status, 200);
}

#[test]
fn a_switch_to_automatic_approval_approves_what_is_pending() {
    let (bench, client, codes) = Bench::new().started();
    bench.simulator.set_approval(Approval::Automatic { after: Duration::from_secs(0) });
    assert_eq!(bench.poll(&client, &codes).status, 200);
}

#[test]
fn a_session_that_ends_between_approval_and_redemption_yields_no_token() {
    let (bench, client, codes) = Bench::new().started();
    bench.approve(&codes);
    bench.simulator.end_portal_sessions();
    assert_eq!(bench.poll(&client, &codes).exception(), "InvalidGrantException");
}

#[test]
fn lifetimes_may_be_endless() {
    let bench = Bench::with(|settings| {
        settings.portal_session = Duration::MAX;
        settings.unscoped_token_lifetime = Duration::MAX;
        settings.registration_lifetime = Duration::MAX;
        settings.device_code_lifetime = Duration::MAX;
    });
    let client = bench.register(UNSCOPED);
    let codes = bench.start(&client);
    bench.clock.advance(Duration::from_hours(24 * 365 * 100));
    bench.approve(&codes);
    let token = bench.poll(&client, &codes);
    assert!(token.json()["expiresIn"].as_u64().expect("a number") > 100 * 365 * 24 * 3600);
}

#[test]
fn an_interval_with_a_fraction_of_a_second_is_rounded_up_for_clients() {
    let bench = Bench::with(|settings| settings.interval = Duration::from_millis(1500));
    let body = bench.register(SCOPED).body(json!({ "startUrl": crate::support::START_URL }));
    assert_eq!(bench.post("/device_authorization", &body).json()["interval"], 2);
}

#[test]
fn every_secret_that_was_issued_is_listed() {
    let (bench, client, token) = Bench::new().signed_in();
    let secrets = bench.simulator.secrets();
    for secret in [client.secret, token.member("accessToken"), token.member("refreshToken")] {
        assert!(secrets.contains(&secret));
    }
    assert_eq!(secrets.len(), 4, "and the device code");
}
