//! Asks a Python what botocore reads.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use test_support::part::{ask_python, path};

/// The answers of a script to questions, both as JSON. The script has an empty environment.
pub(crate) fn ask(python: &OsStr, script: &str, home: &Path, questions: &Value) -> Value {
    let mut python = Command::new(python);
    python.env_clear().env("HOME", home).env("PATH", path()).env("AWS_EC2_METADATA_DISABLED", "true");
    ask_python(&mut python, script, questions)
}
