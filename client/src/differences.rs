//! Differences between the daemon's environment and this shell's. They are shown when a request fails that may have failed because of
//! them: the daemon uses its own environment and not that of its callers.

use ssoctl_aws_files::absolute;
use ssoctl_protocol::route::Query;
use ssoctl_protocol::settings::{About, Difference, Settings, differences};
use ssoctl_protocol::{DaemonStatus, ErrorCode, Problem, Route};

use crate::connection::{Daemon, Starting, VersionWarning};
use crate::environment;
use crate::failure::Failure;

/// Lines for a person about the possible reasons of this failure.
pub(crate) fn behind(failure: &Failure) -> Vec<String> {
    let Some(problem) = failure.problem() else { return Vec::new() };
    let about: &[About] = match problem.code {
        ErrorCode::UnknownSession
        | ErrorCode::AmbiguousSession
        | ErrorCode::AssignmentUnnamed
        | ErrorCode::InvalidConfiguration => &[About::Names, About::Requests],
        ErrorCode::ServiceUnavailable | ErrorCode::ServiceRefused => &[About::Requests],
        _ => return Vec::new(),
    };
    let home = environment::home_directory();
    let shell = Settings::of_shell(environment::variable, home.clone(), |value| absolute(value, home.as_deref()));
    let daemon = Daemon::find(Starting::Forbidden, VersionWarning::Silent)
        .and_then(|daemon| daemon.fetch::<DaemonStatus>(&Route::Health, &Query::default()));
    let found = daemon.map_or_else(|_| Vec::new(), |daemon| differences(&daemon.settings, &shell));
    let relevant = found.into_iter().filter(|difference| about.contains(&difference.about));
    variable_in(problem).into_iter().chain(lines(relevant)).collect()
}

/// The variable of this shell that names an unknown session; it is not on the command line.
fn variable_in(problem: &Problem) -> Option<String> {
    let mut variables = ["SSOCTL_SESSION", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"].into_iter();
    variables
        .find(|variable| {
            let value = environment::variable(variable).and_then(|value| value.into_string().ok());
            problem.code == ErrorCode::UnknownSession
                && value.is_some_and(|value| problem.detail.contains(&format!("{value:?}")))
        })
        .map(|variable| format!("{variable} of this shell names it"))
}

/// One line for all differences in a row that have the same remedy.
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
    fn a_remedy_is_shown_once_for_all_differences_that_have_it() {
        let difference = |text: &str, remedy| Difference { about: About::Requests, text: text.to_owned(), remedy };
        let differences = [difference("a", "stop"), difference("b", "stop"), difference("c", "restart")];
        assert_eq!(lines(differences.into_iter()), ["a; b; stop", "c; restart"]);
    }
}
