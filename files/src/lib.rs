//! Opens files and directories that others may have replaced, and finds out whose things are, for ssoctl and ssoctld.
//!
//! | module | what it does |
//! |---|---|
//! | [`owner`] | the owner of a file, and places where this user may not make anything |
//! | [`remedy`] | what to do when the operating system refuses something |
//! | [`regular_file`] | reads without waiting for a FIFO, and never without end |
//! | [`own_file`] | writes to a lock or log of this user, never through a link and never to another user's file |
//! | [`directory`] | makes directories that no other user can write to, and finds the runtime directory |
//! | [`holder`] | the daemon that holds a lock, as the lock file names it |
//! | [`socket_tables`] | whether a connection on the loopback interface is of this user, as the kernel's tables of sockets say |

pub mod directory;
mod explained;
pub mod holder;
pub mod own_file;
pub mod owner;
pub mod regular_file;
pub mod remedy;
pub mod socket_tables;
