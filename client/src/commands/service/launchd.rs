//! The agent of a person's launchd, after launchctl(1) and launchd.plist(5). Only the text of the property list has been tested.

use std::path::PathBuf;
use std::process::Command;

use ssoctl_protocol::SocketPath;

use super::{Action, Placed, ask, carry_out, path_text, place, program, remove, show};
use crate::environment;
use crate::failure::Failure;
use crate::output;
use crate::service_manager::{LABEL, launchctl, launchd_domain, launchd_target};

const PROPERTY_LIST: &str = include_str!("../../../../launchd/io.github.ssoctl.ssoctld.plist");

pub(super) fn run(action: Action) -> Result<(), Failure> {
    match action {
        Action::Install => install(),
        Action::Uninstall => uninstall(),
        Action::Status => show(&mut launchctl(&["print", &launchd_target()])),
        Action::Restart => {
            carry_out(&mut launchctl(&["kickstart", "-k", &launchd_target()]), "restarting the agent")?;
            output::line("restarted")
        }
        Action::Stop => {
            carry_out(&mut launchctl(&["bootout", &launchd_target()]), "stopping the agent")?;
            output::line("stopped; the next login starts it again")
        }
        Action::Logs { follow, lines } => {
            let mut tail = Command::new("tail");
            tail.args(["-n", &lines.to_string()]).args(follow.then_some("-F")).arg(home()?.join(LOG));
            show(&mut tail)
        }
    }
}

/// Below the home directory.
const LOG: &str = "Library/Logs/ssoctl/ssoctld.log";

fn install() -> Result<(), Failure> {
    let home = home()?;
    let log = home.join(LOG);
    // SSOCTL_SOCKET of this shell is not set for launchd.
    let socket = SocketPath::from_environment(|_| None, Some(home.clone()));
    let socket = socket.ok_or_else(no_home)?.path().to_owned();
    for directory in [log.parent(), socket.parent()].into_iter().flatten() {
        ssoctl_files::directory::make(directory, 0o700)
            .map_err(|error| Failure::Other(format!("cannot make {}: {error}", directory.display())))?;
    }
    let list = property_list(&program()?, &path_text(socket)?, &path_text(log)?);
    let path = path(&home);
    let placed = place(&path, &list)?;
    let is_loaded = is_active();
    if is_loaded && placed == Placed::Unchanged {
        return output::line("already installed and running; nothing was changed");
    }
    if is_loaded {
        carry_out(&mut launchctl(&["bootout", &launchd_target()]), "stopping the agent")?;
    }
    let path = path_text(path)?;
    carry_out(&mut launchctl(&["bootstrap", &launchd_domain(), &path]), "starting the agent")?;
    output::line("installed: ssoctld runs now, and from each login on")
}

pub(super) fn is_active() -> bool {
    ask(&mut launchctl(&["print", &launchd_target()])).is_ok_and(|output| output.status.success())
}

pub(super) fn stop_daemon() -> Result<(), Failure> {
    carry_out(&mut launchctl(&["kill", "TERM", &launchd_target()]), "stopping the agent")
}

fn uninstall() -> Result<(), Failure> {
    let path = path(&home()?);
    if !path.exists() {
        return output::line("not installed; nothing was changed");
    }
    // It may not be running.
    let _ = ask(&mut launchctl(&["bootout", &launchd_target()]));
    remove(&path)?;
    output::line("uninstalled; sign-ins and the configuration are still there")
}

fn path(home: &std::path::Path) -> PathBuf {
    home.join("Library/LaunchAgents").join(format!("{LABEL}.plist"))
}

fn home() -> Result<PathBuf, Failure> {
    environment::home_directory().ok_or_else(no_home)
}

fn no_home() -> Failure {
    Failure::Other("there is no home directory to install to; set HOME".to_owned())
}

fn property_list(program: &str, socket: &str, log: &str) -> String {
    let literal = |path: &str| path.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let path_at = |place: &str| match place {
        "program" => program,
        "socket" => socket,
        _ => log,
    };
    // Only the template is searched for places, never a path that was inserted.
    let mut parts = PROPERTY_LIST.split("<string>{");
    let first = parts.next().unwrap_or_default().to_owned();
    parts
        .filter_map(|part| part.split_once('}'))
        .fold(first, |list, (place, rest)| list + "<string>" + &literal(path_at(place)) + rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_inserted_and_escaped_for_xml() {
        let list = property_list("/opt/R&D/{log}", "/Users/ada/s", "/Users/ada/<l>");
        assert!(list.contains("<string>/opt/R&amp;D/{log}</string>"), "{list}");
        assert!(list.contains("<string>/Users/ada/s</string>"), "{list}");
        assert_eq!(list.matches("<string>/Users/ada/&lt;l&gt;</string>").count(), 2, "{list}");
        assert!(list.contains(&format!("<string>{LABEL}</string>")), "{list}");
    }
}
