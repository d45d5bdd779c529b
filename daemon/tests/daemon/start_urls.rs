//! Servers at start URLs that are not AWS's own, and that do not behave.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use identity_center_simulator::Settings;
use ssoctld::clock::ManualClock;
use ssoctld::oidc::{CallError, IdentityCenter, Lead};
use ssoctld::transport::{Patience, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::harness::{Harness, Store, session};

const TARGET: &str = "https://corp.awsapps.com/start";

/// A server that answers each request with the next of these, and then waits until the client hangs up. Returns its URL and the requests.
async fn server(answers: Vec<Vec<u8>>) -> (String, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/mine", listener.local_addr().expect("an address"));
    let (seen, requests) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        for answer in answers {
            let Ok((mut stream, _)) = listener.accept().await else { return };
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                match stream.read_u8().await {
                    Ok(byte) => request.push(byte),
                    Err(_) => break,
                }
            }
            let _ = seen.send(String::from_utf8_lossy(&request).to_ascii_lowercase());
            // The client may have had enough.
            let _ = stream.write_all(&answer).await;
            let _ = stream.read_u8().await;
        }
    });
    (url, requests)
}

async fn resolve(url: &str, total: Duration) -> Result<Lead, CallError> {
    let patience = Patience { connect: total, total };
    Transport::new(None, patience, Arc::new(ManualClock::at(SystemTime::UNIX_EPOCH))).resolve(url).await
}

const ENOUGH: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_server_gets_no_secret_and_can_neither_fill_memory_nor_hold_a_sign_in_up() {
    let first =
        b"HTTP/1.1 405 No\r\nSet-Cookie: a=b\r\nDate: Tue, 01 Jan 2030 00:00:00 GMT\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            .to_vec();
    // The body never ends, and nobody reads it.
    let second =
        format!("HTTP/1.1 302 Found\r\nLocation: {TARGET}/\r\nContent-Length: 1000000000\r\n\r\n<html>").into_bytes();
    let (url, mut requests) = server(vec![first, second]).await;
    assert_eq!(resolve(&url, ENOUGH).await, Ok(Lead::To(TARGET.to_owned())));
    for method in ["head", "get"] {
        let request = requests.recv().await.expect("a request");
        assert!(request.starts_with(&format!("{method} /mine http/1.1")), "{request}");
        for header in ["cookie:", "authorization:", "x-amz", "referer:"] {
            assert!(!request.contains(header), "{request}");
        }
    }

    let huge = format!("HTTP/1.1 302 Found\r\nX: {}\r\nLocation: {TARGET}\r\n\r\n", "x".repeat(4 << 20)).into_bytes();
    let many = "X: y\r\n".repeat(10_000);
    let many = format!("HTTP/1.1 302 Found\r\n{many}Location: {TARGET}\r\n\r\n").into_bytes();
    for (head, total) in [(huge, ENOUGH), (many, ENOUGH), (b"HTTP/1.1 302 Fo".to_vec(), Duration::from_millis(200))] {
        let (url, _requests) = server(vec![head]).await;
        let answer = resolve(&url, total).await;
        let Ok(Lead::Unanswered(CallError::StartUrl { reason, may_pass: true })) = answer else { panic!("{answer:?}") };
        assert!(reason.starts_with(&format!("{url} cannot be asked where it leads: ")), "{reason}");
    }
}

#[tokio::test]
async fn the_clock_of_a_server_that_is_not_the_service_does_not_count() {
    let answer = format!("HTTP/1.1 302 Found\r\nDate: Tue, 01 Jan 2030 00:00:00 GMT\r\nLocation: {TARGET}\r\n\r\n");
    let (url, _requests) = server(vec![answer.into_bytes()]).await;
    let transport = Transport::new(None, Patience::default(), Arc::new(ManualClock::at(SystemTime::UNIX_EPOCH)));
    transport.resolve(&url).await.expect("a target");
    assert_eq!(transport.service_clock().borrow().ahead_seconds, None);
}

#[tokio::test]
async fn at_another_service_a_start_url_that_leads_nowhere_or_does_not_answer_is_a_mere_name() {
    let nowhere = b"HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".to_vec();
    let (nowhere, _requests) = server(vec![nowhere; 8]).await;
    // Nobody listens at the first port.
    for start_url in [nowhere, "http://127.0.0.1:1/start".to_owned()] {
        let t = Harness::start_with(Settings::default(), Store::Memory, &session("corp", &start_url)).await;
        t.sign_in("corp").await;
        t.access_token().await;
    }
}
