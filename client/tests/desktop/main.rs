//! The real desktop: a notification server that draws on a screen nobody looks at, and Chromium.
//!
//! Where a part is missing, the test says that it was skipped, and with `SSOCTL_TEST_REQUIRE=1` fails instead.
#![cfg(target_os = "linux")]

#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "shared with the other tests and the examples; each uses its part")]
mod support;

mod chromium;
mod notice;
mod page;
mod scene;
#[allow(dead_code, reason = "shared with the screenshot")]
mod screen;
mod web_driver;

use support::part::is_there;
use support::skipping::skip;

/// Whether all parts of a test are there. Says so if they are not.
fn has(parts: &[&str]) -> bool {
    let missing: Vec<_> = parts.iter().filter(|part| !is_there(part)).collect();
    if !missing.is_empty() {
        skip("a test of the desktop", &format!("{missing:?} missing"));
    }
    missing.is_empty()
}
