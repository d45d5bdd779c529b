//! What `ssoctl` says on a terminal when it is called alone: what it finds, and what to do next.

use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use ssoctl_protocol::route::Query;
use ssoctl_protocol::{Choices, Route, SessionState, SessionStatus, StatusReport, shell, text};

use crate::connection::{Daemon, Starting, VersionWarning};
use crate::failure::Failure;
use crate::{output, render};

/// The longest time for an answer, which comes from the daemon's memory.
const PATIENCE: Duration = Duration::from_secs(3);
/// The longest time for the secret store, which a new daemon asks first.
const STORE_PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(20);

/// The most names of sessions in one line.
const MOST_NAMES: usize = 3;

/// A command, and what it does.
type Step = (String, &'static str);

/// Starts a daemon if none runs, as every verb does.
pub(crate) fn show() -> Result<ExitCode, Failure> {
    let (said, steps, code) = match ask() {
        Ok((report, choices)) => {
            let (said, steps) = next(&report, choices.as_ref());
            (Some(said), steps, ExitCode::SUCCESS)
        }
        Err(failure) => {
            render::notice(&failure.to_string());
            let step = ("ssoctl doctor".to_owned(), "find out what is wrong");
            (None, vec![step], ExitCode::from(failure.exit_code() as u8))
        }
    };
    output::write(text(said.as_deref(), steps).as_bytes()).map(|()| code)
}

/// The choices are `None` from a daemon that does not know the route yet.
fn ask() -> Result<(StatusReport, Option<Choices>), Failure> {
    let daemon = Daemon::find(Starting::Allowed, VersionWarning::Silent)?.with_patience(PATIENCE);
    let begin = Instant::now();
    let report = loop {
        let report: StatusReport = daemon.fetch(&Route::Sessions, &Query::default())?;
        let is_loading = report.sessions.iter().any(|session| session.state == SessionState::Loading);
        if !is_loading || begin.elapsed() > STORE_PATIENCE {
            break report;
        }
        thread::sleep(PAUSE);
    };
    Ok((report, daemon.fetch(&Route::Choices, &Query::default()).ok()))
}

/// What is found, and the commands that come next.
fn next(report: &StatusReport, choices: Option<&Choices>) -> (String, Vec<Step>) {
    let step = |command: &str, what| (command.to_owned(), what);
    let in_state = |is_it: fn(SessionState) -> bool| -> Vec<&SessionStatus> {
        report.sessions.iter().filter(|session| is_it(session.state)).collect()
    };
    let signed_in = in_state(|state| state == SessionState::SignedIn);
    let others = in_state(|state| state != SessionState::SignedIn);
    if report.sessions.is_empty() {
        return if report.daemon.configuration_problems.is_empty() {
            let steps = vec![step("ssoctl login", "give the start URL of your AWS access portal, and sign in there")];
            ("No session is configured yet.".to_owned(), steps)
        } else {
            let steps = vec![step("ssoctl status", "see what is wrong with the configuration")];
            ("No session is configured that can be used.".to_owned(), steps)
        };
    }
    if signed_in.is_empty() {
        let command = match others.as_slice() {
            [only] => format!("ssoctl login {}", shell::argument(&only.name)),
            _ => "ssoctl login NAME".to_owned(),
        };
        let said = if others.iter().all(|session| session.state == SessionState::Loading) {
            format!("The secret store has not told yet whether anybody is signed in to {}.", names(&others))
        } else {
            format!("Nobody is signed in to {}.", names(&others))
        };
        let what = match others.iter().any(|session| session.login.is_some()) {
            true => "finish the sign-in that is pending",
            false => "sign in; from then on ssoctl renews the sign-in by itself",
        };
        return (said, vec![(command, what), step("ssoctl status", "see every session")]);
    }
    let mut said = format!("Signed in to {}", names(&signed_in));
    if !others.is_empty() {
        said += &format!(", not to {}", names(&others));
    }
    let has_role = |choices: &Choices| choices.profiles.iter().any(|profile| profile.role.is_some());
    match choices.map(has_role) {
        Some(false) => (
            said + ". No AWS profile names a role yet.",
            vec![
                step("ssoctl configure", "write a profile for each of your roles (first with --dry-run)"),
                step("ssoctl roles", "only list them"),
            ],
        ),
        // Which role is meant is asked, unless AWS_PROFILE or the default profile says so.
        _ => (
            said + ".",
            vec![
                step("ssoctl exec -- aws s3 ls", "run a command with one of your roles"),
                step("ssoctl console", "open the AWS console with one"),
                step("ssoctl status", "see every session"),
            ],
        ),
    }
}

/// `corp`, `corp and dev`, `corp, dev, prod and 4 more`.
fn names(sessions: &[&SessionStatus]) -> String {
    let shown = |session: &&SessionStatus| text::line(&session.name).into_owned();
    let mut names: Vec<String> = sessions.iter().take(MOST_NAMES).map(shown).collect();
    if sessions.len() > MOST_NAMES {
        names.push(format!("{} more", sessions.len() - MOST_NAMES));
    }
    let last = names.pop().unwrap_or_default();
    if names.is_empty() { last } else { format!("{} and {last}", names.join(", ")) }
}

/// Six lines at most.
fn text(said: Option<&str>, mut steps: Vec<Step>) -> String {
    steps.push(("ssoctl --help".to_owned(), "see every command"));
    let width = steps.iter().map(|(command, _)| command.chars().count()).max().unwrap_or_default();
    let steps =
        steps.iter().map(|(command, what)| format!("  {}  {what}\n", text::line(&format!("{command:<width$}"))));
    let said = said.map_or_else(String::new, |said| format!("{}\n\n", text::line(said)));
    said + &steps.collect::<String>()
}

#[cfg(test)]
#[path = "next_steps_tests.rs"]
mod tests;
