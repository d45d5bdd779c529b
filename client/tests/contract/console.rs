//! `ssoctl console`.

use std::process::Command;

use serde_json::{Value, json};

use test_support::canned::{Canned, assert_fails, ok, problem, stderr, stdout};
use test_support::executable;

const LINK: &str = "https://corp.awsapps.com/start/#/console?account_id=111122223333&role_name=Admin";

fn assignment() -> Value {
    json!({
        "session": "corp", "start_url": "https://corp.awsapps.com/start#/", "sso_region": "eu-west-1",
        "account": "111122223333", "role": "Admin", "region": null,
        // Whatever an answer says besides is nothing that is executed.
        "browser": "touch /tmp/ssoctl-was-here {url}",
    })
}

#[test]
fn the_link_can_be_printed_and_one_question_is_enough_for_it() {
    let canned = Canned::answers([ok(&assignment())]);
    let output = canned.run(&["console", "--profile", "dev", "--url-only"]);
    assert_eq!((stdout(&output), stderr(&output)), (format!("{LINK}\n").as_str(), ""));
    assert_eq!(canned.requests(), ["GET /v1/assignment?profile=dev HTTP/1.1"]);

    let destination = "https://console.aws.amazon.com/s3?region=x";
    let output = Canned::answers([ok(&assignment())]).run(&["console", "--url-only", "--destination", destination]);
    let encoded = "https%3A%2F%2Fconsole.aws.amazon.com%2Fs3%3Fregion%3Dx";
    assert_eq!(stdout(&output), format!("{LINK}&destination={encoded}\n"));
    let service = ["console", "--url-only", "--service", "dynamodb", "--region", "eu-west-1"];
    let output = Canned::answers([ok(&assignment())]).run(&service);
    let encoded = "https%3A%2F%2Feu-west-1.console.aws.amazon.com%2Fdynamodbv2%2Fhome%3Fregion%3Deu-west-1";
    assert_eq!(stdout(&output), format!("{LINK}&destination={encoded}\n"));
    let output = Canned::answers([ok(&assignment())]).run(&["console", "--url-only", "--service", "s3/../x"]);
    assert_eq!((output.status.code(), stdout(&output)), (Some(2), ""));
    let output = Canned::answers([ok(&assignment())]).run(&["console", "--url-only", "--destination", "s3"]);
    assert_eq!((output.status.code(), stdout(&output)), (Some(2), ""));
    assert!(stderr(&output).contains("begins with https://"), "{}", stderr(&output));
}

#[test]
fn the_link_is_printed_if_no_program_opens_pages() {
    let canned = Canned::answers([ok(&assignment())]);
    // Without an ssoctld, only the link is given.
    let place = tempfile::tempdir().unwrap();
    executable::copy(env!("CARGO_BIN_EXE_ssoctl"), &place.path().join("ssoctl"));
    let mut command = Command::new(place.path().join("ssoctl"));
    command.env_clear().env("SSOCTL_SOCKET", canned.socket()).env("DISPLAY", ":0").env("BROWSER", "touch was-here");
    let output = command.arg("console").current_dir(place.path()).output().unwrap();
    assert_eq!((stdout(&output), stderr(&output)), (format!("{LINK}\n").as_str(), ""));
    assert!(!place.path().join("was-here").exists());
    let output = Canned::answers([problem("assignment_unnamed", 409, &json!({}))]).run(&["console"]);
    assert_fails(&output, 2, "--account and --role");
}
