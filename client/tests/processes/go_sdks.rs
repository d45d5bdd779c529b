//! The AWS SDK for Go 2, and rclone, which has the AWS SDK for Go 1, work with a role through `exec`, `exec --refreshable` and a
//! credential process.
//!
//! They need Debian's packages `golang-go`, `golang-github-aws-aws-sdk-go-v2-dev` and `rclone`.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use identity_center_simulator::Settings;

use super::exec::short_lived;
use super::sdks::assert_renewed;
use super::sts;
use test_support::Stage;
use test_support::speed::has_programs;

/// The directory of Debian's packages for the sources of libraries in Go.
const GOPATH: &str = "/usr/share/gocode";

/// The answer of S3 to ListBuckets.
const BUCKETS: &str = "<ListAllMyBucketsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Owner><ID>x</ID></Owner>\
    <Buckets><Bucket><Name>mine</Name><CreationDate>2024-01-01T00:00:00.000Z</CreationDate></Bucket></Buckets>\
    </ListAllMyBucketsResult>";

/// The application with the SDK for Go 2, built once for all tests.
fn go() -> Option<OsString> {
    static BUILT: std::sync::OnceLock<OsString> = std::sync::OnceLock::new();
    if !has_programs(&["go"]) {
        return None;
    }
    let built = BUILT.get_or_init(|| {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let program = directory.join("go-application");
        let status = Command::new("go")
            .args(["build", "-o"])
            .arg(&program)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/processes/sdks/go/main.go"))
            .env("GO111MODULE", "off")
            .env("GOPATH", GOPATH)
            .env("GOCACHE", directory.join("go-cache"))
            .status();
        assert!(status.expect("go runs").success(), "the application is not built");
        program.into()
    });
    Some(built.clone())
}

#[test]
fn the_sdk_for_go_2_takes_the_role_that_a_command_was_given() {
    let Some(go) = go() else { return };
    let stage = Stage::with_roles(Settings::default());
    let mut command = stage.ssoctl(["exec", "--profile", "dev", "--"]);
    command.arg(go);
    let key = stage.credentials_of_dev()["access_key_id"].clone();
    assert_eq!(stage.finish(command).exits(0).stdout.trim_end(), key);
}

#[test]
fn the_sdk_for_go_2_renews_through_the_endpoint_of_its_command() {
    let Some(go) = go() else { return };
    let stage = Stage::with_roles(short_lived());
    let mut command = stage.ssoctl(["exec", "--refreshable", "--profile", "dev", "--"]);
    command.arg(go).arg("renew");
    assert_renewed(&stage, &stage.finish(command).exits(0));
}

#[test]
fn the_sdk_for_go_2_renews_through_a_credential_process() {
    let Some(go) = go() else { return };
    let stage = Stage::with_roles(short_lived());
    let mut command = stage.tool(&go);
    command.arg("renew").env("AWS_PROFILE", "tool");
    assert_renewed(&stage, &stage.finish(command).exits(0));
}

#[test]
fn rclone_signs_with_the_role_in_all_three_ways() {
    if !has_programs(&["rclone"]) {
        return;
    }
    let stage = Stage::with_roles(Settings::default());
    for mode in [&["exec"][..], &["exec", "--refreshable"]] {
        let mut command = stage.ssoctl(mode.iter().chain(&["--profile", "dev", "--"]));
        command.arg("rclone");
        lists_with_our_key(&stage, command);
    }
    let mut command = stage.tool("rclone".as_ref());
    command.env("AWS_PROFILE", "tool").env("AWS_SDK_LOAD_CONFIG", "1");
    lists_with_our_key(&stage, command);
}

fn lists_with_our_key(stage: &Stage, mut rclone: Command) {
    let (url, requests) = sts::answering(BUCKETS);
    rclone.args(["lsd", ":s3:", "--s3-env-auth", "--s3-provider", "Other", "--s3-region", "eu-central-1"]);
    rclone.args(["--retries", "1", "--s3-endpoint"]).arg(url).arg("--config=").env("AWS_EC2_METADATA_DISABLED", "true");
    let outcome = stage.finish(rclone).exits(0);
    assert!(outcome.stdout.contains("mine"), "{outcome:?}");
    sts::is_signed_with_dev(&requests.recv().unwrap().0, stage);
}
