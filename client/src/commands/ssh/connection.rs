//! A connection of ssh with the socket of a grant at its other end.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use ssoctl_protocol::socket::LONGEST_PATH;

use super::arguments::Arguments;
use crate::attendance::Attendance;
use crate::failure::Failure;
use crate::installation;

/// What is run on the host first: it makes a directory that nobody else can reach, keeps what is to be run there, and says where that is.
///
/// The shell of the person on the host may be any. In each, text between these quotes is taken as it stands, as it has neither quotes nor
/// backslashes.
const PREPARE: &str = "exec /bin/sh -c 'b=${XDG_RUNTIME_DIR:-/nowhere}; [ -d \"$b\" ] && [ -w \"$b\" ] || b=${TMPDIR:-/tmp}; \
     umask 077; d=$(mktemp -d \"$b/ssoctl.XXXXXXXXXX\") && cat > \"$d/run\" && echo \"ssoctl-directory $d\"'";
const ANSWER: &str = "ssoctl-directory ";

/// The names in that directory.
const PROGRAM: &str = "run";
const SOCKET: &str = "s.sock";

/// The end of a connection of our own when nothing uses it any more, should this process be killed.
const PERSIST: &str = "ControlPersist=30";

/// What was tried, or how ssh has ended instead, after it has said why.
type Tried<T> = Result<Result<T, ExitStatus>, Failure>;

/// A connection that stays open until it is closed.
pub(super) struct Connection<'a> {
    ssh: PathBuf,
    arguments: &'a Arguments,
    /// The socket of the grant.
    grant: &'a Path,
    /// The control socket of our own connection; `None` if the person has one already.
    own: Option<PathBuf>,
    /// The directory on the host.
    directory: Option<String>,
}

impl<'a> Connection<'a> {
    /// Connects, unless there is a connection already that can be shared. ssh asks the person for what it needs.
    pub(super) fn open(arguments: &'a Arguments, grant: &'a Path) -> Tried<Self> {
        let ssh = installation::other("ssh")
            .ok_or_else(|| Failure::Other("there is no ssh on PATH; install OpenSSH, or put it on PATH".to_owned()))?;
        let mut connection = Self { ssh, arguments, grant, own: None, directory: None };
        if connection.ask(&["-O", "check"])?.status.success() {
            return Ok(Ok(connection));
        }
        let own = grant.with_file_name("ssh");
        connection.own = Some(own.clone());
        let mut command = Command::new(&connection.ssh);
        command.args([
            "-o",
            "ControlMaster=yes",
            "-o",
            PERSIST,
            "-o",
            "ClearAllForwardings=yes",
            "-o",
            "RemoteCommand=none",
        ]);
        command.args(&arguments.options).arg("-S").arg(own).args(["-T", "-f", "-N", "--"]).arg(&arguments.host);
        // It stays in the background, and keeps nothing of this process open that others wait for.
        let status =
            command.stdin(Stdio::null()).stdout(Stdio::null()).status().map_err(|error| connection.broken(&error))?;
        Ok(if status.success() { Ok(connection) } else { Err(status) })
    }

    /// Has the host listen in a new directory for what asks the grant. Returns the directory.
    pub(super) fn forward(&mut self) -> Tried<String> {
        let program = self.program()?;
        let mut child = self.errand(PREPARE).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let answer = child
            .as_mut()
            .map_err(|error| io::Error::new(error.kind(), error.to_string()))
            .and_then(|child| converse(child, &program));
        let (status, answer) = answer.map_err(|error| self.broken(&error))?;
        if !status.success() {
            return Ok(Err(status));
        }
        let directory = answer.lines().find_map(|line| line.strip_prefix(ANSWER)).filter(|path| is_plain(path));
        let Some(directory) = directory else {
            return Err(Failure::Other(format!(
                "{} does not say where the socket can be; its shell has to run /bin/sh, and mktemp has to make a directory with a \
                 short name in XDG_RUNTIME_DIR, TMPDIR or /tmp",
                self.arguments.host.to_string_lossy()
            )));
        };
        let directory = directory.to_owned();
        self.directory = Some(directory.clone());
        let output = self.ask(&["-O", "forward", "-R", &self.forwarding(&directory)])?;
        if output.status.success() {
            return Ok(Ok(directory));
        }
        Err(Failure::Other(format!(
            "{} forwards no socket: {}; its sshd needs AllowStreamLocalForwarding yes",
            self.arguments.host.to_string_lossy(),
            String::from_utf8_lossy(&output.stderr).trim()
        )))
    }

    /// Runs the shell or the command on the host to its end.
    pub(super) fn run(&self, directory: &str, attendance: Attendance) -> Result<ExitStatus, Failure> {
        // ssh gives a terminal to a shell and none to a command, unless it is told otherwise. To ssh, this is a command.
        let terminal: &[&str] =
            if self.arguments.command.is_none() && self.asked_for("requesttty")? == "auto" { &["-t"] } else { &[] };
        let mut command = self.session(terminal, &format!("exec /bin/sh {directory}/{PROGRAM}"));
        ssoctl_process::keep_ignoring_broken_pipes(&mut command);
        attendance.attend(|| command.spawn()).map_err(|error| self.broken(&error))
    }

    /// Removes what was made on the host, and closes the connection if it is our own. What fails here fails because it is gone.
    pub(super) fn close(&self) {
        if let Some(directory) = &self.directory {
            let _ = self.ask(&["-O", "cancel", "-R", &self.forwarding(directory)]);
            let mut command = self.errand(&format!("exec /bin/rm -rf {directory}"));
            let _ = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        }
        if self.own.is_some() {
            let _ = self.ask(&["-O", "exit"]);
        }
    }

    /// What is run on the host, by its /bin/sh.
    fn program(&self) -> Result<Vec<u8>, Failure> {
        let configured = self.asked_for("remotecommand")?;
        let command = match (&self.arguments.command, configured.as_str()) {
            (Some(command), _) => Some(command.clone()),
            (None, "" | "none") => None,
            (None, configured) if configured.contains('%') => {
                return Err(Failure::Usage(format!(
                    "the RemoteCommand of your ssh configuration, {configured:?}, has a % that only ssh can expand; name the \
                     command after the host"
                )));
            }
            (None, configured) => Some(OsString::from(configured)),
        };
        // It is needed once. Should this process be killed, nothing tells later what was run.
        let mut program = format!(
            "rm -f \"$0\"; SSOCTL_SOCKET=${{0%/*}}/{SOCKET}; export SSOCTL_SOCKET; exec \"${{SHELL:-/bin/sh}}\" "
        )
        .into_bytes();
        match command {
            Some(command) => {
                program.extend(b"-c ");
                program.extend(quoted(&command));
            }
            None => program.extend(b"-l"),
        }
        program.push(b'\n');
        Ok(program)
    }

    /// A setting that ssh finds for this host.
    fn asked_for(&self, name: &str) -> Result<String, Failure> {
        let mut command = Command::new(&self.ssh);
        command.args(&self.arguments.options).args(["-G", "--"]).arg(&self.arguments.host).stdin(Stdio::null());
        let output = command.output().map_err(|error| self.broken(&error))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(value.unwrap_or_default().to_owned())
    }

    fn forwarding(&self, directory: &str) -> String {
        format!("{directory}/{SOCKET}:{}", self.grant.display())
    }

    /// ssh over the shared connection, with this command of the person's for the host.
    fn session(&self, terminal: &[&str], command: &str) -> Command {
        self.command(&[], terminal, command)
    }

    /// The same with a command of ours, for which nothing is forwarded, and which has no terminal.
    fn errand(&self, command: &str) -> Command {
        self.command(&["-o", "ClearAllForwardings=yes"], &["-T", "-a", "-x"], command)
    }

    fn command(&self, first: &[&str], last: &[&str], command: &str) -> Command {
        let mut ssh = Command::new(&self.ssh);
        // Of a setting that is made twice, the first counts, and of an option, the last.
        ssh.args(first).args(["-o", "ControlMaster=no", "-o", "RemoteCommand=none"]).args(&self.arguments.options);
        ssh.args(self.control()).args(last).arg("--").arg(&self.arguments.host).arg(command);
        ssh
    }

    /// Tells the shared connection something.
    fn ask(&self, what: &[&str]) -> Result<Output, Failure> {
        let mut ssh = Command::new(&self.ssh);
        match &self.own {
            // No configuration is needed to find it, and its forwardings are not meant.
            Some(_) => ssh.args(["-F", "none"]),
            None => ssh.args(&self.arguments.options),
        };
        ssh.args(self.control()).args(what).arg("--").arg(&self.arguments.host);
        ssh.stdin(Stdio::null()).output().map_err(|error| self.broken(&error))
    }

    fn control(&self) -> Vec<&OsStr> {
        self.own.as_ref().map_or_else(Vec::new, |own| vec![OsStr::new("-S"), own.as_os_str()])
    }

    fn broken(&self, error: &io::Error) -> Failure {
        Failure::Other(format!("{} cannot be run: {error}", self.ssh.display()))
    }
}

/// Gives a child its input and reads all of its output.
fn converse(child: &mut Child, input: &[u8]) -> io::Result<(ExitStatus, String)> {
    if let Some(mut stdin) = child.stdin.take() {
        // If it has ended, its exit code tells.
        let _ = stdin.write_all(input);
    }
    let mut output = Vec::new();
    if let Some(mut stdout) = child.stdout.take() {
        stdout.read_to_end(&mut output)?;
    }
    Ok((child.wait()?, String::from_utf8_lossy(&output).into_owned()))
}

/// Whether every shell takes the path as one word, and a socket in it can have an address.
fn is_plain(path: &str) -> bool {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-".contains(letter);
    path.starts_with('/') && path.chars().all(is_plain) && path.len() + 1 + SOCKET.len() <= LONGEST_PATH
}

/// The bytes as one word of a POSIX shell.
fn quoted(command: &OsStr) -> Vec<u8> {
    let parts: Vec<&[u8]> = command.as_bytes().split(|byte| *byte == b'\'').collect();
    [&b"'"[..], &parts.join(&b"'\\''"[..]), b"'"].concat()
}
