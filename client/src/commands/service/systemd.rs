//! The service in a person's systemd.

mod units;

use std::path::Path;
use std::process::{Command, Stdio};

use units::Own;

use super::{Action, Placed, ask, carry_out, place, program, remove, show};
use crate::environment;
use crate::failure::Failure;
use crate::output;
use crate::service_manager::{SERVICE, SOCKET, ask_briefly, systemctl};
use crate::{render, start};

pub(super) fn run(action: Action) -> Result<(), Failure> {
    match action {
        Action::Install => install(),
        Action::Uninstall => uninstall(),
        Action::Status => {
            reach()?;
            show(systemctl(&["--no-pager", "--lines=0", "status", SERVICE, SOCKET]).stdin(Stdio::null()))
        }
        Action::Restart => {
            reach()?;
            restart()
        }
        Action::Stop => {
            reach()?;
            carry_out(&mut systemctl(&["stop", SERVICE, SOCKET]), "stopping the service")?;
            output::line("stopped; the next login starts it again, and so does the next call of ssoctl")
        }
        Action::Logs { follow, lines } => {
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
    forget_failures();
    carry_out(&mut systemctl(&["restart", SERVICE]), "restarting the service").map_err(explained)?;
    output::line("restarted")
}

/// After several failures systemd refuses to start the service until it is told to forget them. There may be none.
fn forget_failures() {
    let _ = ask(&mut systemctl(&["reset-failed", SERVICE, SOCKET]));
}

fn property(name: &str) -> String {
    standard_output(&mut systemctl(&["show", "--value", "--property", name, SERVICE])).trim().to_owned()
}

fn standard_output(command: &mut Command) -> String {
    let output = ask_briefly(command).map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).into_owned()
}

/// Adds the reason to a failure to start the service.
fn explained(failure: Failure) -> Failure {
    // `{ path=/usr/bin/ssoctld ; argv[]=… }`
    let command = property("ExecStart");
    let program = command.split_once("path=").and_then(|(_, rest)| rest.split_once(" ;")).map(|(program, _)| program);
    if let Some(program) = program.filter(|program| !Path::new(program).exists()) {
        return Failure::Other(format!(
            "the service runs {program}, which does not exist any more; update it: ssoctl service install"
        ));
    }
    let (result, status) = (property("Result"), property("ExecMainStatus"));
    let log = match last_lines().as_str() {
        "" => "its log: ssoctl service logs".to_owned(),
        lines => format!("the end of its log (ssoctl service logs): {lines}"),
    };
    Failure::Other(format!("{failure} (result {result}, exit status {status}); {log}"))
}

/// The last lines of the service's log, if the journal has them.
fn last_lines() -> String {
    let mut journal = Command::new("journalctl");
    journal.args(["--user", "--unit", SERVICE, "--lines", "3", "--output", "cat", "--no-pager", "--quiet"]);
    let log = standard_output(&mut journal);
    log.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" / ")
}

fn install() -> Result<(), Failure> {
    let program = program()?;
    let own = Own::find()?;
    reach()?;
    let (socket_unit, service_unit) = match units::of_a_package(&program) {
        Some(package) => use_those_of(&package, &own)?,
        None => own.place(&program)?,
    };
    let succeeds = |command: &mut Command| ask(command).is_ok_and(|output| output.status.success());
    let all_are = |state: &str| [SERVICE, SOCKET].iter().all(|unit| succeeds(&mut systemctl(&[state, unit])));
    let is_complete = all_are("is-enabled") && all_are("is-active");
    warn_of_unseen_settings();
    if (socket_unit, service_unit) == (Placed::Unchanged, Placed::Unchanged) && is_complete {
        return output::line("already installed and running; nothing was changed");
    }
    carry_out(&mut systemctl(&["daemon-reload"]), "having systemd read its units")?;
    carry_out(&mut systemctl(&["enable", SOCKET, SERVICE]), "enabling the service")?;
    if socket_unit == Placed::Written {
        // A socket cannot be replaced while a service listens on it.
        carry_out(&mut systemctl(&["stop", SERVICE, SOCKET]), "stopping the service")?;
    }
    forget_failures();
    carry_out(&mut systemctl(&["start", SOCKET]), "starting the socket")?;
    let start = if service_unit == Placed::Written { "restart" } else { "start" };
    carry_out(&mut systemctl(&[start, SERVICE]), "starting the service").map_err(explained)?;
    output::line("installed: ssoctld runs now, and from each login on")
}

/// Removes the person's own units, which would hide those of a package.
fn use_those_of(package: &Path, own: &Own) -> Result<(Placed, Placed), Failure> {
    if own.are_there() {
        output::line(&format!("the units in {} take the place of your own", package.display()))?;
        take_away(own)?;
    }
    Ok((Placed::Unchanged, Placed::Unchanged))
}

/// Warns of settings of this shell that the service does not have. Only their names are shown: a proxy's address may have a
/// password in it.
fn warn_of_unseen_settings() {
    let seen = standard_output(&mut systemctl(&["show-environment"]))
        + &standard_output(&mut systemctl(&["show", "--property=Environment", SERVICE]));
    let here =
        environment::variables().filter(|(_, value)| !value.is_empty()).filter_map(|(name, _)| name.into_string().ok());
    let unseen = unseen_settings(here, &seen);
    if !unseen.is_empty() {
        render::notice(&format!(
            "warning: the service does not see {} of this shell; if it needs them, run: systemctl --user edit {SERVICE}, and \
             write [Service] and a line Environment=NAME=value for each; then run: ssoctl service restart",
            unseen.join(", ")
        ));
    }
}

/// The settings among these variables that the service does not have. `seen` has its variables: lines of `systemctl
/// show-environment` and words of `Environment=`.
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
    let own = Own::find()?;
    let is_there = own.are_there() || units::are_there_for_everybody();
    if is_there {
        reach()?;
    }
    // The units of a package stay, and what they are for this person can be taken away once.
    if !is_there || !own.are_there() && property("UnitFileState") != "enabled" && !is_active() {
        return output::line("not installed; nothing was changed");
    }
    take_away(&own)?;
    forget_failures();
    output::line("uninstalled; sign-ins and the configuration are still there")
}

/// Stops the service, has it not start at login, and removes the person's own units.
fn take_away(own: &Own) -> Result<(), Failure> {
    carry_out(&mut systemctl(&["disable", "--now", SERVICE, SOCKET]), "disabling the service")?;
    own.remove()?;
    carry_out(&mut systemctl(&["daemon-reload"]), "having systemd read its units")
}

/// Fails if the person's service manager does not answer.
fn reach() -> Result<(), Failure> {
    let why = match ask_briefly(&mut systemctl(&["show", "--property=Version"])) {
        Ok(output) if output.status.success() => return Ok(()),
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => format!("systemctl: {error}"),
    };
    Err(Failure::Other(format!(
        "your service manager does not answer ({why}); with systemd, log in as yourself and not by su or sudo; \
         without it nothing has to be installed, because ssoctl starts ssoctld when it is needed"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_the_shell_that_the_service_does_not_have_are_named() {
        let here =
            ["HTTPS_PROXY", "AWS_CONFIG_FILE", "AWS_ENDPOINT_URL_SSO", "AWS_PROFILE", "HOME", "SSOCTL_LOG", "no_proxy"];
        let seen = "HOME=/home/ada\nPATH=/bin\nHTTPS_PROXY_OLD=x\nEnvironment=SSOCTL_LOG=debug \"no_proxy=a b\"\n";
        let unseen = unseen_settings(here.iter().map(|&name| name.to_owned()), seen);
        assert_eq!(unseen, ["AWS_ENDPOINT_URL_SSO", "HTTPS_PROXY"]);
    }
}
