//! How ssoctl and ssoctld open files and directories that others may have replaced.
//!
//! | module | what it does |
//! |---|---|
//! | [`owner`] | the owner of a file, and places where this user may not make anything |
//! | [`remedy`] | what to do when the operating system refuses something |
//! | [`regular_file`] | reads without waiting for a FIFO, and never without end |
//! | [`own_file`] | writes to a file of this user, never through a link and never to another user's file |
//! | [`directory`] | makes directories that nobody else can write to |
//! | [`holder`] | which daemon holds a lock, as the lock file says |
//! | [`runtime`] | the directory for files that live as long as a login |
//! | [`log_file`] | the daemon's log: the current file and the one before it |

pub mod directory;
mod explained;
pub mod holder;
pub mod log_file;
pub mod own_file;
pub mod owner;
pub mod regular_file;
pub mod remedy;
pub mod runtime;
