//! A browser that writes down which pages it is given.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Stage, executable, until};

pub struct Browser {
    program: PathBuf,
}

impl Browser {
    /// A program with this path. It writes its arguments into a file beside it, one line for each call.
    pub fn at(program: PathBuf) -> Self {
        let browser = Self { program };
        let script = format!("#!/bin/sh\nprintf '%s\\n' \"$*\" >> '{}'\n", browser.file().display());
        executable::script(&browser.program, &script);
        browser
    }

    pub fn on(stage: &Stage) -> Self {
        Self::at(stage.home().join("browser"))
    }

    /// `ssoctl` on a machine with a display and this browser.
    pub fn command<A: AsRef<OsStr>>(&self, stage: &Stage, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = stage.ssoctl(arguments);
        command.env("DISPLAY", ":0").env("BROWSER", &self.program);
        command
    }

    fn file(&self) -> PathBuf {
        self.program.with_extension("pages")
    }

    pub fn program(&self) -> &Path {
        &self.program
    }

    /// The page of the first call, once there was one.
    pub fn page(&self) -> String {
        until("a page is opened", || self.pages().into_iter().next())
    }

    /// The arguments of each call so far.
    pub fn pages(&self) -> Vec<String> {
        fs::read_to_string(self.file()).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    pub fn forget(&self) {
        // There is no file where nothing was opened.
        let _ = fs::remove_file(self.file());
    }
}
