//! A Python with certain modules, for tests that compare with them.

use std::ffi::OsString;
use std::process::{Command, Stdio};

/// The Python to ask, if it has botocore.
#[allow(dead_code, reason = "some tests compare with other modules")]
pub(crate) fn with_botocore() -> Option<OsString> {
    with("botocore.session")
}

/// The Python to ask, if it has these modules; nothing after saying that the comparison is skipped.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
pub(crate) fn with(modules: &str) -> Option<OsString> {
    let python = std::env::var_os("SSOCTL_TEST_PYTHON").unwrap_or_else(|| "python3".into());
    let found = Command::new(&python)
        .args(["-c", &format!("import {modules}")])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if found {
        return Some(python);
    }
    assert!(
        std::env::var_os("SSOCTL_TEST_REQUIRE").is_none_or(|required| required != "1"),
        "{python:?} has no {modules}; install it, or name a Python that has it in SSOCTL_TEST_PYTHON"
    );
    eprintln!("skipped: {python:?} has no {modules} to compare with");
    None
}
