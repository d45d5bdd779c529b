//! The simulator as its users meet it: over HTTP, as a library and as a command, and against the service's models.

#[cfg(unix)]
mod command;
mod control;
mod faults;
mod fidelity;
mod page;
mod portal;
mod support;
mod tokens;
