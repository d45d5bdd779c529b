//! The real `ssoctl doctor`: on a machine where all is well, and with one thing broken at a time.
#![allow(clippy::disallowed_methods, reason = "other programs tell nobody when they are ready")]

mod broken;
mod healthy;
mod report;
mod situations;
