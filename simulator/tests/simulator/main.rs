//! The simulator as its users meet it: over HTTP, as a library and as a command, and against the service's models.

mod authorization_code;
mod authorization_page;
mod code_flow;
#[cfg(unix)]
mod command;
mod control;
mod faults;
mod fidelity;
mod page;
mod portal;
mod support;
mod tokens;
mod vanity;
