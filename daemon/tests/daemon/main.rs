//! The daemon against a simulated Identity Center, over real sockets: the library with a clock that tests own, and
//! (`processes`) the real binary in real time.

mod api;
mod configuration;
mod faults;
mod ground;
mod harness;
mod hostile;
mod many_sessions;
mod origins;
#[path = "../../../client/tests/support/part.rs"]
#[allow(dead_code, reason = "shared with tests that need other parts")]
mod part;
mod portal;
mod processes;
mod proofs;
mod refreshing;
mod roles;
mod sdks;
mod secrecy;
mod shared_record;
mod sign_in;
#[path = "../../../client/tests/support/skipping.rs"]
#[allow(dead_code, reason = "shared with tests that need other parts")]
mod skipping;
mod soak;
mod storing;
mod token_files;
