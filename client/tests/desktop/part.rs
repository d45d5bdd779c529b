//! Programs of the desktop that end with the test.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

/// Whether a program can be run: by its name on the `PATH`, or by its path.
pub(crate) fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    Path::new(program).is_file() || std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

/// A program that is ended when this is dropped.
pub(crate) struct Part {
    child: Child,
    // A program that says more later must not find its output closed.
    _output: Option<BufReader<ChildStdout>>,
}

impl Part {
    pub(crate) fn start(command: &mut Command) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Self { child: child.unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}")), _output: None }
    }

    /// A program that says on a line of its output that it is ready, and how to reach it: `find` finds that.
    pub(crate) fn that_says<T>(command: &mut Command, find: impl Fn(&str) -> Option<T>) -> (Self, T) {
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child = child.unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
        let mut output = BufReader::new(child.stdout.take().expect("it is piped"));
        let found = output.by_ref().lines().map_while(Result::ok).find_map(|line| find(line.trim()));
        let part = Self { child, _output: Some(output) };
        (part, found.unwrap_or_else(|| panic!("{command:?} ended without the expected word")))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
