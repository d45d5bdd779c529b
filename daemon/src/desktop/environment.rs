//! What the desktop's parts need of the environment: the one place under `desktop/` that reads it.

use std::path::Path;

use crate::config::BrowserCommand;

/// What the environment says about the desktop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Environment {
    /// Whether a page would be seen.
    pub(crate) display: Display,
    /// Who starts programs.
    pub(super) launcher: Launcher,
    /// Whether the machine's D-Bus is there.
    pub(super) system_bus: SystemBus,
}

/// Whether somebody would see what appears on the screen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Display {
    /// There is one.
    There,
    /// This is a session over SSH: it would appear on the wrong screen.
    Remote,
    /// There is none.
    Missing,
}

/// Who starts programs that the person is to see.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Launcher {
    /// The daemon itself.
    Ourselves,
    /// The user's service manager. A browser that a hardened service started would be in its sandbox, and could not run.
    ServiceManager,
    /// Windows, around the subsystem that the daemon runs in.
    Windows,
}

/// The machine's D-Bus.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum SystemBus {
    /// An address is known.
    There,
    /// There is none: a container, or not Linux.
    Missing,
}

impl Environment {
    /// As it is for this process.
    pub fn from_process() -> Self {
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let has_bus = is_set("DBUS_SYSTEM_BUS_ADDRESS") || Path::new("/run/dbus/system_bus_socket").exists();
        Self {
            display: Display::from_variables(is_set),
            launcher: Launcher::from_variables(is_set),
            system_bus: if has_bus { SystemBus::There } else { SystemBus::Missing },
        }
    }
}

impl Environment {
    /// The programs of which one opens the pages of a session that has this command.
    pub fn openers(&self, command: Option<&BrowserCommand>) -> Vec<String> {
        super::browser::programs(command, self.launcher)
    }
}

impl Display {
    fn from_variables(is_set: impl Fn(&str) -> bool) -> Self {
        if is_set("SSH_CONNECTION") || is_set("SSH_TTY") {
            Self::Remote
        } else if cfg!(target_os = "macos") || ["DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"].into_iter().any(is_set)
        {
            Self::There
        } else {
            Self::Missing
        }
    }
}

impl Launcher {
    fn from_variables(is_set: impl Fn(&str) -> bool) -> Self {
        if is_set("WSL_DISTRO_NAME") {
            Self::Windows
        } else if is_set("INVOCATION_ID") && is_set("XDG_RUNTIME_DIR") {
            // The first names the unit that this process belongs to (systemd.exec), the second has the manager's socket.
            Self::ServiceManager
        } else {
            Self::Ourselves
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_ssh_a_display_is_the_wrong_one() {
        let with = |set: &'static [&str]| Display::from_variables(|name| set.contains(&name));
        assert_eq!(with(&["DISPLAY", "SSH_CONNECTION"]), Display::Remote);
        assert_eq!(with(&["WAYLAND_DISPLAY", "SSH_TTY"]), Display::Remote);
        for display in [&["DISPLAY"], &["WAYLAND_DISPLAY"], &["WSL_DISTRO_NAME"]] {
            assert_eq!(with(display), Display::There);
        }
        assert_eq!(with(&[]) == Display::Missing, cfg!(not(target_os = "macos")));
    }

    #[test]
    fn a_service_leaves_starting_programs_to_its_manager() {
        let with = |set: &'static [&str]| Launcher::from_variables(|name| set.contains(&name));
        assert_eq!(with(&[]), Launcher::Ourselves);
        assert_eq!(with(&["XDG_RUNTIME_DIR"]), Launcher::Ourselves);
        assert_eq!(with(&["INVOCATION_ID"]), Launcher::Ourselves);
        assert_eq!(with(&["INVOCATION_ID", "XDG_RUNTIME_DIR"]), Launcher::ServiceManager);
        assert_eq!(with(&["INVOCATION_ID", "XDG_RUNTIME_DIR", "WSL_DISTRO_NAME"]), Launcher::Windows);
    }
}
