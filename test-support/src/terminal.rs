//! A program on a terminal that a test types into and looks at: a pane of tmux.

use std::panic::Location;
use std::path::PathBuf;
use std::process::Command;

use crate::binaries::binaries;
use crate::{Stage, until};

/// A program that finds `ssoctl`, in the person's surroundings.
pub fn program(stage: &Stage, name: &str) -> Command {
    let directory = binaries().ssoctl.parent().expect("a directory").display().to_string();
    let mut command = stage.tool(name.as_ref());
    command.env("PATH", format!("{directory}:/usr/local/bin:/usr/bin:/bin")).env("SSOCTL_SOCKET", stage.socket());
    command.env("LC_ALL", "C.UTF-8").current_dir(stage.home());
    command
}

pub struct Terminal<'a> {
    stage: &'a Stage,
    server: PathBuf,
}

impl<'a> Terminal<'a> {
    /// Runs a line of a shell on a terminal of this many columns. `name` tells it from other ones of the stage.
    pub fn open(stage: &'a Stage, name: &str, columns: u16, line: &str) -> Self {
        let terminal = Self { stage, server: stage.home().join(format!("{name}.tmux")) };
        terminal.tmux(&["new-session", "-d", "-x", &columns.to_string(), "-y", "50", line]);
        terminal
    }

    /// Runs a command of tmux.
    pub fn tmux(&self, arguments: &[&str]) -> String {
        let mut command = program(self.stage, "tmux");
        command.arg("-S").arg(&self.server).args(["-f", "/dev/null", "-u"]);
        command.args(arguments).env("TERM", "xterm-256color");
        self.stage.finish(command).exits(0).stdout
    }

    /// What stands on it.
    pub fn shown(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-J"])
    }

    /// Types a text, and then keys by tmux's names.
    pub fn types(&self, text: &str, keys: &[&str]) {
        if !text.is_empty() {
            self.tmux(&["send-keys", "-l", "--", text]);
        }
        for key in keys {
            self.tmux(&["send-keys", key]);
        }
    }

    /// Waits until this text stands on it.
    ///
    /// # Panics
    /// If it does not come.
    #[track_caller]
    pub fn until_shown(&self, text: &str) {
        self.until(text, |shown| shown.contains(text));
    }

    /// Waits until what stands on it is as it should be.
    ///
    /// # Panics
    /// If that does not come.
    #[track_caller]
    pub fn until(&self, what: &str, is_so: impl Fn(&str) -> bool) {
        let place = Location::caller();
        until(&format!("{what:?} at {place}; before it: {}", self.shown()), || is_so(&self.shown()).then_some(()));
    }
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        let mut command = program(self.stage, "tmux");
        command.arg("-S").arg(&self.server).arg("kill-server");
        self.stage.finish(command);
    }
}
