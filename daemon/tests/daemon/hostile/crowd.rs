//! More clients than there are places.

use std::process::Command;

use identity_center_simulator::Simulator;
use ssoctl_protocol::Problem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::{Victim, started_through};
use crate::harness::{REAL_PATIENCE, exchange};

/// The daemon, allowed no more than 96 descriptors.
fn cramped(home: &std::path::Path, simulator: &Simulator) -> Command {
    started_through(&["/bin/sh", "-c", "ulimit -n 96 && exec \"$0\""], home, simulator)
}

#[tokio::test]
async fn beyond_the_limit_connections_are_told_why_and_later_ones_are_served_again() {
    let victim = Victim::started_by(cramped).await;
    let mut crowd = Vec::new();
    let refusal = loop {
        let mut stream = UnixStream::connect(victim.socket()).await.unwrap();
        // Refused or served, there is an answer; a connection that was served stays open and keeps its place.
        let _ = stream.write_all(b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n").await;
        let mut answer = vec![0; 4096];
        let count = stream.read(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer[..count]).into_owned();
        if !answer.starts_with("HTTP/1.1 200 ") {
            break answer;
        }
        crowd.push(stream);
    };
    assert_eq!(crowd.len(), 48);
    let (head, body) = refusal.split_once("\r\n\r\n").expect("a whole answer");
    assert!(head.starts_with("HTTP/1.1 503 Service Unavailable\r\n") && head.contains("retry-after: 1"), "{head}");
    let problem: Problem = serde_json::from_str(body).unwrap();
    assert_eq!(problem.code.as_str(), "too_many_connections");
    assert!(problem.detail.contains("48 connections"), "{}", problem.detail);

    drop(crowd);
    let served = async {
        while exchange(&victim.socket(), "GET /v1/token", "", b"").await.is_ok_and(|answer| answer.status != 200) {}
    };
    tokio::time::timeout(REAL_PATIENCE, served).await.expect("a place again");
    let log = victim.daemon.log();
    assert_eq!(log.matches("connections are refused").count(), 1, "said once: {log}");
}
