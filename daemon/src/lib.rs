//! Keeps AWS IAM Identity Center sign-ins alive.
//!
//! The binary `ssoctld` is this library with the real world behind its doors; tests put others there. Start reading at
//! [`session`], the rest serves it.

pub mod clock;
pub mod config;
pub mod oidc;
pub mod secrets;
pub mod session;
pub mod world;
