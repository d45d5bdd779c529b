//! The AWS CLI works with a role that it was given, or gets through a credential process.
//!
//! Needs the AWS CLI, of either version: `SSOCTL_TEST_AWS_CLI`. `.ci/run` installs version 1, which a registry has. Without it
//! these tests are skipped and say so, and with `SSOCTL_TEST_REQUIRE=1` they fail instead.

use std::process::Command;

use identity_center_simulator::Settings;

use super::exec::signed_in;
use super::sdks::with_credential_process;
use super::sts;
use crate::support::Stage;
use crate::support::skipping::named_by;

/// What STS says to GetCallerIdentity.
const CALLER: &str = "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
    <GetCallerIdentityResult><Arn>arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_x/me</Arn><UserId>A:me</UserId>\
    <Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";

#[test]
fn it_works_with_the_variables_and_with_the_endpoint_of_exec() {
    let Some(aws) = named_by("SSOCTL_TEST_AWS_CLI") else { return };
    for mode in [&["exec"][..], &["exec", "--refreshable"]] {
        let stage = signed_in(Settings::default());
        let mut command = stage.ssoctl(mode.iter().chain(&["--profile", "dev", "--"]));
        command.arg(&aws);
        is_whom_it_should_be(&stage, command);
    }
}

#[test]
fn it_works_with_a_credential_process() {
    let Some(aws) = named_by("SSOCTL_TEST_AWS_CLI") else { return };
    let stage = with_credential_process(Settings::default());
    stage.sign_in("corp");
    let mut command = stage.tool(&aws);
    command.args(["--profile", "tool"]);
    is_whom_it_should_be(&stage, command);
}

/// The AWS CLI asks who it is, and signs that with the credentials of the profile `dev`.
fn is_whom_it_should_be(stage: &Stage, mut aws: Command) {
    let (url, requests) = sts::answering(CALLER);
    aws.args(["sts", "get-caller-identity", "--query", "Account", "--output", "text"]);
    aws.env("AWS_ENDPOINT_URL_STS", url).env("AWS_EC2_METADATA_DISABLED", "true");
    assert_eq!(stage.finish(aws).exits(0).stdout, "111122223333\n");
    let (head, _) = requests.recv().unwrap();
    let credentials = stage.request("GET", "/v1/credentials?profile=dev").1;
    let key = credentials["access_key_id"].as_str().unwrap();
    assert!(head.contains(&format!("Credential={key}/")), "another key signs it");
    assert!(head.contains(credentials["session_token"].as_str().unwrap()), "the session token goes with it");
}
