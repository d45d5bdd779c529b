//! HTTP/1.1 (RFC 9112) as far as one request on one connection needs it: bytes in, bytes out, no I/O.

use std::fmt;
use std::mem;
use std::ops::Range;

use ssoctl_protocol::route::Query;
use ssoctl_protocol::secret::Wipe;
use ssoctl_protocol::{JSON, Route, Secret, VERSION, VERSION_HEADER};

/// Tokens fit with room to spare, so that the usual answer is read at once into a buffer that never moves.
const FIRST_BUFFER: usize = 4 * 1024;
/// An answer with thousands of sessions is a few megabytes; what is larger does not come from the daemon.
const LARGEST_ANSWER: usize = 16 * 1024 * 1024;
const LARGEST_HEAD: usize = 64 * 1024;
const MOST_HEADERS: usize = 32;

/// The bytes of a request. The connection is closed after the answer, which spares both sides the bookkeeping.
pub(crate) fn request(route: &Route, query: &Query, body: Option<&[u8]>) -> Vec<u8> {
    use std::io::Write;
    let mut bytes = Vec::with_capacity(512);
    // Writing to a `Vec` cannot fail.
    let _ = write!(
        bytes,
        "{} {}{query} HTTP/1.1\r\nHost: localhost\r\n{VERSION_HEADER}: {VERSION}\r\nConnection: close\r\n",
        route.method(),
        route.path(),
    );
    if let Some(body) = body {
        let _ = write!(bytes, "Content-Type: {JSON}\r\nContent-Length: {}\r\n\r\n", body.len());
        bytes.extend_from_slice(body);
    } else if route.method() == ssoctl_protocol::Method::Get {
        bytes.extend_from_slice(b"\r\n");
    } else {
        bytes.extend_from_slice(b"Content-Length: 0\r\n\r\n");
    }
    bytes
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The daemon's version, where it told one.
    pub(crate) version: Option<String>,
    /// The body; it may hold a token, so it is wiped.
    pub(crate) body: Secret<Vec<u8>>,
}

/// What arrived is not an HTTP answer, or not a whole one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Garbled {
    NotHttp,
    CutShort,
    TooLarge,
}

impl fmt::Display for Garbled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotHttp => "it does not speak HTTP",
            Self::CutShort => "its answer breaks off",
            Self::TooLarge => "its answer is larger than 16 MiB",
        })
    }
}

/// Takes an answer in piece by piece. All pieces are in one buffer, which is wiped, also where it had to move.
pub(crate) struct AnswerReader {
    buffer: Vec<u8>,
    filled: usize,
    head: Option<Head>,
}

struct Head {
    status: u16,
    version: Option<String>,
    /// Where the body starts in the buffer.
    start: usize,
    framing: Framing,
}

/// How the end of the body is found (RFC 9112, section 6.3).
enum Framing {
    Length(usize),
    /// Chunks are moved together in place: the body so far ends at `end`, and the next chunk starts at `next`.
    Chunked {
        end: usize,
        next: usize,
    },
    UntilClose,
}

impl AnswerReader {
    pub(crate) fn new() -> Self {
        Self { buffer: vec![0; FIRST_BUFFER], filled: 0, head: None }
    }

    /// Where the next bytes go; never empty.
    pub(crate) fn space(&mut self) -> &mut [u8] {
        if self.filled == self.buffer.len() {
            let mut larger = vec![0; self.buffer.len() * 4];
            larger[..self.filled].copy_from_slice(&self.buffer);
            mem::replace(&mut self.buffer, larger).wipe();
        }
        &mut self.buffer[self.filled..]
    }

    /// Whether nothing has arrived yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.filled == 0
    }

    /// Notes that `count` bytes were put into the space, 0 at the end of the stream, and returns the answer once it is
    /// complete.
    pub(crate) fn advance(&mut self, count: usize) -> Result<Option<Answer>, Garbled> {
        self.filled += count;
        if self.head.is_none() {
            self.head = parse_head(&self.buffer[..self.filled])?;
        }
        let body = match &mut self.head {
            Some(head) => body(head, &mut self.buffer[..self.filled], count == 0)?,
            None if self.filled > LARGEST_HEAD => return Err(Garbled::NotHttp),
            None => None,
        };
        match (body, self.head.take()) {
            (Some(body), Some(head)) => Ok(Some(self.cut_out(&body, head))),
            _ if count == 0 => Err(Garbled::CutShort),
            _ if self.filled > LARGEST_ANSWER => Err(Garbled::TooLarge),
            (_, head) => {
                self.head = head;
                Ok(None)
            }
        }
    }

    fn cut_out(&mut self, body: &Range<usize>, head: Head) -> Answer {
        self.filled = 0;
        let mut bytes = mem::take(&mut self.buffer);
        // Both stay within the allocation, all of which is wiped in the end.
        bytes.truncate(body.end);
        bytes.drain(..body.start);
        Answer { status: head.status, version: head.version, body: Secret::new(bytes) }
    }
}

impl Drop for AnswerReader {
    fn drop(&mut self) {
        self.buffer.wipe();
    }
}

fn parse_head(bytes: &[u8]) -> Result<Option<Head>, Garbled> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let start = match response.parse(bytes) {
        Ok(httparse::Status::Complete(start)) => start,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(Garbled::NotHttp),
    };
    let status = response.code.ok_or(Garbled::NotHttp)?;
    let (mut version, mut length, mut chunked) = (None, None, false);
    for header in response.headers.iter() {
        let value = str::from_utf8(header.value).map_err(|_| Garbled::NotHttp)?.trim();
        if header.name.eq_ignore_ascii_case(VERSION_HEADER) {
            version = Some(value.to_owned());
        } else if header.name.eq_ignore_ascii_case("content-length") {
            let value = value.parse::<usize>().map_err(|_| Garbled::NotHttp)?;
            if length.replace(value).is_some_and(|other| other != value) {
                return Err(Garbled::NotHttp);
            }
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            // The request allows no other coding, so an answer in one is not an answer to it.
            if chunked || !value.eq_ignore_ascii_case("chunked") {
                return Err(Garbled::NotHttp);
            }
            chunked = true;
        }
    }
    let framing = match length {
        _ if chunked => Framing::Chunked { end: start, next: start },
        Some(length) if length > LARGEST_ANSWER => return Err(Garbled::TooLarge),
        Some(length) => Framing::Length(length),
        None if status == 204 => Framing::Length(0),
        None => Framing::UntilClose,
    };
    Ok(Some(Head { status, version, start, framing }))
}

/// Where the whole body is, if it has arrived.
fn body(head: &mut Head, bytes: &mut [u8], at_end: bool) -> Result<Option<Range<usize>>, Garbled> {
    let start = head.start;
    match &mut head.framing {
        Framing::Length(length) => Ok((bytes.len() - start >= *length).then(|| start..start + *length)),
        Framing::UntilClose => Ok(at_end.then_some(start..bytes.len())),
        Framing::Chunked { end, next } => loop {
            let (size_line, size) = match httparse::parse_chunk_size(&bytes[*next..]) {
                Ok(httparse::Status::Complete(parsed)) => parsed,
                Ok(httparse::Status::Partial) => return Ok(None),
                Err(_) => return Err(Garbled::NotHttp),
            };
            // Trailers may follow the last chunk; none of them matters here.
            if size == 0 {
                return Ok(Some(start..*end));
            }
            let size = usize::try_from(size).ok().filter(|size| *size <= LARGEST_ANSWER).ok_or(Garbled::TooLarge)?;
            let data = *next + size_line;
            match bytes.get(data + size..data + size + 2) {
                Some(b"\r\n") => {}
                Some(_) => return Err(Garbled::NotHttp),
                None => return Ok(None),
            }
            bytes.copy_within(data..data + size, *end);
            *end += size;
            *next = data + size + 2;
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ssoctl_protocol::Selector;

    /// Feeds an answer in pieces of the given size and then ends the stream.
    fn read(answer: &[u8], piece: usize) -> Result<Answer, Garbled> {
        let mut reader = AnswerReader::new();
        let mut rest = answer;
        loop {
            let space = reader.space();
            let count = piece.min(rest.len()).min(space.len());
            space[..count].copy_from_slice(&rest[..count]);
            rest = &rest[count..];
            if let Some(answer) = reader.advance(count)? {
                return Ok(answer);
            }
        }
    }

    fn body_of(answer: &[u8], piece: usize) -> Result<String, Garbled> {
        read(answer, piece).map(|answer| String::from_utf8_lossy(answer.body.expose()).into_owned())
    }

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
    fn an_answer_is_read_whatever_its_framing_and_its_pieces() {
        let length = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello and more".as_slice();
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 99\r\n\r\n\
            2\r\nhe\r\n3;note=x\r\nllo\r\n0\r\nTrailer: x\r\n\r\n";
        let until_close = b"HTTP/1.0 200 OK\r\n\r\nhello";
        for answer in [length, chunked, until_close] {
            for piece in [1, 2, 7, 1000] {
                assert_eq!(body_of(answer, piece).as_deref(), Ok("hello"), "{}", String::from_utf8_lossy(answer));
            }
        }
    }

    #[test]
    fn a_large_answer_makes_the_buffer_grow() {
        let text = "x".repeat(100_000);
        let length = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len());
        let chunk = format!("{:x}\r\n{text}\r\n", text.len());
        let chunked = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}{chunk}0\r\n\r\n");
        assert_eq!(body_of(length.as_bytes(), 4096).map(|body| body.len()), Ok(100_000));
        assert_eq!(body_of(chunked.as_bytes(), 4096), Ok(text.repeat(2)));
    }

    #[test]
    fn the_version_of_the_daemon_is_found() {
        let answer = read(b"HTTP/1.1 401 Nope\r\nSSOCTL-Version: 9.8.7\r\nContent-Length: 0\r\n\r\n", 9).unwrap();
        assert_eq!((answer.status, answer.version.as_deref()), (401, Some("9.8.7")));
    }

    #[test]
    fn what_is_not_a_whole_answer_is_refused() {
        let endless = vec![b'x'; 100_000];
        let head = |rest: &str| format!("HTTP/1.1 200 OK\r\n{rest}").into_bytes();
        for (bytes, garbled) in [
            (b"".to_vec(), Garbled::CutShort),
            (b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), Garbled::NotHttp),
            (endless, Garbled::NotHttp),
            (head(&format!("X: {}", "x".repeat(100_000))), Garbled::NotHttp),
            (head("Content-Length: 5\r\n\r\nhell"), Garbled::CutShort),
            (head("Content-Length: -5\r\n\r\n"), Garbled::NotHttp),
            (head("Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"), Garbled::NotHttp),
            (head("Content-Length: 999999999\r\n\r\n"), Garbled::TooLarge),
            (head("Transfer-Encoding: gzip\r\n\r\n"), Garbled::NotHttp),
            (head("Transfer-Encoding: chunked\r\n\r\n5\r\nhello world"), Garbled::NotHttp),
            (head("Transfer-Encoding: chunked\r\n\r\nzz\r\n"), Garbled::NotHttp),
            (head("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"), Garbled::CutShort),
            (head("Transfer-Encoding: chunked\r\n\r\nfffffffffffffff0\r\n"), Garbled::TooLarge),
        ] {
            assert_eq!(body_of(&bytes, 1000), Err(garbled), "{:.60}", String::from_utf8_lossy(&bytes));
        }
    }
}
