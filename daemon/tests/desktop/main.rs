//! The desktop's real parts: notification servers on a screen nobody looks at, a machine's D-Bus, a network.
//!
//! Where a part is missing, the test says that it was skipped, and with `SSOCTL_TEST_REQUIRE=1` fails instead.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "other programs tell nobody when they are ready")]

mod browser;
mod network;
mod notices;
mod presence;
#[allow(dead_code, reason = "shared with tests of the network")]
mod stage;
