//! The JSON of every body, letter by letter. A change here breaks somebody's script.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use ssoctl_protocol::body::{
    ConfigurationProblem, DefinedBy, EndedRecord, LeftRecord, Logout, LogoutAll, MachineProblem, PortalSession,
    Registration, TokenFiles, UnprovedFile,
};
use ssoctl_protocol::import::{Import, ImportOutcome, ImportedFile};
use ssoctl_protocol::settings::{AwsConfigFile, Setting, Settings};
use ssoctl_protocol::{
    Account, Accounts, Assignment, DaemonStatus, DecidedBy, ErrorCode, LastError, Login, NewSession, NextStep,
    PendingLogin, Problem, ProfileKey, Role, RoleCredentials, Roles, SessionState, SessionStatus, StatusReport,
    StoreStatus, Timestamp, Token,
};

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn pending() -> PendingLogin {
    PendingLogin {
        flow: 3,
        user_code: "ABCD-EFGH".into(),
        verification_uri: "https://device.sso.eu-west-1.amazonaws.com/".into(),
        verification_uri_complete: "https://device.sso.eu-west-1.amazonaws.com/?user_code=ABCD-EFGH".into(),
        expires_at: time("2026-11-23T10:26:00Z"),
    }
}

fn pending_json() -> Value {
    json!({
        "flow": 3,
        "user_code": "ABCD-EFGH",
        "verification_uri": "https://device.sso.eu-west-1.amazonaws.com/",
        "verification_uri_complete": "https://device.sso.eu-west-1.amazonaws.com/?user_code=ABCD-EFGH",
        "expires_at": "2026-11-23T10:26:00Z",
    })
}

fn session() -> SessionStatus {
    SessionStatus {
        name: "corp".into(),
        aliases: vec!["dev".into()],
        start_url: "https://corp.awsapps.com/start#/".into(),
        region: "eu-west-1".into(),
        scopes: vec!["sso:account:access".into()],
        state: SessionState::SignedIn,
        expires_at: Some(time("2026-11-23T11:16:00Z")),
        refreshable: true,
        oidc_endpoint: Some("https://oidc.eu-west-1.amazonaws.com/".into()),
        foreign_issuer: None,
        login: Some(pending()),
        last_error: Some(LastError {
            code: "network".into(),
            message: "the service did not answer".into(),
            at: time("2026-11-23T10:15:00Z"),
        }),
        session_ends_at: Some(time("2026-11-23T16:05:00Z")),
        next: Some(NextStep {
            action: "refresh".into(),
            at: time("2026-11-23T10:56:00Z"),
            why: Some("it is renewed before it ends".into()),
        }),
        unsaved: false,
        found_in: Some("/home/ada/.aws/sso/cache/0ad374308c5a4e22f723adf10145eafad7c4031c.json".into()),
        token_files: Some(TokenFiles {
            published: vec!["/home/ada/.aws/sso/cache/0ad374308c5a4e22f723adf10145eafad7c4031c.json".into()],
            error: None,
            unproved: vec![UnprovedFile {
                file: "/home/ada/.aws/sso/cache/909438293503fe4b2a76ff6e3120ac11b5217ca6.json".into(),
                why: "the service did not answer".into(),
            }],
        }),
        defined_by: Some(DefinedBy { kind: "sso_session".into(), file: "/home/ada/.aws/config".into(), line: 1 }),
        registration: Some(Registration {
            issued_at: time("2026-11-20T08:00:00Z"),
            expires_at: Some(time("2027-02-18T08:00:00Z")),
        }),
        received_at: Some(time("2026-11-23T10:16:00Z")),
        signed_in_by: Some("sign_in".into()),
    }
}

fn session_json() -> Value {
    json!({
        "name": "corp",
        "aliases": ["dev"],
        "start_url": "https://corp.awsapps.com/start#/",
        "region": "eu-west-1",
        "scopes": ["sso:account:access"],
        "state": "signed_in",
        "expires_at": "2026-11-23T11:16:00Z",
        "refreshable": true,
        "oidc_endpoint": "https://oidc.eu-west-1.amazonaws.com/",
        "foreign_issuer": null,
        "login": pending_json(),
        "last_error": {"code": "network", "message": "the service did not answer", "at": "2026-11-23T10:15:00Z"},
        "session_ends_at": "2026-11-23T16:05:00Z",
        "next": {"action": "refresh", "at": "2026-11-23T10:56:00Z", "why": "it is renewed before it ends"},
        "unsaved": false,
        "found_in": "/home/ada/.aws/sso/cache/0ad374308c5a4e22f723adf10145eafad7c4031c.json",
        "token_files": {
            "published": ["/home/ada/.aws/sso/cache/0ad374308c5a4e22f723adf10145eafad7c4031c.json"],
            "error": null,
            "unproved": [{
                "file": "/home/ada/.aws/sso/cache/909438293503fe4b2a76ff6e3120ac11b5217ca6.json",
                "why": "the service did not answer",
            }],
        },
        "defined_by": {"kind": "sso_session", "file": "/home/ada/.aws/config", "line": 1},
        "registration": {"issued_at": "2026-11-20T08:00:00Z", "expires_at": "2027-02-18T08:00:00Z"},
        "received_at": "2026-11-23T10:16:00Z",
        "signed_in_by": "sign_in",
    })
}

fn daemon() -> DaemonStatus {
    DaemonStatus {
        version: "0.1.0".into(),
        pid: 4711,
        started_at: time("2026-11-23T08:00:00Z"),
        sessions: 1,
        secret_store: StoreStatus { kind: "file".into(), reason: Some("there is no session bus".into()), error: None },
        service_clock_ahead: Some(-3600),
        quiet_until: Some(time("2026-11-24T07:00:00Z")),
        configuration_problems: vec![ConfigurationProblem {
            severity: "warning".into(),
            file: "/home/ada/.config/ssoctl/config.toml".into(),
            line: Some(3),
            message: "unknown key \"colour\" is ignored".into(),
        }],
        machine_problems: vec![MachineProblem {
            about: "watching /home/ada/.aws/config".into(),
            message: "this user's inotify instances are used up".into(),
            remedy: "raise fs.inotify.max_user_instances".into(),
        }],
        left_records: vec![left_record()],
        settings: settings(),
    }
}

fn left_record() -> LeftRecord {
    LeftRecord {
        key: "64ecb81e".into(),
        name: Some("old".into()),
        start_url: Some("https://old.awsapps.com/start".into()),
        issuer: Some("aws:eu-west-1".into()),
        error: None,
    }
}

fn left_record_json() -> Value {
    json!({
        "key": "64ecb81e",
        "name": "old",
        "start_url": "https://old.awsapps.com/start",
        "issuer": "aws:eu-west-1",
        "error": null,
    })
}

fn settings() -> Settings {
    Settings {
        started_by: "ssoctl".into(),
        home: "/home/ada".into(),
        socket: "/run/user/1000/ssoctl/ssoctld.sock".into(),
        session_bus: "unix:path=/run/user/1000/bus".into(),
        config_toml: "/home/ada/.config/ssoctl/config.toml".into(),
        aws_config: "/home/ada/.aws/config".into(),
        aws_credentials: "/home/ada/.aws/credentials".into(),
        state_directory: "/home/ada/.local/state/ssoctl".into(),
        variables: vec![
            Setting { name: "HTTPS_PROXY".into(), value: "http://***@proxy:3128".into(), file: None },
            Setting { name: "ca_bundle".into(), value: "/ca.pem".into(), file: Some("/home/ada/.aws/config".into()) },
        ],
        aws_config_files: vec![AwsConfigFile {
            path: "/home/ada/client/config".into(),
            credentials: "/home/ada/.aws/credentials".into(),
            sessions: 2,
            listed: false,
        }],
    }
}

fn settings_json() -> Value {
    json!({
        "started_by": "ssoctl",
        "home": "/home/ada",
        "socket": "/run/user/1000/ssoctl/ssoctld.sock",
        "session_bus": "unix:path=/run/user/1000/bus",
        "config_toml": "/home/ada/.config/ssoctl/config.toml",
        "aws_config": "/home/ada/.aws/config",
        "aws_credentials": "/home/ada/.aws/credentials",
        "state_directory": "/home/ada/.local/state/ssoctl",
        "variables": [
            {"name": "HTTPS_PROXY", "value": "http://***@proxy:3128", "file": null},
            {"name": "ca_bundle", "value": "/ca.pem", "file": "/home/ada/.aws/config"},
        ],
        "aws_config_files": [{
            "path": "/home/ada/client/config",
            "credentials": "/home/ada/.aws/credentials",
            "sessions": 2,
            "listed": false,
        }],
    })
}

#[test]
fn a_daemon_tells_its_settings() {
    agrees(&settings(), &settings_json());
    agrees(&settings().variables[1], &settings_json()["variables"][1]);
    agrees(&settings().aws_config_files[0], &settings_json()["aws_config_files"][0]);
}

fn daemon_json() -> Value {
    json!({
        "version": "0.1.0",
        "pid": 4711,
        "started_at": "2026-11-23T08:00:00Z",
        "sessions": 1,
        "secret_store": {"kind": "file", "reason": "there is no session bus", "error": null},
        "service_clock_ahead": -3600,
        "quiet_until": "2026-11-24T07:00:00Z",
        "configuration_problems": [{
            "severity": "warning",
            "file": "/home/ada/.config/ssoctl/config.toml",
            "line": 3,
            "message": "unknown key \"colour\" is ignored",
        }],
        "machine_problems": [{
            "about": "watching /home/ada/.aws/config",
            "message": "this user's inotify instances are used up",
            "remedy": "raise fs.inotify.max_user_instances",
        }],
        "left_records": [left_record_json()],
        "settings": settings_json(),
    })
}

/// Checks that a body becomes this JSON and the JSON this body, that the OpenAPI document has all its members, and that members of
/// a later version are ignored.
fn agrees<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(body: &T, golden: &Value) {
    let name = std::any::type_name::<T>().rsplit("::").next().unwrap();
    test_support::document::check(name, golden)
        .unwrap_or_else(|why| panic!("the document disagrees with {name}: {why}"));
    if let Some(members) = test_support::document::required_or_null(name) {
        let sent = golden.as_object().unwrap().keys().cloned().collect();
        assert!(members.is_subset(&sent), "{name}: not sent: {:?}", members.difference(&sent));
    }
    assert_eq!(&serde_json::to_value(body).unwrap(), golden);
    assert_eq!(&serde_json::from_value::<T>(golden.clone()).unwrap(), body);
    let mut newer = golden.clone();
    newer.as_object_mut().unwrap().insert("member_of_a_later_version".into(), json!({"any": ["thing"]}));
    assert_eq!(&serde_json::from_value::<T>(newer).unwrap(), body);
}

#[test]
fn a_token_carries_its_secret_in_the_clear_and_nowhere_else() {
    let token = Token {
        access_token: "aoaSECRET".into(),
        token_type: "Bearer".into(),
        expires_at: time("2026-11-23T11:16:00Z"),
        session: "corp".into(),
        start_url: "https://corp.awsapps.com/start#/".into(),
        region: "eu-west-1".into(),
    };
    agrees(
        &token,
        &json!({
            "access_token": "aoaSECRET",
            "token_type": "Bearer",
            "expires_at": "2026-11-23T11:16:00Z",
            "session": "corp",
            "start_url": "https://corp.awsapps.com/start#/",
            "region": "eu-west-1",
        }),
    );
    assert!(!format!("{token:?}").contains("SECRET"));
}

#[test]
fn role_credentials_carry_their_secrets_in_the_clear_and_nowhere_else() {
    let credentials = RoleCredentials {
        access_key_id: "ASIAEXAMPLE".into(),
        secret_access_key: "keySECRET".into(),
        session_token: "tokenSECRET".into(),
        expires_at: time("2026-11-23T11:16:00Z"),
        session: "corp".into(),
        account: "111122223333".into(),
        role: "ReadOnlyAccess".into(),
        region: Some("eu-central-1".into()),
    };
    agrees(
        &credentials,
        &json!({
            "access_key_id": "ASIAEXAMPLE",
            "secret_access_key": "keySECRET",
            "session_token": "tokenSECRET",
            "expires_at": "2026-11-23T11:16:00Z",
            "session": "corp",
            "account": "111122223333",
            "role": "ReadOnlyAccess",
            "region": "eu-central-1",
        }),
    );
    assert!(!format!("{credentials:?}").contains("SECRET"));
}

#[test]
fn an_assignment_names_session_account_and_role() {
    agrees(
        &Assignment {
            session: "corp".into(),
            start_url: "https://corp.awsapps.com/start#/".into(),
            sso_region: "eu-west-1".into(),
            account: "111122223333".into(),
            role: "ReadOnlyAccess".into(),
            region: None,
            decided_by: DecidedBy {
                account: Some(ProfileKey {
                    profile: "dev".into(),
                    key: "sso_account_id".into(),
                    file: "/home/alice/.aws/config".into(),
                    line: 12,
                }),
                ..DecidedBy::default()
            },
        },
        &json!({
            "session": "corp",
            "start_url": "https://corp.awsapps.com/start#/",
            "sso_region": "eu-west-1",
            "account": "111122223333",
            "role": "ReadOnlyAccess",
            "region": null,
            "decided_by": {
                "session": null,
                "account": {
                    "profile": "dev",
                    "key": "sso_account_id",
                    "file": "/home/alice/.aws/config",
                    "line": 12,
                },
                "role": null,
                "region": null,
            },
        }),
    );
}

#[test]
fn accounts_and_roles_are_lists_of_objects() {
    let nameless = Account { id: "444455556666".into(), name: None, email: None };
    let account = Account {
        id: "111122223333".into(),
        name: Some("Development".into()),
        email: Some("development@example.com".into()),
    };
    agrees(
        &Accounts { session: "corp".into(), accounts: vec![account, nameless] },
        &json!({"session": "corp", "accounts": [
            {"id": "111122223333", "name": "Development", "email": "development@example.com"},
            {"id": "444455556666", "name": null, "email": null},
        ]}),
    );
    agrees(
        &Roles {
            session: "corp".into(),
            account: "111122223333".into(),
            roles: vec![Role { name: "ReadOnlyAccess".into() }],
        },
        &json!({"session": "corp", "account": "111122223333", "roles": [{"name": "ReadOnlyAccess"}]}),
    );
}

#[test]
fn the_status_report_is_what_scripts_expect() {
    agrees(
        &StatusReport { daemon: daemon(), sessions: vec![session()] },
        &json!({"daemon": daemon_json(), "sessions": [session_json()]}),
    );
    agrees(&daemon(), &daemon_json());
    agrees(&session(), &session_json());
}

#[test]
fn a_login_is_signed_in_or_pending() {
    agrees(
        &Login::SignedIn { expires_at: time("2026-11-23T11:16:00Z") },
        &json!({"state": "signed_in", "expires_at": "2026-11-23T11:16:00Z"}),
    );
    let mut golden = pending_json();
    golden["state"] = json!("pending");
    golden["started"] = json!(true);
    agrees(&Login::Pending { started: true, login: pending() }, &golden);
}

#[test]
fn a_logout_tells_what_became_of_the_portal_session() {
    for (portal, text) in [
        (PortalSession::Ended, "ended"),
        (PortalSession::NothingToEnd, "nothing_to_end"),
        (PortalSession::NotTold, "not_told"),
        (PortalSession::Deferred, "deferred"),
    ] {
        agrees(
            &Logout { session: "corp".into(), portal, detail: None },
            &json!({"session": "corp", "portal": text, "detail": null}),
        );
    }
}

#[test]
fn a_logout_of_everything_tells_what_became_of_sessions_and_left_records() {
    let damaged = LeftRecord {
        key: "4606bc63.damaged".into(),
        error: Some("the stored record is damaged".into()),
        ..LeftRecord::default()
    };
    agrees(
        &LogoutAll {
            sessions: vec![Logout { session: "corp".into(), portal: PortalSession::Ended, detail: None }],
            records: vec![
                EndedRecord { record: left_record(), portal: PortalSession::Ended, detail: None },
                EndedRecord { record: damaged, portal: PortalSession::NotTold, detail: Some("it is damaged".into()) },
            ],
            problems: vec!["the keyring is locked".into()],
        },
        &json!({
            "sessions": [{"session": "corp", "portal": "ended", "detail": null}],
            "records": [
                {"record": left_record_json(), "portal": "ended", "detail": null},
                {
                    "record": {"key": "4606bc63.damaged", "name": null, "start_url": null, "issuer": null,
                               "error": "the stored record is damaged"},
                    "portal": "not_told",
                    "detail": "it is damaged",
                },
            ],
            "problems": ["the keyring is locked"],
        }),
    );
    agrees(&left_record(), &left_record_json());
}

#[test]
fn a_new_session_needs_no_more_than_start_url_and_region() {
    let minimal: NewSession =
        serde_json::from_value(json!({"start_url": "https://corp.awsapps.com/start", "region": "eu-west-1"})).unwrap();
    agrees(
        &minimal,
        &json!({"name": null, "start_url": "https://corp.awsapps.com/start", "region": "eu-west-1", "scopes": null}),
    );
}

#[test]
fn a_problem_is_a_problem_details_object_with_a_code() {
    agrees(
        &Problem::new(ErrorCode::NotFound, "there is nothing at /v1/nothing"),
        &json!({"status": 404, "code": "not_found", "detail": "there is nothing at /v1/nothing"}),
    );
    agrees(
        &Problem::new(ErrorCode::SignInRequired, "session \"corp\" needs a sign-in")
            .of_session("corp")
            .with_login(Some(pending()))
            .with_expiry(Some(time("2026-11-23T10:00:00Z"))),
        &json!({
            "status": 401,
            "code": "sign_in_required",
            "detail": "session \"corp\" needs a sign-in",
            "session": "corp",
            "login": pending_json(),
            "expires_at": "2026-11-23T10:00:00Z",
        }),
    );
    agrees(
        &Problem::new(ErrorCode::AmbiguousSession, "several sessions match").with_choices(vec!["a".into(), "b".into()]),
        &json!({"status": 409, "code": "ambiguous_session", "detail": "several sessions match", "sessions": ["a", "b"]}),
    );
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

#[test]
fn an_import_tells_what_became_of_each_file() {
    let file = |name: &str, session: Option<&str>, outcome, detail: Option<&str>| ImportedFile {
        file: format!("/home/ada/.aws/sso/cache/{name}.json"),
        session: session.map(str::to_owned),
        outcome,
        detail: detail.map(str::to_owned),
    };
    let import = Import {
        directory: "/home/ada/.aws/sso/cache".into(),
        files: vec![
            file("a", Some("corp"), ImportOutcome::TakenOver, None),
            file("b", None, ImportOutcome::NoSession, None),
            file("c", Some("dev"), ImportOutcome::Unreadable, Some("its expiresAt is not a time")),
        ],
    };
    let golden = json!({
        "directory": "/home/ada/.aws/sso/cache",
        "files": [
            {"file": "/home/ada/.aws/sso/cache/a.json", "session": "corp", "outcome": "taken_over", "detail": null},
            {"file": "/home/ada/.aws/sso/cache/b.json", "session": null, "outcome": "no_session", "detail": null},
            {"file": "/home/ada/.aws/sso/cache/c.json", "session": "dev", "outcome": "unreadable",
             "detail": "its expiresAt is not a time"},
        ],
    });
    agrees(&import, &golden);
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
    assert_eq!(serde_json::from_value::<O>(json!("stranger")).unwrap(), O::Unknown);
}
