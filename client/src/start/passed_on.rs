//! The variables of the calling shell that a daemon gets if the client starts it.
//!
//! The daemon outlives that shell and serves other callers, so it must not get credentials or a profile that happen to be set
//! there, nor variables that name its configuration files or its records. For these only `HOME` counts; a daemon that is started by
//! hand or as a service can have others.

use std::ffi::OsString;

use ssoctl_aws_files::absolute;
use ssoctl_protocol::settings;

use crate::environment;

/// Variables that identify the person, and that are needed to open a page, show a notice and reach a keyring.
const NEEDED: &[&str] = &[
    "HOME",
    "USER",
    "LOGNAME",
    "PATH",
    "LANG",
    "DBUS_SESSION_BUS_ADDRESS",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    "BROWSER",
    "XDG_CURRENT_DESKTOP",
    "XDG_SESSION_DESKTOP",
    "XDG_SESSION_TYPE",
    "XDG_SESSION_CLASS",
    "XDG_SESSION_ID",
    "XDG_SEAT",
    "XDG_VTNR",
    "XDG_MENU_PREFIX",
    "XDG_DATA_DIRS",
    "XDG_CONFIG_DIRS",
    // These two decide where the client looks for the socket.
    "XDG_RUNTIME_DIR",
    "XDG_CACHE_HOME",
];
const NEEDED_PREFIX: &str = "LC_";
const LOG: &str = "SSOCTL_LOG";

pub(super) fn variables() -> impl Iterator<Item = (OsString, OsString)> {
    environment::variables().filter_map(|(name, value)| pass_on(name, value))
}

/// Whether a variable of this name changes what the daemon does.
pub(crate) fn is_setting(name: &str) -> bool {
    settings::TAKEN.contains(&name) || name == LOG
}

fn pass_on(name: OsString, value: OsString) -> Option<(OsString, OsString)> {
    let text = name.to_str()?;
    if !(NEEDED.contains(&text) || text.starts_with(NEEDED_PREFIX) || is_setting(text)) {
        return None;
    }
    // The daemon has another current directory.
    let is_path = settings::PATHS.contains(&text) && !value.is_empty();
    let value = if is_path { absolute(&value, environment::home_directory().as_deref()) } else { value };
    Some((name, value))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn passed_on(name: &str, value: &str) -> Option<OsString> {
        pass_on(name.into(), value.into()).map(|(_, value)| value)
    }

    #[test]
    fn credentials_and_names_of_files_do_not_reach_the_daemon() {
        for name in [
            "AWS_PROFILE",
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "AWS_CONFIG_FILE",
            "AWS_SHARED_CREDENTIALS_FILE",
            "AWS_ENDPOINT_URL",
            "AWS_ENDPOINT_URL_STS",
            "XDG_CONFIG_HOME",
            "XDG_STATE_HOME",
            "SSOCTL_CONFIG",
            "SSOCTL_STATE_DIR",
            "SSOCTL_SOCKET",
            "SSOCTL_SESSION",
            "SSH_AUTH_SOCK",
            "LD_PRELOAD",
            "LISTEN_FDS",
        ] {
            assert_eq!(passed_on(name, "x"), None, "{name}");
        }
    }

    #[test]
    fn variables_that_the_daemon_needs_are_passed_on() {
        let needed = ["HOME", "LC_TIME", "XDG_RUNTIME_DIR", "SSOCTL_LOG"];
        let taken = settings::TAKEN.iter().filter(|name| !settings::PATHS.contains(name));
        for name in needed.iter().chain(taken) {
            assert_eq!(passed_on(name, "x"), Some("x".into()), "{name}");
        }
    }

    #[test]
    fn paths_are_made_absolute_after_the_home_directory_was_put_in() {
        let here = std::env::current_dir().unwrap();
        let home = environment::home_directory().unwrap();
        for name in settings::PATHS {
            for (value, expected) in [
                ("my/ca.pem", here.join("my/ca.pem")),
                ("~/ca.pem", home.join("ca.pem")),
                ("$HOME/ca.pem", here.join("$HOME/ca.pem")),
                ("/my/ca.pem", PathBuf::from("/my/ca.pem")),
            ] {
                assert_eq!(passed_on(name, value), Some(expected.into_os_string()), "{name}={value}");
            }
            assert_eq!(passed_on(name, ""), Some(OsString::new()), "{name}");
        }
    }
}
