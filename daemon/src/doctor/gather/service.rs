//! Asking the service manager about our units.

use crate::doctor::service::{Manager, UserNamespaces};

/// Asks systemd. Takes as long as systemd likes.
#[cfg(not(target_os = "macos"))]
pub(in crate::doctor) async fn ask() -> Manager {
    use std::path::Path;
    use std::process::Stdio;

    use crate::doctor::service::{UNITS, Unit};

    // sd_booted(3).
    if !Path::new("/run/systemd/system").is_dir() {
        return Manager::Missing;
    }
    let shown = tokio::process::Command::new("systemctl")
        .args(["--user", "show", "--property=Id,LoadState,UnitFileState,ActiveState,Result,ExecMainStatus,ExecStart"])
        .args(UNITS)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await;
    match shown {
        Ok(shown) if shown.status.success() => {
            Manager::Systemd(Unit::parse_all(&String::from_utf8_lossy(&shown.stdout), |program| program.exists()))
        }
        Ok(shown) => Manager::Unreachable(String::from_utf8_lossy(&shown.stderr).trim().to_owned()),
        Err(error) => Manager::Unreachable(format!("systemctl cannot be run: {error}")),
    }
}

/// Looks at the kernel's settings, of which there are none elsewhere.
pub(in crate::doctor) fn user_namespaces() -> UserNamespaces {
    UserNamespaces::of_settings(|name| std::fs::read_to_string(format!("/proc/sys/{}", name.replace('.', "/"))).ok())
}

/// Asks launchd. Takes as long as launchd likes.
#[cfg(target_os = "macos")]
pub(in crate::doctor) async fn ask() -> Manager {
    use std::process::Stdio;

    use crate::doctor::service::LABEL;

    let plist = std::env::home_dir().map(|home| home.join("Library/LaunchAgents").join(format!("{LABEL}.plist")));
    let printed = tokio::process::Command::new("launchctl")
        .args(["print", &format!("gui/{}/{LABEL}", rustix::process::getuid().as_raw())])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .status()
        .await;
    match printed {
        Ok(status) => {
            Manager::Launchd { installed: plist.is_some_and(|plist| plist.exists()), loaded: status.success() }
        }
        Err(error) => Manager::Unreachable(format!("launchctl cannot be run: {error}")),
    }
}
