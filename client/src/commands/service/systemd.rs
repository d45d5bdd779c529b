//! The units of a person's systemd.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::{Placed, ask, ask_briefly, carry_out, place, program, remove, say, show};
use crate::cli::ServiceAction;
use crate::environment;
use crate::failure::Failure;
use crate::{render, start};

const SERVICE: &str = "ssoctld.service";
const SOCKET: &str = "ssoctld.socket";
const SERVICE_UNIT: &str = include_str!("../../../../systemd/ssoctld.service");
const SOCKET_UNIT: &str = include_str!("../../../../systemd/ssoctld.socket");
/// What the unit runs where a distribution packages it.
const PACKAGED_PROGRAM: &str = "/usr/bin/ssoctld";

pub(super) fn run(action: ServiceAction) -> Result<(), Failure> {
    match action {
        ServiceAction::Install => install(),
        ServiceAction::Uninstall => uninstall(),
        ServiceAction::Status => {
            reach()?;
            show(systemctl(&["--no-pager", "--lines=0", "status", SERVICE, SOCKET]).stdin(Stdio::null()))
        }
        ServiceAction::Restart => {
            reach()?;
            restart()
        }
        ServiceAction::Stop => {
            reach()?;
            carry_out(&mut systemctl(&["stop", SERVICE, SOCKET]), "stopping the service")?;
            say("stopped; the next login starts it again, and so does the next call of ssoctl")
        }
        ServiceAction::Logs { follow, lines } => {
            let mut journal = Command::new("journalctl");
            journal.args(["--user", "--unit", SERVICE, "--lines", &lines.to_string()]);
            journal.args(if follow { &["--follow"][..] } else { &["--no-pager"] });
            show(&mut journal)
        }
    }
}

pub(super) fn is_active() -> bool {
    ask_briefly(&mut systemctl(&["is-active", SERVICE])).is_ok_and(|output| output.status.success())
}

pub(super) fn stop_daemon() -> Result<(), Failure> {
    carry_out(&mut systemctl(&["stop", SERVICE]), "stopping the service")
}

fn restart() -> Result<(), Failure> {
    if property("LoadState") != "loaded" {
        return Err(Failure::Other(
            "no service is installed; install it: ssoctl service install; or end the daemon that runs without one: ssoctl stop"
                .to_owned(),
        ));
    }
    // After failures systemd starts it no more, and here is somebody who wants it started. There may have been none.
    let _ = ask(&mut systemctl(&["reset-failed", SERVICE, SOCKET]));
    carry_out(&mut systemctl(&["restart", SERVICE]), "restarting the service").map_err(explained)?;
    say("restarted")
}

fn property(name: &str) -> String {
    let shown = ask_briefly(&mut systemctl(&["show", "--value", "--property", name, SERVICE]));
    String::from_utf8_lossy(&shown.map(|output| output.stdout).unwrap_or_default()).trim().to_owned()
}

/// A failure to start the service, with why it does not run.
fn explained(failure: Failure) -> Failure {
    // `{ path=/usr/bin/ssoctld ; argv[]=… }`
    let command = property("ExecStart");
    let program = command.split_once("path=").and_then(|(_, rest)| rest.split_once(" ;")).map(|(program, _)| program);
    if let Some(program) = program.filter(|program| !std::path::Path::new(program).exists()) {
        return Failure::Other(format!(
            "the service runs {program}, which is not there any more; bring it up to date: ssoctl service install"
        ));
    }
    let (result, status) = (property("Result"), property("ExecMainStatus"));
    let last_words = last_words();
    let last_words = if last_words.is_empty() {
        "its log: ssoctl service logs".to_owned()
    } else {
        format!("the end of its log (ssoctl service logs): {last_words}")
    };
    Failure::Other(format!("{failure} (result {result}, exit status {status}); {last_words}"))
}

/// The last lines of the service's log, if the journal has it.
fn last_words() -> String {
    let mut journal = Command::new("journalctl");
    journal.args(["--user", "--unit", SERVICE, "--lines", "3", "--output", "cat", "--no-pager", "--quiet"]);
    let said = ask_briefly(&mut journal).map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&said)
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join(" / ")
}

fn install() -> Result<(), Failure> {
    let service = SERVICE_UNIT.replace(PACKAGED_PROGRAM, &quoted(&program()?)?);
    let directory = directory()?;
    reach()?;
    let socket_unit = place(&directory.join(SOCKET), SOCKET_UNIT)?;
    let service_unit = place(&directory.join(SERVICE), &service)?;
    let all_are = |state: &str| [SERVICE, SOCKET].iter().all(|unit| succeeds(&[state, unit]));
    let is_complete = all_are("is-enabled") && all_are("is-active");
    warn_of_unseen_settings();
    if (socket_unit, service_unit) == (Placed::Unchanged, Placed::Unchanged) && is_complete {
        return say("already installed and running; nothing was changed");
    }
    carry_out(&mut systemctl(&["daemon-reload"]), "having systemd read its units")?;
    carry_out(&mut systemctl(&["enable", SOCKET, SERVICE]), "enabling the service")?;
    if socket_unit == Placed::Written {
        // A socket cannot be made anew while a service listens on it.
        carry_out(&mut systemctl(&["stop", SERVICE, SOCKET]), "stopping the service")?;
    }
    // After failures systemd starts it no more, and here is somebody who wants it started. There may have been none.
    let _ = ask(&mut systemctl(&["reset-failed", SERVICE, SOCKET]));
    carry_out(&mut systemctl(&["start", SOCKET]), "starting the socket")?;
    let start = if service_unit == Placed::Written { "restart" } else { "start" };
    carry_out(&mut systemctl(&[start, SERVICE]), "starting the service").map_err(explained)?;
    say("installed: ssoctld runs now, and from each login on")
}

/// Says which settings of this shell the service does without. Only their names: a proxy's address may have a password in it.
fn warn_of_unseen_settings() {
    let said = |arguments: &[&str]| {
        let output = ask(&mut systemctl(arguments)).map(|output| output.stdout).unwrap_or_default();
        String::from_utf8_lossy(&output).into_owned()
    };
    let seen = said(&["show-environment"]) + &said(&["show", "--property=Environment", SERVICE]);
    let here =
        environment::variables().filter(|(_, value)| !value.is_empty()).filter_map(|(name, _)| name.into_string().ok());
    let unseen = unseen_settings(here, &seen);
    if !unseen.is_empty() {
        render::notice(&format!(
            "warning: the service does not see {} of this shell; if it needs them, run: systemctl --user edit {SERVICE}, and \
             write [Service] and a line Environment=NAME=value for each; then: ssoctl service restart",
            unseen.join(", ")
        ));
    }
}

/// The settings among these variables that are not among those of the service: lines of `systemctl show-environment` and
/// words of `Environment=`.
fn unseen_settings(here: impl Iterator<Item = String>, seen: &str) -> Vec<String> {
    let is_seen = |name: &str| {
        seen.split_whitespace().any(|word| {
            let word = word.strip_prefix("Environment=").unwrap_or(word).trim_start_matches('"');
            word.strip_prefix(name).is_some_and(|rest| rest.starts_with('='))
        })
    };
    let mut unseen: Vec<String> = here.filter(|name| start::is_setting(name) && !is_seen(name)).collect();
    unseen.sort();
    unseen
}

fn uninstall() -> Result<(), Failure> {
    let directory = directory()?;
    let files = [SERVICE, SOCKET].map(|unit| directory.join(unit));
    if !files.iter().any(|file| file.exists()) {
        return say("not installed; nothing was changed");
    }
    reach()?;
    carry_out(&mut systemctl(&["disable", "--now", SERVICE, SOCKET]), "disabling the service")?;
    for file in &files {
        remove(file)?;
    }
    carry_out(&mut systemctl(&["daemon-reload"]), "having systemd read its units")?;
    // It forgets failures, of which there may have been none.
    let _ = ask(&mut systemctl(&["reset-failed", SERVICE, SOCKET]));
    say("uninstalled; sign-ins and the configuration are still there")
}

/// Looks whether the person's manager answers.
fn reach() -> Result<(), Failure> {
    let why = match ask_briefly(&mut systemctl(&["show", "--property=Version"])) {
        Ok(output) if output.status.success() => return Ok(()),
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => format!("systemctl: {error}"),
    };
    Err(Failure::Other(format!(
        "no service manager of yours answers ({why}); where there is systemd, log in as yourself and not by su or sudo; \
         elsewhere nothing has to be installed, as ssoctl starts ssoctld when it is needed"
    )))
}

fn succeeds(arguments: &[&str]) -> bool {
    ask(&mut systemctl(arguments)).is_ok_and(|output| output.status.success())
}

fn systemctl(arguments: &[&str]) -> Command {
    let mut command = Command::new("systemctl");
    command.args(["--user", "--quiet"]).args(arguments);
    command
}

/// Where a person's own units are (systemd.unit(5)).
fn directory() -> Result<PathBuf, Failure> {
    let configuration = environment::variable("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    configuration
        .or_else(|| Some(environment::home_directory()?.join(".config")))
        .map(|directory| directory.join("systemd/user"))
        .ok_or_else(|| Failure::Other("there is no home directory to install to; set HOME".to_owned()))
}

/// A program's path as it stands in `ExecStart=` (systemd.service(5)): quoted, and without specifiers.
fn quoted(program: &str) -> Result<String, Failure> {
    if program.contains(['"', '\'', '\\', '$']) {
        return Err(Failure::Other(format!(
            "systemd cannot run {program}, because of the quote, backslash or dollar in it; move it and try again"
        )));
    }
    let literal = program.replace('%', "%%");
    Ok(if literal.contains(' ') { format!("\"{literal}\"") } else { literal })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_has_one_place_for_the_program() {
        assert_eq!(SERVICE_UNIT.matches(PACKAGED_PROGRAM).count(), 1);
    }

    #[test]
    fn settings_of_the_shell_that_the_service_does_not_see_are_named() {
        let here =
            ["HTTPS_PROXY", "AWS_CONFIG_FILE", "AWS_ENDPOINT_URL_SSO", "AWS_PROFILE", "HOME", "SSOCTL_LOG", "no_proxy"];
        let seen = "HOME=/home/ada\nPATH=/bin\nHTTPS_PROXY_OLD=x\nEnvironment=SSOCTL_LOG=debug \"no_proxy=a b\"\n";
        let unseen = unseen_settings(here.iter().map(|&name| name.to_owned()), seen);
        assert_eq!(unseen, ["AWS_ENDPOINT_URL_SSO", "HTTPS_PROXY"]);
    }

    #[test]
    fn nothing_in_a_path_means_something_to_systemd() {
        assert_eq!(quoted("/usr/bin/ssoctld").unwrap(), "/usr/bin/ssoctld");
        assert_eq!(quoted("/opt/100% mine/ssoctld").unwrap(), "\"/opt/100%% mine/ssoctld\"");
        assert!(quoted("/opt/$HOME/ssoctld").is_err());
    }
}
