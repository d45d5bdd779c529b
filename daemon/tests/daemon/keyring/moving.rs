//! Another store takes all records along.

use identity_center_simulator::Operation;
use ssoctl_protocol::SessionState;

use crate::keyring::stage::Stage;
use test_support::waiting::until_so;

#[tokio::test]
async fn records_move_with_the_choice_and_leave_nothing_behind() {
    let Some((stage, _keyring)) = Stage::with_keyring().await else { return };
    let daemon = stage.signed_in("file").await;
    assert_eq!((stage.labels().await.len(), stage.files()), (0, 1));
    daemon.stop().await;
    for (secret_store, in_keyring, in_files) in [("keyring", 1, 0), ("file", 0, 1), ("auto", 1, 0), ("memory", 0, 0)] {
        let daemon = stage.daemon(secret_store).await;
        daemon.until("the record is read", |status| status.state != SessionState::Loading).await;
        assert!(daemon.access_token_if_any().await.is_some(), "{secret_store}: {}", daemon.log());
        assert_eq!((stage.labels().await.len(), stage.files()), (in_keyring, in_files), "{secret_store}");
        daemon.until_saved().await;
        daemon.stop().await;
    }
    let daemon = stage.daemon("auto").await;
    daemon.until("the record is read", |status| status.state != SessionState::Loading).await;
    assert_eq!(daemon.status().await.state, SessionState::SignedOut, "memory forgets");
    assert_eq!((stage.simulator.calls(Operation::RegisterClient), stage.simulator.violations()), (1, vec![]));
}

#[tokio::test]
async fn a_record_in_files_is_served_while_the_keyring_is_locked_and_moves_when_it_is_not() {
    let Some((stage, _keyring)) = Stage::with_keyring().await else { return };
    let daemon = stage.signed_in("file").await;
    daemon.stop().await;
    stage.lock().await;
    let daemon = stage.daemon("keyring").await;
    daemon.until("the record is read", |status| status.state != SessionState::Loading).await;
    let token = daemon.access_token().await;
    assert_eq!(stage.files(), 1);
    assert!(daemon.store().await.reason.is_some_and(|reason| reason.contains("may still be in the file store")));
    stage.unlock().await;
    daemon.renewed(&token).await;
    until_so("the record is moved", async || stage.files() == 0 && stage.labels().await.len() == 1).await;
    until_so("the daemon says no more that it is not", async || daemon.store().await.reason.is_none()).await;
}
