//! Compares the settings of a daemon with those that a shell would give it. `ssoctl doctor` and requests that fail show the
//! differences.

use super::{Settings, TAKEN};

/// A setting that the daemon has and the shell would set otherwise.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// The subject.
    pub about: About,
    /// A fragment with both values.
    pub text: String,
    /// The remedy if the shell's value is meant.
    pub remedy: &'static str,
}

/// The subject of a difference.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum About {
    /// The names of sessions, and the place of their records.
    Names,
    /// The way to the service.
    Requests,
    /// The socket, and notices to the person.
    Surroundings,
}

/// All differences. A setting that one of the two does not have is no difference.
pub fn differences(daemon: &Settings, shell: &Settings) -> Vec<Difference> {
    let path = |about, remedy, theirs: &str, ours: &str, what| {
        let is_other = !theirs.is_empty() && !ours.is_empty() && theirs != ours;
        let text = || format!("the daemon {what} {theirs}, and not {ours} as this shell would have it");
        is_other.then(|| Difference { about, text: text(), remedy })
    };
    let names = |theirs, ours, what| path(About::Names, remedy_for_paths(daemon), theirs, ours, what);
    let socket_remedy = "ssoctl finds it nevertheless; have SSOCTL_SOCKET name its socket for other programs";
    let paths = [
        names(&daemon.config_toml, &shell.config_toml, "reads its own configuration from"),
        names(&daemon.aws_config, &shell.aws_config, "looks names up in"),
        names(&daemon.aws_credentials, &shell.aws_credentials, "looks credentials up in"),
        names(&daemon.state_directory, &shell.state_directory, "keeps its records in"),
        path(About::Surroundings, socket_remedy, &daemon.socket, &shell.socket, "listens at"),
    ];
    paths.into_iter().flatten().chain(bus(daemon, shell)).chain(variables(daemon, shell)).collect()
}

/// A shell without a bus (over SSH, of cron) needs none.
fn bus(daemon: &Settings, shell: &Settings) -> Option<Difference> {
    // The guid identifies the server and is no part of its place (D-Bus specification, "Server Addresses").
    let address = |settings: &Settings| settings.session_bus.split(",guid=").next().unwrap_or_default().to_owned();
    let (theirs, ours) = (address(daemon), address(shell));
    // A daemon of an earlier version says nothing about itself.
    let is_other = !daemon.config_toml.is_empty() && !ours.is_empty() && ours != theirs;
    let theirs = if theirs.is_empty() { "none" } else { &theirs };
    is_other.then(|| Difference {
        about: About::Surroundings,
        text: format!("the daemon's session bus is {theirs}, and this shell's {ours}"),
        remedy: remedy_for_variables(daemon),
    })
}

fn variables<'a>(daemon: &'a Settings, shell: &'a Settings) -> impl Iterator<Item = Difference> + 'a {
    TAKEN.iter().filter_map(|name| {
        let text = match (shell.variable(name), daemon.variable(name)) {
            (Some(ours), None) => format!("{name}={ours} of this shell is not the daemon's, which has none"),
            (None, Some(theirs)) => format!("{name}={theirs} is the daemon's, and this shell has none"),
            (Some(ours), Some(theirs)) if ours != theirs => {
                format!("{name}={ours} of this shell is not the daemon's, which has {theirs}")
            }
            _ => return None,
        };
        let about = if *name == "TZ" { About::Surroundings } else { About::Requests };
        Some(Difference { about, text, remedy: remedy_for_variables(daemon) })
    })
}

/// The way to give the daemon the variables of this shell.
fn remedy_for_variables(daemon: &Settings) -> &'static str {
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

/// The way to give the daemon the paths of this shell.
fn remedy_for_paths(daemon: &Settings) -> &'static str {
    if daemon.started_by == "ssoctl" {
        "one that ssoctl starts goes by HOME alone; if this shell's is meant, run ssoctl stop, then ssoctld from here"
    } else {
        remedy_for_variables(daemon)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Setting;
    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Settings {
        let setting =
            |(name, value): &(&str, &str)| Setting { name: (*name).to_owned(), value: (*value).to_owned(), file: None };
        Settings {
            started_by: "ssoctl".to_owned(),
            config_toml: "/h/.config/ssoctl/config.toml".to_owned(),
            aws_config: "/h/.aws/config".to_owned(),
            aws_credentials: "/h/.aws/credentials".to_owned(),
            state_directory: "/h/.local/state/ssoctl".to_owned(),
            socket: "/run/s".to_owned(),
            session_bus: "unix:path=/run/bus".to_owned(),
            variables: variables.iter().map(setting).collect(),
            ..Settings::default()
        }
    }

    fn told(daemon: &Settings, shell: &Settings) -> Vec<String> {
        differences(daemon, shell).into_iter().map(|difference| difference.text).collect()
    }

    #[test]
    fn settings_that_are_equal_or_unknown_are_no_difference() {
        let daemon = settings(&[("HTTPS_PROXY", "http://***@proxy:1")]);
        assert_eq!(told(&daemon, &daemon), Vec::<String>::new());
        let guid = Settings { session_bus: "unix:path=/run/bus,guid=1f".to_owned(), ..daemon.clone() };
        assert_eq!(told(&daemon, &guid), Vec::<String>::new());
        assert_eq!(told(&daemon, &Settings { session_bus: String::new(), ..daemon.clone() }), Vec::<String>::new());
        // An AWS file that a variable names is named by each request.
        let names_files = Settings { aws_config: String::new(), aws_credentials: String::new(), ..daemon.clone() };
        assert_eq!(told(&daemon, &names_files), Vec::<String>::new());
        // A daemon of an earlier version says nothing about itself.
        assert_eq!(told(&Settings::default(), &settings(&[])), Vec::<String>::new());
    }

    #[test]
    fn each_difference_is_named_with_both_sides_and_what_it_matters_for() {
        let daemon = settings(&[("HTTPS_PROXY", "http://b"), ("NO_PROXY", "x"), ("AWS_CA_BUNDLE", "/z")]);
        let shell = Settings {
            config_toml: "/x/config.toml".to_owned(),
            session_bus: "unix:path=/tmp/bus".to_owned(),
            ..settings(&[("HTTPS_PROXY", "http://a"), ("NO_PROXY", "x"), ("TZ", "UTC0")])
        };
        let found = differences(&daemon, &shell);
        let expected = [
            (
                About::Names,
                "the daemon reads its own configuration from /h/.config/ssoctl/config.toml, and not /x/config.toml as this shell \
                 would have it",
                "goes by HOME alone",
            ),
            (
                About::Surroundings,
                "the daemon's session bus is unix:path=/run/bus, and this shell's unix:path=/tmp/bus",
                "ssoctl stop",
            ),
            (
                About::Requests,
                "HTTPS_PROXY=http://a of this shell is not the daemon's, which has http://b",
                "ssoctl stop, and the next call starts it from here",
            ),
            (About::Requests, "AWS_CA_BUNDLE=/z is the daemon's, and this shell has none", "ssoctl stop"),
            (About::Surroundings, "TZ=UTC0 of this shell is not the daemon's, which has none", "ssoctl stop"),
        ];
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (difference, (about, text, remedy)) in found.iter().zip(expected) {
            assert_eq!((difference.about, difference.text.as_str()), (about, text));
            assert!(difference.remedy.contains(remedy), "{difference:?}");
        }
        let service = Settings { started_by: "service_manager".to_owned(), ..daemon };
        assert!(differences(&service, &shell).iter().all(|difference| difference.remedy.contains("it is a service")));
    }
}
