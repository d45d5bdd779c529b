//! Reading a request, and no more of it than is needed (RFC 9112): a request line, a few fields, no body.

use std::fmt;
use std::io::{self, ErrorKind, Read};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use ssoctl_protocol::Secret;

/// The largest request; those of the SDKs are well below 1 KiB.
const LARGEST: usize = 8 * 1024;
/// What is read and thrown away after the answer.
const LARGEST_REST: usize = 64 * 1024;

/// What matters of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) host: Option<String>,
    pub(super) authorization: Option<Secret<String>>,
    /// Whether a web page has sent it: those cannot leave `Origin` out.
    pub(super) origin: Origin,
}

/// Whether there is an `Origin` or a `Sec-Fetch-Site`, whatever it says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Origin {
    Absent,
    Present,
}

/// Why something is not a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Malformed {
    NotHttp,
    TwiceTheSame,
    HasBody,
    TooLarge,
    TooSlow,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotHttp => "this is no HTTP/1.1 request",
            Self::TwiceTheSame => "a header field is given twice",
            Self::HasBody => "a request for credentials has no body",
            Self::TooLarge => "the request is larger than 8 KiB",
            Self::TooSlow => "the request did not arrive in time",
        })
    }
}

/// Reads a request, which has to begin within `silence` and to arrive whole within `patience`.
///
/// # Errors
/// The connection is lost, or closed before a whole request has arrived.
pub(super) fn read(
    stream: &mut TcpStream,
    silence: Duration,
    patience: Duration,
) -> io::Result<Result<Request, Malformed>> {
    let begin = Instant::now();
    let (mut bytes, mut filled) = (vec![0; LARGEST], 0);
    loop {
        match parse(&bytes[..filled]) {
            Ok(None) => {}
            Ok(Some(request)) => return Ok(Ok(request)),
            Err(malformed) => return Ok(Err(malformed)),
        }
        if filled == LARGEST {
            return Ok(Err(Malformed::TooLarge));
        }
        let allowed = if filled == 0 { silence } else { patience };
        let left = allowed.saturating_sub(begin.elapsed());
        if left.is_zero() {
            return Ok(Err(Malformed::TooSlow));
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut bytes[filled..]) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => filled += count,
            Err(error) if is_passing(&error) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Reads what else is sent until the other side closes, within limits.
pub(super) fn drain(stream: &mut TcpStream, patience: Duration) -> io::Result<()> {
    let begin = Instant::now();
    let (mut rest, mut count) = ([0; 4096], 0);
    while count < LARGEST_REST {
        let left = patience.saturating_sub(begin.elapsed());
        if left.is_zero() {
            break;
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut rest) {
            Ok(0) => break,
            Ok(more) => count += more,
            Err(error) if is_passing(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// Reads a request line and fields (RFC 9112, sections 3 and 5); `None` if there is more to come.
fn parse(bytes: &[u8]) -> Result<Option<Request>, Malformed> {
    // Who speaks something else is recognised early, however long he goes on.
    if bytes.first().is_some_and(|byte| !byte.is_ascii_uppercase()) {
        return Err(Malformed::NotHttp);
    }
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let text = str::from_utf8(&bytes[..end]).map_err(|_| Malformed::NotHttp)?;
    let mut lines = text.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target), Some("HTTP/1.1" | "HTTP/1.0"), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Malformed::NotHttp);
    };
    let mut request = Request {
        method: method.to_owned(),
        target: target.to_owned(),
        host: None,
        authorization: None,
        origin: Origin::Absent,
    };
    for line in lines {
        let (name, value) = line.split_once(':').ok_or(Malformed::NotHttp)?;
        if name.is_empty() || name.contains(|character: char| !character.is_ascii_graphic()) {
            return Err(Malformed::NotHttp);
        }
        let value = value.trim_matches([' ', '\t']);
        // A line feed alone is the end of a line to some readers.
        if value.contains(|character: char| character.is_control() && character != '\t') {
            return Err(Malformed::NotHttp);
        }
        match name.to_ascii_lowercase().as_str() {
            "host" => once(&mut request.host, value.to_owned())?,
            "authorization" => once(&mut request.authorization, value.into())?,
            "origin" | "sec-fetch-site" => request.origin = Origin::Present,
            "content-length" if value == "0" => {}
            "content-length" | "transfer-encoding" => return Err(Malformed::HasBody),
            _ => {}
        }
    }
    Ok(Some(request))
}

/// What is given twice means different things to different readers.
fn once<T>(place: &mut Option<T>, value: T) -> Result<(), Malformed> {
    if place.replace(value).is_some() { Err(Malformed::TwiceTheSame) } else { Ok(()) }
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
            origin: Origin::Absent,
        };
        assert_eq!(parse(bytes), Ok(Some(request)));
        let bare = parse(b"PUT * HTTP/1.0\r\nOrigin:\r\n\r\n").unwrap().unwrap();
        assert_eq!((bare.host, bare.authorization, bare.origin), (None, None, Origin::Present));
    }

    #[test]
    fn what_is_not_a_request_is_refused() {
        let get = |fields: &str| format!("GET / HTTP/1.1\r\n{fields}\r\n\r\n").into_bytes();
        for (bytes, malformed) in [
            (b"\x16\x03\x01".to_vec(), Malformed::NotHttp),
            (b"get / HTTP/1.1".to_vec(), Malformed::NotHttp),
            (b"GET /\r\n\r\n".to_vec(), Malformed::NotHttp),
            (b"GET / HTTP/2\r\n\r\n".to_vec(), Malformed::NotHttp),
            (b"GET  / HTTP/1.1\r\n\r\n".to_vec(), Malformed::NotHttp),
            (b"GET / HTTP/1.1 \r\n\r\n".to_vec(), Malformed::NotHttp),
            (b"GET /\xff HTTP/1.1\r\n\r\n".to_vec(), Malformed::NotHttp),
            (get("no colon"), Malformed::NotHttp),
            (get("Host : x"), Malformed::NotHttp),
            (get(" Host: x"), Malformed::NotHttp),
            (get("Host: x\nOrigin: y"), Malformed::NotHttp),
            (get("Host: x\r\nhost: x"), Malformed::TwiceTheSame),
            (get("Authorization: x\r\nAuthorization: y"), Malformed::TwiceTheSame),
            (get("Content-Length: 5"), Malformed::HasBody),
            (get("Transfer-Encoding: chunked"), Malformed::HasBody),
        ] {
            assert_eq!(parse(&bytes), Err(malformed), "{}", String::from_utf8_lossy(&bytes));
        }
    }
}
