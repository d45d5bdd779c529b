//! The real `ssoctld` is killed at each point of a token's way into the store and at random, and meets disks that are full,
//! read-only or damaged.
//!
//! A token that a caller was given has to be there after each start. A kill between the service's answer and the store may cost a
//! registration or a sign-in; the number of losses is printed (`--nocapture`). Random choices come from a seed, which is printed
//! too; `SSOCTL_TEST_SEED` repeats them.

#![allow(clippy::print_stdout, reason = "what the crashes have cost is worth reading")]

mod disk;
mod grants;
mod ledger;
mod points;
mod random;
mod scene;
