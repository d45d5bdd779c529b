//! Shared by the tests of several crates: the real binaries in a temporary home against a simulated Identity Center, real
//! programs that a test needs, and waiting for a state.
//!
//! | module | what it owns |
//! |---|---|
//! | [`attended`] | a command under `ssoctl exec --refreshable` |
//! | [`binaries`] | the two binaries, built once and never stale |
//! | [`browser`] | a browser that writes down its pages |
//! | [`canned`] | a socket with canned answers in the daemon's place |
//! | [`chromium`], [`web_driver`] | the real Chromium, and the page in it |
//! | [`client`] | one `ssoctl` process and its outcome |
//! | [`crowd`] | another user with very many connections |
//! | [`daemon`] | starting and ending `ssoctld` |
//! | [`document`] | whether JSON agrees with the OpenAPI document |
//! | [`executable`] | programs that a test writes and runs |
//! | [`mode`] | modes of files |
//! | [`part`] | real programs, which end with their test |
//! | [`scene`], [`screen`] | a desktop in memory, and a notice on it |
//! | [`service`] | simulated services as many tests need them |
//! | [`socket`] | the daemon's API without `ssoctl` in between |
//! | [`speed`] | which tests run: the quick ones, or all |
//! | [`stage`] | the home, the service, the daemon, and the end of all of them |
//! | [`verbs`] | the verbs of `ssoctl`, and how each is called |
//! | [`visit`] | going to an address as a browser does |
//! | [`waiting`] | waiting for a state, within reason |

pub mod attended;
pub mod binaries;
pub mod browser;
pub mod canned;
#[cfg(target_os = "linux")]
pub mod chromium;
pub mod client;
pub mod crowd;
pub mod daemon;
pub mod document;
pub mod executable;
pub mod mode;
pub mod part;
#[cfg(target_os = "linux")]
pub mod scene;
#[cfg(target_os = "linux")]
pub mod screen;
pub mod service;
pub mod socket;
pub mod speed;
pub mod stage;
pub mod terminal;
pub mod verbs;
pub mod visit;
pub mod waiting;
pub mod web_driver;

pub use client::Running;
pub use mode::{mode_of, set_mode};
pub use stage::Stage;
pub use waiting::until;
