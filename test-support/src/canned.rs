//! A socket with canned answers in the place of a daemon, for answers that a real daemon rarely gives.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use serde_json::{Value, json};
use ssoctl_protocol::VERSION;
use tempfile::TempDir;

use crate::binaries::binaries;

/// A socket that gives one canned answer to each connection, in order, and then is closed.
pub struct Canned {
    directory: TempDir,
    pub requests: Receiver<String>,
}

impl Canned {
    pub fn answers<A: Into<Vec<u8>>>(answers: impl IntoIterator<Item = A>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("s.sock")).unwrap();
        let answers: Vec<Vec<u8>> = answers.into_iter().map(Into::into).collect();
        let (seen, requests) = mpsc::channel();
        thread::spawn(move || {
            for answer in answers {
                let Ok((mut stream, _)) = listener.accept() else { return };
                let request = read_request(&mut stream);
                let _ = seen.send(request);
                // A client that has seen enough may have gone.
                let _ = stream.write_all(&answer);
            }
        });
        Self { directory, requests }
    }

    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("s.sock")
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        ssoctl(&self.socket(), arguments).output().unwrap()
    }

    /// The first lines of the requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests.try_iter().filter_map(|request| request.lines().next().map(str::to_owned)).collect()
    }
}

/// Reads a request to the end of its head, and of its body if it has one.
fn read_request(stream: &mut UnixStream) -> String {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => bytes.push(byte[0]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            _ => break,
        }
    }
    let head = String::from_utf8(bytes).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).map_or(0, |n| n.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    head + &String::from_utf8(body).unwrap()
}

/// The client with an empty environment.
pub fn ssoctl(socket: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(&binaries().ssoctl);
    command.env_clear().env("SSOCTL_SOCKET", socket).args(arguments).stdin(Stdio::null());
    command
}

pub fn http(status: u16, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status} Status\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

pub fn ok(body: &Value) -> String {
    http(200, &format!("ssoctl-version: {VERSION}\r\nContent-Type: application/json\r\n"), &body.to_string())
}

pub fn problem(code: &str, status: u16, more: &Value) -> String {
    let mut body = json!({"status": status, "code": code, "detail": "it did not work", "session": "corp"});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    http(status, "Content-Type: application/problem+json\r\n", &body.to_string())
}

/// The answer to whoever signs in at this page.
pub fn pending(page: &str, started: bool) -> Value {
    json!({
        "state": "pending", "started": started, "flow": 3, "user_code": "ABCD-EFGH", "verification_uri": page,
        "verification_uri_complete": page, "expires_at": "2099-11-23T10:26:00Z",
        // No member of this name is in the contract; a daemon that sends one is not obeyed.
        "browser": "sh -c 'touch was-here' {url}",
    })
}

/// The answer to whoever is signed in.
pub fn signed_in() -> Value {
    json!({"state": "signed_in", "expires_at": "2099-11-23T11:16:00Z"})
}

pub fn stdout(output: &Output) -> &str {
    str::from_utf8(&output.stdout).unwrap()
}

pub fn stderr(output: &Output) -> &str {
    str::from_utf8(&output.stderr).unwrap()
}

#[track_caller]
pub fn assert_fails(output: &Output, code: i32, complaint: &str) {
    assert_eq!(output.status.code(), Some(code), "{}", stderr(output));
    assert_eq!(stdout(output), "", "nothing but answers belongs on standard output");
    assert!(stderr(output).starts_with("ssoctl: ") && stderr(output).contains(complaint), "{}", stderr(output));
}
