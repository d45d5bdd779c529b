//! `ssoctl console`.

use std::fs;

use serde_json::{Value, json};

use crate::canned::{Canned, assert_fails, ok, problem, ssoctl, stderr, stdout};
use crate::executable;
use crate::waiting::until;

const LINK: &str = "https://corp.awsapps.com/start/#/console?account_id=111122223333&role_name=Admin";

fn assignment(browser: Option<&str>) -> Value {
    json!({
        "session": "corp", "start_url": "https://corp.awsapps.com/start#/", "sso_region": "eu-west-1",
        "account": "111122223333", "role": "Admin", "region": null, "browser": browser,
    })
}

#[test]
fn the_link_can_be_printed_and_one_question_is_enough_for_it() {
    let canned = Canned::answers([ok(&assignment(None))]);
    let output = canned.run(&["console", "--profile", "dev", "--url-only"]);
    assert_eq!((stdout(&output), stderr(&output)), (format!("{LINK}\n").as_str(), ""));
    assert_eq!(canned.requests(), ["GET /v1/assignment?profile=dev HTTP/1.1"]);

    let destination = "https://console.aws.amazon.com/s3?region=x";
    let output = Canned::answers([ok(&assignment(None))]).run(&["console", "--url-only", "--destination", destination]);
    let encoded = "https%3A%2F%2Fconsole.aws.amazon.com%2Fs3%3Fregion%3Dx";
    assert_eq!(stdout(&output), format!("{LINK}&destination={encoded}\n"));
}

#[test]
fn the_link_is_opened_with_the_sessions_own_browser() {
    let directory = tempfile::tempdir().unwrap();
    let (browser, record) = (directory.path().join("browser"), directory.path().join("record"));
    let script = format!("#!/bin/sh\necho \"$*\" > {0}.new; mv {0}.new {0}\n", record.display());
    executable::script(&browser, &script);
    let configured = format!("{} -P work {{url}}", browser.display());

    let canned = Canned::answers([ok(&assignment(Some(&configured)))]);
    let mut command = ssoctl(&canned.socket(), &["console"]);
    let output = command.env("DISPLAY", ":0").env("PATH", "/usr/bin:/bin").env("BROWSER", "false").output().unwrap();
    assert_eq!((output.status.code(), stdout(&output), stderr(&output)), (Some(0), "", ""));
    let opened = until("the page is opened", || fs::read_to_string(&record).ok());
    assert_eq!(opened, format!("-P work {LINK}\n"));
}

#[test]
fn where_no_browser_can_be_opened_the_link_is_in_the_message() {
    let output = Canned::answers([ok(&assignment(None))]).run(&["console"]);
    if cfg!(target_os = "linux") {
        assert_fails(&output, 1, LINK);
        assert!(stderr(&output).contains("there is no display"), "{}", stderr(&output));
    }
    let output = Canned::answers([problem("assignment_unnamed", 409, &json!({}))]).run(&["console"]);
    assert_fails(&output, 2, "--account and --role");
}
