//! Real programs that tests need: whether they are there, running them until the test ends, and waiting for what they do.

#[path = "../../../client/tests/support/skipping.rs"]
mod skipping;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

pub(crate) use skipping::skip;

/// However slow the machine: what has not happened by then never will.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whether a program can be run: by its name on the `PATH`, or by its path.
pub(crate) fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    Path::new(program).is_file() || std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

/// A program that ends with the test.
pub(crate) struct Part(pub(crate) Child);

impl Part {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    /// A program whose first line of output says that it is ready, and how to reach it.
    pub(crate) fn that_says(command: &mut Command) -> (Self, String) {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "{command:?} says nothing");
        (Self(child), line.trim().to_owned())
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A bus in this home, which says its address. It lets everybody hear everything, and starts no service but those that
/// `further` elements of its configuration name.
pub(crate) fn bus(home: &Path, further: &str) -> Command {
    let config = home.join("bus.conf");
    fs::write(&config, bus_configuration(&home.display().to_string(), further)).unwrap();
    let mut command = Command::new("dbus-daemon");
    command.args(["--nofork", "--nopidfile", "--print-address=1"]).arg(format!("--config-file={}", config.display()));
    command
}

pub(crate) fn bus_configuration(directory: &str, further: &str) -> String {
    format!(
        "<busconfig><type>session</type><listen>unix:path={directory}/bus</listen><auth>EXTERNAL</auth>{further}\
         <policy context='default'><allow send_destination='*' eavesdrop='true'/><allow eavesdrop='true'/>\
         <allow own='*'/></policy></busconfig>"
    )
}

/// Waits until it is so.
pub(crate) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let reached = async {
        let mut pace = tokio::time::interval(Duration::from_millis(10));
        while !is_so().await {
            pace.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.unwrap_or_else(|_| panic!("waited in vain until {what}"));
}
