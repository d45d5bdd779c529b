//! All steps of a sign-in that the daemon starts: a notice, its button, the page, a new token.

use identity_center_simulator::Operation;

use test_support::chromium::{self, Chromium};
use test_support::scene::Scene;
use test_support::screen;
use test_support::speed::has_programs;
use test_support::until;

#[test]
fn a_click_on_the_notice_leads_to_the_page_and_an_approval_there_to_a_new_token() {
    if !has_programs(&[&screen::parts()[..], &chromium::PARTS].concat()) {
        return;
    }
    let chromium = Chromium::with_new_profile();
    let scene = Scene::open(&format!("browser = \"{}\"\n", chromium.command()));
    let old = scene.stage.run(["token"]).exits(0).stdout;

    let notice = scene.screen.notice();
    let code = scene.stage.identity_center.wait_for_pending().user_code;
    scene.screen.click_button(&notice);
    let page = chromium.page();
    page.shows("Allow this request?");
    assert_eq!(page.text("#code"), Some(code));
    page.click("#approve");
    page.shows("Request approved");

    let new = until("there is a new token", || {
        let token = scene.stage.run(["token"]).exits(0).stdout;
        (token != old).then_some(token)
    });
    let issued = scene.stage.identity_center.issued_access_tokens();
    assert_eq!(issued.last().map(String::as_str), Some(new.trim_end()));
    scene.screen.is_empty();
    // One by hand at the beginning, one by the notice.
    assert_eq!(scene.stage.identity_center.calls(Operation::StartDeviceAuthorization), 2);
}

#[test]
fn a_sign_in_elsewhere_takes_the_notice_back() {
    if !has_programs(&screen::parts()) {
        return;
    }
    let scene = Scene::open("");
    scene.screen.notice();
    let login = scene.stage.start(scene.stage.ssoctl(["login", "--no-browser", "corp"]));
    scene.stage.approve_shown_by(&login);
    login.finish().exits(0);
    scene.screen.is_empty();
}
