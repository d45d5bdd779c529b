//! What the daemon has and this shell has not, and the other way round: said when something fails, because the daemon goes by
//! its own environment and not by that of whoever asks.

use ssoctl_aws_files::absolute;
use ssoctl_protocol::route::Query;
use ssoctl_protocol::settings::{About, Difference, Settings, differences};
use ssoctl_protocol::{DaemonStatus, ErrorCode, Problem, Route};

use crate::connection::{Daemon, Starting, VersionWarning};
use crate::environment;
use crate::failure::Failure;

/// Lines for a person about what may be behind this failure; none where that cannot be it.
pub(crate) fn after(failure: &Failure) -> Vec<String> {
    let Some(problem) = failure.problem() else { return Vec::new() };
    let about: &[About] = match problem.code {
        ErrorCode::UnknownSession
        | ErrorCode::AmbiguousSession
        | ErrorCode::AssignmentUnnamed
        | ErrorCode::InvalidConfiguration => &[About::Names, About::Requests],
        ErrorCode::ServiceUnavailable | ErrorCode::ServiceRefused => &[About::Requests],
        _ => return Vec::new(),
    };
    let named = Some(problem).filter(|problem| problem.code == ErrorCode::UnknownSession).and_then(named_by);
    let Some(daemon) = ask() else { return named.into_iter().collect() };
    let differences = differences(&daemon, &of_this_shell());
    named
        .into_iter()
        .chain(lines(differences.into_iter().filter(|difference| about.contains(&difference.about))))
        .collect()
}

/// The variable of this shell that names what there is not, which nobody sees on the command line.
fn named_by(problem: &Problem) -> Option<String> {
    ["SSOCTL_SESSION", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"].into_iter().find_map(|variable| {
        let value = environment::variable(variable)?.into_string().ok()?;
        problem.detail.contains(&format!("{value:?}")).then(|| format!("{variable} of this shell names it"))
    })
}

fn ask() -> Option<Settings> {
    let daemon = Daemon::find(Starting::Forbidden, VersionWarning::Silent).ok()?;
    let answer = daemon.ask(&Route::Health, &Query::default()).ok()?;
    Some(daemon.read::<DaemonStatus>(&answer).ok()?.settings)
}

fn of_this_shell() -> Settings {
    let home = environment::home_directory();
    Settings::of_shell(environment::variable, home.clone(), |value| absolute(value, home.as_deref()))
}

/// One line for all that have the same remedy.
fn lines(differences: impl Iterator<Item = Difference>) -> Vec<String> {
    let mut lines: Vec<(String, &str)> = Vec::new();
    for Difference { text, remedy, .. } in differences {
        match lines.last_mut() {
            Some((line, of_line)) if *of_line == remedy => *line = format!("{line}; {text}"),
            _ => lines.push((text, remedy)),
        }
    }
    lines.into_iter().map(|(line, remedy)| format!("{line}; {remedy}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remedy_is_said_once_for_all_that_it_helps() {
        let difference = |text: &str, remedy| Difference { about: About::Requests, text: text.to_owned(), remedy };
        let differences = [difference("a", "stop"), difference("b", "stop"), difference("c", "restart")];
        assert_eq!(lines(differences.into_iter()), ["a; b; stop", "c; restart"]);
    }
}
