//! A locked keyring delays nothing but durability, and asks the person once at most.

use std::sync::atomic::Ordering;

use identity_center_simulator::Operation;
use ssoctl_protocol::SessionState;
use ssoctl_protocol::body::{Logout, PortalSession};

use crate::harness::Process;
use crate::keyring::stage::Stage;
use test_support::waiting::until_so;

/// A daemon that has found the keyring locked when it started. The record of a sign-in is in there.
async fn with_its_record_locked_away(stage: &Stage) -> Process {
    let daemon = stage.signed_in("auto").await;
    daemon.kill().await;
    stage.lock().await;
    let daemon = stage.daemon("auto").await;
    daemon.until_store_says("locked; unlock it").await;
    daemon
}

#[tokio::test]
async fn a_keyring_locked_in_mid_run_is_written_later_and_the_person_is_not_asked() {
    let Some((stage, _keyring)) = Stage::with_keyring().await else { return };
    let prompts = stage.prompter().await;
    let daemon = stage.daemon("auto").await;
    let token = daemon.sign_in_and_save().await;
    stage.lock().await;
    let token = daemon.renewed(&token).await;
    daemon.until_store_says("locked; unlock it").await;
    daemon.renewed(&token).await;
    assert!(daemon.status().await.unsaved);
    assert_eq!((daemon.store().await.kind.as_str(), stage.files()), ("keyring", 0));
    assert_eq!(prompts.load(Ordering::Relaxed), 0);
    stage.unlock().await;
    daemon.until_saved().await;
    stage.kill_and_serve_by_the_next(daemon, "auto").await;
}

#[tokio::test]
async fn a_keyring_that_is_locked_at_the_start_asks_once_however_often_it_is_tried() {
    let Some((stage, _keyring)) = Stage::with_keyring().await else { return };
    let prompts = stage.prompter().await;
    let daemon = with_its_record_locked_away(&stage).await;
    until_so("the person is asked", async || prompts.load(Ordering::Relaxed) == 1).await;
    for _ in 0..3 {
        let failed_at = daemon.status().await.last_error.map(|error| error.at);
        until_so("it is tried again", async || daemon.status().await.last_error.map(|error| error.at) != failed_at)
            .await;
    }
    assert_eq!(daemon.status().await.state, SessionState::Loading);
    assert_eq!((daemon.store().await.kind.as_str(), stage.files()), ("keyring", 0));
    stage.unlock().await;
    until_so("the token is served", async || daemon.access_token_if_any().await.is_some()).await;
    assert_eq!(prompts.load(Ordering::Relaxed), 1);
    assert_eq!((stage.simulator.calls(Operation::RegisterClient), stage.simulator.violations()), (1, vec![]));
}

#[tokio::test]
async fn signing_in_works_while_the_keyring_is_locked() {
    let Some((stage, _keyring)) = Stage::with_keyring().await else { return };
    stage.lock().await;
    let daemon = stage.daemon("auto").await;
    daemon.until_store_says("locked; unlock it").await;
    let token = daemon.sign_in().await;
    daemon.renewed(&token).await;
    stage.unlock().await;
    daemon.until_saved().await;
    until_so("the record is written", async || stage.labels().await.len() == 1).await;
}

#[tokio::test]
async fn a_sign_out_while_the_keyring_is_locked_is_carried_out_when_it_is_unlocked() {
    let Some((stage, _keyring)) = Stage::with_keyring().await else { return };
    let daemon = with_its_record_locked_away(&stage).await;
    let logout: Logout = daemon.request("POST /v1/sessions/corp/logout").await.json();
    assert_eq!(logout.portal, PortalSession::Deferred);
    assert!(logout.detail.is_some_and(|detail| detail.contains("locked")));
    stage.unlock().await;
    daemon.until("somebody has signed out", |status| status.state == SessionState::SignedOut).await;
    until_so("the portal was told", async || stage.simulator.calls(Operation::Logout) == 1).await;
    daemon.until_saved().await;
    daemon.kill().await;
    let daemon = stage.daemon("auto").await;
    daemon.until("the record is read", |status| status.state == SessionState::SignedOut).await;
    assert_eq!(daemon.access_token_if_any().await, None);
}
