//! Two daemons that could use one keyring.

use identity_center_simulator::Operation;
use ssoctl_protocol::{StatusReport, StoreStatus};

use crate::harness::Process;
use crate::keyring::stage::Stage;
use test_support::waiting::until_so;

/// A daemon with the same home and another state directory, as a shell with `XDG_STATE_HOME` starts one.
fn another(stage: &Stage) -> std::process::Command {
    let mut command = Process::command(stage.home(), &stage.simulator);
    command
        .env("SSOCTL_SOCKET", stage.home().join("another"))
        .env("SSOCTL_STATE_DIR", stage.home().join("another-state"))
        .env("DBUS_SESSION_BUS_ADDRESS", &stage.address);
    command
}

#[tokio::test]
async fn a_second_daemon_with_another_state_directory_names_who_uses_the_keyring_and_ends() {
    let Some((stage, _keyring)) = Stage::with_keyring().await else { return };
    let daemon = stage.signed_in("auto").await;
    let ended = Process::run_to_end(stage.home(), &mut another(&stage)).await;
    assert_eq!(ended.status.code(), Some(1), "{}", ended.log);
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let socket = stage.home().join("socket");
    assert!(ended.log.contains("running already for the keyring"), "{}", ended.log);
    assert!(ended.log.contains(&format!("host {host}, socket {}", socket.display())), "{}", ended.log);
    daemon.renewed(&daemon.access_token().await).await;
    assert_eq!((stage.simulator.calls(Operation::RegisterClient), stage.simulator.violations()), (1, vec![]));
}

#[tokio::test]
async fn without_a_keyring_two_daemons_keep_files_of_their_own_and_one_that_appears_is_used_by_one_of_them() {
    let Some(stage) = Stage::set().await else { return };
    let first = stage.daemon("auto").await;
    until_so("it is decided", async || first.store().await.kind == "file").await;
    let mut second = another(&stage).spawn().expect("a process");
    let store = async || {
        let answer = crate::harness::exchange(&stage.home().join("another"), "GET /v1/sessions", "", b"").await.ok()?;
        Some(answer.json::<StatusReport>().daemon.secret_store)
    };
    until_so("the second one has decided, too", async || store().await.is_some_and(|store| store.kind == "file")).await;
    let _keyring = stage.keyring().await;
    let is_refused = |store: &StoreStatus| {
        store.kind == "file" && store.reason.as_ref().is_some_and(|reason| reason.contains("is another daemon's: "))
    };
    until_so("one has it, and the other one says so", async || {
        let stores = [first.store().await, store().await.expect("an answer")];
        stores.iter().any(|store| store.kind == "keyring") && stores.iter().any(is_refused)
    })
    .await;
    second.kill().expect("it runs");
    second.wait().expect("an end");
}
