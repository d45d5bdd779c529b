//! What the daemon has and this shell has not, and the other way round: said when something fails, because the daemon goes by
//! its own environment and not by that of whoever asks.

use std::path::{Path, PathBuf};

use ssoctl_protocol::route::Query;
use ssoctl_protocol::settings::{self, Settings};
use ssoctl_protocol::{DaemonStatus, ErrorCode, Route};

use crate::aws_files::AwsFiles;
use crate::connection::{Daemon, Starting, VersionWarning};
use crate::environment;
use crate::failure::Failure;
use crate::start;

/// Says nothing of what failed.
const NOT_OF_REQUESTS: &str = "TZ";

/// Lines for a person about what may be behind this failure; none where that cannot be it.
pub(crate) fn after(failure: &Failure) -> Vec<String> {
    let Some(problem) = failure.problem() else { return Vec::new() };
    let is_about_names = match problem.code {
        ErrorCode::UnknownSession
        | ErrorCode::AmbiguousSession
        | ErrorCode::AssignmentUnnamed
        | ErrorCode::InvalidConfiguration => true,
        ErrorCode::ServiceUnavailable | ErrorCode::ServiceRefused => false,
        _ => return Vec::new(),
    };
    let Some(daemon) = ask() else { return Vec::new() };
    let here = Here::of_environment();
    let mut lines = if is_about_names { places(&daemon, &here) } else { Vec::new() };
    lines.extend(variables(&daemon, &here));
    lines
}

fn ask() -> Option<Settings> {
    let daemon = Daemon::find(Starting::Forbidden, VersionWarning::Silent).ok()?;
    let answer = daemon.ask(&Route::Health, &Query::default()).ok()?;
    Some(daemon.read::<DaemonStatus>(&answer).ok()?.settings)
}

/// What a daemon would have that got the whole environment of this process.
struct Here {
    variables: Vec<(&'static str, String)>,
    config_toml: Option<PathBuf>,
    state_directory: Option<PathBuf>,
    /// That of the home directory, where no variable names one.
    aws_config: Option<PathBuf>,
}

impl Here {
    fn of_environment() -> Self {
        let home = environment::home_directory();
        let absolute = |path: PathBuf| std::path::absolute(path).ok();
        let value = |name: &&'static str| {
            let value = start::passed_on_value(name, environment::variable(name)?);
            Some((*name, settings::shown(name, &value.to_string_lossy()).into_owned()))
        };
        let names_none = AwsFiles::of_environment().is_ok_and(|files| files == AwsFiles::default());
        Self {
            variables: settings::TAKEN.iter().filter_map(value).collect(),
            config_toml: settings::config_toml(environment::variable, home.clone()).and_then(absolute),
            state_directory: settings::state_directory(environment::variable, home.clone()).and_then(absolute),
            aws_config: home.filter(|_| names_none).map(|home| home.join(".aws/config")),
        }
    }
}

/// Which of the daemon's places are not those that this shell means.
fn places(daemon: &Settings, here: &Here) -> Vec<String> {
    let places = [
        (&daemon.config_toml, &here.config_toml, "reads its own configuration from"),
        (&daemon.aws_config, &here.aws_config, "looks names up in"),
        (&daemon.state_directory, &here.state_directory, "keeps its records in"),
    ];
    let differ = |theirs: &str, ours: &Path| !theirs.is_empty() && Path::new(theirs) != ours;
    let said = places.into_iter().filter_map(|(theirs, ours, what)| {
        let ours = ours.as_ref().filter(|ours| differ(theirs, ours))?;
        Some(format!("the daemon {what} {theirs}, and not {} as this shell would have it", ours.display()))
    });
    said.collect()
}

/// One line about the variables that are not the same.
fn variables(daemon: &Settings, here: &Here) -> Option<String> {
    let theirs = |name: &str| daemon.variables.iter().find(|it| it.file.is_none() && it.name == name);
    let mut differ = Vec::new();
    for name in settings::TAKEN.iter().filter(|name| **name != NOT_OF_REQUESTS) {
        let ours = here.variables.iter().find(|(known, _)| known == name).map(|(_, value)| value);
        match (ours, theirs(name)) {
            (Some(ours), None) => {
                differ.push(format!("{name}={ours} of this shell is not the daemon's, which has none"))
            }
            (None, Some(theirs)) => {
                differ.push(format!("{name}={} is the daemon's, and this shell has none", theirs.value));
            }
            (Some(ours), Some(theirs)) if *ours != theirs.value => {
                differ.push(format!("{name}={ours} of this shell is not the daemon's, which has {}", theirs.value));
            }
            _ => {}
        }
    }
    if differ.is_empty() { None } else { Some(format!("{}; {}", differ.join("; "), remedy(daemon))) }
}

/// How the daemon gets the variables of this shell.
fn remedy(daemon: &Settings) -> &'static str {
    match daemon.started_by.as_str() {
        "ssoctl" => {
            "it has those of the shell that it was started from: ssoctl stop, and the next call starts it from here"
        }
        "service_manager" if cfg!(target_os = "macos") => {
            "it is a service: set them with launchctl setenv, then: ssoctl service restart"
        }
        "service_manager" => {
            "it is a service: set them with systemctl --user edit ssoctld.service, then: ssoctl service restart"
        }
        _ => "it has those of the shell that it was started from; start it again from one that has these: ssoctld",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ssoctl_protocol::settings::Setting;

    fn daemon(variables: &[(&str, &str)]) -> Settings {
        let setting =
            |(name, value): &(&str, &str)| Setting { name: (*name).to_owned(), value: (*value).to_owned(), file: None };
        Settings {
            started_by: "ssoctl".to_owned(),
            config_toml: "/h/.config/ssoctl/config.toml".to_owned(),
            aws_config: "/h/.aws/config".to_owned(),
            state_directory: "/h/.local/state/ssoctl".to_owned(),
            variables: variables.iter().map(setting).collect(),
            ..Settings::default()
        }
    }

    fn here(variables: &[(&'static str, &str)]) -> Here {
        Here {
            variables: variables.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
            config_toml: Some("/h/.config/ssoctl/config.toml".into()),
            state_directory: Some("/h/.local/state/ssoctl".into()),
            aws_config: Some("/h/.aws/config".into()),
        }
    }

    #[test]
    fn where_all_is_the_same_nothing_is_said() {
        let same = [("HTTPS_PROXY", "http://***@proxy:1")];
        assert_eq!(places(&daemon(&same), &here(&same)), Vec::<String>::new());
        assert_eq!(variables(&daemon(&same), &here(&same)), None);
        assert_eq!(variables(&daemon(&[("TZ", "Europe/Berlin")]), &here(&[])), None);
        // A daemon of an earlier version says nothing of itself.
        assert_eq!(places(&Settings::default(), &here(&[])), Vec::<String>::new());
    }

    #[test]
    fn each_difference_is_named_with_what_to_do() {
        let shell = here(&[("HTTPS_PROXY", "http://a"), ("NO_PROXY", "x"), ("SSL_CERT_FILE", "/ca")]);
        let said =
            variables(&daemon(&[("HTTPS_PROXY", "http://b"), ("NO_PROXY", "x"), ("AWS_CA_BUNDLE", "/z")]), &shell);
        assert_eq!(
            said.as_deref(),
            Some(
                "HTTPS_PROXY=http://a of this shell is not the daemon's, which has http://b; SSL_CERT_FILE=/ca of this shell \
                 is not the daemon's, which has none; AWS_CA_BUNDLE=/z is the daemon's, and this shell has none; it has those \
                 of the shell that it was started from: ssoctl stop, and the next call starts it from here"
            )
        );
        let elsewhere = Here { config_toml: Some("/x/config.toml".into()), aws_config: None, ..here(&[]) };
        assert_eq!(
            places(&daemon(&[]), &elsewhere),
            [
                "the daemon reads its own configuration from /h/.config/ssoctl/config.toml, and not /x/config.toml as this \
              shell would have it"
            ]
        );
    }
}
