//! The real `ssoctl` and the real `ssoctld` against a simulated Identity Center: what a person and a script meet.

#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "shared with the demonstration; each uses its part")]
mod support;

mod aws_cli;
mod bad_service;
mod botocore;
mod callers;
mod choice;
mod configure;
mod credentials;
mod exec;
mod first_use;
mod foreign_text;
mod go_sdks;
mod herd;
mod identities;
mod import;
mod inheritance;
mod interrupted;
mod issuers;
#[cfg(target_os = "linux")]
mod memory;
mod other_home;
mod output;
mod pages;
mod peers;
mod plain_http;
mod remedies;
mod renewal;
mod repeating_service;
mod sdks;
mod secrecy;
mod sign_in;
mod sign_out;
mod starting;
mod stopping;
mod sts;
mod survival;
mod taken_places;
mod terminal;
mod unusable;
mod whoami;
