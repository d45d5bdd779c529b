//! The shell that doctor is run from: how it differs from the daemon, and the AWS file that it names.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};
use ssoctl_aws_files::whole;
use ssoctl_protocol::settings::{Settings, TAKEN, differences};

use super::finding::Finding;
use super::{Subject, configuration, gather};
use crate::chain::chain;
use crate::config::{Config, EndpointSettings, Environment, Paths, load_named};

const SHELL: &str = "this shell";

/// What is known of the shell.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Shell {
    /// What a daemon would have that got its environment.
    pub(super) settings: Settings,
    /// The AWS configuration file that it names, if that is not the daemon's default one.
    pub(super) names: Option<PathBuf>,
}

impl Shell {
    /// That of this process.
    pub fn of_process(subject: &Subject) -> Self {
        let home = std::env::home_dir().filter(|home| home.is_absolute());
        let settings = Settings::of_shell(variable, home.clone(), |path| whole(path, home.as_deref()));
        let socket = whole(subject.socket.path().as_os_str(), None).to_string_lossy().into_owned();
        Self { settings: Settings { socket, ..settings }, names: None }
    }
}

fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// This program, to be run again with the environment of a daemon that has these settings.
///
/// # Errors
/// The path of this program is not known.
pub fn in_environment_of(daemon: &Settings, shell: &Shell) -> io::Result<Command> {
    let named = Environment::from_process().aws_config.map(std::path::absolute).transpose()?;
    let named = named.filter(|named| !is_same(named, Path::new(&daemon.aws_config)));
    let shell = Shell { names: named, ..shell.clone() };
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--config", &daemon.config_toml, "--state-dir", &daemon.state_directory, "doctor"]);
    command.arg("--shell").arg(serde_json::to_string(&shell)?);
    let set = [
        ("HOME", &daemon.home),
        ("AWS_CONFIG_FILE", &daemon.aws_config),
        ("AWS_SHARED_CREDENTIALS_FILE", &daemon.aws_credentials),
    ];
    command.envs(set.into_iter().filter(|(_, value)| !value.is_empty()));
    for name in TAKEN {
        match daemon.variable(name) {
            None => command.env_remove(name),
            // What is not shown is the same here, as far as can be told.
            Some(theirs) if theirs.contains("***") && Some(theirs) == shell.settings.variable(name) => continue,
            Some(theirs) => command.env(name, theirs),
        };
    }
    Ok(command)
}

fn is_same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    one == other || (real(one).is_some() && real(one) == real(other))
}

/// Says how the shell differs from the daemon, or, where none runs, from one that `ssoctl` would start.
pub(super) fn judge(daemon: Option<&Settings>, shell: &Settings) -> Vec<Finding> {
    let Some(daemon) = daemon else { return judge_without_daemon(shell) };
    if daemon.config_toml.is_empty() {
        return vec![Finding::skipped(SHELL, "the daemon is of an earlier version, and does not say what it has")];
    }
    let found = differences(daemon, shell);
    if found.is_empty() {
        return vec![Finding::ok(SHELL, "the daemon has the files, places and variables of this shell")];
    }
    found.into_iter().map(|difference| Finding::warning(SHELL, difference.text, difference.remedy)).collect()
}

/// A daemon that `ssoctl` starts takes none of its places from the shell.
fn judge_without_daemon(shell: &Settings) -> Vec<Finding> {
    let home = Some(PathBuf::from(&shell.home)).filter(|home| home.is_absolute());
    let by_home = Settings::of_shell(|_| None, home, OsStr::to_owned);
    let started = Settings {
        started_by: "ssoctl".to_owned(),
        config_toml: by_home.config_toml,
        state_directory: by_home.state_directory,
        ..shell.clone()
    };
    let told = differences(&started, shell).into_iter();
    told.map(|difference| {
        Finding::warning(
            SHELL,
            format!("once ssoctl has started it, {}", difference.text),
            "set it for the service (ssoctl service install), or start ssoctld from this shell",
        )
    })
    .collect()
}

/// Reads the file that the shell names as the daemon does for it. Nothing if that panics.
pub(super) async fn read_named(
    paths: &Paths,
    file: PathBuf,
    environment: &Environment,
    own: Option<&Config>,
) -> Option<Result<Config, String>> {
    let is_listed = own.is_some_and(|own| own.aws_config_files.iter().any(|listed| is_same(listed, &file)));
    let settings = if is_listed { EndpointSettings::Count } else { EndpointSettings::Ignored };
    let (paths, environment) = (paths.clone(), environment.clone());
    gather::blocking(move || load_named(&paths, &file, settings, &environment).map_err(|why| chain(&why))).await
}

/// Judges the file that the shell names.
pub(super) fn judge_named(file: &Path, read: Option<Result<Config, String>>, paths: &Paths) -> Vec<Finding> {
    const NAMED: &str = "configuration";
    let shown = file.display();
    match read {
        Some(Ok(config)) => configuration::judge(&config, &Paths { aws: file.to_owned(), ..paths.clone() }),
        Some(Err(why)) => vec![Finding::problem(
            NAMED,
            format!("{shown}, which AWS_CONFIG_FILE names: {why}"),
            "put that right, or unset AWS_CONFIG_FILE; nothing is answered from another file",
        )],
        None => vec![Finding::problem(
            NAMED,
            format!("reading {shown}, which AWS_CONFIG_FILE names, takes too long"),
            "check the file system that it is on",
        )],
    }
}
