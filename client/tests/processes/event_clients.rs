//! The clients in docs/events.md, as they stand there.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;

use identity_center_simulator::Settings;
use rustix::process::Signal;

use super::watch::into_file;
use crate::documents;
use test_support::speed::has_programs;
use test_support::{Stage, until};

/// The documentation's program in this language.
fn program(language: &str) -> String {
    documents::block("docs/events.md", language)
}

/// Checks that the program prints the states of the session as they come, and ends with the daemon.
fn prints_each_state(stage: &Stage, command: &Command) {
    let running = stage.start(into_file(stage, command, "printed"));
    let printed = || fs::read_to_string(stage.home().join("printed")).unwrap_or_default();
    let until_last = |line: &str| {
        until(line, || {
            assert_eq!(running.said(), "");
            printed().ends_with(line).then_some(())
        });
    };
    until_last("corp signed_out\n");
    stage.sign_in("corp");
    until_last("corp signed_in\n");
    stage.run(["logout"]).exits(0);
    until_last("corp signed_out\n");
    stage.end_daemon(Signal::TERM);
    let outcome = running.finish().exits(0);
    assert_eq!(outcome.stderr, "");
    assert!(printed().lines().all(|line| ["corp signed_out", "corp signed_in"].contains(&line)), "{}", printed());
}

#[test]
fn the_client_in_python_follows_the_events() {
    if !has_programs(&["python3"]) {
        return;
    }
    let stage = Stage::with_corp(Settings::default());
    let file = stage.write("client.py", &program("python"));
    let mut command = stage.tool(OsStr::new("python3"));
    command.arg(file);
    prints_each_state(&stage, &command);
}

#[test]
fn the_client_in_go_follows_the_events() {
    if !has_programs(&["go"]) {
        return;
    }
    let stage = Stage::with_corp(Settings::default());
    let (source, built) = (stage.write("client.go", &program("go")), stage.home().join("client"));
    let build = Command::new("go")
        .args(["build", "-o"])
        .args([&built, &source])
        .env("GO111MODULE", "off")
        .env("GOCACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("go-cache"))
        .status();
    assert!(build.expect("go runs").success(), "the client is not built");
    prints_each_state(&stage, &stage.tool(built.as_os_str()));
}

#[test]
fn the_client_in_node_follows_the_events() {
    if !has_programs(&["node"]) {
        return;
    }
    let stage = Stage::with_corp(Settings::default());
    let file = stage.write("client.cjs", &program("js"));
    let mut command = stage.tool(OsStr::new("node"));
    command.arg(file);
    prints_each_state(&stage, &command);
}
