//! The desktop's real parts: notification servers on a screen in memory, a machine's D-Bus, a network.

mod browser;
mod network;
mod notices;
mod presence;
pub(crate) mod stage;
