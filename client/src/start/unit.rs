//! A unit of the service manager, where one is installed.

use std::io;
use std::path::{Path, PathBuf};
#[cfg(not(target_os = "macos"))]
use std::process::Output;
use std::process::{Command, Stdio};

use super::manager;
use crate::environment;

/// Where a unit's log is found.
pub(super) const LOG: &str =
    if cfg!(target_os = "macos") { "in ~/Library/Logs/ssoctl" } else { "(journalctl --user -u ssoctld)" };

/// The unit of the socket.
const SOCKET: &str = "ssoctld.socket";

/// What became of starting the unit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unit {
    /// It runs, or will.
    Started,
    /// None is installed, or the service manager does not start it, for instance because this is a session without one
    /// (`su`, a container).
    NotStarted,
    /// The service manager does not answer in time.
    Hangs,
}

/// Starts the unit.
pub(super) fn start() -> Unit {
    let Some(mut command) = command() else { return Unit::NotStarted };
    match manager::run(command.stdout(Stdio::null()).stderr(Stdio::null())) {
        Ok(output) if output.status.success() => Unit::Started,
        Err(error) if error.kind() == io::ErrorKind::TimedOut => Unit::Hangs,
        Ok(_) | Err(_) => Unit::NotStarted,
    }
}

/// Whether the unit, which was started, listens at this socket as far as the service manager knows. It makes a socket before it
/// says that it is started, so where nobody listens there, somebody has removed the file.
#[cfg(not(target_os = "macos"))]
pub(super) fn has_lost(socket: &Path) -> bool {
    let mut command = Command::new("systemctl");
    command.args(["--user", "show", "--value", "--property=Listen", SOCKET]);
    let shown = manager::run(command.stdout(Stdio::piped()).stderr(Stdio::null()));
    // `/run/user/1000/ssoctl/ssoctld.sock (Stream)`
    let listens = |output: Output| {
        let shown = String::from_utf8_lossy(&output.stdout);
        shown.lines().any(|line| line.rsplit_once(" (").is_some_and(|(path, _)| Path::new(path) == socket))
    };
    shown.is_ok_and(listens)
}

/// launchd makes no socket for the agent.
#[cfg(target_os = "macos")]
pub(super) fn has_lost(_socket: &Path) -> bool {
    false
}

/// Has the service manager make the socket again, and start the service anew, which may still listen at the lost one.
pub(super) fn restart() {
    let mut command = Command::new("systemctl");
    command.args(["--user", "--quiet", "restart", SOCKET, "ssoctld.service"]);
    // Whether it helped is seen at the socket.
    let _ = manager::run(command.stdout(Stdio::null()).stderr(Stdio::null()));
}

/// systemd's unit directories in the order of systemd.unit(5). Looking for the file first spares everybody without the
/// unit a call of `systemctl`, which takes longer than starting the daemon.
#[cfg(not(target_os = "macos"))]
fn command() -> Option<Command> {
    // Units of the user's manager listen below XDG_RUNTIME_DIR; without it the default socket is not theirs.
    environment::variable("XDG_RUNTIME_DIR")?;
    let home = environment::home_directory();
    let below_home = |variable: &str, default: &str| {
        environment::variable(variable).map(PathBuf::from).or(Some(home.as_ref()?.join(default)))
    };
    let directories = [
        below_home("XDG_CONFIG_HOME", ".config").map(|directory| directory.join("systemd/user")),
        Some(PathBuf::from("/etc/systemd/user")),
        below_home("XDG_DATA_HOME", ".local/share").map(|directory| directory.join("systemd/user")),
        Some(PathBuf::from("/usr/local/lib/systemd/user")),
        Some(PathBuf::from("/usr/lib/systemd/user")),
    ];
    if !directories.into_iter().flatten().any(|directory| directory.join(SOCKET).exists()) {
        return None;
    }
    let mut command = Command::new("systemctl");
    command.args(["--user", "--quiet", "start", SOCKET]);
    Some(command)
}

#[cfg(target_os = "macos")]
fn command() -> Option<Command> {
    const LABEL: &str = "io.github.ssoctl.ssoctld";
    let home: PathBuf = environment::home_directory()?;
    if !home.join("Library/LaunchAgents").join(format!("{LABEL}.plist")).exists() {
        return None;
    }
    let mut command = Command::new("launchctl");
    command.args(["kickstart", &format!("gui/{}/{LABEL}", rustix::process::getuid().as_raw())]);
    Some(command)
}
