//! What the daemon has and this shell has not, and the other way round: said when something fails, because the daemon goes by
//! its own environment and not by that of whoever asks.

use ssoctl_aws_files::absolute;
use ssoctl_protocol::route::Query;
use ssoctl_protocol::settings::{About, Difference, Settings, differences};
use ssoctl_protocol::{DaemonStatus, ErrorCode, Route};

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
    let Some(daemon) = ask() else { return Vec::new() };
    lines(differences(&daemon, &of_this_shell()).into_iter().filter(|difference| about.contains(&difference.about)))
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
