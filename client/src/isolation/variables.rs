//! The variables of an isolated command: those are removed that lead to what is hidden. This is no boundary, and keeps programs from
//! looking in vain.

use std::ffi::OsString;

/// Addresses of agents, buses, displays, engines, editors, terminals and service managers, the files and directories of temporary and
/// secret things, and what chooses a session of ssoctl.
pub(super) const REMOVED: &[&str] = &[
    "ALACRITTY_SOCKET",
    "AT_SPI_BUS_ADDRESS",
    "AWS_CREDENTIAL_PROFILES_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "BUILDKIT_HOST",
    "CONTAINER_HOST",
    "CONTAINERD_ADDRESS",
    "DBUS_SESSION_BUS_ADDRESS",
    "DBUS_STARTER_ADDRESS",
    "DBUS_SYSTEM_BUS_ADDRESS",
    "DISPLAY",
    "DOCKER_HOST",
    "EMACS_SOCKET_NAME",
    "GIT_ASKPASS",
    "GNOME_KEYRING_CONTROL",
    "GNUPGHOME",
    "GPG_AGENT_INFO",
    "I3SOCK",
    "ICEAUTHORITY",
    "KITTY_LISTEN_ON",
    "LISTEN_FDNAMES",
    "LISTEN_FDS",
    "LISTEN_PID",
    "NOTIFY_SOCKET",
    "NVIM",
    "NVIM_LISTEN_ADDRESS",
    "PASSWORD_STORE_DIR",
    "PIPEWIRE_REMOTE",
    "PULSE_SERVER",
    "SESSION_MANAGER",
    "SSH_AGENT_PID",
    "SSH_ASKPASS",
    "SSH_AUTH_SOCK",
    "SSOCTL_CONFIG",
    "SSOCTL_LOG",
    "SSOCTL_NO_START",
    "SSOCTL_SESSION",
    "SSOCTL_STATE_DIR",
    "STY",
    "SUDO_ASKPASS",
    "SWAYSOCK",
    "TEMP",
    "TEMPDIR",
    "TMP",
    "TMPDIR",
    "TMUX",
    "TMUX_TMPDIR",
    "VSCODE_GIT_ASKPASS_EXTRA_ARGS",
    "VSCODE_GIT_ASKPASS_MAIN",
    "VSCODE_GIT_ASKPASS_NODE",
    "VSCODE_GIT_IPC_HANDLE",
    "VSCODE_IPC_HOOK",
    "VSCODE_IPC_HOOK_CLI",
    "WATCHDOG_PID",
    "WAYLAND_DISPLAY",
    "WAYLAND_SOCKET",
    "WEZTERM_UNIX_SOCKET",
    "XAUTHORITY",
];

/// Whether the session bus has an address without a file.
pub(super) fn bus_is_abstract(variable: &dyn Fn(&str) -> Option<OsString>) -> bool {
    let address = variable("DBUS_SESSION_BUS_ADDRESS").unwrap_or_default();
    address.to_string_lossy().contains("unix:abstract=")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_abstract_address_is_told_from_a_path() {
        for (address, expected) in
            [("unix:abstract=/tmp/dbus-x,guid=1", true), ("unix:path=/run/user/1000/bus", false), ("", false)]
        {
            let variable = |name: &str| (name == "DBUS_SESSION_BUS_ADDRESS").then(|| address.into());
            assert_eq!(bus_is_abstract(&variable), expected, "{address}");
        }
    }
}
