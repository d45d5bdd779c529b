//! botocore, and with it the AWS CLI version 1 and boto3, gets credentials and renews them.
//!
//! Needs a Python with botocore: `SSOCTL_TEST_PYTHON`, else `python3`.

use std::ffi::OsString;
use std::process::Command;

use identity_center_simulator::{Operation, Settings};
use serde_json::Value;

use super::exec::short_lived;
use super::sts;
use test_support::Stage;
use test_support::binaries::binaries;
use test_support::client::Outcome;
use test_support::speed::python_with_botocore;

const SCRIPT: &str = include_str!("sdks/botocore.py");

/// The answer of STS to AssumeRole.
const ASSUMED: &str = "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>\
    <AccessKeyId>ASIAASSUMED</AccessKeyId><SecretAccessKey>x</SecretAccessKey><SessionToken>y</SessionToken>\
    <Expiration>2099-11-23T10:16:00Z</Expiration></Credentials><AssumedRoleUser><AssumedRoleId>A:b</AssumedRoleId>\
    <Arn>arn:aws:sts::444455556666:assumed-role/Assumed/b</Arn></AssumedRoleUser></AssumeRoleResult>\
    </AssumeRoleResponse>";

#[test]
fn it_takes_the_role_that_a_command_was_given() {
    let Some(python) = python_with_botocore() else { return };
    let stage = Stage::with_roles(Settings::default());
    let seen = lines(&run(&stage, &python, &["--profile", "dev"], ["once", "-"]).exits(0));
    assert_eq!(seen[0]["method"], "env");
    assert_eq!(seen[0]["key"], stage.credentials_of_dev()["access_key_id"]);
    assert_eq!(seen[0]["account"], "111122223333");
}

#[test]
fn it_renews_through_the_endpoint_of_its_command() {
    let Some(python) = python_with_botocore() else { return };
    let stage = Stage::with_roles(short_lived());
    let seen = lines(&run(&stage, &python, &["--refreshable", "--profile", "dev"], ["renew", "-"]).exits(0));
    assert_eq!(seen.len(), 2, "{seen:?}");
    for one in &seen {
        assert_eq!((&one["method"], &one["account"]), (&"container-role".into(), &"111122223333".into()));
    }
    assert_ne!(seen[0]["key"], seen[1]["key"]);
}

#[test]
fn it_renews_through_a_credential_process() {
    let Some(python) = python_with_botocore() else { return };
    let stage = Stage::with_roles(short_lived());
    let seen = lines(&directly(&stage, &python, ["renew", "tool"]).exits(0));
    assert_eq!(seen.len(), 2, "{seen:?}");
    assert!(seen.iter().all(|one| one["method"] == "custom-process"), "{seen:?}");
    assert_ne!(seen[0]["key"], seen[1]["key"]);
}

#[test]
fn it_shows_what_to_do_without_a_sign_in() {
    let Some(python) = python_with_botocore() else { return };
    let stage = Stage::with_profiles(Settings::default());
    directly(&stage, &python, ["once", "tool"]).exits(1).says("run: ssoctl login corp");
    stage.sign_in("corp");
    // The sign-in ends between the start of the command and its first request.
    let shell =
        ["exec", "--refreshable", "--profile", "dev", "--", "sh", "-c", "\"$1\" logout && shift && exec \"$@\"", "sh"];
    let mut command = stage.ssoctl(shell);
    command.arg(&binaries().ssoctl);
    command.arg(&python).args(["-c", SCRIPT, "once", "-"]);
    stage.finish(command).exits(1).says("sign_in_required").says("run: ssoctl login corp");
}

#[test]
fn a_role_that_is_assumed_on_top_is_asked_for_with_our_credentials() {
    let Some(python) = python_with_botocore() else { return };
    let stage = Stage::with_roles(Settings::default());
    let (url, requests) = sts::answering(ASSUMED);
    let mut command = client(&stage, &python, ["once", "assumed"]);
    command.env("AWS_ENDPOINT_URL_STS", url);
    let seen = lines(&stage.finish(command).exits(0));
    assert_eq!((&seen[0]["method"], &seen[0]["key"]), (&"assume-role".into(), &"ASIAASSUMED".into()));
    let (head, body) = requests.recv().unwrap();
    sts::is_signed_with_dev(&head, &stage);
    assert!(body.contains("Action=AssumeRole") && body.contains("role%2FAssumed"), "{body}");
    assert_eq!(stage.identity_center.calls(Operation::GetRoleCredentials), 1);
}

/// botocore under `ssoctl exec`.
fn run(stage: &Stage, python: &OsString, exec: &[&str], task: [&str; 2]) -> Outcome {
    let mut command = stage.ssoctl(["exec"].iter().chain(exec).chain(&["--"]));
    command.arg(python).args(["-c", SCRIPT]).args(task).env("AWS_EC2_METADATA_DISABLED", "true");
    stage.finish(command)
}

/// botocore by itself, with the profiles of [`Stage::with_profiles`].
fn directly(stage: &Stage, python: &OsString, task: [&str; 2]) -> Outcome {
    stage.finish(client(stage, python, task))
}

fn client(stage: &Stage, python: &OsString, task: [&str; 2]) -> Command {
    let mut command = stage.tool(python);
    command.args(["-c", SCRIPT]).args(task);
    command
}

fn lines(outcome: &Outcome) -> Vec<Value> {
    outcome.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
