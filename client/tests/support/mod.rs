//! The real binaries on a stage of their own: a throw-away home, a simulated Identity Center, one daemon, any number of
//! clients. Shared by the tests and by the demonstration.
//!
//! | module | what it owns |
//! |---|---|
//! | [`binaries`] | the two binaries, built once and never stale |
//! | [`stage`] | the home, the service, the daemon, and the end of all of them |
//! | [`client`] | one `ssoctl` process and what came of it |
//! | [`attended`] | a command under `ssoctl exec --refreshable` |
//! | [`daemon`] | the lives and deaths of `ssoctld` |
//! | [`part`] | real programs that a test needs |
//! | [`skipping`] | tests that need a real part which is not everywhere |
//! | [`socket`] | the daemon's API without `ssoctl` in between |
//! | [`waiting`] | waiting for a state, within reason |

pub(crate) mod attended;
pub(crate) mod binaries;
pub(crate) mod client;
pub(crate) mod daemon;
pub(crate) mod part;
pub(crate) mod skipping;
pub(crate) mod socket;
pub(crate) mod stage;
pub(crate) mod waiting;

pub(crate) use client::Running;
pub(crate) use stage::Stage;
pub(crate) use waiting::until;
