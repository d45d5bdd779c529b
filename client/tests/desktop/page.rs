//! The simulator's page in Chromium.

use identity_center_simulator::{PendingAuthorization, Settings};

use test_support::chromium::{self, Chromium};
use test_support::speed::has_programs;
use test_support::{Running, Stage};

/// A sign-in that waits for a person, and a browser; `None` where tests with Chromium do not run.
fn sign_in() -> Option<(Stage, Running, PendingAuthorization, Chromium)> {
    if !has_programs(&chromium::PARTS) {
        return None;
    }
    let stage = Stage::with_corp(Settings::default());
    let login = stage.start(stage.ssoctl(["login", "--no-browser", "corp"]));
    let pending = stage.shown_by(&login);
    Some((stage, login, pending, Chromium::with_new_profile()))
}

#[test]
fn a_person_who_allows_the_request_is_signed_in() {
    let Some((stage, login, pending, chromium)) = sign_in() else { return };
    let page = chromium.open(&pending.verification_uri_complete);
    page.shows("Allow this request?");
    assert_eq!(page.text("#code"), Some(pending.user_code));
    page.click("#approve");
    page.shows("Request approved");
    login.finish().exits(0);
    stage.run(["token"]).exits(0);
}

#[test]
fn a_person_who_denies_the_request_is_not_signed_in() {
    let Some((_stage, login, pending, chromium)) = sign_in() else { return };
    let page = chromium.open(&pending.verification_uri_complete);
    page.shows("Allow this request?");
    page.click("#deny");
    page.shows("Request denied");
    login.finish().exits(7).says("denied");
    page.go(&pending.verification_uri_complete);
    page.shows("Already decided");
}

#[test]
fn a_wrong_code_is_told_and_the_right_one_can_be_typed_instead() {
    let Some((stage, login, pending, chromium)) = sign_in() else { return };
    let page = chromium.open(&format!("{}/device", stage.identity_center.url()));
    page.shows("Enter the code");
    page.type_into("#user_code", "wrong-code");
    page.click("button");
    page.shows("Wrong code");
    page.type_into("#user_code", &pending.user_code);
    page.click("button");
    page.shows("Allow this request?");
    assert_eq!(page.text("#code"), Some(pending.user_code));
    page.click("#approve");
    page.shows("Request approved");
    login.finish().exits(0);
}

#[test]
fn an_expired_code_cannot_be_allowed_any_more() {
    let Some((stage, login, pending, chromium)) = sign_in() else { return };
    let page = chromium.open(&pending.verification_uri_complete);
    page.shows("Allow this request?");
    stage.identity_center.expire(&pending.user_code).expect("it is pending");
    // A person who hesitated still sees the button.
    page.click("#approve");
    page.shows("Code expired");
    assert_eq!(page.text("#approve"), None);
    login.finish().exits(5).prints_nothing().says("in time");
    assert_eq!(stage.identity_center.issued_access_tokens(), Vec::<String>::new());
}
