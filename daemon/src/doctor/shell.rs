//! The shell that doctor is run from: how it differs from the daemon, and the AWS file that it names.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};
use ssoctl_aws_files::absolute;
use ssoctl_protocol::settings::{Settings, TAKEN, differences};

use super::finding::Finding;
use super::{Subject, configuration, gather};
use crate::chain::chain;
use crate::config::{Config, EndpointSettings, Environment, FilePair, Paths, load_named};

const SHELL: &str = "this shell";

/// What is known of the shell.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Shell {
    /// What a daemon would have that got its environment.
    pub(super) settings: Settings,
    /// The AWS files that it names, if they are not the daemon's default ones.
    pub(super) names: Option<FilePair>,
}

impl Shell {
    /// That of this process.
    pub fn of_process(subject: &Subject) -> Self {
        let home = std::env::home_dir().filter(|home| home.is_absolute());
        let settings = Settings::of_shell(variable, home.clone(), |path| absolute(path, home.as_deref()));
        let socket = absolute(subject.socket.path().as_os_str(), None).to_string_lossy().into_owned();
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
    let environment = Environment::from_process();
    let absolute = |path: Option<PathBuf>| path.map(std::path::absolute).transpose();
    let is_other = |named: &PathBuf, theirs: &str| !is_same(named, Path::new(theirs));
    let config = absolute(environment.aws_config)?.filter(|named| is_other(named, &daemon.aws_config));
    let credentials = absolute(environment.aws_credentials)?;
    let credentials = credentials.filter(|named| config.is_some() || is_other(named, &daemon.aws_credentials));
    let names_any = config.is_some() || credentials.is_some();
    let shell = Shell { names: names_any.then_some(FilePair { config, credentials }), ..shell.clone() };
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

/// Reads the files that the shell names as the daemon does for it. `None` if that panics.
pub(super) async fn read_named(
    paths: &Paths,
    files: FilePair,
    environment: &Environment,
    own: Option<&Config>,
) -> Option<Result<Config, String>> {
    let listed = own.map(|own| own.aws_config_files.as_slice()).unwrap_or_default();
    let is_listed = files.config.as_ref().is_some_and(|file| listed.iter().any(|listed| is_same(listed, file)));
    let settings = if is_listed { EndpointSettings::Count } else { EndpointSettings::Ignored };
    let (paths, environment) = (paths.clone(), environment.clone());
    gather::blocking(move || load_named(&paths, &files, settings, &environment).map_err(|why| chain(&why))).await
}

/// Judges the files that the shell names.
pub(super) fn judge_named(files: &FilePair, read: Option<Result<Config, String>>, paths: &Paths) -> Vec<Finding> {
    const NAMED: &str = "configuration";
    match read {
        Some(Ok(config)) => {
            let aws = files.config.clone().unwrap_or_else(|| paths.aws.clone());
            configuration::judge(&config, &Paths { aws, ..paths.clone() })
        }
        Some(Err(why)) => vec![Finding::problem(
            NAMED,
            format!("{files}: {why}"),
            "put that right, or unset the variable; nothing is answered from another file",
        )],
        None => vec![Finding::problem(
            NAMED,
            format!("reading {files}, takes too long"),
            "check the file system that it is on",
        )],
    }
}
