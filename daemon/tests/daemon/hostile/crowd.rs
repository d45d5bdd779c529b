//! More clients than there are places.

use std::process::Command;

use identity_center_simulator::{Settings, Simulator};
use ssoctl_protocol::Problem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use test_support::service::simulator;
use test_support::waiting::until_so;

use crate::harness::{Process, exchange};

/// The daemon, allowed no more than 96 descriptors.
fn cramped(home: &std::path::Path, simulator: &Simulator) -> Command {
    Process::command_by(&["/bin/sh", "-c", "ulimit -n 96 && exec \"$0\""], home, simulator)
}

#[tokio::test]
async fn beyond_the_limit_connections_are_told_why_and_later_ones_are_served_again() {
    let (home, simulator) = (tempfile::tempdir().unwrap(), simulator(Settings::default()));
    let daemon = Process::run(home.path(), &mut cramped(home.path(), &simulator)).await;
    let socket = home.path().join("socket");
    // A caller that waits for a sign-in keeps its place; this sign-in is never approved.
    let mut crowd = Vec::new();
    for _ in 0..48 {
        let mut stream = UnixStream::connect(&socket).await.unwrap();
        stream.write_all(b"GET /v1/token?wait=600 HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        crowd.push(stream);
    }
    let mut answer = vec![0; 4096];
    let mut stream = UnixStream::connect(&socket).await.unwrap();
    let count = stream.read(&mut answer).await.unwrap();
    let refusal = String::from_utf8_lossy(&answer[..count]).into_owned();
    let (head, body) = refusal.split_once("\r\n\r\n").expect("a whole answer");
    assert!(head.starts_with("HTTP/1.1 503 Service Unavailable\r\n") && head.contains("retry-after: 1"), "{head}");
    let problem: Problem = serde_json::from_str(body).unwrap();
    assert_eq!(problem.code.as_str(), "too_many_connections");
    assert!(problem.detail.contains("48 connections"), "{}", problem.detail);

    drop(crowd);
    let is_served =
        async || exchange(&socket, "GET /v1/health", "", b"").await.is_ok_and(|answer| answer.status == 200);
    until_so("there is a place again", is_served).await;
    let log = daemon.log();
    assert_eq!(log.matches("connections are refused").count(), 1, "said once: {log}");
}
