//! More clients than there are places.

use std::path::Path;
use std::process::Command;

use identity_center_simulator::{Settings, Simulator};
use ssoctl_protocol::Problem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use test_support::service::simulator;
use test_support::waiting::until_so;

use crate::harness::{Lines, Process, exchange};

/// The daemon, allowed no more than 96 descriptors.
fn cramped(home: &Path, simulator: &Simulator) -> Command {
    Process::command_by(&["/bin/sh", "-c", "ulimit -n 96 && exec \"$0\""], home, simulator)
}

#[tokio::test]
async fn beyond_the_limit_connections_are_told_why_and_later_ones_are_served_again() {
    let (home, simulator) = (tempfile::tempdir().unwrap(), simulator(Settings::default()));
    let daemon = Process::run(home.path(), &mut cramped(home.path(), &simulator)).await;
    let socket = home.path().join("socket");
    // A caller that waits for a sign-in keeps its place; this sign-in is never approved.
    let mut crowd = Vec::new();
    for _ in 0..36 {
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
    assert!(problem.detail.contains("36 connections"), "{}", problem.detail);

    drop(crowd);
    let is_served =
        async || exchange(&socket, "GET /v1/health", "", b"").await.is_ok_and(|answer| answer.status == 200);
    until_so("there is a place again", is_served).await;
    let log = daemon.log();
    assert_eq!(log.matches("connections are refused").count(), 1, "said once: {log}");
}

#[tokio::test]
async fn watchers_have_places_of_their_own_and_take_none_of_other_callers() {
    let (home, simulator) = (tempfile::tempdir().unwrap(), simulator(Settings::default()));
    let daemon = Process::run(home.path(), &mut cramped(home.path(), &simulator)).await;
    let socket = daemon.socket();
    let mut watchers = Vec::new();
    for _ in 0..12 {
        watchers.push(Lines::open(&socket, "").await);
        watchers.last_mut().unwrap().current().await;
    }
    let refused = exchange(&socket, "GET /v1/events", "", b"").await.unwrap();
    assert_eq!((refused.status, refused.code().as_str()), (503, "too_many_connections"));
    assert!(refused.body.contains("12 watchers at once"), "{refused:?}");
    // All places of callers are free.
    let mut callers = Vec::new();
    for _ in 0..36 {
        let mut stream = UnixStream::connect(&socket).await.unwrap();
        stream.write_all(b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut answer = [0; 16];
        stream.read_exact(&mut answer).await.unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 200 OK"), "{answer:?}");
        callers.push(stream);
    }
    drop((callers, watchers.pop()));
    let watches = async || begins(&socket, "/v1/events").await.starts_with("HTTP/1.1 200 OK");
    until_so("there is a place for a watcher again", watches).await;
    std::fs::write(home.path().join("config.toml"), "").unwrap();
    for mut lines in watchers {
        lines.until_state(|state| state.sessions.is_empty()).await;
    }
}

/// The beginning of the answer to a request.
async fn begins(socket: &Path, target: &str) -> String {
    let mut stream = UnixStream::connect(socket).await.unwrap();
    stream.write_all(format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = [0; 16];
    stream.read_exact(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}
