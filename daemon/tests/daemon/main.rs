//! The daemon against a simulated Identity Center, over real sockets: the library with a clock that tests own, the real binary in
//! real time, and the real binary among the real parts of a desktop. One program, because each would link the whole daemon.

mod api;
mod audit;
mod callback;
mod choices;
mod configuration;
#[cfg(target_os = "linux")]
mod crashes;
#[cfg(target_os = "linux")]
mod desktop;
mod events;
mod faults;
mod foreign_bytes;
mod grants;
mod harness;
mod hostile;
mod kept_files;
#[cfg(target_os = "linux")]
mod keyring;
mod launchd;
mod many_sessions;
#[cfg(target_os = "linux")]
mod network;
mod origins;
mod portal;
mod processes;
mod proofs;
mod refreshing;
mod roles;
mod sdks;
mod secrecy;
mod shared_record;
mod sign_in;
mod soak;
mod start_urls;
mod storing;
#[cfg(target_os = "linux")]
mod systemd;
mod token_files;
