//! The environment variables that the desktop's modules read.

use ssoctl_protocol::display::Display;

use crate::config::BrowserCommand;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DesktopEnvironment {
    pub(crate) display: Display,
    pub(super) launcher: Launcher,
}

/// The way to start programs with windows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Launcher {
    Ourselves,
    /// The user's service manager. A browser that a hardened service started would be in its sandbox, and could not run.
    ServiceManager,
    /// Windows, around the subsystem that the daemon runs in.
    Windows,
}

impl DesktopEnvironment {
    pub fn from_process() -> Self {
        let is_set = |name: &str| crate::variable(name).is_some_and(|value| !value.is_empty());
        Self { display: Display::from_variables(is_set), launcher: Launcher::from_variables(is_set) }
    }

    /// The programs that open the pages of a session with this command, in the order in which they are tried.
    pub fn openers(&self, command: Option<&BrowserCommand>) -> Vec<String> {
        let commands = super::browser::direct("", command, self.launcher);
        commands.into_iter().filter_map(|words| words.into_iter().next()).collect()
    }
}

impl Launcher {
    fn from_variables(is_set: impl Fn(&str) -> bool) -> Self {
        if is_set("WSL_DISTRO_NAME") {
            Self::Windows
        } else if is_set("INVOCATION_ID") && is_set("XDG_RUNTIME_DIR") {
            // The first names this process's unit (systemd.exec(5)), the second the directory of the manager's socket.
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
    fn a_service_leaves_starting_programs_to_its_manager() {
        let with = |set: &'static [&str]| Launcher::from_variables(|name| set.contains(&name));
        assert_eq!(with(&[]), Launcher::Ourselves);
        assert_eq!(with(&["XDG_RUNTIME_DIR"]), Launcher::Ourselves);
        assert_eq!(with(&["INVOCATION_ID"]), Launcher::Ourselves);
        assert_eq!(with(&["INVOCATION_ID", "XDG_RUNTIME_DIR"]), Launcher::ServiceManager);
        assert_eq!(with(&["INVOCATION_ID", "XDG_RUNTIME_DIR", "WSL_DISTRO_NAME"]), Launcher::Windows);
    }
}
