//! A real `systemd --user` runs the daemon from the units in `systemd/`.
//!
//! Takes the superuser, who makes an ordinary user's surroundings out of nothing, and Debian's packages `systemd` and
//! `util-linux`; one test needs a desktop's parts beside. Where they are missing, a test says that it was skipped, and with
//! `SSOCTL_TEST_REQUIRE=1` fails instead.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "other programs tell nobody when they are ready")]

mod activation;
mod desktop;
#[path = "../parts/mod.rs"]
#[allow(dead_code, unused_imports, reason = "shared with other tests")]
mod parts;
mod service;
mod stage;
