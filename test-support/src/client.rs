//! One `ssoctl` process and what came of it.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// A running process. It is ended on drop.
pub struct Running {
    child: Option<Child>,
    said: PathBuf,
}

/// The end of a process.
#[derive(Debug)]
pub struct Outcome {
    /// `None` if a signal ended it.
    pub code: Option<i32>,
    /// The number of that signal.
    pub signal: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Running {
    /// Starts a command; what it says on standard error can be read in `said` while it runs.
    pub fn start(mut command: Command, said: PathBuf) -> Self {
        let stderr = File::create(&said).expect("a file for standard error");
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr).spawn();
        let child = child.unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
        Self { child: Some(child), said }
    }

    /// Its standard error so far.
    pub fn said(&self) -> String {
        fs::read_to_string(&self.said).expect("what a client says is text")
    }

    pub fn pid(&self) -> Pid {
        Pid::from_child(self.child.as_ref().expect("it runs"))
    }

    pub fn send(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("a child can be signalled");
    }

    pub fn is_running(&mut self) -> bool {
        let child = self.child.as_mut().expect("it is waited for once");
        child.try_wait().expect("a child can be looked at").is_none()
    }

    /// Waits for its end.
    pub fn finish(mut self) -> Outcome {
        let child = self.child.take().expect("it is waited for once");
        let output = child.wait_with_output().expect("a child can be waited for");
        Outcome {
            code: output.status.code(),
            signal: output.status.signal(),
            stdout: String::from_utf8(output.stdout).expect("what a client prints is text"),
            stderr: self.said(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Outcome {
    /// Insists on an exit code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }

    /// Insists on words on standard error.
    #[track_caller]
    pub fn says(self, words: &str) -> Self {
        assert!(self.stderr.contains(words), "no {words:?} in {self:?}");
        self
    }

    /// Insists on silence on standard output.
    #[track_caller]
    pub fn prints_nothing(self) -> Self {
        assert_eq!(self.stdout, "", "{self:?}");
        self
    }

    /// Its standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}
