//! Requests that change nothing: they are answered in words, and the right browser is served after each of them.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ssoctl_protocol::Secret;
use test_support::waiting::in_time;
use tokio::io::{AsyncReadExt, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{CODE, Flow, STATE, callback, exchange, get, request};

/// Requests to this port with the statuses of their answers.
fn refused(port: u16) -> Vec<(String, u16)> {
    let (right, host) = (callback(), format!("Host: 127.0.0.1:{port}\r\n"));
    let with = |fields: &str| request(port, &right, fields);
    vec![
        (request(port, "/", ""), 404),
        (request(port, "/favicon.ico", ""), 404),
        (request(port, &right.replace("callback", "callback/"), ""), 404),
        (request(port, &format!("http://127.0.0.1:{port}{right}"), ""), 404),
        (format!("POST {right} HTTP/1.1\r\n{host}\r\n"), 405),
        (format!("HEAD {right} HTTP/1.1\r\n{host}\r\n"), 405),
        (format!("GET {right} HTTP/1.1\r\nHost: evil.example:{port}\r\n\r\n"), 421),
        (format!("GET {right} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n"), 421),
        (format!("GET {right} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"), 421),
        (format!("GET {right} HTTP/1.0\r\n\r\n"), 421),
        (with("Sec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image\r\n"), 403),
        (with("Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n"), 403),
        (with("Sec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n"), 403),
        (with(&host), 400),
        (with("Content-Length: 3\r\n"), 400),
        (request(port, &format!("{right}&code=twice"), ""), 400),
        (request(port, &format!("{right}&state={STATE}"), ""), 400),
        (request(port, &format!("{right}&error=access_denied"), ""), 400),
        (request(port, &format!("/oauth/callback?state={STATE}"), ""), 400),
        (request(port, &format!("/oauth/callback?code={CODE}"), ""), 400),
        (request(port, "/oauth/callback?error=access_denied", ""), 400),
        (request(port, &format!("/oauth/callback?code={CODE}&state="), ""), 403),
        (request(port, "/oauth/callback?error=access_denied&state=guess", ""), 403),
        (request(port, &format!("/oauth/callback?code={CODE}&state={}", &STATE[..63]), ""), 403),
        (request(port, &format!("/oauth/callback?code={CODE}&state={}", STATE.to_uppercase()), ""), 403),
        (request(port, "/oauth/result/00000000000000000000000000000000", ""), 404),
        (with(&format!("Cookie: {}\r\n", "x".repeat(100_000))), 431),
        ("\x16\x03\x01".to_owned(), 400),
        ("hello\r\n\r\n".to_owned(), 400),
    ]
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Write::write(&mut *self.0.lock().unwrap(), bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn nothing_but_the_right_request_counts_and_each_other_is_told_why() {
    let mut flow = Flow::start();
    let port = flow.listener.port();
    let come = async {
        for (request, status) in refused(port) {
            let answer = in_time("it is answered", exchange(port, request.as_bytes())).await;
            let answer = answer.unwrap_or_else(|error| panic!("{error}: {request:.200}"));
            assert_eq!(answer.status, status, "{request:.200}");
            assert!(answer.body.contains("</h1>\n<p>"), "it says why: {answer:?}");
            assert!(answer.head.contains("frame-ancestors 'none'") && answer.head.contains("no-store"), "{answer:?}");
            let text = format!("{answer:?}");
            assert!(!text.contains(CODE) && !text.contains(STATE), "{text}");
        }
        get(port, &callback()).await.location()
    };
    let (code, _) = tokio::join!(flow.code(), come);
    assert_eq!(code, Ok(Secret::from(CODE)));
}

#[tokio::test]
async fn refusals_leave_a_few_lines_in_the_log_and_no_secret() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false);
    let subscriber = subscriber.with_writer(move || writer.clone()).finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let mut flow = Flow::start();
    let port = flow.listener.port();
    let come = async {
        for (request, _) in [refused(port), refused(port), refused(port)].concat() {
            in_time("it is answered", exchange(port, request.as_bytes())).await.unwrap();
        }
        get(port, &callback()).await
    };
    let (code, _) = tokio::join!(flow.code(), come);
    assert!(code.is_ok());
    drop(guard);
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines = text.lines().filter(|line| line.contains("ssoctld")).count();
    assert!((1..12).contains(&lines), "{text}");
    assert!(!text.contains(CODE) && !text.contains(STATE) && !text.contains("guess"), "{text}");
}

#[tokio::test]
async fn a_request_that_is_sent_by_halves_is_cut_off_after_a_while() {
    let mut flow = Flow::start();
    let port = flow.listener.port();
    let clock = flow.clock.clone();
    let come = async {
        let mut half = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        half.write_all(b"GET /oauth/callback?").await.unwrap();
        // Whoever comes after it is served, so the first one was accepted.
        assert_eq!(get(port, "/").await.status, 404);
        clock.advance(Duration::from_secs(10));
        let end = in_time("it is cut off", half.read(&mut [0; 1])).await;
        assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
        get(port, &callback()).await
    };
    let (code, _) = tokio::join!(flow.code(), come);
    assert_eq!(code, Ok(Secret::from(CODE)));
}

#[tokio::test]
async fn a_head_that_comes_in_pieces_is_read() {
    let mut flow = Flow::start();
    let port = flow.listener.port();
    let come = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        for byte in request(port, &callback(), "").as_bytes() {
            stream.write_all(&[*byte]).await.unwrap();
            tokio::task::yield_now().await;
        }
        let mut answer = String::new();
        in_time("it is answered", stream.read_to_string(&mut answer)).await.unwrap();
        answer
    };
    let (code, answer) = tokio::join!(flow.code(), come);
    assert_eq!(code, Ok(Secret::from(CODE)));
    assert!(answer.starts_with("HTTP/1.1 303 See Other\r\n"), "{answer}");
}
