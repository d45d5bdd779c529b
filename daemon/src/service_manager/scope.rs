//! A control group of its own for a daemon that was started by hand.
//!
//! A process belongs to the control group of whoever started it: of a job, an editor's terminal, a login. When that ends,
//! systemd ends everything in it. So the daemon is started through `systemd-run --scope` where there is a manager of this user,
//! which puts itself into a scope (systemd.scope(5)) and then becomes the daemon.

use std::ffi::OsStr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// How long a manager may take. One that hangs must not keep a daemon from starting.
pub const PATIENCE: Duration = Duration::from_secs(3);

/// What becomes this program in a scope of its own, as arguments are appended. `None` where no manager of this user runs.
pub fn command(program: &Path) -> Option<Command> {
    let named = std::env::var_os("XDG_RUNTIME_DIR").filter(|value| !value.is_empty()).map(PathBuf::from);
    let usual = PathBuf::from(format!("/run/user/{}", rustix::process::geteuid().as_raw()));
    let directory = [named.clone(), Some(usual)].into_iter().flatten().find(|directory| runs(directory))?;
    let mut command = Command::new("systemd-run");
    command.args(["--user", "--scope", "--quiet", "--collect", "--description=ssoctld, started by ssoctl"]);
    // It would tell the daemon that it is a service's process.
    command.args(["--", "env", "-u", "INVOCATION_ID"]);
    if named.as_deref() != Some(directory.as_path()) {
        // The caller's own, or none, is the daemon's.
        command.env("XDG_RUNTIME_DIR", directory);
        match named {
            None => command.args(["-u", "XDG_RUNTIME_DIR"]),
            Some(named) => {
                let mut setting = OsStr::new("XDG_RUNTIME_DIR=").to_owned();
                setting.push(named);
                command.arg(setting)
            }
        };
    }
    command.arg(program);
    Some(command)
}

/// Whether the manager's socket for `systemctl --user` is here, and leads to a process that knows this one by the same number:
/// seen from outside of a container, that number would be another process's.
#[cfg(target_os = "linux")]
fn runs(directory: &Path) -> bool {
    use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};

    // A process that cannot be seen from here has the number 0.
    UnixStream::connect(directory.join("systemd/private"))
        .is_ok_and(|stream| getsockopt(&stream, PeerCredentials).is_ok_and(|peer| peer.pid() != 0))
}

#[cfg(not(target_os = "linux"))]
fn runs(_: &Path) -> bool {
    false
}
