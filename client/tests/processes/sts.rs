//! A stand-in for AWS STS that takes one request for what it is and does not look at its signature.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use test_support::Stage;

/// Head and body of a request.
pub(crate) type Request = (String, String);

/// Gives this answer to the first request. Returns the address, for `AWS_ENDPOINT_URL_STS`, and what was asked there.
pub(crate) fn answering(answer: &'static str) -> (String, Receiver<Request>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (seen, requests) = mpsc::channel();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let request = read(&stream);
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {}\r\n\r\n", answer.len());
        stream.write_all((head + answer).as_bytes()).unwrap();
        seen.send(request).unwrap();
    });
    (url, requests)
}

fn read(stream: &TcpStream) -> Request {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    (head, String::from_utf8(body).unwrap())
}

/// Insists that a request with this head is signed with the credentials of the profile `dev`.
#[track_caller]
pub(crate) fn is_signed_with_dev(head: &str, stage: &Stage) {
    let credentials = stage.credentials_of_dev();
    let key = credentials["access_key_id"].as_str().unwrap();
    assert!(head.contains(&format!("Credential={key}/")), "another key signs it");
    assert!(head.contains(credentials["session_token"].as_str().unwrap()), "the session token goes with it");
}
