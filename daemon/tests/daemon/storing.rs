//! What outlives the daemon, and what does not.

use identity_center_simulator::{Operation, Settings};
use ssoctl_protocol::SessionState;

use crate::harness::{Harness, START_URL, Store, hours, mins, session};

#[tokio::test]
async fn with_the_file_store_a_token_outlives_the_daemon() {
    let mut t = Harness::start_with(Settings::default(), Store::File, &session("corp", START_URL)).await;
    t.sign_in("corp").await;
    let (token, status) = (t.access_token().await, t.status("corp").await);
    t.restart(Store::File).await;
    assert_eq!(t.access_token().await, token);
    let restored = t.status("corp").await;
    assert_eq!((restored.expires_at, restored.refreshable), (status.expires_at, true));
    t.clock.advance(mins(45));
    t.until(|status| status.expires_at > restored.expires_at).await;
    assert_eq!(
        (t.simulator.calls(Operation::RegisterClient), t.report().await.daemon.secret_store.kind.as_str()),
        (1, "file")
    );
}

#[tokio::test]
async fn with_the_memory_store_nothing_does() {
    let mut t = Harness::signed_in(Settings::default()).await;
    t.restart(Store::Memory).await;
    assert_eq!(t.refusal("").await, "sign_in_required");
    t.sign_in("corp").await;
    assert_eq!(t.simulator.calls(Operation::RegisterClient), 2);
}

#[tokio::test]
async fn a_sign_out_outlives_the_daemon_too() {
    let mut t = Harness::start_with(Settings::default(), Store::File, &session("corp", START_URL)).await;
    t.sign_in("corp").await;
    t.request("POST /v1/sessions/corp/logout").await;
    t.restart(Store::File).await;
    assert_eq!(t.refusal("").await, "sign_in_required");
    t.sign_in("corp").await;
    assert_eq!(t.simulator.calls(Operation::RegisterClient), 1);
}

#[tokio::test]
async fn a_damaged_record_is_put_aside_and_the_session_starts_without_it() {
    let mut t = Harness::start_with(Settings::default(), Store::File, &session("corp", START_URL)).await;
    t.sign_in("corp").await;
    let records = t.home.path().join("records");
    let record = std::fs::read_dir(&records).unwrap().next().unwrap().unwrap().path();
    std::fs::write(&record, "{\"version\":1,").unwrap();
    t.restart(Store::File).await;
    assert_eq!(t.refusal("").await, "sign_in_required");
    assert!(record.with_extension("damaged").exists() && !record.exists());
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
async fn a_store_that_cannot_be_read_is_told_and_never_taken_for_an_empty_one() {
    let mut t = Harness::start_with(Settings::default(), Store::File, &session("corp", START_URL)).await;
    t.sign_in("corp").await;
    let token = t.access_token().await;
    let records = t.home.path().join("records");
    t.stop().await;
    let loosened = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&records, loosened).unwrap();
    t.start_again(Store::File);
    let refusal = t.while_time_passes(t.token("")).await.unwrap_err();
    assert_eq!(refusal.code.as_str(), "store_unavailable");
    assert!(refusal.detail.contains("chmod 700"), "{}", refusal.detail);
    assert_eq!(t.status("corp").await.state, SessionState::Loading);
    std::fs::set_permissions(&records, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    t.clock.advance(mins(1));
    t.until_state(SessionState::SignedIn).await;
    assert_eq!(t.access_token().await, token);
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
    assert_eq!((t.simulator.calls(Operation::RegisterClient), t.simulator.calls(Operation::CreateToken)), (1, 3));
}
