//! The commands of the person's service manager, `systemctl --user` and `launchctl`, and the names of the daemon's units there.

use std::io::{self, Read};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

pub(crate) const SERVICE: &str = "ssoctld.service";
pub(crate) const SOCKET: &str = "ssoctld.socket";
pub(crate) const LABEL: &str = "io.github.ssoctl.ssoctld";

/// Where packages and administrators put units for everybody's systemd, in the order of systemd.unit(5).
pub(crate) const UNITS_FOR_EVERYBODY: [&str; 3] =
    ["/etc/systemd/user", "/usr/local/lib/systemd/user", "/usr/lib/systemd/user"];

/// The longest time for a command that the manager answers at once. If the manager hangs, `systemctl` would wait for 25 to 90 s.
const PATIENCE: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(5);

pub(crate) fn systemctl(arguments: &[&str]) -> Command {
    let mut command = Command::new("systemctl");
    command.args(["--user", "--quiet"]).args(arguments);
    command
}

pub(crate) fn launchctl(arguments: &[&str]) -> Command {
    let mut command = Command::new("launchctl");
    command.args(arguments);
    command
}

/// The agent of the person who is logged in at the screen.
pub(crate) fn launchd_target() -> String {
    format!("{}/{LABEL}", launchd_domain())
}

pub(crate) fn launchd_domain() -> String {
    format!("gui/{}", rustix::process::getuid().as_raw())
}

/// Runs a command that the manager answers at once, and kills it if it takes longer than [`PATIENCE`].
///
/// # Errors
/// `TimedOut` in that case; otherwise why it could not be run.
pub(crate) fn ask_briefly(command: &mut Command) -> io::Result<Output> {
    within(command, PATIENCE)
}

fn within(command: &mut Command, patience: Duration) -> io::Result<Output> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let stdout = child.stdout.take().map(collect);
    let stderr = child.stderr.take().map(collect);
    let begin = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if begin.elapsed() > patience {
            // It may have ended by itself just now.
            let _ = child.kill();
            child.wait()?;
            let limit = format!("no answer within {} s", patience.as_secs());
            return Err(io::Error::new(io::ErrorKind::TimedOut, limit));
        }
        thread::sleep(PAUSE);
    };
    // A process that it has started may hold its output open.
    let output = |pipe: Option<mpsc::Receiver<Vec<u8>>>| pipe.and_then(|pipe| pipe.recv_timeout(PATIENCE).ok());
    Ok(Output { status, stdout: output(stdout).unwrap_or_default(), stderr: output(stderr).unwrap_or_default() })
}

fn collect(mut pipe: impl Read + Send + 'static) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // The bytes before an error are used.
        let _ = pipe.read_to_end(&mut bytes);
        // If it took too long, the receiver is gone.
        let _ = sender.send(bytes);
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_hangs_is_killed_and_the_output_of_one_that_ends_is_read() {
        let hung = within(Command::new("sleep").arg("600"), Duration::from_millis(20));
        assert_eq!(hung.unwrap_err().kind(), io::ErrorKind::TimedOut);
        let mut shell = Command::new("sh");
        shell.args(["-c", "echo out; echo err >&2; exit 3"]);
        let output = within(&mut shell, Duration::from_secs(60)).unwrap();
        assert_eq!((output.status.code(), output.stdout, output.stderr), (Some(3), b"out\n".into(), b"err\n".into()));
    }
}
