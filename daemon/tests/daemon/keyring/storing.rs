//! Records in the keyring are there after a crash, even if the keyring was locked or gone in between.

use rustix::process::Signal;
use ssoctl_protocol::SessionState;

use crate::keyring::stage::Stage;
use test_support::waiting::until_so;

#[tokio::test]
async fn no_secret_shows_in_the_log_on_its_way_to_the_keyring_and_back() {
    let Some((stage, _keyring)) = Stage::with_keyring().await else { return };
    let daemon = stage.daemon("keyring").await;
    let token = daemon.sign_in().await;
    daemon.renewed(&token).await;
    daemon.until_saved().await;
    daemon.kill().await;
    let daemon = stage.daemon("keyring").await;
    until_so("the token is served", async || daemon.access_token_if_any().await.is_some()).await;
    let log = daemon.log();
    assert!(log.contains("zbus"), "the bus is talkative");
    for (number, secret) in stage.simulator.secrets().iter().enumerate() {
        assert!(!log.contains(secret.as_str()), "secret {number} in the log");
    }
}

#[tokio::test]
async fn a_keyring_that_dies_and_comes_back_misses_nothing() {
    let Some((stage, keyring)) = Stage::with_keyring().await else { return };
    let daemon = stage.daemon("keyring").await;
    let token = daemon.sign_in_and_save().await;
    keyring.signal(Signal::KILL);
    drop(keyring);
    let token = daemon.renewed(&token).await;
    daemon.until_store_says("no keyring on the session bus").await;
    daemon.renewed(&token).await;
    let _keyring = stage.keyring().await;
    daemon.until_saved().await;
    stage.kill_and_serve_by_the_next(daemon, "keyring").await;
}

#[tokio::test]
async fn a_keyring_that_hangs_delays_nothing_and_is_caught_up_with() {
    let Some((stage, keyring)) = Stage::with_keyring().await else { return };
    let daemon = stage.daemon("auto").await;
    let token = daemon.sign_in_and_save().await;
    keyring.signal(Signal::STOP);
    let token = daemon.renewed(&token).await;
    daemon.until_store_says("does not answer").await;
    assert_eq!(daemon.store().await.kind, "keyring");
    daemon.renewed(&token).await;
    keyring.signal(Signal::CONT);
    daemon.until_saved().await;
}

#[tokio::test]
async fn a_keyring_that_refuses_to_write_is_named_and_tokens_are_served() {
    let Some((stage, _keyring)) = Stage::with_keyring().await else { return };
    let daemon = stage.daemon("auto").await;
    daemon.until("the record is read", |status| status.state != SessionState::Loading).await;
    // A file stands where the directory should be, so that not even the superuser can write into it.
    let keyrings = stage.keyrings();
    std::fs::rename(&keyrings, keyrings.with_extension("away")).unwrap();
    std::fs::write(&keyrings, "").unwrap();
    let token = daemon.sign_in().await;
    daemon.until_store_says("the keyring").await;
    daemon.renewed(&token).await;
    std::fs::remove_file(&keyrings).unwrap();
    std::fs::rename(keyrings.with_extension("away"), &keyrings).unwrap();
    let is_saved = async || {
        // A gnome-keyring that has looked into its directory meanwhile has dropped what was there, and finds it locked.
        if stage.is_locked().await == Some(true) {
            stage.unlock().await;
        }
        daemon.is_saved().await
    };
    until_so("all is saved in a keyring that is unlocked", is_saved).await;
    assert_eq!(stage.files(), 0);
}

#[tokio::test]
async fn a_damaged_record_is_kept_beside_its_place() {
    let Some((stage, _keyring)) = Stage::with_keyring().await else { return };
    let daemon = stage.signed_in("file").await;
    daemon.kill().await;
    let record = std::fs::read_dir(stage.home().join("state/records")).unwrap().next().unwrap().unwrap().path();
    std::fs::write(record, "{\"version\":1,").unwrap();
    let daemon = stage.daemon("keyring").await;
    daemon.until("the record is read", |status| status.state != SessionState::Loading).await;
    assert_eq!(daemon.status().await.state, SessionState::SignedOut);
    let [label] = &stage.labels().await[..] else { panic!("one record") };
    assert!(label.starts_with("ssoctl: https://corp.awsapps.com/start") && label.ends_with(" (damaged)"), "{label}");
    assert!(daemon.log().contains(".damaged"), "{}", daemon.log());
}
