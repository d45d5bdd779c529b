//! The authorization code grant from the registration to its tokens.

use std::time::{Duration, SystemTime};

use crate::code_flow::{
    CHALLENGE, REDIRECT_URI, REGISTERED, STATE, VERIFIER, code_registration, parameters, query, redirected,
};
use crate::support::{Bench, Client, DEVICE_GRANT, START_URL, with};
use identity_center_simulator::{Approval, Clock, Consent, Fault, Grant, Offline, Operation, Settings, Visit};
use serde_json::json;

#[test]
fn a_person_allows_and_the_client_exchanges_the_code() {
    let (bench, client) = Bench::new().with_code_client();
    let page = bench.open(&client);
    let answer = redirected(&bench.click("/authorize/allow", &page));
    assert_eq!(answer.keys().collect::<Vec<_>>(), ["code", "state"]);
    assert_eq!(answer["state"], STATE);

    let token = bench.exchange(&client, &answer["code"]).json();
    assert_eq!((&token["tokenType"], &token["expiresIn"]), (&json!("Bearer"), &json!(3600)));
    let access_token = token["accessToken"].as_str().expect("a token");
    assert_eq!(bench.portal("GET", "/assignment/accounts", access_token).status, 200);
    assert_eq!(bench.refresh(&client, token["refreshToken"].as_str().expect("a token")).status, 200);
    assert_eq!(bench.simulator.token_calls(Grant::AuthorizationCode), 1);
    assert!(bench.simulator.violations().is_empty());
}

#[test]
fn a_person_denies() {
    let (bench, client) = Bench::new().with_code_client();
    let page = bench.open(&client);
    let answer = redirected(&bench.click("/authorize/deny", &page));
    assert_eq!((answer["error"].as_str(), answer["state"].as_str()), ("access_denied", STATE));
    assert_eq!(answer.get("code"), None);
}

#[test]
fn a_code_works_once_and_its_second_use_revokes_what_it_gave() {
    let (bench, client) = Bench::new().with_code_client();
    let other = bench.sign_in_with_code(&client).member("accessToken");
    let code = bench.code(&client);
    let first = bench.exchange(&client, &code);
    let refreshed = bench.refresh(&client, &first.member("refreshToken"));
    assert_eq!(bench.exchange(&client, &code).exception(), "InvalidGrantException");

    let accounts = |token: &str| bench.portal("GET", "/assignment/accounts", token).status;
    assert_eq!(accounts(&first.member("accessToken")), 401);
    assert_eq!(accounts(&refreshed.member("accessToken")), 401, "a descendant");
    assert_eq!(bench.refresh(&client, &first.member("refreshToken")).exception(), "InvalidGrantException");
    assert_eq!(accounts(&other), 200, "of another code");
    assert_eq!(bench.simulator.violations(), ["authorization code 2 sent after its successor arrived"]);
}

#[test]
fn a_code_lives_for_five_minutes() {
    let (bench, client) = Bench::new().with_code_client();
    let (one, other) = (bench.code(&client), bench.code(&client));
    bench.clock.advance(Duration::from_secs(299));
    assert_eq!(bench.exchange(&client, &one).status, 200);
    bench.clock.advance(Duration::from_secs(1));
    assert_eq!(bench.exchange(&client, &other).exception(), "InvalidGrantException");
}

#[test]
fn a_code_is_bound_to_client_redirect_uri_and_challenge() {
    let (bench, client) = Bench::new().with_code_client();
    let code = bench.code(&client);
    let body = client.code_body(&code);
    let verifier = "x".repeat(43);
    for wrong in [
        bench.code_client().code_body(&code),
        with(body.clone(), "redirectUri", json!(REGISTERED)),
        with(body.clone(), "redirectUri", json!("http://127.0.0.1:40124/oauth/callback")),
        with(body.clone(), "codeVerifier", json!(verifier)),
        with(body.clone(), "codeVerifier", json!(CHALLENGE)),
    ] {
        assert_eq!(bench.post("/token", &wrong).exception(), "InvalidGrantException", "{wrong}");
    }
    assert_eq!(bench.simulator.issued_access_tokens(), Vec::<String>::new());
}

#[test]
fn a_verifier_that_is_none_and_missing_members_are_invalid_requests() {
    let (bench, client) = Bench::new().with_code_client();
    let body = client.code_body(&bench.code(&client));
    for verifier in ["short".to_owned(), "x".repeat(129), format!("{VERIFIER}="), format!("{VERIFIER} ")] {
        let answer = bench.post("/token", &with(body.clone(), "codeVerifier", json!(verifier)));
        assert_eq!(answer.exception(), "InvalidRequestException", "{verifier}");
    }
    for member in ["code", "redirectUri", "codeVerifier"] {
        let answer = bench.post("/token", &with(body.clone(), member, json!(null)));
        assert_eq!(answer.exception(), "InvalidRequestException", "{member}");
    }
    assert_eq!(bench.post("/token", &body).status, 200, "none of that has spent the code");
}

#[test]
fn a_registration_is_for_one_of_the_two_grants() {
    let (bench, device_client) = Bench::new().registered();
    let code_client = bench.code_client();
    let started = bench.post("/device_authorization", &code_client.body(json!({ "startUrl": START_URL })));
    assert_eq!(started.exception(), "UnauthorizedClientException");
    let poll = code_client.body(json!({ "grantType": DEVICE_GRANT, "deviceCode": "made-up" }));
    assert_eq!(bench.post("/token", &poll).exception(), "UnauthorizedClientException");
    let code = bench.code(&code_client);
    assert_eq!(bench.exchange(&device_client, &code).exception(), "UnauthorizedClientException");
}

#[test]
fn a_service_that_does_not_know_the_grant_refuses_its_registration() {
    let bench = Bench::with(|settings| settings.grants = vec![Grant::DeviceCode, Grant::RefreshToken]);
    assert_eq!(bench.register_with(code_registration()).exception(), "UnsupportedGrantTypeException");
    assert_eq!(bench.register_with(json!({})).status, 200);
}

#[test]
fn the_cap_of_the_portal_session_counts_and_both_flows_share_the_session() {
    let (bench, device_client) = Bench::new().registered();
    bench.sign_in(&device_client);
    bench.clock.advance(Duration::from_hours(7) + Duration::from_mins(45));
    let client = bench.code_client();
    assert_eq!(bench.sign_in_with_code(&client).json()["expiresIn"], 15 * 60);
}

#[test]
fn a_warm_portal_session_redirects_at_once_where_consent_is_given_once() {
    let (bench, client) = Bench::with(|settings| settings.consent = Consent::OncePerPortalSession).with_code_client();
    assert_eq!(bench.open(&client).status, 200, "nobody is signed in yet");
    bench.sign_in_with_code(&client);
    let code = redirected(&bench.open(&client))["code"].clone();
    assert_eq!(bench.exchange(&client, &code).status, 200);
    bench.simulator.end_portal_sessions();
    assert_eq!(bench.open(&client).status, 200, "a session that is over asks again");
}

#[test]
fn a_preauthorised_request_redirects_at_once_and_an_automatic_approval_when_the_clock_says_so() {
    let (bench, client) = Bench::with(|settings| settings.approval = Approval::Preauthorised).with_code_client();
    assert!(redirected(&bench.open(&client)).contains_key("code"));

    let after = Duration::from_secs(30);
    bench.simulator.set_approval(Approval::Automatic { after });
    let page = bench.open(&client);
    let refresh = page.header("refresh").expect("the browser looks again");
    let target = refresh.strip_prefix("30; url=").expect("when it is due");
    bench.clock.advance(after - Duration::from_secs(1));
    assert_eq!(bench.get(target).status, 200);
    bench.clock.advance(Duration::from_secs(1));
    let code = redirected(&bench.get(target))["code"].clone();
    assert_eq!(bench.exchange(&client, &code).status, 200);
}

#[test]
fn a_test_decides_in_place_of_a_browser() {
    let (bench, client) = Bench::new().with_code_client();
    let pending = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| bench.simulator.wait_for_pending_request());
        bench.open(&client);
        waiting.join().expect("it was woken")
    });
    assert_eq!((pending.client_name.as_str(), pending.redirect_uri.as_str()), ("test", REDIRECT_URI));
    assert_eq!((pending.start_url.as_str(), pending.expires_in), (START_URL, Duration::from_mins(10)));
    let location = bench.simulator.allow_request_as(&pending.request, "joe").expect("a pending request");
    assert_eq!(bench.exchange(&client, &parameters(&location)["code"]).status, 200);
    assert_eq!(bench.control_get("state")["portal_sessions"][0]["person"], "joe");
    assert!(bench.simulator.allow_request(&pending.request).is_err(), "a decision cannot be changed");

    bench.open(&client);
    let pending = bench.simulator.pending_requests().pop().expect("another request");
    let location = bench.simulator.deny_request(&pending.request).expect("a pending request");
    assert_eq!(parameters(&location)["error"], "access_denied");
}

#[test]
fn two_openings_are_two_requests_and_two_codes() {
    let (bench, client) = Bench::new().with_code_client();
    let codes = [bench.code(&client), bench.code(&client)];
    assert_ne!(codes[0], codes[1]);
    for code in codes {
        assert_eq!(bench.exchange(&client, &code).status, 200);
    }
}

#[test]
fn a_lost_answer_has_spent_the_code_and_a_second_try_is_no_violation() {
    let (bench, client) = Bench::new().with_code_client();
    let code = bench.code(&client);
    bench.inject(Operation::CreateToken, Fault::LostAnswer);
    bench.send_post("/token", &client.code_body(&code)).receive().expect_err("no answer");
    assert_eq!(bench.exchange(&client, &code).exception(), "InvalidGrantException");
    assert!(bench.simulator.violations().is_empty(), "the client could not know");
    bench.exchange(&client, &code);
    assert_eq!(bench.simulator.violations(), ["authorization code 1 sent again after InvalidGrant"]);
}

#[test]
fn one_code_in_two_requests_at_once_is_a_violation() {
    let (bench, client) = Bench::new().with_code_client();
    let code = bench.code(&client);
    bench.inject(Operation::CreateToken, Fault::Hang);
    let _hanging = bench.send_post("/token", &client.code_body(&code));
    bench.simulator.wait_for_calls(Operation::CreateToken, 1);
    assert_eq!(bench.exchange(&client, &code).status, 200);
    assert_eq!(bench.simulator.violations(), ["authorization code 1 in two requests at once"]);
}

#[test]
fn a_request_without_state_is_answered_and_is_a_violation() {
    let (bench, client) = Bench::new().with_code_client();
    let page = bench.open_with(&client, &[("state", "")]);
    let answer = redirected(&bench.click("/authorize/allow", &page));
    assert_eq!(answer.keys().collect::<Vec<_>>(), ["code"]);
    assert_eq!(bench.simulator.violations(), ["an authorization request without state"]);
}

#[test]
fn codes_are_secrets_and_the_control_api_does_not_list_them() {
    let (bench, client) = Bench::new().with_code_client();
    let code = bench.code(&client);
    assert!(bench.simulator.secrets().contains(&code));
    for path in ["state", "pending", "calls"] {
        assert!(!bench.control_get(path).to_string().contains(&code), "{path}");
    }
}

#[test]
fn the_service_without_sockets_has_the_same_flow() {
    let mut service = Offline::new(Settings::default(), Clock::manual(SystemTime::UNIX_EPOCH));
    let registration = with(code_registration(), "clientName", json!("it"));
    let registration = with(registration, "clientType", json!("public")).to_string().into_bytes();
    let registered: serde_json::Value =
        serde_json::from_slice(&service.call("/client/register", None, registration).body).expect("JSON");
    let text = |name: &str| registered[name].as_str().expect("text").to_owned();
    let client = Client { id: text("clientId"), secret: text("clientSecret") };

    let Visit::Page(pending) = service.authorize(&query(&client, &[])) else { panic!("no page") };
    let location = service.allow_request(&pending.request).expect("a pending request");
    let exchange = |code: &str| client.code_body(code).to_string().into_bytes();
    assert_eq!(service.call("/token", None, exchange(&parameters(&location)["code"])).status, 200);

    service.set_approval(Approval::Preauthorised);
    let Visit::Redirect(location) = service.authorize(&query(&client, &[])) else { panic!("no redirect") };
    assert_eq!(service.call("/token", None, exchange(&parameters(&location)["code"])).status, 200);
    let Visit::Nothing(page) = service.authorize("client_id=unknown") else { panic!("an answer to nobody") };
    assert_eq!(page.status, 400);
}
