//! Signing out.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use identity_center_simulator::{Fault, Operation, Settings, Times};
use rustix::process::Signal;
use serde_json::Value;

use test_support::service::{preauthorised, simulator};
use test_support::stage::CORP;
use test_support::{Stage, set_mode, until};

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
fn a_portal_that_is_down_is_a_warning_and_the_token_is_forgotten_nevertheless() {
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
    login.finish().exits(7).says("cancelled");
}

#[test]
fn forget_leaves_nothing_in_the_store_and_the_next_sign_in_registers_anew() {
    let stage = Stage::signed_in(Settings::default());
    stage.run(["logout"]).exits(0);
    assert_eq!(records(&stage).len(), 1, "the registration is kept");
    stage.run(["logout", "--forget"]).exits(0).says("was not signed in");
    assert_eq!(records(&stage), Vec::<PathBuf>::new());
    stage.sign_in("corp");
    assert_eq!(stage.identity_center.calls(Operation::RegisterClient), 2);
    stage.run(["logout", "--forget", "--all"]).exits(0).says("Signed out of corp, here and at the portal");
    assert_eq!(records(&stage), Vec::<PathBuf>::new());
}

/// The files of the store.
fn records(stage: &Stage) -> Vec<PathBuf> {
    files(&stage.state_directory().join("records"))
}

/// The token files of the AWS CLI and SDKs.
fn token_files(stage: &Stage) -> Vec<PathBuf> {
    files(&stage.home().join(".aws/sso/cache"))
}

fn files(directory: &std::path::Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    entries.map(|entry| entry.expect("an entry").path()).collect()
}

/// The records that belong to no session, as `status` tells.
fn left_records(stage: &Stage) -> Vec<Value> {
    let report = stage.run(["status", "--json"]).exits(0).json();
    report["daemon"]["left_records"].as_array().expect("a list").clone()
}

fn section(name: &str, start_url: &str, scopes: &str) -> String {
    format!(
        "[sso-session {name}]\nsso_start_url = {start_url}\nsso_region = eu-west-1\nsso_registration_scopes = {scopes}\n"
    )
}

const OLD: &str = "https://old.awsapps.com/start";

#[test]
fn records_of_changed_or_removed_sections_and_damaged_ones_are_shown_and_ended_with_the_rest() {
    let stage = Stage::bare(Settings::default());
    let scopes = "sso:account:access";
    let before = [section("gone", OLD, scopes), section("scoped", OLD, scopes), section("torn", OLD, scopes)].concat();
    stage.write(".aws/config", &format!("{CORP}{before}"));
    // The endpoints are the variables' of the daemon, which shares its tokens only where it is told to.
    let shared = |name: &str| format!("[session.{name}]\nsdk_cache = \"on\"\n");
    stage.write_own_config(&["corp", "gone", "scoped", "torn"].map(shared).concat());
    stage.start_daemon();
    for session in ["corp", "gone", "scoped", "torn"] {
        stage.sign_in(session);
    }
    until("all is written", || (records(&stage).len() == 4 && token_files(&stage).len() == 4).then_some(()));
    stage.end_daemon(Signal::TERM);
    let foreign = stage.home().join(".aws/sso/cache/another.json");
    fs::write(&foreign, r#"{"accessToken": "of another program", "expiresAt": "2026-01-01T00:00:00Z"}"#).unwrap();
    let torn = records(&stage).into_iter().find(|record| fs::read_to_string(record).unwrap().contains("\"torn\""));
    let torn = torn.expect("a record");
    fs::write(&torn, "{\"version\":2,").unwrap();

    // Their sections change while no daemon runs that could remove the files.
    let after = [section("scoped", OLD, "sso:account:access, codewhisperer:completions"), section("torn", OLD, scopes)];
    stage.write(".aws/config", &format!("{CORP}{}", after.concat()));
    stage.write_own_config(&["corp", "scoped", "torn"].map(shared).concat());
    stage.start_daemon();
    let left = until("what is left is known", || Some(left_records(&stage)).filter(|left| left.len() == 3));
    let names: Vec<&str> = left.iter().filter_map(|record| record["name"].as_str()).collect();
    assert!(names.len() == 2 && names.contains(&"gone") && names.contains(&"scoped"), "{left:?}");
    let damaged = left.iter().find(|record| record["name"].is_null()).expect("the damaged one");
    assert!(
        damaged["key"].as_str().unwrap().ends_with(".damaged") && damaged["error"] == "the stored record is damaged"
    );
    let known = left.iter().find(|record| record["name"] == "gone").expect("the removed one");
    assert_eq!((&known["start_url"], &known["issuer"]), (&OLD.into(), &stage.identity_center.url().into()));
    let shown = stage.run(["status"]).exits(0).stdout;
    assert!(
        shown.contains(&format!("the secret store has gone at {OLD}")) && shown.contains("ssoctl logout --all"),
        "{shown}"
    );
    let doctor = stage.run(["doctor"]).stdout;
    assert!(doctor.contains(&format!("the secret store has gone at {OLD}")), "{doctor}");

    let out = stage.run(["logout", "--all", "--forget"]).exits(0);
    assert!(out.stderr.contains(&format!("Signed out of gone at {OLD}")), "{out:?}");
    assert!(out.stderr.contains("Signed out of corp, here and at the portal."), "{out:?}");
    assert!(out.stderr.contains("the portal could not be told: the stored record is damaged"), "{out:?}");
    assert_eq!(stage.identity_center.calls(Operation::Logout), 3, "all tokens but the one that nobody can read");
    assert_eq!((records(&stage), left_records(&stage).len()), (Vec::new(), 0));
    assert_eq!(token_files(&stage), [foreign]);
}

#[test]
fn tokens_of_another_issuer_are_ended_there_and_nowhere_else() {
    let stage = Stage::signed_in(Settings::default());
    stage.end_daemon(Signal::TERM);
    let other = simulator(preauthorised());
    stage.start_daemon_at(&other.url());
    stage.run(["login", "--no-browser", "corp"]).exits(0);
    let left = until("what is left is known", || Some(left_records(&stage)).filter(|left| left.len() == 1));
    assert_eq!(left[0]["issuer"], stage.identity_center.url().as_str());
    let said =
        format!("Signed out of corp at https://corp.awsapps.com/start (issued by {})", stage.identity_center.url());
    stage.run(["logout", "--all"]).exits(0).says(&said);
    for simulator in [&stage.identity_center, &other] {
        assert_eq!(simulator.calls(Operation::Logout), 1);
        assert_eq!(simulator.violations(), Vec::<String>::new());
    }
    assert_eq!(records(&stage).len(), 1, "the registration of the one that is configured");
}

#[test]
fn a_portal_that_is_gone_is_reported_and_its_record_is_removed_nevertheless() {
    let stage = Stage::signed_in(Settings::default());
    stage.write(".aws/config", "");
    stage.identity_center.inject(Operation::Logout, Fault::Status { status: 503 }, Times::UntilCleared);
    until("the section is gone", || {
        stage.run(["status", "--json"]).json()["sessions"].as_array().is_some_and(Vec::is_empty).then_some(())
    });
    let out = stage.run(["logout", "--all"]).exits(0);
    assert!(out.stderr.contains("Removed corp at") && out.stderr.contains("the portal could not be told"), "{out:?}");
    assert_eq!(records(&stage), Vec::<PathBuf>::new());
}

#[test]
fn a_store_that_cannot_be_looked_through_is_an_error_and_nothing_is_claimed() {
    let stage = Stage::signed_in(Settings::default());
    stage.write(".aws/config", "");
    until("what is left is known", || (left_records(&stage).len() == 1).then_some(()));
    let directory = stage.state_directory().join("records");
    set_mode(&directory, 0o755);
    let out = stage.run(["logout", "--all"]).exits(1);
    assert!(
        out.stderr.contains("not everything is ended: records of other sessions may still be in the store"),
        "{out:?}"
    );
    assert!(out.stderr.contains("chmod 700") && !out.stderr.contains("Signed out of corp at"), "{out:?}");
    assert_eq!(records(&stage).len(), 1);
    set_mode(&directory, 0o700);
    stage.run(["logout", "--all"]).exits(0).says("Signed out of corp at");
}

#[test]
fn a_record_that_cannot_be_read_is_shown_and_keeps_no_other_from_its_end() {
    let stage = Stage::signed_in(Settings::default());
    // Names that come before and after every other in the store.
    let planted = |name: &str| stage.state_directory().join("records").join(name);
    symlink("/etc/passwd", planted("0.json")).unwrap();
    fs::File::create(planted("00.json")).and_then(|file| file.set_len(2 << 20)).unwrap();
    set_mode(planted("00.json"), 0o600);
    fs::write(planted("zz.json"), "{}").unwrap();
    set_mode(planted("zz.json"), 0o644);
    stage.write(".aws/config", "");
    let left = until("what is left is known", || Some(left_records(&stage)).filter(|left| left.len() == 4));
    let errors: Vec<&str> = left.iter().filter_map(|record| record["error"].as_str()).collect();
    assert!(
        errors.len() == 3
            && errors[0].contains("0.json: it is not a regular file; move it away")
            && errors[1].contains("00.json: it is longer than 1048576 bytes; move it away")
            && errors[2].contains("others have access to"),
        "{left:?}"
    );

    let out = stage.run(["logout", "--all"]).exits(1);
    assert!(out.stderr.contains("Signed out of corp at"), "{out:?}");
    for key in ["0", "00", "zz"] {
        assert!(out.stderr.contains(&format!("the record {key} is left: ")), "{key}: {out:?}");
    }
    assert_eq!(stage.identity_center.calls(Operation::Logout), 1);
    let mut left = records(&stage);
    left.sort();
    assert_eq!(left, ["0.json", "00.json", "zz.json"].map(planted));
    fs::remove_file(planted("0.json")).unwrap();
    fs::remove_file(planted("00.json")).unwrap();
    set_mode(planted("zz.json"), 0o600);
    stage.run(["logout", "--all"]).exits(0);
    assert_eq!(records(&stage), Vec::<PathBuf>::new());
}
