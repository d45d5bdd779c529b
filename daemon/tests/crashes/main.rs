//! The real `ssoctld` is killed at each point of a token's way into the store and at random, and meets disks that are full,
//! read-only or damaged.
//!
//! What a caller was given has to be there after each start. A kill between the service's answer and the store may cost a
//! registration or a sign-in; how often it did is printed (`--nocapture`). Chance comes from a seed, which is printed too; set
//! `SSOCTL_TEST_SEED` to have it again. Tests that need more than a file system are skipped where that is missing, and with
//! `SSOCTL_TEST_REQUIRE=1` fail instead.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "other programs tell nobody when they are ready")]

mod disk;
#[path = "../daemon/harness/http.rs"]
#[allow(dead_code, reason = "shared with tests that look at more of an answer")]
mod http;
mod ledger;
mod points;
mod random;
mod scene;
#[path = "../keyring/stage.rs"]
#[allow(dead_code, reason = "shared with tests that lock and unlock the keyring")]
mod stage;
