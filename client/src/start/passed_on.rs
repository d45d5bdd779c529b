//! What a daemon gets of the environment of the shell that happens to start it.
//!
//! It outlives that shell and serves others, so what it does must not depend on it: above all it must not learn credentials or
//! a profile that somebody happened to export there, nor which files say what sessions there are and where records are kept.
//! For these, `HOME` alone counts; who wants something else starts the daemon by hand or as a service.

use std::ffi::OsString;

use ssoctl_aws_files::absolute;
use ssoctl_protocol::settings;

use crate::environment;

/// Who the person is, and what opening a page, showing a notice and reaching a keyring need.
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
    // These two say where the client looks for the socket.
    "XDG_RUNTIME_DIR",
    "XDG_CACHE_HOME",
];
const NEEDED_PREFIX: &str = "LC_";
/// How much is logged.
const LOG: &str = "SSOCTL_LOG";

/// The environment of a daemon that is started here.
pub(super) fn variables() -> impl Iterator<Item = (OsString, OsString)> {
    environment::variables().filter_map(|(name, value)| pass_on(name, value))
}

/// Whether a variable of this name, set here, would change what the daemon does.
pub(crate) fn is_setting(name: &str) -> bool {
    settings::TAKEN.contains(&name) || name == LOG
}

/// What a daemon gets of a variable.
fn pass_on(name: OsString, value: OsString) -> Option<(OsString, OsString)> {
    let text = name.to_str()?;
    if !(NEEDED.contains(&text) || text.starts_with(NEEDED_PREFIX) || is_setting(text)) {
        return None;
    }
    // The daemon does not stand where this process does.
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
    fn nothing_that_decides_whose_secrets_go_where_reaches_the_daemon() {
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
    fn what_the_daemon_needs_is_passed_on() {
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
