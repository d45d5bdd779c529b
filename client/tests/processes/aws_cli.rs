//! The AWS CLI works with a role that it was given, or gets through a credential process.
//!
//! Needs the AWS CLI of both versions: `SSOCTL_TEST_AWS_CLI` names version 1, which `.ci/run` takes from a registry, and version 2
//! is Debian's package `awscli`.

use std::ffi::OsString;
use std::process::Command;

use identity_center_simulator::Settings;
use serde_json::Value;

use super::sts;
use test_support::Stage;
use test_support::speed::{has_programs, named_by};

/// The answer of STS to GetCallerIdentity.
const CALLER: &str = "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
    <GetCallerIdentityResult><Arn>arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_x/me</Arn><UserId>A:me</UserId>\
    <Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";

/// The path of version 2 in Debian's package.
const DEBIAN: &str = "/usr/bin/aws";

/// Both, where tests with them run.
fn versions() -> Vec<OsString> {
    let second = has_programs(&[DEBIAN]).then(|| DEBIAN.into());
    named_by("SSOCTL_TEST_AWS_CLI").into_iter().chain(second).collect()
}

#[test]
fn it_works_with_the_variables_and_with_the_endpoint_of_exec() {
    for aws in versions() {
        for mode in [&["exec"][..], &["exec", "--refreshable"]] {
            let stage = Stage::with_roles(Settings::default());
            let mut command = stage.ssoctl(mode.iter().chain(&["--profile", "dev", "--"]));
            command.arg(&aws);
            is_whom_it_should_be(&stage, command);
        }
    }
}

#[test]
fn it_works_with_a_credential_process() {
    for aws in versions() {
        let stage = Stage::with_roles(Settings::default());
        let mut command = stage.tool(&aws);
        command.args(["--profile", "tool"]);
        is_whom_it_should_be(&stage, command);
    }
}

#[test]
fn version_2_exports_the_credentials_of_a_credential_process_and_of_an_endpoint() {
    let Some(aws) = versions().into_iter().find(|aws| aws == DEBIAN) else { return };
    let stage = Stage::with_roles(Settings::default());
    let mut process = stage.tool(&aws);
    process.args(["--profile", "tool"]);
    let mut endpoint = stage.ssoctl(["exec", "--refreshable", "--profile", "dev", "--"]);
    endpoint.arg(&aws).env("AWS_EC2_METADATA_DISABLED", "true");
    for mut command in [process, endpoint] {
        command.args(["configure", "export-credentials"]);
        let exported: Value = serde_json::from_str(&stage.finish(command).exits(0).stdout).unwrap();
        let ours = stage.credentials_of_dev();
        assert_eq!(exported["AccessKeyId"], ours["access_key_id"]);
        assert_eq!(exported["SessionToken"], ours["session_token"]);
    }
}

/// The AWS CLI asks who it is, and signs that with the credentials of the profile `dev`.
fn is_whom_it_should_be(stage: &Stage, mut aws: Command) {
    let (url, requests) = sts::answering(CALLER);
    aws.args(["sts", "get-caller-identity", "--query", "Account", "--output", "text", "--endpoint-url"]).arg(url);
    aws.env("AWS_EC2_METADATA_DISABLED", "true");
    assert_eq!(stage.finish(aws).exits(0).stdout, "111122223333\n");
    sts::is_signed_with_dev(&requests.recv().unwrap().0, stage);
}
