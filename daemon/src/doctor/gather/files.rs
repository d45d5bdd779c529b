//! Looking at files: owners, modes, space. Of what is in them, only the lock file's text is read.

use std::fs;
use std::path::{Path, PathBuf};

use super::blocking;
use crate::doctor::configuration::Cache;
use crate::doctor::place::Place;
use crate::doctor::state::State;
use ssoctl_files::holder::{Holder, STATE_LOCK};
use ssoctl_files::owner::refuse_foreign_place;
use ssoctl_files::remedy::explained;

/// What the file system says.
pub(in crate::doctor) struct Files {
    pub(in crate::doctor) socket_directory: Place,
    pub(in crate::doctor) socket: Place,
    pub(in crate::doctor) socket_unwritable: Option<String>,
    pub(in crate::doctor) state: State,
    /// Nothing where there is no home directory.
    pub(in crate::doctor) cache: Option<Cache>,
}

/// Looks at socket, state directory and token cache. Takes as long as the file system likes.
pub(in crate::doctor) async fn look(socket: PathBuf, state: PathBuf, home: Option<PathBuf>) -> Option<Files> {
    blocking(move || Files {
        socket_directory: socket.parent().map_or(Place::Missing, Place::look),
        socket: Place::look(&socket),
        socket_unwritable: socket.parent().and_then(unwritable),
        state: look_at_state(state),
        cache: home.map(|home| look_at_cache(home.join(".aws/sso/cache"))),
    })
    .await
}

fn look_at_state(path: PathBuf) -> State {
    // The lock is not tried: for a moment that would keep a daemon from starting.
    let free = rustix::fs::statvfs(&path).ok().map(|system| system.f_bavail.saturating_mul(system.f_frsize));
    State {
        directory: Place::follow(&path),
        records: Place::look(&path.join("records")),
        unwritable: unwritable(&path),
        free,
        holder: Holder::read(&path.join(STATE_LOCK)).filter(|holder| !holder.is_here() || lives(holder.pid)),
        path,
    }
}

/// Why a daemon of this user could not make it or write there: it would be in somebody else's home, or the file system is read-only.
fn unwritable(path: &Path) -> Option<String> {
    if let Err(refusal) = refuse_foreign_place(path) {
        return Some(refusal.to_string());
    }
    let existing = path.ancestors().find(|place| place.exists())?;
    let refused = rustix::fs::access(existing, rustix::fs::Access::WRITE_OK).err()?;
    Some(explained(refused.into(), existing).to_string())
}

/// Whether a process of ours has this id.
fn lives(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok())
}

fn look_at_cache(path: PathBuf) -> Cache {
    let us = rustix::process::geteuid().as_raw();
    let is_open = |file: &PathBuf| match Place::look(file) {
        Place::There { uid, mode, .. } => uid != us || mode & 0o077 != 0,
        Place::Missing | Place::Unknown(_) => false,
    };
    let is_token = |file: &PathBuf| file.extension().is_some_and(|extension| extension == "json");
    let entries = fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut open_files: Vec<PathBuf> = entries.filter(is_token).filter(is_open).collect();
    open_files.sort();
    Cache { directory: Place::follow(Path::new(&path)), open_files, path }
}
