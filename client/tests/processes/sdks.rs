//! The AWS SDKs for JavaScript and Rust get credentials through the endpoint of their command and through a credential process,
//! and renew there.
//!
//! They need a directory with the AWS SDK for JavaScript (`SSOCTL_TEST_NODE`), and the built `daemon/tests/sdk/rust`
//! (`SSOCTL_TEST_RUST_SDK`). `.ci/run` installs them.

use std::ffi::OsString;
use std::process::Command;

use identity_center_simulator::{Operation, Settings};

use super::exec::short_lived;
use test_support::Stage;
use test_support::binaries::binaries;
use test_support::client::Outcome;
use test_support::speed::named_by;

const JAVASCRIPT: &str = include_str!("sdks/javascript.cjs");

/// An application with an SDK: the words of its command.
type Application = Vec<OsString>;

fn javascript() -> Option<Application> {
    named_by("SSOCTL_TEST_NODE").map(|_| vec!["node".into(), "-e".into(), JAVASCRIPT.into()])
}

fn rust() -> Option<Application> {
    named_by("SSOCTL_TEST_RUST_SDK").map(|program| vec![program, "renew".into()])
}

#[test]
fn the_sdk_for_javascript_renews_through_the_endpoint_of_its_command() {
    let Some(application) = javascript() else { return };
    renews_at_the_endpoint(&application);
}

#[test]
fn the_sdk_for_rust_renews_through_the_endpoint_of_its_command() {
    let Some(application) = rust() else { return };
    renews_at_the_endpoint(&application);
}

#[test]
fn the_sdk_for_javascript_renews_through_a_credential_process() {
    let Some(application) = javascript() else { return };
    renews_with_a_process(&application);
}

#[test]
fn the_sdk_for_rust_renews_through_a_credential_process() {
    let Some(application) = rust() else { return };
    renews_with_a_process(&application);
}

#[test]
fn the_sdk_for_javascript_shows_what_to_do_when_the_session_ends() {
    let Some(application) = javascript() else { return };
    let stage = Stage::with_roles(Settings::default());
    // The sign-in ends between the start of the command and its first request.
    let script = "\"$1\" logout && shift && exec \"$@\"";
    let mut command = stage.ssoctl(["exec", "--refreshable", "--profile", "dev", "--", "sh", "-c", script, "sh"]);
    command.arg(&binaries().ssoctl).args(&application).arg("endpoint");
    prepare(&mut command);
    stage.finish(command).exits(1).says("run: ssoctl login corp");
}

fn renews_at_the_endpoint(application: &Application) {
    let stage = Stage::with_roles(short_lived());
    let mut command = stage.ssoctl(["exec", "--refreshable", "--profile", "dev", "--"]);
    command.args(application);
    prepare(&mut command);
    assert_renewed(&stage, &stage.finish(command).exits(0));
}

fn renews_with_a_process(application: &Application) {
    let stage = Stage::with_roles(short_lived());
    let mut command = stage.tool(&application[0]);
    command.args(&application[1..]).env("AWS_PROFILE", "tool");
    prepare(&mut command);
    assert_renewed(&stage, &stage.finish(command).exits(0));
}

fn prepare(command: &mut Command) {
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    command.env("SSOCTL_TEST_NODE", std::env::var_os("SSOCTL_TEST_NODE").unwrap_or_default());
}

/// Two keys were printed, and both were issued here.
#[track_caller]
pub(crate) fn assert_renewed(stage: &Stage, outcome: &Outcome) {
    let keys: Vec<&str> = outcome.stdout.lines().collect();
    assert!(keys.len() == 2 && keys[0] != keys[1], "{outcome:?}");
    assert!(keys.iter().all(|key| key.starts_with("ASIA")), "{keys:?}");
    assert!(stage.identity_center.calls(Operation::GetRoleCredentials) >= 2);
}
