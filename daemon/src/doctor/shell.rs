//! The shell that doctor is run from, and how it differs from the daemon.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};
use ssoctl_aws_files::absolute;
use ssoctl_protocol::SocketPath;
use ssoctl_protocol::settings::{Settings, TAKEN, differences};

use super::report::{Check, Finding};
use crate::config::{Environment, FilePair};

const SHELL: Check = Check("this shell");

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Shell {
    /// The settings of a daemon that has the environment of this shell.
    pub(super) settings: Settings,
    /// The AWS files that its variables name, if they are not the daemon's default ones.
    pub(super) names: Option<FilePair>,
}

impl Shell {
    pub fn of_process(socket: &SocketPath) -> Self {
        let variable = |name: &str| crate::variable(name).filter(|value| !value.is_empty());
        let home = std::env::home_dir().filter(|home| home.is_absolute());
        let settings = Settings::of_shell(variable, home.clone(), |path| absolute(path, home.as_deref()));
        let socket = absolute(socket.path().as_os_str(), None).to_string_lossy().into_owned();
        Self { settings: Settings { socket, ..settings }, names: None }
    }
}

/// The command that runs this program again with the environment of a daemon that has these settings.
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
            // The password is not shown; where the rest is the same here, so is the password, as far as can be told.
            Some(theirs) if theirs.contains("***") && Some(theirs) == shell.settings.variable(name) => continue,
            Some(theirs) => command.env(name, theirs),
        };
    }
    Ok(command)
}

/// Whether both paths lead to the same file.
pub(super) fn is_same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    one == other || (real(one).is_some() && real(one) == real(other))
}

/// Says how the shell differs from the daemon, or, where none runs, from one that `ssoctl` would start.
pub(super) fn judge(daemon: Option<&Settings>, shell: &Settings) -> Vec<Finding> {
    let Some(daemon) = daemon else { return judge_without_daemon(shell) };
    if daemon.config_toml.is_empty() {
        return vec![SHELL.skipped("the daemon is of an earlier version, which does not report its settings")];
    }
    let found = differences(daemon, shell);
    if found.is_empty() {
        return vec![SHELL.ok("the daemon has the files, places and variables of this shell")];
    }
    found.into_iter().map(|difference| SHELL.warning(difference.text, difference.remedy)).collect()
}

/// A daemon that `ssoctl` starts takes no place of its files from the shell.
fn judge_without_daemon(shell: &Settings) -> Vec<Finding> {
    let home = Some(PathBuf::from(&shell.home)).filter(|home| home.is_absolute());
    let by_home = Settings::of_shell(|_| None, home, OsStr::to_owned);
    let started = Settings {
        started_by: "ssoctl".to_owned(),
        config_toml: by_home.config_toml,
        state_directory: by_home.state_directory,
        ..shell.clone()
    };
    let warn = |text: String| {
        SHELL.warning(
            format!("once ssoctl has started it, {text}"),
            "set it for the service (ssoctl service install), or start ssoctld from this shell",
        )
    };
    differences(&started, shell).into_iter().map(|difference| warn(difference.text)).collect()
}
