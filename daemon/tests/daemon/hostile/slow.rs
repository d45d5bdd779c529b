//! Slow clients. The test owns the clock, so it does not wait.

use identity_center_simulator::Settings;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use test_support::waiting::in_time;

use crate::harness::{Harness, secs};

#[tokio::test]
async fn a_client_that_sends_requests_and_never_reads_is_cut_off() {
    let t = Harness::signed_in(Settings::default()).await;
    let mut glutton = UnixStream::connect(t.socket()).await.unwrap();
    let asking = async { while glutton.write_all(b"GET /v1/token HTTP/1.1\r\nHost: x\r\n\r\n").await.is_ok() {} };
    tokio::pin!(asking);
    // Its requests stop being read once its answers are not, and then it can only be cut off.
    let cut_off = async {
        loop {
            tokio::select! {
                () = &mut asking => return,
                () = async { t.access_token().await; } => t.clock.advance(secs(11)),
            }
        }
    };
    in_time("it is cut off", cut_off).await;
}

#[tokio::test]
async fn an_endless_body_is_given_up_and_reported() {
    let t = Harness::start(Settings::default()).await;
    let mut dawdler = UnixStream::connect(t.socket()).await.unwrap();
    dawdler.write_all(b"POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"start_").await.unwrap();
    let mut answer = vec![0; 4096];
    let reading = dawdler.read(&mut answer);
    tokio::pin!(reading);
    let count = loop {
        tokio::select! {
            count = &mut reading => break count.unwrap(),
            _ = t.request("GET /v1/health") => t.clock.advance(secs(31)),
        }
    };
    let answer = String::from_utf8_lossy(&answer[..count]);
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("request_timeout"), "{answer}");
}
