//! The simulator as a command.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use crate::support::Connection;
use serde_json::json;

/// A process that does not outlive its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already where the test went well.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn it_prints_one_line_serves_and_stops_at_sigterm() {
    let child = Command::new(env!("CARGO_BIN_EXE_identity-center-simulator"))
        .args(["--approval", "preauthorised", "--token-lifetime", "2m", "--refresh-tokens", "rotated"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let mut running = Running(child);
    let mut output = BufReader::new(running.0.stdout.take().expect("its output"));
    let mut line = String::new();
    output.read_line(&mut line).expect("a line");
    let url = line.split_whitespace().next().expect("a URL").to_owned();
    assert_eq!(line, format!("{url}  export AWS_ENDPOINT_URL_SSO_OIDC={url} AWS_ENDPOINT_URL_SSO={url}\n"));

    let settings = Connection::request("GET", &url, "/_control/settings", &[], "").receive().expect("an answer").json();
    assert_eq!(settings["approval"], json!("preauthorised"));
    assert_eq!(settings["token_lifetime"], json!("2m"));
    assert_eq!(settings["refresh_tokens"], json!("rotated"));

    let killed = Command::new("kill").args(["-TERM", &running.0.id().to_string()]).status().expect("kill runs");
    assert!(killed.success());
    assert!(running.0.wait().expect("it ends").success());
    let mut rest = String::new();
    output.read_to_string(&mut rest).expect("text");
    assert_eq!(rest, "", "one line is all");
}

#[test]
fn a_port_that_is_taken_is_an_error() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_identity-center-simulator"))
        .args(["--port", &port])
        .output()
        .expect("the command starts");
    assert!(!output.status.success());
    assert!(output.stdout.is_empty());
    let said = String::from_utf8(output.stderr).expect("text");
    assert!(said.starts_with(&format!("identity-center-simulator: failed to serve on 127.0.0.1:{port}: ")), "{said}");
}
