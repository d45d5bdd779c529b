//! Starts and ends `ssoctld`.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, kill_process};

use crate::until;

/// Starts a daemon and waits until it answers. `log` is appended to.
///
/// # Panics
/// With the log when it ends instead.
pub fn start(mut command: Command, socket: &Path, log: &Path) -> Child {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(log.parent().expect("a file is in a directory"))
        .expect("a directory for the log");
    let output = OpenOptions::new().append(true).create(true).mode(0o600).open(log).expect("the log");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(output.try_clone().expect("a second handle"))
        .stderr(output)
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
    until("the daemon answers", || {
        if let Some(status) = child.try_wait().expect("a child can be looked at") {
            panic!("the daemon ended with {status}: {}", fs::read_to_string(log).unwrap_or_default());
        }
        UnixStream::connect(socket).ok()
    });
    child
}

/// Ends a daemon and waits for its end.
pub fn end(mut child: Child, signal: Signal) -> ExitStatus {
    kill_process(Pid::from_child(&child), signal).expect("a child can be signalled");
    child.wait().expect("a child can be waited for")
}

/// The daemon that holds the lock of a state directory: only while the lock is held does the process id in it mean a
/// daemon. Not to be called while a daemon may be starting, because the call takes the lock for a moment.
pub fn holder(state_directory: &Path) -> Option<Pid> {
    let path = state_directory.join("ssoctld.lock");
    let file = File::open(&path).ok()?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
        return None;
    }
    let word = fs::read_to_string(&path).ok()?;
    let pid = word.strip_prefix("pid ")?.split(',').next()?.parse().ok()?;
    Pid::from_raw(pid)
}

/// Ends the daemon of a state directory, and waits for its end.
pub fn end_holder(state_directory: &Path) {
    if let Some(pid) = holder(state_directory) {
        // It may end by itself just now.
        let _ = kill_process(pid, Signal::KILL);
        until("the daemon is gone", || holder(state_directory).is_none().then_some(()));
    }
}
