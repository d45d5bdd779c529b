//! A record that no session has any more is found in the keyring, and ended.

use std::fs;
use std::sync::atomic::Ordering;

use identity_center_simulator::Operation;
use ssoctl_protocol::body::{LeftRecord, LogoutAll, PortalSession};

use crate::harness::{Process, session};
use crate::keyring::stage::Stage;
use test_support::waiting::until_so;

/// A daemon from whose configuration the session that is signed in was removed.
async fn with_a_record_of_no_session(stage: &Stage) -> Process {
    let daemon = stage.signed_in("keyring").await;
    let other = session("other", "https://other.awsapps.com/start");
    fs::write(stage.home().join("config.toml"), format!("secret_store = \"keyring\"\n{other}")).unwrap();
    until_so("the record is known", async || left_records(&daemon).await.len() == 1).await;
    daemon
}

async fn left_records(daemon: &Process) -> Vec<LeftRecord> {
    daemon.report().await.daemon.left_records
}

#[tokio::test]
async fn a_record_of_no_session_is_listed_and_ended_at_the_portal() {
    let Some((stage, _keyring)) = Stage::with_keyring().await else { return };
    let daemon = with_a_record_of_no_session(&stage).await;
    let [record] = &left_records(&daemon).await[..] else { panic!("one record") };
    assert_eq!((record.name.as_deref(), &record.error), (Some("corp"), &None));
    let all: LogoutAll = daemon.request("POST /v1/logout").await.json();
    let [ended] = &all.records[..] else { panic!("one record: {all:?}") };
    assert_eq!((ended.portal, &ended.record), (PortalSession::Ended, record));
    assert_eq!((all.problems, stage.simulator.calls(Operation::Logout)), (vec![], 1));
    assert_eq!((stage.labels().await, left_records(&daemon).await), (vec![], vec![]));
}

#[tokio::test]
async fn while_the_keyring_is_locked_nothing_is_claimed_and_the_person_is_not_asked() {
    let Some((stage, _keyring)) = Stage::with_keyring().await else { return };
    let prompts = stage.prompter().await;
    let daemon = with_a_record_of_no_session(&stage).await;
    stage.lock().await;
    let all: LogoutAll = daemon.request("POST /v1/logout").await.json();
    let [problem] = &all.problems[..] else { panic!("one problem: {all:?}") };
    assert!(problem.contains("may still be in the store") && problem.contains("locked; unlock it"), "{problem}");
    assert_eq!((all.records, stage.simulator.calls(Operation::Logout)), (vec![], 0));
    assert_eq!((stage.labels().await.len(), prompts.load(Ordering::Relaxed)), (1, 0));
    stage.unlock().await;
    let all: LogoutAll = daemon.request("POST /v1/logout").await.json();
    assert_eq!((all.records.len(), all.problems), (1, vec![]));
    assert_eq!((stage.labels().await, stage.simulator.calls(Operation::Logout)), (vec![], 1));
}
