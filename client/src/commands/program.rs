//! The command that `exec` and `grant` run, started as a shell would start it.

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
pub(super) struct Program {
    name: OsString,
    arguments: Vec<OsString>,
}

impl Program {
    pub(super) fn new(mut words: Vec<OsString>) -> Self {
        let arguments = words.split_off(words.len().min(1));
        Self { name: words.pop().unwrap_or_default(), arguments }
    }

    pub(super) fn name(&self) -> String {
        self.name.to_string_lossy().into_owned()
    }

    /// Replaces this process with the command. Returns only if that fails.
    pub(super) fn exec(&self, changes: &Changes) -> io::Error {
        let error = self.command(changes).exec();
        if is_no_program(&error) { self.as_script().command(changes).exec() } else { error }
    }

    /// Starts the command as a child.
    pub(super) fn start(&self, changes: &Changes) -> io::Result<Child> {
        match self.command(changes).spawn() {
            Err(error) if is_no_program(&error) => self.as_script().command(changes).spawn(),
            outcome => outcome,
        }
    }

    fn as_script(&self) -> Self {
        let file = file(&self.name, &environment::variable("PATH").unwrap_or_default());
        Self { name: INTERPRETER.into(), arguments: [&[file.into_os_string()], self.arguments.as_slice()].concat() }
    }

    fn command(&self, changes: &Changes) -> Command {
        let mut command = Command::new(&self.name);
        command.args(&self.arguments);
        for name in &changes.removed {
            command.env_remove(name);
        }
        command.envs(changes.set.iter().map(|(name, value)| (name, value.expose())));
        ssoctl_process::keep_ignoring_broken_pipes(&mut command);
        command
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
