//! Starting the daemon's unit, if one is installed.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::environment;
#[cfg(target_os = "macos")]
use crate::service_manager::{LABEL, launchctl, launchd_target};
use crate::service_manager::{SERVICE, SOCKET, ask_briefly, systemctl};

pub(super) const LOG: &str =
    if cfg!(target_os = "macos") { "in ~/Library/Logs/ssoctl" } else { "(journalctl --user -u ssoctld)" };

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unit {
    /// It runs, or will.
    Started,
    /// None is installed, or the service manager does not start it, for instance because this session has none (`su`, a
    /// container), or the machine does not allow its sandbox.
    NotStarted,
    /// The service manager does not answer in time.
    Hangs,
}

pub(super) fn start() -> Unit {
    let Some(mut command) = command() else { return Unit::NotStarted };
    match ask_briefly(&mut command) {
        Ok(output) if output.status.success() => Unit::Started,
        Err(error) if error.kind() == io::ErrorKind::TimedOut => Unit::Hangs,
        Ok(_) | Err(_) => {
            make_room();
            Unit::NotStarted
        }
    }
}

/// Takes away the socket of a service that does not start, where it would be in the way of a daemon without one.
fn make_room() {
    if !cfg!(target_os = "macos") {
        // Without a service manager there is no socket, either.
        let _ = ask_briefly(&mut systemctl(&["stop", SOCKET, SERVICE]));
    }
}

/// Whether the unit listens at this socket, by the service manager's knowledge. It makes a socket before it reports the unit as
/// started, so if there is no listener, the file was removed. launchd makes no socket.
pub(super) fn believes_in(socket: &Path) -> bool {
    if cfg!(target_os = "macos") {
        return false;
    }
    let Ok(output) = ask_briefly(&mut systemctl(&["show", "--value", "--property=Listen", SOCKET])) else {
        return false;
    };
    // `/run/user/1000/ssoctl/ssoctld.sock (Stream)`
    let shown = String::from_utf8_lossy(&output.stdout);
    shown.lines().any(|line| line.rsplit_once(" (").is_some_and(|(path, _)| Path::new(path) == socket))
}

/// Has the service manager make the socket again, and restarts the service, which may still listen at the removed one.
pub(super) fn restart() {
    // Whether it helped is seen at the socket.
    let _ = ask_briefly(&mut systemctl(&["restart", SOCKET, SERVICE]));
}

/// Starts socket and service, if one of systemd's unit directories has them; that ends when the daemon is ready, or cannot be. Without a unit, checking for the file spares a call of `systemctl`,
/// which takes longer than starting the daemon.
#[cfg(not(target_os = "macos"))]
fn command() -> Option<Command> {
    use crate::service_manager;

    // Units of the user's manager listen below XDG_RUNTIME_DIR; without it the default socket is not theirs.
    environment::variable("XDG_RUNTIME_DIR")?;
    let home = environment::home_directory();
    let below_home = |variable: &str, default: &str| {
        environment::variable(variable).map(PathBuf::from).or(Some(home.as_ref()?.join(default)))
    };
    let own = [below_home("XDG_CONFIG_HOME", ".config"), below_home("XDG_DATA_HOME", ".local/share")];
    let own = own.into_iter().flatten().map(|directory| directory.join("systemd/user"));
    let mut directories = own.chain(service_manager::UNITS_FOR_EVERYBODY.map(PathBuf::from));
    let is_installed = directories.any(|directory| directory.join(SOCKET).exists());
    is_installed.then(|| systemctl(&["start", SOCKET, SERVICE]))
}

#[cfg(target_os = "macos")]
fn command() -> Option<Command> {
    let home: PathBuf = environment::home_directory()?;
    let is_installed = home.join("Library/LaunchAgents").join(format!("{LABEL}.plist")).exists();
    is_installed.then(|| launchctl(&["kickstart", &launchd_target()]))
}
