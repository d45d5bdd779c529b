//! Signing out.

use identity_center_simulator::{Fault, Operation, Settings, Times};

use crate::support::Stage;

#[test]
fn logout_tells_the_portal_and_forgets_the_token_and_keeps_the_registration() {
    let stage = Stage::signed_in(Settings::default());
    stage.run(["logout"]).exits(0).prints_nothing().says("Signed out of corp");
    stage.identity_center.wait_for_outcome(Operation::Logout, "ok");
    stage.run(["token"]).exits(3).prints_nothing();
    assert_eq!(stage.status("corp")["state"], "signed_out");

    stage.sign_in("corp");
    assert_eq!(stage.identity_center.calls(Operation::RegisterClient), 1);
}

#[test]
fn a_portal_that_is_down_is_a_warning_and_the_token_is_forgotten_all_the_same() {
    let stage = Stage::signed_in(Settings::default());
    stage.identity_center.inject(Operation::Logout, Fault::Status { status: 503 }, Times::UntilCleared);
    stage.run(["logout"]).exits(0).says("warning: the portal could not be told");
    stage.run(["token"]).exits(3).prints_nothing();
    stage.end_daemons();
    stage.start_daemon();
    stage.run(["token"]).exits(3).prints_nothing();
}

#[test]
fn a_session_that_the_portal_does_not_know_any_more_counts_as_ended() {
    let stage = Stage::signed_in(Settings::default());
    stage.identity_center.end_portal_sessions();
    stage.run(["logout"]).exits(0).says("Signed out of corp, here and at the portal");
    stage.run(["logout"]).exits(0).says("was not signed in");
}

#[test]
fn logout_gives_a_pending_sign_in_up() {
    let stage = Stage::with_corp(Settings::default());
    let login = stage.start(stage.ssoctl(["login", "--no-browser"]));
    stage.shown_by(&login);
    stage.run(["logout"]).exits(0);
    login.finish().exits(7).says("given up");
}
