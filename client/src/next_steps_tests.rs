use serde_json::{Value, json};

use super::*;

fn session(name: &str, state: &str) -> Value {
    json!({
        "name": name, "start_url": "https://corp.awsapps.com/start", "region": "eu-west-1", "scopes": [], "state": state,
        "refreshable": true,
    })
}

fn profile(name: &str, role: Option<&str>) -> Value {
    json!({ "name": name, "session": "corp", "account": role.map(|_| "111122223333"), "role": role })
}

/// The whole text about these sessions and profiles, and `problems` of the configuration.
fn said(sessions: &[Value], profiles: Option<&[Value]>, problems: &Value) -> String {
    let report = json!({
        "daemon": {
            "version": "1.0.0", "pid": 1, "started_at": "2026-11-23T10:17:00Z", "sessions": sessions.len(),
            "configuration_problems": problems,
        },
        "sessions": sessions,
    });
    let choices = profiles.map(|profiles| {
        let choices = json!({ "sessions": [], "profiles": profiles, "accounts": [], "grants": [] });
        serde_json::from_value(choices).unwrap()
    });
    let (said, steps) = next(&serde_json::from_value(report).unwrap(), choices.as_ref());
    let text = text(Some(&said), steps);
    assert!(text.lines().count() <= 6, "{text}");
    text
}

#[test]
fn each_state_has_its_next_step() {
    let (none, broken) = (json!([]), json!([{ "severity": "error", "file": "/f", "line": 1, "message": "m" }]));
    let (out, signed_in) = (session("corp", "signed_out"), session("corp", "signed_in"));
    let dev = profile("dev", Some("Admin"));
    for (sessions, profiles, problems, first, second) in [
        (&[][..], &[][..], &none, "No session is configured yet.", "ssoctl login "),
        (&[], &[], &broken, "No session is configured that can be used.", "ssoctl status "),
        (&[out], &[], &none, "Nobody is signed in to corp.", "ssoctl login corp "),
        (&[session("my corp", "expired")], &[], &none, "Nobody is signed in to my corp.", "ssoctl login 'my corp' "),
        (
            &[session("corp", "loading")],
            &[],
            &none,
            "The secret store has not told yet whether anybody is signed in to corp.",
            "ssoctl login corp ",
        ),
        (
            &["a", "b", "c", "d", "e"].map(|name| session(name, "signed_out")),
            &[],
            &none,
            "Nobody is signed in to a, b, c and 2 more.",
            "ssoctl login NAME ",
        ),
        (
            std::slice::from_ref(&signed_in),
            &[profile("half", None)],
            &none,
            "Signed in to corp. No AWS profile names a role yet.",
            "ssoctl configure ",
        ),
        (
            &[signed_in.clone(), session("dev", "signed_out")],
            &[profile("half", None), dev],
            &none,
            "Signed in to corp, not to dev.",
            "ssoctl exec -- ",
        ),
    ] {
        let text = said(sessions, Some(profiles), problems);
        let mut lines = text.lines();
        assert_eq!((lines.next(), lines.next()), (Some(first), Some("")), "{text}");
        assert!(lines.next().is_some_and(|line| line.starts_with(&format!("  {second}"))), "{second}: {text}");
        assert!(lines.last().is_some_and(|line| line.starts_with("  ssoctl --help ")), "{text}");
    }
}

#[test]
fn a_daemon_that_does_not_know_profiles_is_not_taken_for_one_without_any() {
    let text = said(&[session("corp", "signed_in")], None, &json!([]));
    assert!(text.contains("ssoctl exec -- ") && !text.contains("configure"), "{text}");
}

#[test]
fn a_pending_sign_in_is_finished_and_names_control_no_terminal() {
    let mut pending = session("c\u{1b}[2J", "signed_out");
    pending["login"] =
        json!({ "verification_uri_complete": "https://d", "expires_at": "2026-11-23T10:27:00Z", "user_code": "ABCD" });
    let text = said(&[pending], None, &json!([]));
    assert!(text.contains("finish the sign-in that is pending") && !text.contains('\u{1b}'), "{text}");
}
