//! No bus, no keyring on it, and a bus that accepts and never answers.

use std::os::unix::net::UnixListener;
use std::sync::{Arc, Mutex};

use crate::keyring::daemon::daemon;
use crate::keyring::stage::{Stage, simulator};
use test_support::waiting::until_so;

#[tokio::test]
async fn without_a_bus_auto_keeps_files_and_says_why() {
    let (home, simulator) = (tempfile::tempdir().unwrap(), simulator());
    let nobody = format!("unix:path={}/nobody", home.path().display());
    for address in [None, Some(nobody.as_str())] {
        let daemon = daemon(home.path(), &simulator, address, "auto").await;
        until_so("it is decided", async || daemon.store().await.kind == "file").await;
        assert!(daemon.store().await.reason.is_some_and(|reason| reason.contains("no session bus")));
        daemon.sign_in_and_save().await;
        assert!(daemon.log().contains("secrets are kept in files, in the clear"));
        daemon.stop().await;
    }
}

#[tokio::test]
async fn on_a_bus_without_a_keyring_auto_keeps_files_and_says_why() {
    let Some(stage) = Stage::set().await else { return };
    let daemon = stage.daemon("auto").await;
    until_so("it is decided", async || daemon.store().await.kind == "file").await;
    assert!(daemon.store().await.reason.is_some_and(|reason| reason.contains("no keyring on the session bus")));
    daemon.sign_in_and_save().await;
    assert_eq!(stage.files(), 1);
}

#[tokio::test]
async fn a_keyring_that_was_asked_for_and_is_not_there_is_missed_and_tokens_are_served() {
    let (home, simulator) = (tempfile::tempdir().unwrap(), simulator());
    let daemon = daemon(home.path(), &simulator, None, "keyring").await;
    let token = daemon.sign_in().await;
    daemon.until_store_says("no session bus").await;
    assert_eq!(daemon.store().await.kind, "keyring");
    daemon.renewed(&token).await;
    assert!(!home.path().join("state/records").exists());
    daemon.stop().await;
}

#[tokio::test]
async fn a_bus_that_never_answers_delays_nothing_and_does_not_lead_to_the_file_store() {
    let (home, simulator) = (tempfile::tempdir().unwrap(), simulator());
    let path = home.path().join("silent");
    let listener = UnixListener::bind(&path).unwrap();
    let accepted = Arc::new(Mutex::new(Vec::new()));
    let held = Arc::clone(&accepted);
    std::thread::spawn(move || listener.incoming().for_each(|connection| held.lock().unwrap().push(connection)));
    let address = format!("unix:path={}", path.display());
    let daemon = daemon(home.path(), &simulator, Some(&address), "auto").await;
    let token = daemon.sign_in().await;
    until_so("it is decided", async || daemon.store().await.kind == "keyring").await;
    daemon.until_store_says("does not answer").await;
    daemon.renewed(&token).await;
    assert!(!accepted.lock().unwrap().is_empty(), "it was tried");
    assert!(!home.path().join("state/records").exists());
    daemon.stop().await;
}
