//! Reads a request within its time: a request line, a few fields, no body.

use std::io::{self, ErrorKind, Read};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use ssoctl_protocol::Secret;
use ssoctl_protocol::http::{self, Unreadable};

use super::answer::Refusal;

/// The largest request; those of the SDKs are well below 1 KiB.
const LARGEST: usize = 8 * 1024;
/// The number of bytes that are read and thrown away after the answer.
const LARGEST_REST: usize = 64 * 1024;

const NOT_HTTP: Refusal = Refusal::malformed(400, "this is no HTTP/1.1 request");
const FIELD_TWICE: Refusal = Refusal::malformed(400, "a header field is given twice");
const HAS_BODY: Refusal = Refusal::malformed(400, "a request for credentials has no body");
const TOO_LARGE: Refusal = Refusal::malformed(431, "the request is larger than 8 KiB");
pub(super) const TOO_SLOW: Refusal = Refusal::malformed(408, "the request did not arrive in time");

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) host: Option<String>,
    pub(super) authorization: Option<Secret<String>>,
    /// There is an `Origin` or a `Sec-Fetch-Site` with any value. Browsers send one of them for every web page.
    pub(super) is_from_web_page: bool,
}

/// Reads a request, which has to begin within `silence` and to arrive whole within `patience`.
///
/// # Errors
/// The connection is lost, or closed before a whole request has arrived.
pub(super) fn read(
    stream: &mut TcpStream,
    silence: Duration,
    patience: Duration,
) -> io::Result<Result<Request, Refusal>> {
    let begin = Instant::now();
    let (mut bytes, mut filled) = (vec![0; LARGEST], 0);
    loop {
        if let Some(outcome) = parse(&bytes[..filled]).transpose() {
            return Ok(outcome);
        }
        if filled == LARGEST {
            return Ok(Err(TOO_LARGE));
        }
        let allowed = if filled == 0 { silence } else { patience };
        match read_within(allowed.saturating_sub(begin.elapsed()), stream, &mut bytes[filled..])? {
            Some(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Some(count) => filled += count,
            None => return Ok(Err(TOO_SLOW)),
        }
    }
}

/// Reads further bytes until the other side closes, within limits.
pub(super) fn drain(stream: &mut TcpStream, patience: Duration) -> io::Result<()> {
    let begin = Instant::now();
    let (mut rest, mut count) = ([0; 4096], 0);
    while count < LARGEST_REST
        && let Some(more @ 1..) = read_within(patience.saturating_sub(begin.elapsed()), stream, &mut rest)?
    {
        count += more;
    }
    Ok(())
}

/// Reads once; `None` if nothing arrives in time.
fn read_within(patience: Duration, stream: &mut TcpStream, bytes: &mut [u8]) -> io::Result<Option<usize>> {
    let begin = Instant::now();
    loop {
        let left = patience.saturating_sub(begin.elapsed());
        if left.is_zero() {
            return Ok(None);
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(bytes) {
            Ok(count) => return Ok(Some(count)),
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Reads a request; `None` if there is more to come.
fn parse(bytes: &[u8]) -> Result<Option<Request>, Refusal> {
    let Some(request) = http::Request::parse(bytes).map_err(refusal)? else { return Ok(None) };
    Ok(Some(Request {
        method: request.method.to_owned(),
        target: request.target.to_owned(),
        host: request.only("host").map_err(refusal)?.map(str::to_owned),
        authorization: request.only("authorization").map_err(refusal)?.map(Secret::from),
        is_from_web_page: request.has("origin") || request.has("sec-fetch-site"),
    }))
}

fn refusal(reason: Unreadable) -> Refusal {
    match reason {
        Unreadable::NotHttp => NOT_HTTP,
        Unreadable::HasBody => HAS_BODY,
        Unreadable::FieldTwice => FIELD_TWICE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_when_it_is_complete_and_not_before() {
        let bytes =
            b"GET /path HTTP/1.1\r\nHOST: 127.0.0.1:80\r\nAuthorization:\ttoken \r\nX: y\r\nContent-Length: 0\r\n\r\n";
        for cut in 0..bytes.len() {
            assert_eq!(parse(&bytes[..cut]), Ok(None), "{cut}");
        }
        let request = Request {
            method: "GET".into(),
            target: "/path".into(),
            host: Some("127.0.0.1:80".into()),
            authorization: Some("token".into()),
            is_from_web_page: false,
        };
        assert_eq!(parse(bytes), Ok(Some(request)));
        let bare = parse(b"PUT * HTTP/1.0\r\nOrigin:\r\n\r\n").unwrap().unwrap();
        assert_eq!((bare.host, bare.authorization, bare.is_from_web_page), (None, None, true));
    }

    #[test]
    fn bytes_that_are_not_a_request_are_refused() {
        let get = |fields: &str| format!("GET / HTTP/1.1\r\n{fields}\r\n\r\n").into_bytes();
        for (bytes, refusal) in [
            (b"\x16\x03\x01".to_vec(), NOT_HTTP),
            (get("Host: x\r\nhost: x"), FIELD_TWICE),
            (get("Authorization: x\r\nAuthorization: y"), FIELD_TWICE),
            (get("Content-Length: 5"), HAS_BODY),
        ] {
            assert_eq!(parse(&bytes), Err(refusal), "{}", String::from_utf8_lossy(&bytes));
        }
    }
}
