//! Signing in: approved, denied, too late, not needed, given up.

use std::time::Duration;

use identity_center_simulator::{Operation, Settings};

use test_support::Stage;
use test_support::stage::CORP;

#[test]
fn after_an_approved_login_token_prints_the_issued_token_and_a_newline() {
    let stage = Stage::with_corp(Settings::default());
    let login = stage.start(stage.ssoctl(["login", "--no-browser"]));
    let pending = stage.shown_by(&login);
    assert_eq!(pending.scopes, ["sso:account:access"]);
    stage.identity_center.approve(&pending.user_code).unwrap();

    login
        .finish()
        .exits(0)
        .prints_nothing()
        .says(&pending.user_code)
        .says(&pending.verification_uri_complete)
        .says("Signed in to corp");
    let token = stage.run(["token"]).exits(0);
    let issued = stage.identity_center.issued_access_tokens();
    assert_eq!(issued.iter().map(|token| format!("{token}\n")).collect::<Vec<_>>(), [token.stdout.as_str()]);
    assert_eq!(token.stderr, "");
}

/// A second session beside `corp`, and a third one.
const OTHERS: &str = "
[sso-session home]
sso_start_url = https://home.awsapps.com/start
sso_region = eu-west-1
sso_registration_scopes = sso:account:access
[sso-session lab]
sso_start_url = https://lab.awsapps.com/start
sso_region = eu-west-1
sso_registration_scopes = sso:account:access
";

#[test]
fn all_sessions_that_need_it_are_signed_in_to_one_after_the_other_and_a_denial_stops_none() {
    let stage = Stage::configured(Settings::default(), &[CORP, OTHERS].concat()).signed_out().and_signed_in();
    let started = || stage.identity_center.calls(Operation::StartDeviceAuthorization);
    let before = started();
    let login = stage.start(stage.ssoctl(["login", "--all", "--no-browser"]));
    let first = stage.shown_by(&login);
    assert_eq!((first.start_url.as_str(), started()), ("https://home.awsapps.com/start", before + 1), "one at a time");
    stage.identity_center.deny(&first.user_code).unwrap();
    let second = stage.shown_by(&login);
    assert_eq!((second.start_url.as_str(), started()), ("https://lab.awsapps.com/start", before + 2));
    stage.identity_center.approve(&second.user_code).unwrap();
    login.finish().exits(7).says("Signed in to lab").says("the sign-in to session \"home\" was denied");
    assert_eq!(stage.status("home")["state"], "signed_out");
    stage.run(["login", "--all", "corp"]).exits(2);
    stage.run(["login", "--all", "--cancel"]).exits(2);
}

#[test]
fn without_a_session_there_is_nothing_to_sign_in_to() {
    let stage = Stage::configured(Settings::default(), "");
    stage.run(["login", "--all"]).exits(2).prints_nothing().says("no session is configured");
}

#[test]
fn a_denied_login_exits_7() {
    let stage = Stage::with_corp(Settings::default());
    let login = stage.start(stage.ssoctl(["login", "--no-browser"]));
    let pending = stage.shown_by(&login);
    stage.identity_center.deny(&pending.user_code).unwrap();

    login.finish().exits(7).prints_nothing().says("denied").says("ssoctl login corp");
    let session = stage.status("corp");
    assert_eq!((&session["state"], &session["last_error"]["code"]), (&"signed_out".into(), &"access_denied".into()));
    stage.run(["token"]).exits(3);
}

#[test]
fn a_login_that_nobody_answers_exits_5_when_the_code_dies() {
    let stage = Stage::with_corp(Settings { device_code_lifetime: Duration::from_secs(2), ..Settings::default() });
    stage.run(["login", "--no-browser"]).exits(5).prints_nothing().says("run: ssoctl login corp");
    let session = stage.status("corp");
    assert_eq!((&session["login"], &session["last_error"]["code"]), (&().into(), &"flow_expired".into()));
    assert_eq!(stage.identity_center.calls(Operation::StartDeviceAuthorization), 1, "nobody starts it again");
}

#[test]
fn a_token_that_is_waited_for_in_vain_exits_5() {
    let stage = Stage::with_corp(Settings::default());
    let pending = {
        let outcome = stage.run(["token", "--wait", "1s"]).exits(5).prints_nothing();
        let pending = stage.identity_center.wait_for_pending();
        outcome.says(&pending.user_code);
        pending
    };
    let joined = stage.start(stage.ssoctl(["token", "--wait", "5m"]));
    stage.identity_center.approve(&pending.user_code).unwrap();
    assert_eq!(joined.finish().exits(0).stdout.trim_end(), stage.identity_center.issued_access_tokens()[0]);
    assert_eq!(stage.identity_center.calls(Operation::StartDeviceAuthorization), 1);
}

#[test]
fn token_without_a_sign_in_exits_3_with_the_remedy_and_asks_nobody() {
    let stage = Stage::with_corp(Settings::default());
    stage.run(["token"]).exits(3).prints_nothing().says(r#"session "corp" needs a sign-in; run: ssoctl login corp"#);
    assert_eq!(stage.identity_center.call_log(), []);
}

#[test]
fn login_always_asks_and_login_if_needed_asks_only_signed_out_people() {
    let stage = Stage::signed_in(Settings::default());
    stage.run(["login", "--if-needed"]).exits(0).says("Signed in to corp");
    assert_eq!(stage.identity_center.calls(Operation::StartDeviceAuthorization), 1);

    stage.sign_in("corp");
    assert_eq!(stage.identity_center.calls(Operation::StartDeviceAuthorization), 2);
    assert_eq!(stage.identity_center.calls(Operation::RegisterClient), 1);
}

#[test]
fn login_if_needed_asks_for_a_token_that_lives_longer_if_there_may_be_one() {
    let stage = Stage::bare(Settings { unscoped_token_lifetime: Duration::from_secs(100), ..Settings::default() });
    stage.write_own_config(
        "[session.corp]\nstart_url = \"https://corp.awsapps.com/start\"\nregion = \"eu-west-1\"\nscopes = []\n",
    );
    stage.start_daemon();
    stage.sign_in("corp");
    // No token of this service lives that long, so the person is not asked for one.
    stage.run(["login", "--if-needed", "--min-valid", "5m"]).exits(7).says("--min-valid");
    stage.run(["login", "--if-needed", "--min-valid", "10s"]).exits(0).says("Signed in to corp");
    assert_eq!(stage.identity_center.calls(Operation::StartDeviceAuthorization), 1);
}

#[test]
fn login_if_needed_asks_who_is_not_signed_in() {
    let stage = Stage::with_corp(Settings::default());
    let login = stage.start(stage.ssoctl(["login", "--if-needed", "--no-browser"]));
    stage.approve();
    login.finish().exits(0).says("Signed in to corp");
}

#[test]
fn login_cancel_ends_the_pending_sign_in_for_all_waiting_callers() {
    let stage = Stage::with_corp(Settings::default());
    let login = stage.start(stage.ssoctl(["login", "--no-browser"]));
    let token = stage.start(stage.ssoctl(["token", "--wait", "5m"]));
    assert_eq!(stage.shown_by(&login).user_code, stage.shown_by(&token).user_code);
    stage.wait_for_waiters("corp", 2);

    stage.run(["login", "--cancel"]).exits(0).says("No sign-in to corp is pending");
    for waiting in [login, token] {
        waiting.finish().exits(7).prints_nothing().says("cancelled");
    }
    assert_eq!(stage.status("corp")["login"], serde_json::Value::Null);
    stage.run(["login", "--cancel"]).exits(0);
}

#[test]
fn the_page_of_a_session_says_where_it_is_defined_what_it_has_and_what_comes_next() {
    let stage = Stage::with_corp(Settings::default());
    let signed_out = stage.run(["status", "corp"]).exits(0).stdout;
    let of = |page: &str, row: &str| {
        let line = page.lines().find_map(|line| line.trim_start().strip_prefix(row)).map(str::trim);
        line.unwrap_or_else(|| panic!("no {row:?} in {page}")).to_owned()
    };
    assert_eq!(of(&signed_out, "state"), "signed out");
    assert_eq!(of(&signed_out, "registration"), "none; the next sign-in makes one");
    assert_eq!(of(&signed_out, "next"), "nothing by itself; to sign in: ssoctl login corp");
    stage.sign_in("corp");
    let signed_in = stage.run(["status", "corp"]).exits(0).stdout;
    assert_eq!(of(&signed_in, "state"), "signed in");
    assert_eq!(of(&signed_in, "start URL"), "https://corp.awsapps.com/start");
    assert_eq!(of(&signed_in, "region"), "eu-west-1");
    let config = stage.home().join(".aws/config");
    assert!(of(&signed_in, "defined by").starts_with(&format!("{}:", config.display())), "{signed_in}");
    assert!(of(&signed_in, "registration").starts_with("ends in "), "{signed_in}");
    assert!(of(&signed_in, "access token").starts_with("expires in "), "{signed_in}");
    assert!(of(&signed_in, "refresh token").starts_with("received "), "{signed_in}");
    assert!(of(&signed_in, "next").starts_with("renew the token"), "{signed_in}");
}
