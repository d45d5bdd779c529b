//! A burst leaves nothing considerable in memory.

use std::io::ErrorKind;

use identity_center_simulator::{Settings, Simulator};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;

use test_support::service::simulator;
use test_support::waiting::until_so;

use crate::harness::{Process, exchange};

const MEBIBYTE: u64 = 1 << 20;

/// A daemon in which a sign-in waits for a person, and so do callers that ask for the token.
async fn waiting() -> (TempDir, Simulator, Process) {
    ssoctld::server::descriptors::raise();
    let (home, simulator) = (tempfile::tempdir().unwrap(), simulator(Settings::default()));
    let daemon = Process::start(home.path(), &simulator).await;
    daemon.request("POST /v1/sessions/corp/login").await;
    (home, simulator, daemon)
}

/// Sends this on so many connections, all of which are open at the end, and says how much more memory that takes.
async fn burst(daemon: &Process, home: &TempDir, count: usize, text: &str) -> (Vec<UnixStream>, u64) {
    let before = daemon.memory_in_use();
    let mut connections = Vec::new();
    while connections.len() < count {
        match UnixStream::connect(home.path().join("socket")).await {
            Ok(mut connection) => {
                // One of too many that say nothing is cut off.
                let _ = connection.write_all(text.as_bytes()).await;
                connections.push(connection);
            }
            // The queue is full for a moment.
            Err(error) if error.kind() == ErrorKind::WouldBlock => tokio::task::yield_now().await,
            Err(error) => panic!("no connection: {error}"),
        }
    }
    // The last caller is answered after all others have been read. The queue may be full until then.
    let socket = home.path().join("socket");
    let is_answered = async || exchange(&socket, "GET /v1/health", "", b"").await.is_ok();
    until_so("the last caller is answered", is_answered).await;
    (connections, daemon.memory_in_use().saturating_sub(before))
}

async fn memory_falls_to(daemon: &Process, most: u64) {
    until_so(&format!("no more than {most} bytes are in use"), async || daemon.memory_in_use() <= most).await;
}

#[tokio::test]
async fn memory_that_thousands_of_callers_took_is_given_back_when_they_have_gone() {
    let (home, _simulator, daemon) = waiting().await;
    let before = daemon.memory_in_use();
    let (callers, more) = burst(&daemon, &home, 5000, "GET /v1/token?wait=600 HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(more > 20 * MEBIBYTE, "{} MiB for {} callers", more / MEBIBYTE, callers.len());
    drop(callers);
    memory_falls_to(&daemon, before + 10 * MEBIBYTE).await;
}

#[tokio::test]
async fn memory_that_requests_took_that_were_sent_by_halves_is_given_back() {
    let (home, _simulator, daemon) = waiting().await;
    let before = daemon.memory_in_use();
    let half = format!("GET /v1/health HTTP/1.1\r\nX-Long: {}", "x".repeat(15 << 10));
    let (halves, more) = burst(&daemon, &home, 5000, &half).await;
    assert!(more > 20 * MEBIBYTE, "{} MiB for {} halves", more / MEBIBYTE, halves.len());
    drop(halves);
    memory_falls_to(&daemon, before + 10 * MEBIBYTE).await;
}
