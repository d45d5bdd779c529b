//! Signing in at the browser: from the command line or a notice to the service's page in Chromium, back to the daemon, and to a token.

use std::fs;

use identity_center_simulator::{Grant, Operation, Settings};

use test_support::chromium::{self, Chromium};
use test_support::scene::Scene;
use test_support::speed::has_programs;
use test_support::stage::CORP;
use test_support::web_driver::Page;
use test_support::{Running, Stage, screen, until};

/// Allows the request on the open page, and reads how it ended.
fn allow(page: &Page) {
    page.shows("Allow this request?");
    page.click("#allow");
    page.shows("Signed in");
    assert_eq!(page.text("main strong").as_deref(), Some("corp"));
    assert!(!page.url().contains("code="), "{}", page.url());
}

/// `ssoctl login`, whose page opens in Chromium.
fn login_in(chromium: &Chromium) -> (Stage, Running) {
    let stage = Stage::without_daemon(Settings::default(), CORP);
    stage.write_own_config(&format!("[session.corp]\nbrowser = \"{}\"\n", chromium.command()));
    let stage = stage.started().signed_out();
    let login = stage.start(stage.ssoctl(["login", "--browser", "corp"]));
    (stage, login)
}

#[test]
fn login_opens_the_page_and_a_click_on_allow_there_gives_the_token() {
    if !has_programs(&chromium::PARTS) {
        return;
    }
    let chromium = Chromium::with_new_profile();
    let (stage, login) = login_in(&chromium);
    allow(&chromium.page());
    login.finish().exits(0).prints_nothing().says("Signed in to corp");
    let token = stage.run(["token"]).exits(0).stdout;
    assert_eq!(stage.identity_center.issued_access_tokens(), [token.trim_end()]);
    assert_eq!(stage.identity_center.calls(Operation::StartDeviceAuthorization), 0);
}

#[test]
fn a_person_who_denies_the_request_reads_so_and_is_not_signed_in() {
    if !has_programs(&chromium::PARTS) {
        return;
    }
    let chromium = Chromium::with_new_profile();
    let (_stage, login) = login_in(&chromium);
    let page = chromium.page();
    page.shows("Allow this request?");
    page.click("#deny");
    page.shows("Not signed in");
    assert!(page.text("main").is_some_and(|text| text.contains("denied") && text.contains("ssoctl login corp")));
    login.finish().exits(7).prints_nothing().says("denied");
}

#[test]
fn a_click_on_a_notice_without_a_code_leads_to_the_page_and_an_approval_there_to_a_new_token() {
    if !has_programs(&[&screen::parts()[..], &chromium::PARTS].concat()) {
        return;
    }
    let chromium = Chromium::with_new_profile();
    // Where people sign in at the browser, no code is fetched unasked.
    let scene = Scene::open(&format!("browser = \"{}\"\nsign_in = \"browser\"\n", chromium.command()));
    let service = &scene.stage.identity_center;
    let old = scene.stage.run(["token"]).exits(0).stdout;
    let notice = scene.screen.notice();
    until("a click has opened a sign-in", || {
        scene.screen.click_button(&notice);
        (scene.stage.status("corp")["login"]["kind"] == "browser").then_some(())
    });
    allow(&chromium.page());
    let new = until("there is a new token", || {
        let token = scene.stage.run(["token"]).exits(0).stdout;
        (token != old).then_some(token)
    });
    assert_eq!(service.issued_access_tokens().last().map(String::as_str), Some(new.trim_end()));
    assert_eq!(service.token_calls(Grant::AuthorizationCode), 1);
    scene.screen.is_empty();
    // The address of the page, with the state, was handed to the browser and written nowhere.
    assert!(!fs::read_to_string(scene.stage.log()).unwrap().contains("state="));
}
