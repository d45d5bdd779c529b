//! The local API: what it refuses, and how.

use identity_center_simulator::{Operation, Settings};
use ssoctl_protocol::{Problem, SessionStatus};
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;

use crate::harness::{Harness, START_URL, Store, mins, session};

#[tokio::test]
async fn an_invalid_request_is_refused_with_its_code() {
    let t = Harness::start(Settings::default()).await;
    for (request, status, code) in [
        ("GET /", 404, "not_found"),
        ("GET /v2/health", 404, "not_found"),
        ("GET /v1/health/", 404, "not_found"),
        ("GET /v1/sessions/%ff", 400, "invalid_request"),
        ("PUT /v1/sessions", 405, "method_not_allowed"),
        ("POST /v1/token", 405, "method_not_allowed"),
        ("GET /v1/sessions/corp/logout", 405, "method_not_allowed"),
        ("GET /v1/token?wait=soon", 400, "invalid_request"),
        ("GET /v1/token?wait=1&wait=2", 400, "invalid_request"),
        ("GET /v1/token?min_valid=-1", 400, "invalid_request"),
        ("GET /v1/token?session=corp&profile=x", 400, "invalid_request"),
        ("GET /v1/token?session=%zz", 400, "invalid_request"),
        ("GET /v1/sessions/corp/login", 400, "invalid_request"),
        ("GET /v1/sessions/corp/login?flow=7&wait=1", 404, "unknown_flow"),
        ("GET /v1/sessions/nobody", 404, "unknown_session"),
        ("GET /v1/sessions/nobody/token", 404, "unknown_session"),
        ("POST /v1/sessions/nobody/login", 404, "unknown_session"),
        ("POST /v1/sessions/nobody/logout", 404, "unknown_session"),
        ("GET /v1/token?profile=nobody", 404, "unknown_session"),
        ("GET /v1/token?start_url=https://else.awsapps.com/start", 404, "unknown_session"),
        ("GET /v1/token", 401, "sign_in_required"),
    ] {
        let answer = t.request(request).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{request}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{request}");
        assert_eq!(answer.header("allow").is_some(), status == 405, "{request}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{request}");
        assert_eq!(answer.header("ssoctl-version"), Some(ssoctl_protocol::VERSION), "{request}");
        assert_eq!(answer.json::<Problem>().status, status, "{request}");
    }
    assert_eq!(t.simulator.call_log(), []);
}

#[tokio::test]
async fn the_api_describes_itself() {
    let t = Harness::start(Settings::default()).await;
    let answer = t.request("GET /v1/openapi.json").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    assert_eq!(answer.body, ssoctl_protocol::openapi::DOCUMENT);
}

#[tokio::test]
async fn web_pages_get_nothing() {
    let t = Harness::signed_in(Settings::default()).await;
    for request in ["GET /v1/token", "GET /v1/health", "POST /v1/sessions/corp/logout"] {
        let answer = t.request_with(request, "Origin: https://evil.example\r\n", b"").await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "forbidden"), "{request}");
    }
    t.access_token().await;
}

#[tokio::test]
async fn a_session_is_found_by_every_way_of_naming_it() {
    let configuration =
        "[session.\"my corp/ü\"]\nstart_url = \"https://corp.awsapps.com/start#/\"\nregion = \"eu-west-1\"\n";
    let t = Harness::start_with(Settings::default(), Store::Memory, configuration).await;
    std::fs::write(
        t.home.path().join("aws-config"),
        "[profile dev]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\nsso_account_id = 1\nsso_role_name = r\n",
    )
    .unwrap();
    t.reload().await;
    t.while_time_stands(async || t.request("GET /v1/token?profile=dev").await.code() == "unknown_session").await;
    let name = "my%20corp%2F%C3%BC";
    t.sign_in(name).await;
    for query in [
        String::new(),
        format!("?session={name}"),
        "?profile=dev".to_owned(),
        "?start_url=https%3A%2F%2Fcorp.awsapps.com%2Fstart%2F".to_owned(),
        "?start_url=https://corp.awsapps.com/start%23".to_owned(),
    ] {
        let answer = t.request(&format!("GET /v1/token{query}")).await;
        assert_eq!(answer.status, 200, "{query}: {answer:?}");
        assert_eq!(answer.json::<ssoctl_protocol::Token>().session, "my corp/ü", "{query}");
    }
}

#[tokio::test]
async fn of_several_sessions_one_has_to_be_named() {
    let configuration = session("a", START_URL) + &session("b", START_URL);
    let t = Harness::start_with(Settings::default(), Store::Memory, &configuration).await;
    for request in ["GET /v1/token", "GET /v1/token?start_url=https://corp.awsapps.com/start"] {
        let problem: Problem = t.request(request).await.json();
        assert_eq!(
            (problem.code.as_str(), problem.sessions.as_slice()),
            ("ambiguous_session", &["a".to_owned(), "b".to_owned()][..])
        );
    }
}

#[tokio::test]
async fn a_session_can_be_added_once_and_is_there_at_once() {
    let t = Harness::start(Settings::default()).await;
    let add = async |body: &str| t.request_with("POST /v1/sessions", "", body.as_bytes()).await;
    let url = "https://second.awsapps.com/start";
    let added = add(&format!("{{\"start_url\":\"{url}\",\"region\":\"eu-west-1\"}}")).await;
    assert_eq!(added.json::<SessionStatus>().name, "second");
    t.sign_in("second").await;
    let known = add(&format!("{{\"start_url\":\"{url}/#/\",\"region\":\"eu-west-1\",\"more\":1}}")).await;
    assert_eq!(known.json::<SessionStatus>().state, ssoctl_protocol::SessionState::SignedIn, "the same one");
    assert!(std::fs::read_to_string(t.home.path().join("config.toml")).unwrap().contains("[session.second]"));
    let long = "x".repeat(70_000);
    for (body, status, code) in [
        (
            format!("{{\"name\":\"second\",\"start_url\":\"{START_URL}\",\"region\":\"eu-west-1\"}}"),
            409,
            "session_exists",
        ),
        (format!("{{\"start_url\":\"{url}\",\"region\":\"nowhere/else\"}}"), 400, "invalid_request"),
        ("{\"start_url\":\"no url\",\"region\":\"eu-west-1\"}".to_owned(), 400, "invalid_request"),
        (
            format!("{{\"start_url\":\"{url}\",\"region\":\"eu-west-1\",\"scopes\":[\"two words\"]}}"),
            400,
            "invalid_request",
        ),
        ("{\"start_url\":".to_owned(), 400, "invalid_request"),
        (String::new(), 400, "invalid_request"),
        (format!("{{\"start_url\":\"{long}\",\"region\":\"eu-west-1\"}}"), 413, "body_too_large"),
    ] {
        let answer = add(&body).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{:.80}", body);
    }
    assert_eq!(t.report().await.sessions.len(), 2);
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_told() {
    let t = Harness::start(Settings::default()).await;
    std::fs::write(t.home.path().join("config.toml"), "[session\n").unwrap();
    let body = br#"{"start_url":"https://second.awsapps.com/start","region":"eu-west-1"}"#;
    let answer = t.request_with("POST /v1/sessions", "", body).await;
    assert_eq!(answer.code(), "configuration_unwritable");
}

#[tokio::test]
async fn callers_that_vanish_leave_nothing_behind() {
    let t = Harness::start(Settings::default()).await;
    for _ in 0..20 {
        let mut caller = UnixStream::connect(t.socket()).await.unwrap();
        caller.write_all(b"GET /v1/token?wait=3600 HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    }
    let pending = t.simulator.next_pending().await;
    t.until(|status| status.login.is_some()).await;
    t.simulator.approve(&pending.user_code).unwrap();
    t.clock.advance(mins(1));
    t.until_state(ssoctl_protocol::SessionState::SignedIn).await;
    assert_eq!(t.simulator.calls(Operation::StartDeviceAuthorization), 1);
}
