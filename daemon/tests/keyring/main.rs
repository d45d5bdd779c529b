//! The real `ssoctld` with a real keyring on a session bus of its own, and with everything that can be wrong with either.
//!
//! Where gnome-keyring or the bus is not installed, the tests say that they were skipped, and with `SSOCTL_TEST_REQUIRE=1`
//! fail instead.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "other programs tell nobody when they are ready")]

mod absent;
mod appearing;
mod daemon;
#[path = "../daemon/harness/mod.rs"]
#[allow(dead_code, reason = "shared with tests that do more with a daemon")]
mod harness;
mod keepassxc;
mod left_records;
mod locked;
mod moving;
mod shared;
mod stage;
mod storing;
