//! A command under `ssoctl exec --refreshable`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// A running shell script that reports its steps on standard output. It is ended on drop.
pub struct Attended {
    child: Child,
    output: BufReader<ChildStdout>,
    pub uri: String,
    pub token: String,
}

impl Attended {
    /// Starts a script under `exec`, which is `ssoctl exec --refreshable` without a command. The script begins by telling where
    /// its endpoint is.
    pub fn start(mut exec: Command, script: &str) -> Self {
        let script = format!(
            "echo \"$AWS_CONTAINER_CREDENTIALS_FULL_URI\"; echo \"$AWS_CONTAINER_AUTHORIZATION_TOKEN\"\n{script}"
        );
        exec.args(["--", "sh", "-c", &script]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = exec.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut attended = Self { child, output, uri: String::new(), token: String::new() };
        (attended.uri, attended.token) = (attended.line(), attended.line());
        attended
    }

    /// The next line that the script prints.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// The process of ssoctl.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub fn send(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Ends the script's standard input, and waits for its end.
    pub fn finish(mut self) -> ExitStatus {
        drop(self.child.stdin.take());
        self.child.wait().unwrap()
    }

    /// Waits for the script's end, which does not come of its input.
    pub fn wait(mut self) -> ExitStatus {
        let input = self.child.stdin.take();
        let status = self.child.wait().unwrap();
        drop(input);
        status
    }

    /// `127.0.0.1:PORT`.
    pub fn authority(&self) -> &str {
        self.uri.strip_prefix("http://").unwrap().split('/').next().unwrap()
    }

    /// The path of the endpoint.
    pub fn path(&self) -> &str {
        &self.uri[self.uri.find(self.authority()).unwrap() + self.authority().len()..]
    }

    /// Asks for credentials as an SDK does.
    pub fn ask(&self) -> (u16, Value) {
        let head =
            format!("GET {} HTTP/1.1\r\nHost: {}\r\nAuthorization: {}", self.path(), self.authority(), self.token);
        self.send_request(&format!("{head}\r\n\r\n"))
    }

    /// Sends the bytes of a request, and reads status and body of the answer.
    pub fn send_request(&self, request: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(self.authority()).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
        (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap())
    }
}

impl Drop for Attended {
    fn drop(&mut self) {
        // The script ends with its input.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
