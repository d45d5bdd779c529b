//! A unit of the service manager, where one is installed.

use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::manager;
use crate::environment;

/// Where a unit's log is found.
pub(super) const LOG: &str =
    if cfg!(target_os = "macos") { "in ~/Library/Logs/ssoctl" } else { "(journalctl --user -u ssoctld)" };

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

/// systemd's unit directories in the order of systemd.unit(5). Looking for the file first spares everybody without the
/// unit a call of `systemctl`, which takes longer than starting the daemon.
#[cfg(not(target_os = "macos"))]
fn command() -> Option<Command> {
    const UNIT: &str = "ssoctld.socket";
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
    if !directories.into_iter().flatten().any(|directory| directory.join(UNIT).exists()) {
        return None;
    }
    let mut command = Command::new("systemctl");
    command.args(["--user", "--quiet", "start", UNIT]);
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
