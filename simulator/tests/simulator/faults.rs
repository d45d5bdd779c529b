//! Each fault as a client sees it, and what it leaves behind at the service.

use std::io;
use std::time::Duration;

use crate::support::{Answer, Bench, Connection, SCOPED, registration};
use identity_center_simulator::{Fault, Grant, Operation, RefreshTokens, Times};
use serde_json::Value;

fn strike(bench: &Bench, fault: Fault) -> io::Result<Answer> {
    bench.inject(Operation::RegisterClient, fault);
    bench.send_post("/client/register", &registration()).receive()
}

fn registrations(bench: &Bench) -> Value {
    bench.control_get("state")["registrations"].clone()
}

#[test]
fn an_exception_that_no_model_has_can_be_sent() {
    let bench = Bench::new();
    let answer = strike(&bench, Fault::error("BrandNewException")).expect("an answer");
    assert_eq!((answer.status, answer.exception()), (400, "BrandNewException"));
    assert_eq!(answer.member("error"), "brand_new");
    assert_eq!(registrations(&bench), 0);
}

#[test]
fn a_bare_status_has_no_body() {
    let bench = Bench::new();
    let answer = strike(&bench, Fault::Status { status: 503 }).expect("an answer");
    assert_eq!((answer.status, answer.body.len()), (503, 0));
    assert_eq!(bench.last_outcome(), "status 503");
    assert_eq!(registrations(&bench), 0);
}

#[test]
fn a_delayed_call_is_carried_out() {
    let bench = Bench::new();
    let answer = strike(&bench, Fault::Delay { by: Duration::from_millis(20) }).expect("an answer");
    assert_eq!(answer.status, 200);
    assert_eq!(bench.last_outcome(), "ok");
}

#[test]
fn a_call_that_hangs_counts_at_once_and_others_are_answered_meanwhile() {
    let bench = Bench::new();
    bench.inject(Operation::RegisterClient, Fault::Hang);
    let hanging = bench.send_post("/client/register", &registration());
    bench.simulator.wait_for_outcome(Operation::RegisterClient, "hanging");
    bench.register(SCOPED);
    drop(hanging);
    bench.simulator.wait_for_outcome(Operation::RegisterClient, "abandoned");
}

#[test]
fn a_fault_resets_the_connection() {
    let bench = Bench::new();
    let error = strike(&bench, Fault::Reset).expect_err("no answer");
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    assert_eq!(registrations(&bench), 0);
}

#[test]
fn a_truncated_answer_breaks_off_in_its_body_and_the_call_was_carried_out() {
    let bench = Bench::new();
    bench.inject(Operation::RegisterClient, Fault::Truncated);
    let cut = bench.send_post("/client/register", &registration()).receive_until_end().expect("a head");
    let (received, promised) = (cut.body.len(), cut.content_length());
    assert!(received > 0 && received < promised, "{received} of {promised}");
    assert_eq!(registrations(&bench), 1);
    assert_eq!(bench.last_outcome(), "truncated (ok)");
}

#[test]
fn an_answer_without_a_body_can_be_truncated_too() {
    let bench = Bench::new();
    let token = bench.access_token();
    bench.inject(Operation::Logout, Fault::Truncated);
    let headers = [("x-amz-sso_bearer_token", token.as_str())];
    let cut = Connection::request("POST", &bench.simulator.url(), "/logout", &headers, "").receive();
    assert_eq!(cut.expect_err("half an answer").kind(), io::ErrorKind::UnexpectedEof);
    assert_eq!(bench.portal("POST", "/logout", &token).status, 401, "it was carried out");
}

#[test]
fn an_answer_that_is_not_json_and_one_that_is_html_have_status_200() {
    let bench = Bench::new();
    let nonsense = strike(&bench, Fault::NotJson).expect("an answer");
    assert_eq!((nonsense.status, nonsense.header("content-type")), (200, Some("application/json")));
    assert!(serde_json::from_slice::<Value>(&nonsense.body).is_err());

    let html = strike(&bench, Fault::Html).expect("an answer");
    assert_eq!((html.status, html.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(html.text().starts_with("<!doctype html>"));
    assert_eq!(registrations(&bench), 0);
}

#[test]
fn an_oversized_body_has_the_size_that_was_asked_for() {
    let bench = Bench::new();
    for bytes in [1, 64 * 1024, 1_000_000] {
        let answer = strike(&bench, Fault::Oversized { bytes }).expect("an answer");
        assert_eq!((answer.status, answer.body.len() as u64), (200, bytes));
        assert_eq!(answer.header("content-length"), None, "it is streamed");
    }
}

#[test]
fn too_many_requests_says_when_to_try_again() {
    let bench = Bench::new();
    let answer = strike(&bench, Fault::TooManyRequests { retry_after: Duration::from_secs(7) }).expect("an answer");
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("7")));
    assert_eq!(answer.exception(), "TooManyRequestsException");
}

#[test]
fn members_can_be_removed_and_replaced() {
    let (bench, client, token) = Bench::new().signed_in();
    let refresh = |fault| {
        bench.inject(Operation::CreateToken, fault);
        bench.refresh(&client, &token.member("refreshToken")).json()
    };
    assert_eq!(refresh(Fault::missing("accessToken")).get("accessToken"), None);
    assert_eq!(refresh(Fault::missing("expiresIn")).get("expiresIn"), None);
    assert_eq!(refresh(Fault::replaced("expiresIn", -1))["expiresIn"], -1);
    assert_eq!(refresh(Fault::replaced("expiresIn", u64::MAX))["expiresIn"], u64::MAX);
    assert_eq!(refresh(Fault::replaced("expiresIn", "soon"))["expiresIn"], "soon");

    let target = "/federation/credentials?role_name=ReadOnlyAccess&account_id=111122223333";
    bench.inject(Operation::GetRoleCredentials, Fault::missing("expiration"));
    let credentials = bench.portal("GET", target, &token.member("accessToken")).json();
    assert_eq!(credentials["roleCredentials"].get("expiration"), None);
    assert!(credentials["roleCredentials"]["accessKeyId"].is_string());
}

#[test]
fn a_lost_answer_spends_the_refresh_token_and_trying_again_is_no_violation() {
    let (bench, client) = Bench::with(|settings| settings.refresh_tokens = RefreshTokens::Rotated).registered();
    let token = bench.sign_in(&client).member("refreshToken");
    bench.inject(Operation::CreateToken, Fault::LostAnswer);
    let lost = bench.send_post("/token", &client.refresh_body(&token)).receive();
    assert_eq!(lost.expect_err("no answer").kind(), io::ErrorKind::UnexpectedEof);
    assert_eq!(bench.last_outcome(), "lost answer (ok)");
    assert_eq!(bench.simulator.issued_refresh_tokens().len(), 2);

    assert_eq!(bench.refresh(&client, &token).exception(), "InvalidGrantException");
    assert!(bench.simulator.violations().is_empty(), "the client could not know");
    bench.refresh(&client, &token);
    assert_eq!(bench.simulator.violations(), ["refresh token 1 sent again after InvalidGrant"]);
}

#[test]
fn one_refresh_token_in_two_requests_at_once_is_a_violation() {
    let (bench, client) = Bench::new().registered();
    let token = bench.sign_in(&client).member("refreshToken");
    bench.inject(Operation::CreateToken, Fault::Hang);
    let hanging = bench.send_post("/token", &client.refresh_body(&token));
    bench.simulator.wait_for_calls(Operation::CreateToken, 2);
    assert_eq!(bench.refresh(&client, &token).status, 200);
    assert_eq!(bench.simulator.violations(), ["refresh token 1 in two requests at once"]);

    drop(hanging);
    bench.simulator.wait_for_outcome(Operation::CreateToken, "abandoned");
    assert_eq!(bench.refresh(&client, &token).status, 200);
    assert_eq!(bench.simulator.violations().len(), 1, "one after the other is as it should be");
    assert_eq!(bench.simulator.token_calls(Grant::RefreshToken), 3);
}

#[test]
fn polling_too_fast_is_a_violation_even_if_faults_answer() {
    let (bench, client, codes) = Bench::new().started();
    bench.simulator.inject(Operation::CreateToken, Fault::Status { status: 500 }, Times::UntilCleared);
    bench.poll(&client, &codes);
    bench.clock.advance(Duration::from_secs(1));
    bench.poll(&client, &codes);
    assert!(bench.simulator.violations().is_empty());
    bench.poll(&client, &codes);
    assert_eq!(bench.simulator.violations(), ["a device code polled faster than its interval of 1s"]);
}

#[test]
fn an_injected_slow_down_makes_the_interval_longer_too() {
    let (bench, client, codes) = Bench::new().started();
    bench.inject(Operation::CreateToken, Fault::error("SlowDownException"));
    assert_eq!(bench.poll(&client, &codes).exception(), "SlowDownException");
    bench.clock.advance(Duration::from_secs(6));
    assert_eq!(bench.poll(&client, &codes).exception(), "AuthorizationPendingException");
    bench.clock.advance(Duration::from_secs(5));
    assert_eq!(bench.poll(&client, &codes).exception(), "SlowDownException");
    assert_eq!(bench.simulator.violations(), ["a device code polled faster than its interval of 6s"]);
}

#[test]
fn polling_two_codes_side_by_side_is_a_violation_and_starting_anew_is_not() {
    let (bench, client) = Bench::new().registered();
    let (old, new) = (bench.start(&client), bench.start(&client));
    bench.poll(&client, &old);
    bench.poll(&client, &new);
    bench.clock.advance(Duration::from_secs(1));
    bench.poll(&client, &new);
    assert!(bench.simulator.violations().is_empty(), "the old code was given up");
    bench.poll(&client, &old);
    assert_eq!(bench.simulator.violations(), ["two device authorizations of one client polled side by side"]);
}

#[test]
fn the_page_and_the_portal_have_faults_as_well() {
    let bench = Bench::new();
    bench.inject(Operation::DevicePage, Fault::Status { status: 502 });
    bench.inject(Operation::ListAccounts, Fault::error("TooManyRequestsException"));
    assert_eq!(bench.get("/device").status, 502);
    assert_eq!(bench.get("/device").status, 200);
    assert_eq!(bench.get("/assignment/accounts").status, 429);
    assert_eq!(bench.get("/assignment/accounts").status, 401);
}

#[test]
fn a_connection_serves_many_calls_and_survives_faults_that_leave_it_whole() {
    let bench = Bench::new();
    bench.inject(Operation::RegisterClient, Fault::Html);
    let mut connection = Connection::open(&bench.simulator.url());
    for _ in 0..3 {
        connection.send("POST", "/client/register", &[], registration().to_string().as_bytes()).expect("sent");
        assert_eq!(connection.receive().expect("an answer").status, 200);
    }
    assert_eq!(registrations(&bench), 2);
}

#[test]
fn stopping_does_not_wait_for_a_call_that_hangs() {
    let bench = Bench::new();
    bench.inject(Operation::RegisterClient, Fault::Hang);
    let mut hanging = bench.send_post("/client/register", &registration());
    bench.simulator.wait_for_calls(Operation::RegisterClient, 1);
    drop(bench);
    assert!(hanging.receive().is_err());
}
