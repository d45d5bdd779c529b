//! Decides which tests run. An ordinary run is quick and needs Rust and nothing else; with `SSOCTL_TEST=all`, tests that need other
//! programs, the superuser or a long time run too, and a missing part fails its test.

use std::ffi::OsString;
use std::fmt::Debug;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::str::FromStr;
use std::sync::Once;
use std::time::SystemTime;

use crate::part::is_there;

/// Whether all tests run, and not the quick ones alone.
pub fn runs_all() -> bool {
    is_all("SSOCTL_TEST")
}

/// Whether a test that takes long runs.
#[must_use]
pub fn has_time() -> bool {
    runs_if("time", || true)
}

/// Whether this variable asks for all there is.
pub fn is_all(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|which| which == "all")
}

/// Whether a test that needs these programs runs.
///
/// # Panics
/// If all tests run and a program is missing.
#[track_caller]
#[must_use]
pub fn has_programs(programs: &[&str]) -> bool {
    let missing: Vec<_> = programs.iter().filter(|program| !is_there(program)).collect();
    runs_if(&format!("{programs:?}"), || missing.is_empty())
}

/// Whether a test that needs the superuser runs.
///
/// # Panics
/// If all tests run, and not as the superuser.
#[track_caller]
#[must_use]
pub fn has_superuser() -> bool {
    runs_if("the superuser", || rustix::process::geteuid().is_root())
}

/// The value of a variable that names a real part, if a test that needs the part runs.
///
/// # Panics
/// If all tests run and the variable is not set.
#[track_caller]
pub fn named_by(variable: &str) -> Option<OsString> {
    let part = std::env::var_os(variable);
    runs_if(&format!("{variable}, which .ci/run sets,"), || part.is_some()).then_some(part).flatten()
}

/// A Python with these modules, if a test that needs it runs. `SSOCTL_TEST_PYTHON` names another one than `python3`.
///
/// # Panics
/// If all tests run and a module is missing.
#[track_caller]
pub fn python_with(modules: &str) -> Option<OsString> {
    let python = std::env::var_os("SSOCTL_TEST_PYTHON").unwrap_or_else(|| "python3".into());
    let has_modules = || {
        let probe = Command::new(&python).args(["-c", &format!("import {modules}")]).stderr(Stdio::null()).status();
        probe.is_ok_and(|status| status.success())
    };
    runs_if(&format!("a Python (SSOCTL_TEST_PYTHON) with {modules}"), has_modules).then_some(python)
}

/// A Python with botocore; see [`python_with`].
#[track_caller]
pub fn python_with_botocore() -> Option<OsString> {
    python_with("botocore.session")
}

/// The number that this variable names; else the first one in a quick run, and the second one where all tests run.
pub fn number<N: FromStr<Err: Debug>>(variable: &str, quick: N, all: N) -> N {
    match std::env::var(variable) {
        Ok(number) => number.parse().unwrap_or_else(|error| panic!("{variable} is no number: {error:?}")),
        Err(_) if runs_all() => all,
        Err(_) => quick,
    }
}

/// The seed of a test's chance, which is printed: what `SSOCTL_TEST_SEED` says; else the same in each quick run, and another one
/// each time where all tests run.
#[allow(clippy::print_stdout, reason = "a failure can be had again with it")]
pub fn seed() -> u64 {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    let seed = number("SSOCTL_TEST_SEED", 1, now.as_secs() ^ u64::from(now.subsec_nanos()));
    println!("SSOCTL_TEST_SEED={seed}");
    seed
}

/// Whether a test that needs this runs. One that does not run says so.
#[track_caller]
#[allow(clippy::print_stdout, reason = "a test that is skipped says so")]
fn runs_if(needed: &str, is_there: impl FnOnce() -> bool) -> bool {
    if runs_all() {
        assert!(is_there(), "{needed} is missing");
        return true;
    }
    println!("skipped: it needs {needed} and runs with SSOCTL_TEST=all");
    static SAID: Once = Once::new();
    // Not by `println`, whose text is shown of tests that fail alone.
    SAID.call_once(|| {
        let note = "note: tests with real programs are skipped here; SSOCTL_TEST=all runs them (.ci/run installs the programs)";
        let _ = writeln!(std::io::stderr(), "{note}");
    });
    false
}
