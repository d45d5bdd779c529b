//! Asks a Python what botocore reads.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// The answers of a script to questions, both as JSON. The script has an empty environment.
pub(crate) fn ask(python: &OsStr, script: &str, home: &Path, questions: &Value) -> Value {
    let mut oracle = Command::new(python)
        .args(["-c", script])
        .env_clear()
        .env("HOME", home)
        .env("PATH", test_support::part::path())
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a running Python");
    let mut stdin = oracle.stdin.take().expect("its standard input");
    stdin.write_all(questions.to_string().as_bytes()).expect("written questions");
    drop(stdin);
    let output = oracle.wait_with_output().expect("its answer");
    assert!(output.status.success(), "the oracle failed");
    serde_json::from_slice(&output.stdout).expect("JSON")
}
