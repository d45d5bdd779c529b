//! HTTP/1.1 (RFC 9112), as far as the client and its daemon use it: one request on a connection, and an answer whose length is
//! given by `Content-Length`, or one of [`lines`]. Bytes in, bytes out, no I/O.

pub(crate) mod lines;

use std::io::Write;

use ssoctl_protocol::http::Head;
use ssoctl_protocol::route::Query;
use ssoctl_protocol::{JSON, Route, Secret, VERSION, VERSION_HEADER};

/// An answer with thousands of sessions has a few megabytes. A longer one does not come from the daemon.
const LARGEST_ANSWER: usize = 16 * 1024 * 1024;
const LARGEST_HEAD: usize = 64 * 1024;
/// Every answer begins with it.
const PROTOCOL: &[u8] = b"HTTP/1.";

/// The bytes of a request. The connection is closed after the answer.
pub(crate) fn request(route: &Route, query: &Query, body: Option<&[u8]>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(512);
    // Writing to a `Vec` cannot fail.
    let _ = write!(
        bytes,
        "{} {} HTTP/1.1\r\nHost: localhost\r\n{VERSION_HEADER}: {VERSION}\r\nConnection: close\r\n",
        route.row().method,
        route.target(query),
    );
    if let Some(body) = body {
        let _ = write!(bytes, "Content-Type: {JSON}\r\nContent-Length: {}\r\n\r\n", body.len());
        bytes.extend_from_slice(body);
    } else if route.row().method == "GET" {
        bytes.extend_from_slice(b"\r\n");
    } else {
        bytes.extend_from_slice(b"Content-Length: 0\r\n\r\n");
    }
    bytes
}

#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) version: Option<String>,
    pub(crate) body: Secret<Vec<u8>>,
}

/// The reason why bytes are not an answer of the daemon, as a sentence about them.
pub(crate) type Garbled = &'static str;

const NOT_HTTP: Garbled = "it does not speak HTTP";
const NO_LENGTH: Garbled = "its answer has no Content-Length";
const TOO_LARGE: Garbled = "its answer is larger than 16 MiB";
pub(crate) const CUT_SHORT: Garbled = "its answer breaks off";

/// Reads an answer; `None` if there is more to come.
pub(crate) fn answer(bytes: &[u8]) -> Result<Option<Answer>, Garbled> {
    // Another protocol is recognised by its first bytes, with any number of further ones.
    let beginning = bytes.len().min(PROTOCOL.len());
    if bytes[..beginning] != PROTOCOL[..beginning] {
        return Err(NOT_HTTP);
    }
    let Some(head) = Head::parse(bytes).map_err(|_| NOT_HTTP)? else {
        return if bytes.len() > LARGEST_HEAD { Err(NOT_HTTP) } else { Ok(None) };
    };
    let status = head.status().ok_or(NOT_HTTP)?;
    let Some(body) = bytes.get(head.length..head.length + length(&head)?) else { return Ok(None) };
    let version = head.values(VERSION_HEADER).next().map(str::to_owned);
    Ok(Some(Answer { status, version, body: Secret::new(body.to_vec()) }))
}

fn length(head: &Head<'_>) -> Result<usize, Garbled> {
    if head.values("transfer-encoding").next().is_some() {
        return Err(NO_LENGTH);
    }
    let mut lengths = head.values("content-length");
    let length = lengths.next().ok_or(NO_LENGTH)?;
    let is_number = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number || lengths.any(|other| other != length) {
        return Err(NOT_HTTP);
    }
    // A number that does not fit into the type is larger still.
    length.parse().ok().filter(|length| *length <= LARGEST_ANSWER).ok_or(TOO_LARGE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ssoctl_protocol::Selector;

    #[test]
    fn a_request_is_written_as_the_rfc_wants_it() {
        let query = Query { selector: Selector::Session("my corp".into()), min_valid: 300, ..Query::default() };
        assert_eq!(
            String::from_utf8(request(&Route::Token, &query, None)).unwrap(),
            format!(
                "GET /v1/token?session=my%20corp&min_valid=300 HTTP/1.1\r\nHost: localhost\r\n\
                 ssoctl-version: {VERSION}\r\nConnection: close\r\n\r\n"
            )
        );
        let post = String::from_utf8(request(&Route::AddSession, &Query::default(), Some(b"{}"))).unwrap();
        assert!(post.ends_with("Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"), "{post}");
        let post = String::from_utf8(request(&Route::Logout("a".into()), &Query::default(), None)).unwrap();
        assert!(post.ends_with("Content-Length: 0\r\n\r\n"), "{post}");
    }

    #[test]
    fn an_answer_is_read_once_it_is_whole() {
        let bytes = b"HTTP/1.1 401 Nope\r\nSSOCTL-Version: 9.8.7\r\ncontent-length: 5\r\n\r\nhello and more";
        let length = bytes.len() - " and more".len();
        for end in 0..length {
            assert_eq!(answer(&bytes[..end]), Ok(None), "{end}");
        }
        let expected = Answer { status: 401, version: Some("9.8.7".into()), body: Secret::new(b"hello".to_vec()) };
        assert_eq!(answer(&bytes[..length]), Ok(Some(expected)));
        assert_eq!(answer(bytes).map(|answer| answer.unwrap().status), Ok(401));
    }

    #[test]
    fn answers_that_the_daemon_never_sends_are_refused() {
        let head = |rest: &str| format!("HTTP/1.1 200 OK\r\n{rest}").into_bytes();
        for (bytes, garbled) in [
            (b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), NOT_HTTP),
            (vec![b'x'; 100_000], NOT_HTTP),
            (head(&format!("X: {}", "x".repeat(100_000))), NOT_HTTP),
            (head("Content-Length: -5\r\n\r\n"), NOT_HTTP),
            (head("Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"), NOT_HTTP),
            (head("Content-Length: 999999999\r\n\r\n"), TOO_LARGE),
            (head("Content-Length: 99999999999999999999999\r\n\r\n"), TOO_LARGE),
            (head("Content-Length: +5\r\n\r\nhello"), NOT_HTTP),
            (head("Content-Length:\r\n\r\n"), NOT_HTTP),
            (head("Content-Length : 5\r\n\r\nhello"), NOT_HTTP),
            (head("Content-Length: 5\r\n folded\r\n\r\nhello"), NOT_HTTP),
            (head("no colon\r\n\r\n"), NOT_HTTP),
            (b"HTTP/2 200 OK\r\n\r\n".to_vec(), NOT_HTTP),
            (b"HTTP/1.1 20 OK\r\n\r\n".to_vec(), NOT_HTTP),
            (b"HTTP/1.1 +20 OK\r\n\r\n".to_vec(), NOT_HTTP),
            (b"HTTP/1.1\r\n\r\n".to_vec(), NOT_HTTP),
            (b"HTTP/1.1 200 OK\r\nX: \xff\r\n\r\n".to_vec(), NOT_HTTP),
            (head("\r\nhello"), NO_LENGTH),
            (head("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"), NO_LENGTH),
            (head("Transfer-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello"), NO_LENGTH),
        ] {
            assert_eq!(answer(&bytes), Err(garbled), "{:.60}", String::from_utf8_lossy(&bytes));
        }
    }
}
