//! The real `ssoctl doctor`: on a machine where all is well, and with one thing broken at a time.
#![allow(clippy::disallowed_methods, reason = "other programs tell nobody when they are ready")]

#[path = "../../../client/tests/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "shared with the client's tests; each uses its part")]
mod support;

mod broken;
mod healthy;
mod report;
mod situations;
