//! Real programs that a test needs, which end with it.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::until;

/// The value of an environment variable.
pub fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// The variable `PATH`.
pub fn path() -> OsString {
    variable("PATH").unwrap_or_default()
}

/// Whether a program can be run: by its name on the `PATH`, or by its path.
pub fn is_there(program: &str) -> bool {
    Path::new(program).is_file() || std::env::split_paths(&path()).any(|directory| directory.join(program).is_file())
}

/// A program that is ended when this is dropped.
pub struct Part {
    child: Child,
    // A program that says more later must not find its output closed.
    _output: Option<BufReader<ChildStdout>>,
}

impl Part {
    pub fn start(command: &mut Command) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Self { child: child.unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}")), _output: None }
    }

    /// Starts a program, and waits until it has made this socket.
    pub fn that_listens(command: &mut Command, socket: &Path) -> Self {
        let part = Self::start(command);
        until("it listens", || socket.exists().then_some(()));
        part
    }

    /// Starts a program that prints its address when it is ready: `find` finds that in a line.
    pub fn that_says<T>(command: &mut Command, find: impl Fn(&str) -> Option<T>) -> (Self, T) {
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child = child.unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
        let mut output = BufReader::new(child.stdout.take().expect("it is piped"));
        let found = output.by_ref().lines().map_while(Result::ok).find_map(|line| find(line.trim()));
        let part = Self { child, _output: Some(output) };
        (part, found.unwrap_or_else(|| panic!("{command:?} ended without the expected word")))
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("a child can be signalled");
    }
}

impl From<Child> for Part {
    fn from(child: Child) -> Self {
        Self { child, _output: None }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first line of a program, in which it reports its address when it is ready.
pub fn first_line(line: &str) -> Option<String> {
    Some(line.to_owned())
}

/// A bus in this home, which prints its address. It delivers all messages to all clients, and starts no service but those that
/// `further` elements of its configuration name.
pub fn bus(home: &Path, further: &str) -> Command {
    let config = home.join("bus.conf");
    fs::write(&config, bus_configuration(&home.display().to_string(), further)).expect("a file in this home");
    let mut command = Command::new("dbus-daemon");
    command.args(["--nofork", "--nopidfile", "--print-address=1"]).arg(format!("--config-file={}", config.display()));
    command
}

pub fn bus_configuration(directory: &str, further: &str) -> String {
    format!(
        "<busconfig><type>session</type><listen>unix:path={directory}/bus</listen><auth>EXTERNAL</auth>{further}\
         <policy context='default'><allow send_destination='*' eavesdrop='true'/><allow eavesdrop='true'/>\
         <allow own='*'/></policy></busconfig>"
    )
}

/// A [`bus`] with the one service that notification servers need, if it is there.
pub fn bus_for_notices(home: &Path) -> Command {
    let services = home.join("services");
    fs::create_dir(&services).expect("a directory in this home");
    let xfconf = Path::new("/usr/share/dbus-1/services/org.xfce.Xfconf.service");
    if xfconf.exists() {
        fs::copy(xfconf, services.join("org.xfce.Xfconf.service")).expect("a file that can be read");
    }
    bus(home, &format!("<servicedir>{}</servicedir>", services.display()))
}

/// The password of [`unlocked_keyring`].
pub const KEYRING_PASSWORD: &str = "the keyring's password";

/// gnome-keyring on this bus, with its files in this home. It takes a moment until it is there and unlocked.
pub fn unlocked_keyring(home: &Path, bus: &str) -> Part {
    let runtime = home.join("keyring-run");
    fs::create_dir_all(&runtime).expect("a directory in this home");
    let mut child = Command::new("gnome-keyring-daemon")
        .args(["--foreground", "--components=secrets", "--unlock"])
        .env_clear()
        .env("PATH", path())
        .env("HOME", home)
        .env("XDG_DATA_HOME", home.join("data"))
        .env("XDG_RUNTIME_DIR", runtime)
        .env("DBUS_SESSION_BUS_ADDRESS", bus)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("gnome-keyring");
    child.stdin.take().expect("it is piped").write_all(KEYRING_PASSWORD.as_bytes()).expect("it reads it");
    Part::from(child)
}

/// Has a program that is executed find no locks, as on a file system that knows none: `flock` fails with ENOLCK.
const FILTER: &str = r#"
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
load, jump, ret = 0x20, 0x15, 0x06
flock, errno = {'x86_64': 73, 'aarch64': 32}[os.uname().machine], 37
filter = b''.join(struct.pack('HBBI', *row) for row in [
    (load, 0, 0, 0), (jump, 0, 1, flock), (ret, 0, 0, 0x00050000 | errno), (ret, 0, 0, 0x7fff0000)])
buffer = ctypes.create_string_buffer(filter)
program = struct.pack('HxxxxxxP', 4, ctypes.addressof(buffer))
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, program, 0, 0) == 0
os.execv(sys.argv[1], sys.argv[1:])
"#;

/// The same command, with a filter for system calls that stands in for a file system without locks.
pub fn without_locks(command: &Command) -> Command {
    within(command, "python3", &["-c", FILTER])
}

/// The answers of a Python script to questions, both as JSON.
pub fn ask_python(python: &mut Command, script: &str, questions: &Value) -> Value {
    let mut oracle =
        python.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a Python");
    let mut stdin = oracle.stdin.take().expect("it is piped");
    stdin.write_all(questions.to_string().as_bytes()).expect("it reads them");
    drop(stdin);
    let output = oracle.wait_with_output().expect("its answer");
    assert!(output.status.success(), "the script failed");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// The same command, as the last arguments of another program, which finds others by its `PATH`.
pub fn within(command: &Command, program: &str, arguments: &[&str]) -> Command {
    let mut around = Command::new(program);
    around.args(arguments).arg(command.get_program()).args(command.get_args()).env_clear().env("PATH", path());
    around.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(directory) = command.get_current_dir() {
        around.current_dir(directory);
    }
    around
}
