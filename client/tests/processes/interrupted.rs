//! Ctrl-C, and the page that a login opens.

use identity_center_simulator::{Operation, Settings};
use rustix::process::Signal;

use test_support::browser::Browser;
use test_support::{Stage, until};

#[test]
fn ctrl_c_leaves_the_sign_in_open_and_the_next_login_joins_it_without_a_second_page() {
    let stage = Stage::with_corp(Settings::default());
    let browser = Browser::on(&stage);
    let first = stage.start(browser.command(&stage, ["login", "--flow", "device"]));
    let pending = stage.shown_by(&first);
    until("the page is open", || (!browser.pages().is_empty()).then_some(()));
    first.send(Signal::INT);
    let first = first.finish();
    assert_eq!((first.code, first.signal), (None, Some(Signal::INT.as_raw())));
    assert_eq!(stage.status("corp")["login"]["user_code"], pending.user_code.as_str());

    let second = stage.start(browser.command(&stage, ["login", "--flow", "device"]));
    assert_eq!(stage.shown_by(&second).user_code, pending.user_code);
    stage.identity_center.approve(&pending.user_code).unwrap();
    second.finish().exits(0);
    assert_eq!(browser.pages(), [pending.verification_uri_complete]);
    assert_eq!(stage.identity_center.calls(Operation::StartDeviceAuthorization), 1);
}

#[test]
fn no_page_is_opened_over_ssh_or_where_it_is_not_wanted() {
    let stage = Stage::with_corp(Settings::default());
    let browser = Browser::on(&stage);
    let mut over_ssh = browser.command(&stage, ["login", "--flow", "device"]);
    over_ssh.env("SSH_CONNECTION", "192.0.2.1 50000 192.0.2.2 22").env_remove("BROWSER");
    let over_ssh = stage.start(over_ssh);
    stage.approve_shown_by(&over_ssh);
    over_ssh.finish().exits(0).says("no browser was opened: this is a session over SSH");

    let unwanted = stage.start(browser.command(&stage, ["login", "--no-browser"]));
    stage.approve_shown_by(&unwanted);
    unwanted.finish().exits(0);
    assert_eq!(browser.pages(), Vec::<String>::new());
}
