//! How ssoctl and ssoctld open files and directories that others may have put into their place.
//!
//! | module | what it does |
//! |---|---|
//! | [`owner`] | the owner of a file, and a message that says what to do about it |
//! | [`remedy`] | what to do about what the operating system refuses |
//! | [`regular_file`] | reading: never waits for a FIFO, never reads without end |
//! | [`own_file`] | writing to a file of one's own: never through a link, never to somebody else's |
//! | [`directory`] | a directory that nobody else can write to |
//! | [`holder`] | what a lock file says of the daemon that holds it |
//! | [`runtime`] | the directory for what lives as long as a login |
//! | [`log_file`] | the daemon's log, which never grows beyond two files |

pub mod directory;
pub mod holder;
pub mod log_file;
pub mod own_file;
pub mod owner;
pub mod regular_file;
pub mod remedy;
pub mod runtime;
