//! The service and the way to it as enemies: TLS that is wrong in every way, every fault of the simulator alone and in
//! pairs, a real proxy, a network that is cut in the middle of a call; and AWS's own host names, with the AWS CLI 2. Each test
//! prints its outcomes (`--nocapture`).
//!
//! Where a real part is missing, the test says that it was skipped, and with `SSOCTL_TEST_REQUIRE=1` fails instead.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "other programs tell nobody when they are ready")]

mod aws_cli;
mod bundles;
mod cut;
mod front;
#[path = "../daemon/harness/mod.rs"]
#[allow(dead_code, reason = "shared with tests that do more with a daemon")]
mod harness;
mod pairs;
mod proxies;
mod singles;
#[path = "../desktop/stage.rs"]
#[allow(dead_code, reason = "shared with tests that need more than a network")]
mod stage;
mod tls;
