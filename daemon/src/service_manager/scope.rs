//! Gives a daemon that was started by hand its own control group.
//!
//! A process belongs to the control group of the process that started it: of a job, an editor's terminal, a login. When that ends,
//! systemd ends everything in it. So if this user has a manager, the daemon is started through `systemd-run --scope`, which moves
//! into a scope (systemd.scope(5)) and then becomes the daemon.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The longest time to wait for a manager. One that hangs must not keep a daemon from starting.
pub const PATIENCE: Duration = Duration::from_secs(3);

/// Returns the command that becomes this program in its own scope; arguments may be appended. `None` if no manager of this user
/// runs.
pub fn command(program: &Path) -> Option<Command> {
    let named = crate::variable("XDG_RUNTIME_DIR").filter(|value| !value.is_empty()).map(PathBuf::from);
    let usual = PathBuf::from(format!("/run/user/{}", rustix::process::geteuid().as_raw()));
    let directory = [named.clone(), Some(usual)].into_iter().flatten().find(|directory| has_manager(directory))?;
    let mut command = Command::new("systemd-run");
    command.args(["--user", "--scope", "--quiet", "--collect", "--description=ssoctld, started by ssoctl"]);
    // With this variable the daemon would believe to be a service's process.
    command.args(["--", "env", "-u", "INVOCATION_ID"]);
    if named.as_deref() != Some(directory.as_path()) {
        // The daemon gets the caller's value, or none.
        command.env("XDG_RUNTIME_DIR", directory);
        match named {
            None => command.args(["-u", "XDG_RUNTIME_DIR"]),
            Some(named) => {
                let mut setting = OsString::from("XDG_RUNTIME_DIR=");
                setting.push(named);
                command.arg(setting)
            }
        };
    }
    command.arg(program);
    Some(command)
}

/// Whether the manager's socket for `systemctl --user` is in this directory, and leads to a process that can be seen from here.
/// A manager outside of a container would take the number of this process for another one's.
#[cfg(target_os = "linux")]
fn has_manager(directory: &Path) -> bool {
    use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
    use std::os::unix::net::UnixStream;

    // The number of a process that cannot be seen from here is 0.
    UnixStream::connect(directory.join("systemd/private"))
        .is_ok_and(|stream| getsockopt(&stream, PeerCredentials).is_ok_and(|peer| peer.pid() != 0))
}

#[cfg(not(target_os = "linux"))]
fn has_manager(_: &Path) -> bool {
    false
}
