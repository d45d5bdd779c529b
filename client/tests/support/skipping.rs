//! Tests that need a real part which is not everywhere: a program, an SDK, a right.

use std::ffi::OsString;
use std::process::{Command, Stdio};

/// Says that a test is skipped, and why.
///
/// # Panics
/// With `SSOCTL_TEST_REQUIRE=1`, under which nothing may be skipped.
#[track_caller]
#[allow(clippy::print_stdout, reason = "a test that is skipped says so")]
pub(crate) fn skip(test: &str, why: &str) {
    let is_required = std::env::var_os("SSOCTL_TEST_REQUIRE").is_some_and(|value| value == "1");
    assert!(!is_required, "{test} cannot be skipped: {why}");
    println!("skipped: {test}: {why}");
}

/// The part that this variable names, or nothing after saying that the test is skipped.
#[track_caller]
pub(crate) fn named_by(variable: &str) -> Option<OsString> {
    let part = std::env::var_os(variable);
    if part.is_none() {
        skip(variable, "it names no part to try; .ci/run says how to get one");
    }
    part
}

/// A Python with botocore, or nothing after saying that the test is skipped.
#[track_caller]
pub(crate) fn python_with_botocore() -> Option<OsString> {
    python_with("botocore.session")
}

/// A Python with these modules, or nothing after saying that the test is skipped.
#[track_caller]
pub(crate) fn python_with(modules: &str) -> Option<OsString> {
    let python = std::env::var_os("SSOCTL_TEST_PYTHON").unwrap_or_else(|| "python3".into());
    let import = format!("import {modules}");
    let probe = Command::new(&python).args(["-c", &import]).stderr(Stdio::null()).status();
    if probe.is_ok_and(|status| status.success()) {
        return Some(python);
    }
    skip(modules, &format!("{python:?} has none; install it, or name a Python that has it in SSOCTL_TEST_PYTHON"));
    None
}
