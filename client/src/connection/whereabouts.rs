//! Where a daemon may listen that was not found at the first place.

use std::ffi::OsString;
use std::path::PathBuf;

use ssoctl_files::holder::{Holder, KEYRING_LOCK, STATE_LOCK};
use ssoctl_files::runtime;

use crate::environment;

/// A variable, where the runtime directory counts only if it is there.
pub(super) fn variable(name: &str) -> Option<OsString> {
    let value = environment::variable(name);
    if name == "XDG_RUNTIME_DIR" { runtime::directory(value) } else { value }
}

/// Where the daemons listen that have locked the state directory or the keyring of this user, on this machine.
pub(super) fn sockets() -> impl Iterator<Item = PathBuf> {
    let home = environment::home_directory();
    let below_home = |path: &str| home.as_ref().map(|home| home.join(path));
    let state = environment::variable("SSOCTL_STATE_DIR").map(PathBuf::from).or_else(|| {
        let chosen = environment::variable("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        match chosen {
            Some(chosen) if !cfg!(target_os = "macos") => Some(chosen.join("ssoctl")),
            _ if cfg!(target_os = "macos") => below_home("Library/Application Support/ssoctl"),
            _ => below_home(".local/state/ssoctl"),
        }
    });
    let locks = [state.map(|state| state.join(STATE_LOCK)), below_home(KEYRING_LOCK)];
    let holders = locks.into_iter().flatten().filter_map(|lock| Holder::read(&lock));
    holders.filter(Holder::is_here).map(|holder| holder.socket).filter(|socket| socket.is_absolute())
}
