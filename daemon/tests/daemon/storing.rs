//! Records outlive the daemon.

use identity_center_simulator::{Operation, Settings};
use ssoctl_protocol::SessionState;

use crate::harness::{Harness, START_URL, Store, hours, mins, session};

#[tokio::test]
async fn a_sign_out_outlives_the_daemon() {
    let mut t = Harness::start_with(Settings::default(), Store::File, &session("corp", START_URL)).await;
    t.sign_in("corp").await;
    t.request("POST /v1/sessions/corp/logout").await;
    t.restart(Store::File).await;
    assert_eq!(t.refusal("").await, "sign_in_required");
    t.sign_in("corp").await;
    assert_eq!(t.simulator.calls(Operation::RegisterClient), 1);
}

#[tokio::test]
async fn a_store_that_cannot_be_written_delays_nothing_and_is_shown() {
    let t = Harness::start_with(Settings::default(), Store::File, &session("corp", START_URL)).await;
    // A file stands where the directory should be, so that not even the superuser can write into it.
    t.until_state(SessionState::SignedOut).await;
    std::fs::write(t.home.path().join("records"), "").unwrap();
    t.sign_in("corp").await;
    let status = t.status("corp").await;
    assert!(status.unsaved, "{status:?}");
    assert!(t.report().await.daemon.secret_store.error.is_some_and(|error| error.contains("records")));
    t.access_token().await;
    std::fs::remove_file(t.home.path().join("records")).unwrap();
    t.clock.advance(mins(1));
    t.until(|status| !status.unsaved && status.last_error.is_none()).await;
    assert_eq!(t.report().await.daemon.secret_store.error, None);
}

#[tokio::test]
async fn a_token_that_expired_while_no_daemon_ran_is_refreshed_at_the_start() {
    let settings = Settings { portal_session: hours(24 * 30), ..Settings::default() };
    let mut t = Harness::start_with(settings, Store::File, &session("corp", START_URL)).await;
    t.sign_in("corp").await;
    t.stop().await;
    t.clock.advance(hours(9));
    t.start_again(Store::File);
    t.until_state(SessionState::SignedIn).await;
    // CreateToken: an early attempt, the poll, and the refresh.
    assert_eq!((t.simulator.calls(Operation::RegisterClient), t.simulator.calls(Operation::CreateToken)), (1, 3));
}
