//! A question to the service manager, by its own command, that is not waited for without end.

use std::io::{self, Read};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// How long `systemctl` may take. With a manager that hangs it would wait for 25 to 90 s.
pub(crate) const PATIENCE: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(5);

/// Runs a command to its end, and ends it when it takes longer than [`PATIENCE`].
///
/// # Errors
/// `TimedOut` then; else why it could not be run.
pub(crate) fn run(command: &mut Command) -> io::Result<Output> {
    within(command, PATIENCE)
}

fn within(command: &mut Command, patience: Duration) -> io::Result<Output> {
    let mut child = command.stdin(Stdio::null()).spawn()?;
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
    // What it has started may hold its output open.
    let said = |output: Option<mpsc::Receiver<Vec<u8>>>| output.and_then(|output| output.recv_timeout(PATIENCE).ok());
    Ok(Output { status, stdout: said(stdout).unwrap_or_default(), stderr: said(stderr).unwrap_or_default() })
}

fn collect(mut output: impl Read + Send + 'static) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was said before an error is all that there is.
        let _ = output.read_to_end(&mut bytes);
        // Nobody waits for it any more if it took too long.
        let _ = sender.send(bytes);
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_hangs_is_ended_and_one_that_ends_has_been_heard() {
        let hung = within(Command::new("sleep").arg("600").stdout(Stdio::piped()), Duration::from_millis(20));
        assert_eq!(hung.unwrap_err().kind(), io::ErrorKind::TimedOut);
        let mut shell = Command::new("sh");
        shell.args(["-c", "echo out; echo err >&2; exit 3"]).stdout(Stdio::piped()).stderr(Stdio::piped());
        let output = within(&mut shell, Duration::from_secs(60)).unwrap();
        assert_eq!((output.status.code(), output.stdout, output.stderr), (Some(3), b"out\n".into(), b"err\n".into()));
    }
}
