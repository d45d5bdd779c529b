//! Programs of one's own that ask for too much.

use ssoctl_protocol::Problem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use test_support::waiting::in_time;

use super::Victim;
use crate::harness::{Process, exchange};

#[tokio::test]
async fn sign_ins_of_one_session_and_imports_keep_to_a_budget_that_says_when_to_come_again() {
    let victim = Victim::start().await;
    for (call, most) in [("POST /v1/sessions/corp/login", 40), ("POST /v1/import", 20)] {
        let mut admitted = 0;
        let refusal = loop {
            let answer = exchange(&victim.socket(), call, "", b"").await.unwrap();
            if answer.status != 200 {
                break answer;
            }
            admitted += 1;
            assert!(admitted < most, "{call} was never refused");
        };
        assert!(admitted >= 5, "{call}: a person may do that {admitted} times");
        assert_eq!(refusal.status, 429, "{call}");
        let problem: Problem = refusal.json();
        assert_eq!(problem.code.as_str(), "too_many_requests");
        assert!(problem.detail.contains("try again in "), "{}", problem.detail);
    }
    // Requests that are answered from memory have no limit.
    for _ in 0..200 {
        victim.daemon.access_token().await;
    }
}

#[tokio::test]
async fn few_half_sent_requests_are_kept_and_all_other_clients_are_served() {
    let victim = Victim::start().await;
    let mut halves = Vec::new();
    for number in 0..3000 {
        let mut half = UnixStream::connect(victim.socket()).await.unwrap();
        // The daemon may have cut this one off already.
        let _ = half.write_all(b"POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n").await;
        if number % 2 == 0 {
            let _ = half.write_all(b"\r\nhalf").await;
        }
        halves.push(half);
        if number % 500 == 0 {
            victim.daemon.access_token().await;
        }
    }
    victim.daemon.access_token().await;
    // The oldest were closed to make room: reading from one ends.
    let end = in_time("the oldest connection ends", halves[0].read(&mut [0; 1])).await;
    assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
}

#[tokio::test]
async fn a_log_stays_within_two_files_while_the_daemon_runs() {
    let victim = Victim::started_by(|home, simulator| {
        let mut command = Process::command(home, simulator);
        command.arg("--log-file").arg(home.join("log")).env("SSOCTL_LOG", "debug");
        command
    })
    .await;
    let old = victim.home.path().join("log.log.old");
    let path = format!("GET /v1/sessions/{}/nothing", "x".repeat(3000));
    let mut begun = 0;
    while begun < 2 {
        let before = std::fs::metadata(&old).ok().and_then(|metadata| metadata.modified().ok());
        for _ in 0..100 {
            exchange(&victim.socket(), &path, "", b"").await.unwrap();
        }
        let after = std::fs::metadata(&old).ok().and_then(|metadata| metadata.modified().ok());
        begun += usize::from(before != after);
    }
    for file in [victim.home.path().join("log"), old] {
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.len() < (1 << 20) + 16_384, "{} has {} bytes", file.display(), text.len());
    }
}
