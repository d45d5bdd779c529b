//! A real `systemd --user` runs the daemon from the units in `systemd/`.
//!
//! Takes the superuser, who makes an ordinary user's surroundings out of nothing, and Debian's packages `systemd` and
//! `util-linux`; one test needs a desktop's parts beside.

mod activation;
mod desktop;
mod grants;
mod package;
mod service;
mod stage;
mod ways_out;
