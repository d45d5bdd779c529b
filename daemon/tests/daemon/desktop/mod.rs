//! The desktop's real parts: notification servers on a screen nobody looks at, a machine's D-Bus, a network.

mod browser;
mod network;
mod notices;
mod presence;
pub(crate) mod stage;
