//! The one place that reads the environment, the clock, and the size of a terminal.

use std::env;
use std::ffi::OsString;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::SystemTime;

use rustix::termios::tcgetwinsize;
use ssoctl_protocol::{Timestamp, shell};

/// The size of a terminal that does not tell.
const USUAL_SIZE: (u16, u16) = (80, 24);

/// The value of a variable; an empty one counts as unset.
pub(crate) fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// Whether a variable is set, and not to `0`, `false` or `no`.
pub(crate) fn switch(name: &str) -> bool {
    variable(name).is_some_and(|value| !["0", "false", "no"].iter().any(|off| value.eq_ignore_ascii_case(off)))
}

/// The machine that a session over SSH leads to, as the arguments of `ssh`: `ada@192.0.2.7`, `-p 2222 ada@192.0.2.7`.
pub(crate) fn ssh_connection() -> Option<String> {
    // "The client's address and port, and the server's" (ssh(1)).
    let connection = variable("SSH_CONNECTION")?.into_string().ok()?;
    let mut words = connection.split(' ').skip(2);
    let (address, port) = (words.next()?, words.next()?);
    let user = variable("USER").and_then(|user| user.into_string().ok());
    let at = user.map_or_else(|| address.to_owned(), |user| format!("{user}@{address}"));
    let port = if port == "22" { String::new() } else { format!("-p {} ", shell::argument(port)) };
    Some(format!("{port}{}", shell::argument(&at)))
}

/// Whether a terminal knows escape sequences, as far as `TERM` says.
pub(crate) fn terminal_has_escapes() -> bool {
    variable("TERM").is_some_and(|name| name != "dumb")
}

/// The columns and rows of a terminal.
pub(crate) fn terminal_size(terminal: impl AsFd) -> (u16, u16) {
    let or_usual = |given: u16, usual: u16| if given == 0 { usual } else { given };
    let size = tcgetwinsize(terminal).ok();
    size.map_or(USUAL_SIZE, |size| (or_usual(size.ws_col, USUAL_SIZE.0), or_usual(size.ws_row, USUAL_SIZE.1)))
}

pub(crate) fn variables() -> impl Iterator<Item = (OsString, OsString)> {
    env::vars_os()
}

/// `$HOME`, else the entry of the user database, which costs file reads.
pub(crate) fn home_directory() -> Option<PathBuf> {
    env::home_dir().filter(|home| home.is_absolute())
}

/// Every home directory that is the person's: `$HOME`, and the one in the user database.
pub(crate) fn home_directories() -> Vec<PathBuf> {
    let user = nix::unistd::User::from_uid(nix::unistd::geteuid()).ok().flatten();
    let mut homes: Vec<PathBuf> = home_directory().into_iter().collect();
    homes.extend(user.map(|user| user.dir).filter(|home| home.is_dir() && home.is_absolute()));
    homes.sort();
    homes.dedup();
    homes
}

/// The wall clock, for lifetimes that are shown to a person. Whether a token is live is decided by the daemon.
pub(crate) fn now() -> Timestamp {
    SystemTime::now().into()
}
