//! The authorization page: which requests it takes, whom it tells of errors, and what it shows.

use std::time::Duration;

use crate::code_flow::{CHALLENGE, REDIRECT_URI, STATE, code_registration, query, redirected, request_on};
use crate::support::{Bench, Client, Connection, START_URL, with};
use identity_center_simulator::{Fault, Operation};
use serde_json::json;

#[test]
fn the_page_says_who_asks_whom_and_where_the_answer_goes() {
    let (bench, client) = Bench::new().with_code_client();
    let html = bench.open(&client).text();
    for shown in ["<h1>Allow this request?</h1>", "test", "jane", START_URL, "sso:account:access", REDIRECT_URI] {
        assert!(html.contains(shown), "{shown} in {html}");
    }
    for form in
        [r#"<form method="post" action="/authorize/allow">"#, r#"<form method="post" action="/authorize/deny">"#]
    {
        assert!(html.contains(form), "{html}");
    }
    assert!(
        !html.contains(CHALLENGE) && !html.contains("a+b/c="),
        "nothing of the client's but what a person can read"
    );
}

#[test]
fn every_port_of_the_registered_loopback_address_is_taken() {
    let (bench, client) = Bench::new().with_code_client();
    for port in ["", ":1", ":65535"] {
        let redirect_uri = format!("http://127.0.0.1{port}/oauth/callback");
        let page = bench.open_with(&client, &[("redirect_uri", &redirect_uri)]);
        let answer = bench.click("/authorize/allow", &page);
        assert!(answer.header("location").expect("a location").starts_with(&format!("{redirect_uri}?code=")));
    }
}

#[test]
fn a_request_that_nobody_vouches_for_is_shown_and_never_redirected() {
    let (bench, client) = Bench::new().with_code_client();
    let uri = "redirect_uri";
    let twice = |name| format!("{}&{name}=x", query(&client, &[]));
    let mut queries: Vec<String> = [
        ("client_id", ""),
        ("client_id", "unknown"),
        (uri, ""),
        (uri, "http://127.0.0.1:40123/oauth/callback/"),
        (uri, "http://127.0.0.1:40123/oauth/callback?a=b"),
        (uri, "http://localhost:40123/oauth/callback"),
        (uri, "http://[::1]:40123/oauth/callback"),
        (uri, "https://127.0.0.1:40123/oauth/callback"),
        (uri, "http://127.0.0.1:40123@example.com/oauth/callback"),
        (uri, "http://example.com/oauth/callback"),
    ]
    .map(|change| query(&client, &[change]))
    .into();
    queries.extend([String::new(), twice("client_id"), twice(uri)]);
    for query in queries {
        let answer = bench.get(&format!("/authorize?{query}"));
        assert_eq!((answer.status, answer.header("location")), (400, None), "{query}");
        assert!(answer.text().contains("<h1>This request cannot be answered</h1>"));
    }
    bench.clock.advance(Duration::from_hours(24 * 90));
    assert_eq!(bench.open(&client).status, 400, "its registration has expired");
    let client = bench.code_client();
    bench.simulator.revoke_registrations();
    assert_eq!(bench.open(&client).status, 400, "its registration is revoked");
}

#[test]
fn every_other_error_goes_to_the_client_with_its_state() {
    let (bench, client) = Bench::new().with_code_client();
    for (name, value, error) in [
        ("response_type", "", "invalid_request"),
        ("response_type", "token", "unsupported_response_type"),
        ("code_challenge", "", "invalid_request"),
        ("code_challenge", "too-short", "invalid_request"),
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM", "invalid_request"),
        ("code_challenge_method", "", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("code_challenge_method", "s256", "invalid_request"),
        ("scopes", "never:registered", "invalid_scope"),
        ("scopes", "sso:account:access,sso:account:access", "invalid_scope"),
    ] {
        let answer = redirected(&bench.open_with(&client, &[(name, value)]));
        assert_eq!((answer["error"].as_str(), answer["state"].as_str()), (error, STATE), "{name}={value}");
        assert_eq!(bench.last_outcome(), error);
    }
    let twice = |name| bench.get(&format!("/authorize?{}&{name}=x", query(&client, &[])));
    assert_eq!(redirected(&twice("scopes"))["error"], "invalid_request");
    let answer = redirected(&twice("state"));
    assert_eq!((answer["error"].as_str(), answer.get("state")), ("invalid_request", None));
    assert!(bench.simulator.pending_requests().is_empty());

    let registration = with(code_registration(), "grantTypes", json!(["refresh_token"]));
    let other = Client::from(&bench.register_with(registration));
    assert_eq!(redirected(&bench.open(&other))["error"], "unauthorized_client");
}

#[test]
fn parameters_that_nobody_knows_and_scopes_in_any_number_are_taken() {
    let (bench, client) = Bench::new().with_code_client();
    for changes in [&[("scopes", "")][..], &[("prompt", "login")], &[("scope", "openid")]] {
        assert_eq!(bench.open_with(&client, changes).status, 200, "{changes:?}");
    }
    let registration = with(code_registration(), "scopes", json!(["a:b", "c:d"]));
    let client = Client::from(&bench.register_with(registration));
    assert_eq!(bench.open_with(&client, &[("scopes", "c:d a:b")]).status, 200);
}

#[test]
fn the_page_reports_what_is_decided_too_old_or_unknown() {
    let (bench, client) = Bench::new().with_code_client();
    let page = bench.open(&client);
    bench.click("/authorize/deny", &page);
    let again = bench.click("/authorize/allow", &page);
    assert_eq!((again.status, again.header("location")), (409, None));

    let page = bench.open(&client);
    bench.clock.advance(Duration::from_mins(10));
    assert_eq!(bench.click("/authorize/allow", &page).status, 410);
    let page = bench.open(&client);
    bench.simulator.expire_request(&request_on(&page)).expect("a pending request");
    assert_eq!(bench.click("/authorize/allow", &page).status, 410);
    assert_eq!(bench.submit_form("/authorize/allow", "request=made-up").status, 404);
    assert_eq!(bench.submit_form("/authorize/deny", "").status, 404);
}

#[test]
fn following_a_link_decides_nothing() {
    let (bench, client) = Bench::new().with_code_client();
    let request = request_on(&bench.open(&client));
    for path in ["/authorize/allow", "/authorize/deny"] {
        let answer = bench.get(&format!("{path}?request={request}"));
        assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")));
    }
    assert_eq!(bench.get(&format!("/authorize/continue?request={request}")).status, 200);
    assert_eq!(bench.simulator.pending_requests().len(), 1);
}

#[test]
fn the_names_of_clients_are_text_and_never_markup() {
    let bench = Bench::new();
    let registration = with(code_registration(), "clientName", json!("<script>alert(\"it's\")</script>"));
    let client =
        Client::from(&bench.register_with(with(registration, "issuerUrl", json!("https://x.example/\"><img>"))));
    let html = bench.open(&client).text();
    assert!(html.contains("&lt;script&gt;alert(&quot;it&#39;s&quot;)&lt;/script&gt;"), "{html}");
    assert!(!html.contains("<script") && !html.contains("<img"), "{html}");
}

#[test]
fn the_page_loads_nothing_may_not_be_framed_or_kept_and_its_forms_lead_to_the_client_alone() {
    let (bench, client) = Bench::new().with_code_client();
    let page = bench.open(&client);
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(policy.contains("form-action 'self' http://127.0.0.1:40123;"), "{policy}");
    for answer in [&page, &bench.click("/authorize/allow", &page)] {
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    }
}

#[test]
fn an_injected_exception_is_an_error_that_the_client_is_told() {
    let (bench, client) = Bench::new().with_code_client();
    for (name, error) in [
        ("InternalServerException", "server_error"),
        ("temporarily_unavailable", "temporarily_unavailable"),
        ("InvalidRequestException", "invalid_request"),
    ] {
        bench.inject(Operation::AuthorizationPage, Fault::error(name));
        let answer = redirected(&bench.open(&client));
        assert_eq!((answer["error"].as_str(), answer["state"].as_str()), (error, STATE));
        assert_eq!(bench.last_outcome(), name);
    }
    let page = bench.open(&client);
    bench.inject(Operation::AuthorizationPage, Fault::error("server_error"));
    let answer = redirected(&bench.click("/authorize/allow", &page));
    assert_eq!((answer["error"].as_str(), answer["state"].as_str()), ("server_error", STATE));
    assert_eq!(bench.click("/authorize/allow", &page).status, 302, "the request goes on waiting");

    bench.inject(Operation::AuthorizationPage, Fault::error("server_error"));
    assert_eq!(bench.open(&Client::unknown()).status, 400, "there is nobody to tell");
}

#[test]
fn what_a_redirect_takes_along_can_be_removed_and_replaced() {
    let (bench, client) = Bench::new().with_code_client();
    let answer_with = |fault| {
        let page = bench.open(&client);
        bench.inject(Operation::AuthorizationPage, fault);
        redirected(&bench.click("/authorize/allow", &page))
    };
    let answer = answer_with(Fault::missing("state"));
    assert_eq!(answer.into_keys().collect::<Vec<_>>(), ["code"]);
    let answer = answer_with(Fault::replaced("state", "another"));
    assert_eq!(answer["state"], "another");
    assert_eq!(bench.exchange(&client, &answer["code"]).status, 200);
    let answer = answer_with(Fault::replaced("code", "made-up"));
    assert_eq!((answer["code"].as_str(), answer["state"].as_str()), ("made-up", STATE));
}

#[test]
fn the_page_can_fail_as_every_call_can_and_a_redirect_can_be_lost() {
    let (bench, client) = Bench::new().with_code_client();
    bench.inject(Operation::AuthorizationPage, Fault::Status { status: 503 });
    assert_eq!(bench.open(&client).status, 503);
    bench.inject(Operation::AuthorizationPage, Fault::NotJson);
    assert_eq!(bench.open(&client).text(), "<<< not JSON >>>");
    let request = request_on(&bench.open(&client));
    bench.inject(Operation::AuthorizationPage, Fault::LostAnswer);
    let form = format!("request={request}");
    let target = ("/authorize/allow", [("content-type", "application/x-www-form-urlencoded")]);
    let lost = Connection::request("POST", &bench.simulator.url(), target.0, &target.1, &form).receive();
    lost.expect_err("no answer");
    let again = redirected(&bench.get(&format!("/authorize/continue?request={request}")));
    assert_eq!(bench.exchange(&client, &again["code"]).status, 200, "it was carried out");
}
