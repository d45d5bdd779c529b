//! A daemon that is killed, restarted, or stopped in the middle of something.

use identity_center_simulator::Settings;
use rustix::process::Signal;

use test_support::Stage;

#[test]
fn sigterm_ends_the_daemon_cleanly_and_tells_those_who_wait() {
    let stage = Stage::with_corp(Settings::default());
    let login = stage.start(stage.ssoctl(["login", "--no-browser"]));
    stage.shown_by(&login);
    stage.wait_for_waiters("corp", 1);
    let status = stage.end_daemon(Signal::TERM);
    assert_eq!(status.code(), Some(0));
    login.finish().exits(1).prints_nothing().says("the daemon is stopping");
    assert!(!stage.socket().exists(), "the socket goes with its daemon");
}

#[test]
fn a_caller_that_waits_for_a_token_survives_a_restart() {
    let stage = Stage::with_corp(Settings::default());
    let waiting = stage.start(stage.ssoctl(["--no-start", "token", "--wait", "5m"]));
    let first = stage.shown_by(&waiting);
    stage.wait_for_waiters("corp", 1);
    stage.end_daemon(Signal::TERM);
    stage.start_daemon();
    let second = stage.identity_center.wait_for_pending_where(|pending| pending.user_code != first.user_code);
    stage.identity_center.approve(&second.user_code).unwrap();
    let outcome = waiting.finish().exits(0);
    assert_eq!(outcome.stdout, stage.run(["token"]).exits(0).stdout);
}

#[test]
fn a_waiting_caller_is_told_if_no_daemon_comes_back() {
    let stage = Stage::with_corp(Settings::default());
    let waiting = stage.start(stage.ssoctl(["--no-start", "token", "--wait", "5m"]));
    stage.shown_by(&waiting);
    stage.wait_for_waiters("corp", 1);
    stage.end_daemon(Signal::TERM);
    waiting.finish().exits(4).prints_nothing();
}

#[test]
fn the_memory_store_forgets_with_the_daemon() {
    let stage = Stage::without_daemon(Settings::default(), test_support::stage::CORP);
    stage.write_own_config("secret_store = \"memory\"\n");
    stage.start_daemon();
    stage.sign_in("corp");
    stage.run(["token"]).exits(0);
    assert_eq!(stage.run(["status", "--json"]).json()["daemon"]["secret_store"]["kind"], "memory");
    stage.end_daemon(Signal::TERM);
    assert!(!stage.state_directory().join("records").exists());

    stage.start_daemon();
    stage.run(["token"]).exits(3);
}
