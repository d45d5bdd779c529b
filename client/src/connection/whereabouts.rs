//! Where a daemon may listen that was not found at the first place.

use std::ffi::OsString;
use std::path::PathBuf;

use ssoctl_files::{holder, runtime};
use ssoctl_protocol::settings;

use crate::environment;

/// A variable, where the runtime directory counts only if it is there.
pub(super) fn variable(name: &str) -> Option<OsString> {
    let value = environment::variable(name);
    if name == "XDG_RUNTIME_DIR" { runtime::directory(value) } else { value }
}

/// Where the daemons of this user listen, as their locks say.
pub(super) fn sockets() -> impl Iterator<Item = PathBuf> {
    let home = environment::home_directory();
    holder::sockets(settings::state_directory(environment::variable, home.clone()), home)
}
