//! The command that `exec` runs, started as a shell would start it.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use rustix::io::Errno;

use crate::environment;
use crate::installation::is_executable;
use crate::role_environment::Changes;

/// Runs an executable file that is no program and names no interpreter (execvp(3)).
const INTERPRETER: &str = "/bin/sh";

/// A command and its arguments.
pub(super) struct Program(Vec<OsString>);

impl Program {
    pub(super) const fn new(words: Vec<OsString>) -> Self {
        Self(words)
    }

    pub(super) fn name(&self) -> String {
        self.0.first().map(|program| program.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// Replaces this process with the command. Returns only if that fails.
    pub(super) fn exec(&self, changes: &Changes) -> io::Error {
        let error = command(&self.0, changes).exec();
        if is_no_program(&error) { command(&self.as_script(), changes).exec() } else { error }
    }

    /// Starts the command as a child.
    pub(super) fn start(&self, changes: &Changes) -> io::Result<Child> {
        match command(&self.0, changes).spawn() {
            Err(error) if is_no_program(&error) => command(&self.as_script(), changes).spawn(),
            outcome => outcome,
        }
    }

    fn as_script(&self) -> Vec<OsString> {
        let mut words = self.0.clone();
        if let Some(name) = words.first_mut() {
            *name = file(name, &environment::variable("PATH").unwrap_or_default()).into_os_string();
        }
        words.insert(0, INTERPRETER.into());
        words
    }
}

fn is_no_program(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::NOEXEC.raw_os_error())
}

/// The first file of that name on `PATH` that can be executed.
fn file(name: &OsStr, path: &OsStr) -> PathBuf {
    if Path::new(name).components().nth(1).is_some() {
        return name.into();
    }
    let mut on_path = env::split_paths(path).map(|directory| Path::new(".").join(directory).join(name));
    on_path.find(|file| is_executable(file)).unwrap_or_else(|| name.into())
}

fn command(words: &[OsString], changes: &Changes) -> Command {
    let (program, arguments) = words.split_first().map_or_else(Default::default, |(first, rest)| (first.clone(), rest));
    let mut command = Command::new(program);
    command.args(arguments);
    for name in &changes.removed {
        command.env_remove(name);
    }
    command.envs(changes.set.iter().map(|(name, value)| (name, value.expose())));
    ssoctl_process::keep_ignoring_broken_pipes(&mut command);
    command
}
