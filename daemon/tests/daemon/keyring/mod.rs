//! The real `ssoctld` with a real keyring on a separate session bus, and with everything that can be wrong with either.

mod absent;
mod appearing;
mod daemon;
mod keepassxc;
mod left_records;
mod locked;
mod moving;
mod shared;
pub(crate) mod stage;
mod storing;
