//! The agent of a person's launchd. Written against launchctl(1) and launchd.plist(5), and not run yet but for the text of
//! the property list.

use std::path::PathBuf;
use std::process::Command;

use ssoctl_protocol::SocketPath;

use super::{Placed, ask, carry_out, place, program, remove, say, show, text};
use crate::cli::ServiceAction;
use crate::environment;
use crate::failure::Failure;

const LABEL: &str = "io.github.ssoctl.ssoctld";
const PROPERTY_LIST: &str = include_str!("../../../../launchd/io.github.ssoctl.ssoctld.plist");

pub(super) fn run(action: ServiceAction) -> Result<(), Failure> {
    match action {
        ServiceAction::Install => install(),
        ServiceAction::Uninstall => uninstall(),
        ServiceAction::Status => show(&mut launchctl(&["print", &target()])),
        ServiceAction::Restart => {
            carry_out(&mut launchctl(&["kickstart", "-k", &target()]), "restarting the agent")?;
            say("restarted")
        }
        ServiceAction::Stop => {
            carry_out(&mut launchctl(&["bootout", &target()]), "stopping the agent")?;
            say("stopped; the next login starts it again")
        }
        ServiceAction::Logs { follow, lines } => {
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
    // Whoever has set it for this shell has not set it for launchd.
    let socket = SocketPath::from_environment(|_| None, Some(home.clone()));
    let socket = socket.ok_or_else(no_home)?.path().to_owned();
    for directory in [log.parent(), socket.parent()].into_iter().flatten() {
        ssoctl_files::directory::make(directory, 0o700)
            .map_err(|error| Failure::Other(format!("cannot make {}: {error}", directory.display())))?;
    }
    let list = property_list(&program()?, &text(socket)?, &text(log)?);
    let path = path(&home);
    let placed = place(&path, &list)?;
    let is_loaded = ask(&mut launchctl(&["print", &target()])).is_ok_and(|output| output.status.success());
    if is_loaded && placed == Placed::Unchanged {
        return say("already installed and running; nothing was changed");
    }
    if is_loaded {
        carry_out(&mut launchctl(&["bootout", &target()]), "stopping the agent")?;
    }
    let path = text(path)?;
    carry_out(&mut launchctl(&["bootstrap", &domain(), &path]), "starting the agent")?;
    say("installed: ssoctld runs now, and from each login on")
}

pub(super) fn is_active() -> bool {
    ask(&mut launchctl(&["print", &target()])).is_ok_and(|output| output.status.success())
}

pub(super) fn stop_daemon() -> Result<(), Failure> {
    carry_out(&mut launchctl(&["kill", "TERM", &target()]), "stopping the agent")
}

fn uninstall() -> Result<(), Failure> {
    let path = path(&home()?);
    if !path.exists() {
        return say("not installed; nothing was changed");
    }
    // It may not be running.
    let _ = ask(&mut launchctl(&["bootout", &target()]));
    remove(&path)?;
    say("uninstalled; sign-ins and the configuration are still there")
}

fn launchctl(arguments: &[&str]) -> Command {
    let mut command = Command::new("launchctl");
    command.args(arguments);
    command
}

/// What launchd runs for a person who is logged in at the screen.
fn domain() -> String {
    format!("gui/{}", rustix::process::getuid().as_raw())
}

fn target() -> String {
    format!("{}/{LABEL}", domain())
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
    // The places are found in the template, never in a path that was put there.
    let mut rest = PROPERTY_LIST;
    let mut list = String::with_capacity(PROPERTY_LIST.len() + 512);
    while let Some((before, after)) = rest.split_once("<string>{") {
        let (place, after) = after.split_once('}').unwrap_or((after, ""));
        let path = match place {
            "program" => program,
            "socket" => socket,
            _ => log,
        };
        list.push_str(before);
        list.push_str("<string>");
        list.push_str(&literal(path));
        rest = after;
    }
    list + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_written_out_and_mean_nothing_to_xml() {
        let list = property_list("/opt/R&D/{log}", "/Users/ada/s", "/Users/ada/<l>");
        assert!(list.contains("<string>/opt/R&amp;D/{log}</string>"), "{list}");
        assert!(list.contains("<string>/Users/ada/s</string>"), "{list}");
        assert_eq!(list.matches("<string>/Users/ada/&lt;l&gt;</string>").count(), 2, "{list}");
        assert!(list.contains(&format!("<string>{LABEL}</string>")), "{list}");
    }
}
