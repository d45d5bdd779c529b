//! Keyrings and buses that appear after the daemon, go away and come back.

use identity_center_simulator::Operation;
use rustix::process::Signal;
use ssoctl_protocol::SessionState;

use crate::harness::Process;
use crate::keyring::daemon::daemon_with;
use crate::keyring::keepassxc::{self, Database};
use crate::keyring::stage::{Stage, simulator};
use test_support::waiting::until_so;

/// A daemon that has found no keyring and keeps its record in a file.
async fn with_its_record_in_a_file(stage: &Stage) -> Process {
    let daemon = stage.signed_in("auto").await;
    assert_eq!((daemon.store().await.kind.as_str(), stage.files()), ("file", 1));
    daemon
}

async fn until_moved(stage: &Stage, daemon: &Process) {
    until_so("the record is in the keyring and nowhere else", async || {
        daemon.store().await.kind == "keyring" && stage.files() == 0 && stage.labels().await.len() == 1
    })
    .await;
    daemon.until_saved().await;
    until_so("nothing is amiss", async || daemon.store().await.reason.is_none() && daemon.problems().await.is_empty())
        .await;
}

#[tokio::test]
async fn a_keyring_that_appears_after_the_daemon_gets_the_record_that_was_in_a_file() {
    let Some(stage) = Stage::set().await else { return };
    let daemon = with_its_record_in_a_file(&stage).await;
    let _keyring = stage.keyring().await;
    until_moved(&stage, &daemon).await;
    stage.kill_and_serve_by_the_next(daemon, "auto").await;
}

#[tokio::test]
async fn keepassxc_that_appears_goes_away_and_comes_back_is_followed_and_nothing_goes_back_into_files() {
    let Some(stage) = Stage::set().await else { return };
    if !keepassxc::is_there() {
        return;
    }
    let daemon = with_its_record_in_a_file(&stage).await;
    let keyring = stage.keepassxc(Database::Unlocked).await;
    until_moved(&stage, &daemon).await;
    // Asked to end, it may ask its person first whether to save.
    keyring.signal(Signal::KILL);
    until_so("it is missed", async || daemon.problems().await.contains("it is not on the session bus")).await;
    drop(keyring);
    daemon.renewed(&daemon.access_token().await).await;
    until_so("the token waits for it", async || daemon.status().await.unsaved).await;
    assert_eq!((daemon.store().await.kind.as_str(), stage.files()), ("keyring", 0));
    let _keyring = stage.keepassxc(Database::Unlocked).await;
    until_moved(&stage, &daemon).await;
    stage.kill_and_serve_by_the_next(daemon, "auto").await;
}

#[tokio::test]
async fn keepassxc_that_is_locked_and_unlocked_later_is_caught_up_with() {
    let Some(stage) = Stage::set().await else { return };
    if !keepassxc::is_there() {
        return;
    }
    let daemon = with_its_record_in_a_file(&stage).await;
    let _keyring = stage.keepassxc(Database::Locked).await;
    until_so("it is told", async || daemon.problems().await.contains("it is locked; unlock it")).await;
    assert_eq!((daemon.store().await.kind.as_str(), stage.files()), ("keyring", 1));
    stage.unlock_keepassxc().await;
    until_moved(&stage, &daemon).await;
}

#[tokio::test]
async fn a_daemon_that_starts_before_the_keyring_that_has_its_record_waits_for_it_and_writes_no_file() {
    let Some((stage, keyring)) = Stage::with_keyring().await else { return };
    let daemon = stage.signed_in("auto").await;
    daemon.kill().await;
    drop(keyring);
    let daemon = stage.daemon("auto").await;
    daemon.until_store_says("there is no keyring on the session bus").await;
    assert_eq!((daemon.store().await.kind.as_str(), daemon.status().await.state), ("keyring", SessionState::Loading));
    let problems = daemon.problems().await;
    assert!(problems.contains("it is not on the session bus") && problems.contains("start it"), "{problems}");
    let _keyring = stage.keyring().await;
    until_so("the token is served", async || daemon.access_token_if_any().await.is_some()).await;
    until_so("nothing is amiss", async || daemon.problems().await.is_empty()).await;
    assert_eq!(stage.files(), 0);
    assert_eq!((stage.simulator.calls(Operation::RegisterClient), stage.simulator.violations()), (1, vec![]));
}

#[tokio::test]
async fn files_that_were_asked_for_end_the_waiting_for_a_keyring_that_does_not_come_back() {
    let Some((stage, keyring)) = Stage::with_keyring().await else { return };
    let daemon = stage.signed_in("auto").await;
    daemon.kill().await;
    drop(keyring);
    for secret_store in ["file", "auto"] {
        let daemon = stage.daemon(secret_store).await;
        until_so("it is decided", async || daemon.store().await.kind == "file").await;
        daemon.sign_in_and_save().await;
        daemon.stop().await;
    }
}

#[tokio::test]
async fn a_bus_that_appears_in_the_runtime_directory_is_found_and_so_is_the_next_one() {
    if Stage::set().await.is_none() {
        return;
    }
    let (home, simulator) = (tempfile::tempdir().unwrap(), simulator());
    let runtime_directory = home.path().display().to_string();
    let variables = [("XDG_RUNTIME_DIR", runtime_directory.as_str())];
    let daemon = daemon_with(home.path(), &simulator, &variables, "auto").await;
    daemon.sign_in_and_save().await;
    assert!(daemon.store().await.reason.is_some_and(|reason| reason.contains("no session bus")));
    let mut stage = Stage::with(home, simulator).await;
    let _keyring = stage.keyring().await;
    until_moved(&stage, &daemon).await;
    stage.another_bus().await;
    until_so("the keyring is missed", async || daemon.problems().await.contains("it is not on the session bus")).await;
    daemon.renewed(&daemon.access_token().await).await;
    let _keyring = stage.keyring().await;
    until_moved(&stage, &daemon).await;
}

#[tokio::test]
async fn a_shell_that_names_a_bus_that_is_gone_gets_the_one_in_the_runtime_directory() {
    let Some((stage, _keyring)) = Stage::with_keyring().await else { return };
    let gone = format!("unix:path={}/gone", stage.home().display());
    let runtime_directory = stage.home().display().to_string();
    let variables = [("DBUS_SESSION_BUS_ADDRESS", gone.as_str()), ("XDG_RUNTIME_DIR", &runtime_directory)];
    let daemon = daemon_with(stage.home(), &stage.simulator, &variables, "auto").await;
    daemon.sign_in().await;
    until_moved(&stage, &daemon).await;
}

#[tokio::test]
async fn a_bus_that_moves_while_the_daemon_runs_is_told_with_what_to_do() {
    let Some(login) = Stage::set().await else { return };
    let keyring = login.keyring().await;
    let next_login = tempfile::tempdir().unwrap();
    let runtime_directory = next_login.path().display().to_string();
    let variables =
        [("DBUS_SESSION_BUS_ADDRESS", login.address.as_str()), ("XDG_RUNTIME_DIR", runtime_directory.as_str())];
    let daemon = daemon_with(login.home(), &login.simulator, &variables, "auto").await;
    daemon.sign_in_and_save().await;
    let next_login = Stage::with(next_login, simulator()).await;
    drop(keyring);
    login.end_bus();
    until_so("it is told", async || daemon.problems().await.contains("restart the daemon")).await;
    let problems = daemon.problems().await;
    assert!(problems.contains(next_login.address.split(',').next().unwrap()), "{problems}");
    assert_eq!((daemon.store().await.kind.as_str(), login.files()), ("keyring", 0));
}
