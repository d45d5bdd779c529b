//! The JSON of every body, letter by letter. A change here breaks scripts. The examples of the OpenAPI document are bodies, too.

use std::sync::LazyLock;

use crate::body::{LeftRecord, Logout, PortalSession};
use crate::import::ImportOutcome;
use crate::settings::{AwsConfigFile, Setting, Settings};
use crate::{
    DaemonStatus, ErrorCode, Event, Login, LoginKind, NewSession, PendingLogin, Problem, RoleCredentials, Route,
    SessionState, SessionStatus, Token, openapi,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(openapi::DOCUMENT).unwrap());

/// The document's example of a type.
fn example(name: &str) -> &'static Value {
    let example = match name {
        "DaemonStatus" => &example("StatusReport")["daemon"],
        "SessionStatus" => &example("StatusReport")["sessions"][0],
        name => &DOCUMENT["components"]["schemas"][name]["examples"][0],
    };
    assert!(example.is_object(), "protocol/openapi.json has no example of {name}");
    example
}

fn session_json() -> Value {
    example("SessionStatus").clone()
}

fn read<T: DeserializeOwned>(golden: &Value) -> T {
    serde_json::from_value(golden.clone()).unwrap_or_else(|error| panic!("{error}: {golden}"))
}

/// Checks that this JSON becomes a body and the body this JSON, that the OpenAPI document has all its members, and that members of
/// a later version are ignored.
fn agrees<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(golden: &Value) -> T {
    let name = std::any::type_name::<T>().rsplit("::").next().unwrap();
    test_support::document::check(name, golden)
        .unwrap_or_else(|why| panic!("the document disagrees with {name}: {why}"));
    if let Some(members) = test_support::document::required_or_null(name) {
        let sent = golden.as_object().unwrap().keys().cloned().collect();
        assert!(members.is_subset(&sent), "{name}: not sent: {:?}", members.difference(&sent));
    }
    let body: T = read(golden);
    assert_eq!(&serde_json::to_value(&body).unwrap(), golden, "{name}");
    let mut newer = golden.clone();
    newer.as_object_mut().unwrap().insert("member_of_a_later_version".into(), json!({"any": ["thing"]}));
    assert_eq!(read::<T>(&newer), body);
    body
}

/// Checks the document's example of a body or an answer of the route table.
pub(crate) fn example_agrees<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(name: &str) {
    // The document itself has no schema.
    if name != "Document" {
        agrees::<T>(example(name));
    }
}

#[test]
fn bodies_are_what_scripts_expect() {
    Route::check_examples();
    let daemon = example("DaemonStatus");
    agrees::<Settings>(&daemon["settings"]);
    agrees::<Setting>(&daemon["settings"]["variables"][1]);
    agrees::<AwsConfigFile>(&daemon["settings"]["aws_config_files"][0]);
    agrees::<LeftRecord>(&daemon["left_records"][0]);
}

#[test]
fn a_token_carries_its_secret_in_the_clear_and_nowhere_else() {
    assert!(!format!("{:?}", agrees::<Token>(example("Token"))).contains("SECRET"));
}

#[test]
fn role_credentials_carry_their_secrets_in_the_clear_and_nowhere_else() {
    assert!(!format!("{:?}", agrees::<RoleCredentials>(example("RoleCredentials"))).contains("SECRET"));
}

#[test]
fn a_login_is_signed_in_or_pending() {
    let expires_at = "2026-11-23T11:16:00Z".parse().unwrap();
    let signed_in = agrees::<Login>(&json!({"state": "signed_in", "expires_at": "2026-11-23T11:16:00Z"}));
    assert_eq!(signed_in, Login::SignedIn { expires_at });
    let mut golden = session_json()["login"].clone();
    let login = read(&golden);
    golden["state"] = json!("pending");
    golden["started"] = json!(true);
    assert_eq!(agrees::<Login>(&golden), Login::Pending { started: true, login });
    let at_browser = agrees::<PendingLogin>(&json!({
        "flow": 4, "kind": "browser", "user_code": null, "verification_uri": null, "callback_port": 43817,
        "verification_uri_complete": "https://oidc.eu-west-1.amazonaws.com/authorize?response_type=code",
        "no_browser": null, "expires_at": "2026-11-23T11:16:00Z",
    }));
    assert_eq!((at_browser.kind, at_browser.callback_port), (LoginKind::Browser, Some(43_817)));
}

#[test]
fn states_and_outcomes_have_their_words() {
    assert_eq!(read::<SessionStatus>(&session_json()).state, SessionState::SignedIn);
    for (portal, text) in [
        (PortalSession::Ended, "ended"),
        (PortalSession::NothingToEnd, "nothing_to_end"),
        (PortalSession::NotTold, "not_told"),
        (PortalSession::Deferred, "deferred"),
    ] {
        let logout = agrees::<Logout>(&json!({"session": "corp", "portal": text, "detail": null}));
        assert_eq!(logout.portal, portal);
    }
    use ImportOutcome as O;
    for (outcome, text) in [
        (O::TakenOver, "taken_over"),
        (O::Known, "known"),
        (O::OursIsBetter, "ours_is_better"),
        (O::Expired, "expired"),
        (O::Published, "published"),
        (O::OtherPortal, "other_portal"),
        (O::NoSession, "no_session"),
        (O::NoToken, "no_token"),
        (O::Unreadable, "unreadable"),
        (O::NotNow, "not_now"),
    ] {
        assert_eq!(serde_json::to_value(outcome).unwrap(), json!(text));
    }
    assert_eq!(read::<O>(&json!("stranger")), O::Unknown);
}

#[test]
fn a_new_session_needs_no_more_than_start_url_and_region() {
    let minimal: NewSession = read(&json!({"start_url": "https://corp.awsapps.com/start", "region": "eu-west-1"}));
    assert_eq!(agrees::<NewSession>(example("NewSession")), minimal);
}

#[test]
fn a_problem_is_a_problem_details_object_with_a_code() {
    let login = session_json()["login"].clone();
    let mut needed = Problem::new(ErrorCode::SignInRequired, "session \"corp\" needs a sign-in").of_session("corp");
    needed.login = Some(read::<PendingLogin>(&login));
    needed.expires_at = Some("2026-11-23T10:00:00Z".parse().unwrap());
    for (problem, golden) in [
        (
            Problem::new(ErrorCode::NotFound, "there is nothing at /v1/nothing"),
            json!({"status": 404, "code": "not_found", "detail": "there is nothing at /v1/nothing"}),
        ),
        (
            needed,
            json!({
                "status": 401, "code": "sign_in_required", "detail": "session \"corp\" needs a sign-in",
                "session": "corp", "login": login, "expires_at": "2026-11-23T10:00:00Z",
            }),
        ),
        (
            Problem::new(ErrorCode::AmbiguousSession, "several match").with_choices(vec!["a".into(), "b".into()]),
            json!({"status": 409, "code": "ambiguous_session", "detail": "several match", "sessions": ["a", "b"]}),
        ),
    ] {
        assert_eq!(agrees::<Problem>(&golden), problem);
    }
}

#[test]
fn codes_statuses_and_exit_codes_stay_what_they_are() {
    let table: Vec<(&str, u16, u8)> =
        ErrorCode::ALL.iter().map(|code| (code.as_str(), code.status(), code.exit_code() as u8)).collect();
    assert_eq!(
        table,
        [
            ("sign_in_required", 401, 3),
            ("wait_timeout", 504, 5),
            ("validity_unattainable", 409, 7),
            ("unknown_session", 404, 6),
            ("ambiguous_session", 409, 2),
            ("session_exists", 409, 2),
            ("not_assigned", 403, 7),
            ("assignment_unnamed", 409, 2),
            ("access_denied", 403, 7),
            ("login_cancelled", 409, 7),
            ("unknown_flow", 404, 1),
            ("not_granted", 403, 7),
            ("not_confirmed", 403, 7),
            ("unknown_grant", 404, 6),
            ("grant_exists", 409, 2),
            ("grant_unusable", 500, 1),
            ("service_refused", 502, 7),
            ("service_unavailable", 503, 1),
            ("store_unavailable", 503, 1),
            ("invalid_configuration", 500, 1),
            ("configuration_unwritable", 500, 1),
            ("aws_config_unusable", 409, 1),
            ("invalid_request", 400, 2),
            ("forbidden", 403, 1),
            ("not_found", 404, 1),
            ("method_not_allowed", 405, 1),
            ("body_too_large", 413, 1),
            ("too_many_connections", 503, 1),
            ("too_many_requests", 429, 1),
            ("request_timeout", 408, 1),
            ("shutting_down", 503, 1),
            ("internal", 500, 1),
        ]
    );
    for code in ErrorCode::ALL {
        assert_eq!(&ErrorCode::from(code.as_str().to_owned()), code);
    }
}

#[test]
fn kinds_of_a_later_version_are_kept_or_tolerated() {
    let problem: Problem =
        serde_json::from_value(json!({"status": 418, "code": "teapot", "detail": "short and stout"})).unwrap();
    assert_eq!(problem.code, ErrorCode::Other("teapot".into()));
    assert_eq!(serde_json::to_value(&problem).unwrap()["code"], "teapot");

    let mut newer = session_json();
    newer["state"] = json!("hibernating");
    assert_eq!(serde_json::from_value::<SessionStatus>(newer).unwrap().state, SessionState::Unknown);
    assert_eq!(serde_json::from_value::<Login>(json!({"state": "queued"})).unwrap(), Login::Unknown);
    let logout = serde_json::from_value::<Logout>(json!({"session": "corp", "portal": "shelved"})).unwrap();
    assert_eq!(logout.portal, PortalSession::Unknown);
}

#[test]
fn lines_of_events_have_the_members_of_their_kind_and_no_others() {
    for golden in DOCUMENT["components"]["schemas"]["Event"]["examples"].as_array().unwrap() {
        let event = agrees::<Event>(golden);
        assert_eq!(golden["kind"], event.kind.as_str());
    }
    let daemon = json!({"epoch": "e", "seq": 1, "kind": "daemon", "daemon": example("DaemonStatus")});
    let grant = json!({"epoch": "e", "seq": 2, "kind": "grant", "grant": example("Grant")});
    assert!(agrees::<Event>(&daemon).daemon.is_some() && agrees::<Event>(&grant).grant.is_some());
}

#[test]
fn members_that_an_older_daemon_does_not_send_are_optional() {
    let mut older = session_json();
    for member in ["aliases", "label", "session_ends_at", "next", "unsaved"] {
        older.as_object_mut().unwrap().remove(member);
    }
    assert!(serde_json::from_value::<SessionStatus>(older).is_ok());
    let minimal = json!({"version": "0.1.0", "pid": 1, "started_at": "2026-11-23T08:00:00Z", "sessions": 0});
    assert!(serde_json::from_value::<DaemonStatus>(minimal).is_ok());
}

#[test]
fn a_difference_from_the_document_is_found() {
    let changed = |name: &str, value: Value| {
        let mut session = session_json();
        session[name] = value;
        test_support::document::check("SessionStatus", &session)
    };
    assert_eq!(changed("name", json!("corp")), Ok(()));
    for (name, value, why) in [
        ("colour", json!("red"), "$: colour is not in the document"),
        ("state", json!("hibernating"), "$.state: \"hibernating\" is none of "),
        ("name", json!(null), "$.name: not [\"string\"]"),
        ("expires_at", json!("tomorrow"), "$.expires_at: not a time"),
        ("next", json!({"action": "refresh"}), "$.next: none of "),
        (
            "token_files",
            json!({"published": [], "error": null, "more": 1}),
            "$.token_files: more is not in the document",
        ),
    ] {
        let complaint = changed(name, value).expect_err(name);
        assert!(complaint.starts_with(why), "{complaint}");
    }
    let mut nameless = session_json();
    nameless.as_object_mut().unwrap().remove("name");
    assert_eq!(test_support::document::check("SessionStatus", &nameless), Err("$: name is missing".to_owned()));
}
