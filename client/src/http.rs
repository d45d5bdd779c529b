//! HTTP/1.1 (RFC 9112) as far as one request on one connection needs it: bytes in, bytes out, no I/O.

use std::fmt;
use std::mem;
use std::ops::Range;

use ssoctl_protocol::route::Query;
use ssoctl_protocol::{JSON, Route, Secret, VERSION, VERSION_HEADER};

/// Tokens fit with room to spare, so that the usual answer is read at once into a buffer that never moves.
const FIRST_BUFFER: usize = 4 * 1024;
/// An answer with thousands of sessions is a few megabytes; what is larger does not come from the daemon.
const LARGEST_ANSWER: usize = 16 * 1024 * 1024;
const LARGEST_HEAD: usize = 64 * 1024;
const LONGEST_CHUNK_LINE: usize = 1024;
/// What every answer begins with.
const PROTOCOL: &[u8] = b"HTTP/1.";

/// The bytes of a request. The connection is closed after the answer, which spares both sides the bookkeeping.
pub(crate) fn request(route: &Route, query: &Query, body: Option<&[u8]>) -> Vec<u8> {
    use std::io::Write;
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

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The daemon's version, where it told one.
    pub(crate) version: Option<String>,
    /// The body, which may hold a token.
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

/// Takes an answer in piece by piece.
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
            self.buffer.resize(self.buffer.len() * 4, 0);
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
        bytes.truncate(body.end);
        bytes.drain(..body.start);
        Answer { status: head.status, version: head.version, body: Secret::new(bytes) }
    }
}

/// Reads a status line and header fields (RFC 9112, sections 4 and 5); `None` if there is more to come.
///
/// This is by hand because of what it costs not to be: httparse chooses its instructions by asking the processor what
/// it can do, and on a virtual machine that question alone was measured at a tenth of the whole process.
fn parse_head(bytes: &[u8]) -> Result<Option<Head>, Garbled> {
    // Who speaks something else is recognised by his first word, however long he goes on.
    let beginning = bytes.len().min(PROTOCOL.len());
    if bytes[..beginning] != PROTOCOL[..beginning] {
        return Err(Garbled::NotHttp);
    }
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let text = str::from_utf8(&bytes[PROTOCOL.len()..end]).map_err(|_| Garbled::NotHttp)?;
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(status).ok_or(Garbled::NotHttp)?;
    let (mut version, mut length, mut chunked) = (None, None, false);
    for line in lines {
        let (name, value) = line.split_once(':').ok_or(Garbled::NotHttp)?;
        if name.is_empty() || name.contains(|character: char| !character.is_ascii_graphic()) {
            return Err(Garbled::NotHttp);
        }
        let value = value.trim_matches([' ', '\t']);
        if name.eq_ignore_ascii_case(VERSION_HEADER) {
            version = Some(value.to_owned());
        } else if name.eq_ignore_ascii_case("content-length") {
            let value = number(value, 10)?;
            if length.replace(value).is_some_and(|other| other != value) {
                return Err(Garbled::NotHttp);
            }
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            // The request allows no other coding, so an answer in one is not an answer to it.
            if chunked || !value.eq_ignore_ascii_case("chunked") {
                return Err(Garbled::NotHttp);
            }
            chunked = true;
        }
    }
    let start = end + 4;
    let framing = match length {
        _ if chunked => Framing::Chunked { end: start, next: start },
        Some(length) => Framing::Length(length),
        None if status == 204 => Framing::Length(0),
        None => Framing::UntilClose,
    };
    Ok(Some(Head { status, version, start, framing }))
}

/// The status of a line like `1 200 OK`, which follows [`PROTOCOL`]; the reason may be missing.
fn status(line: &str) -> Option<u16> {
    let (minor, rest) = line.split_once(' ')?;
    let code = rest.split(' ').next()?;
    let digits = |text: &str, count| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    (digits(minor, 1) && digits(code, 3)).then(|| code.parse().ok()).flatten()
}

/// A length on the wire: digits and nothing else, and no more than an answer may have.
fn number(text: &str, radix: u32) -> Result<usize, Garbled> {
    if text.is_empty() || !text.chars().all(|character| character.is_digit(radix)) {
        return Err(Garbled::NotHttp);
    }
    // What does not fit into the type is larger still.
    usize::from_str_radix(text, radix).ok().filter(|length| *length <= LARGEST_ANSWER).ok_or(Garbled::TooLarge)
}

/// Reads the line before a chunk (RFC 9112, section 7.1): its own length, and that of the chunk.
fn parse_chunk_line(bytes: &[u8]) -> Result<Option<(usize, usize)>, Garbled> {
    let beginning = &bytes[..bytes.len().min(LONGEST_CHUNK_LINE)];
    let Some(end) = beginning.windows(2).position(|window| window == b"\r\n") else {
        return if beginning.len() < LONGEST_CHUNK_LINE { Ok(None) } else { Err(Garbled::NotHttp) };
    };
    let line = str::from_utf8(&bytes[..end]).map_err(|_| Garbled::NotHttp)?;
    let size = line.split(';').next().unwrap_or_default().trim_end_matches([' ', '\t']);
    Ok(Some((end + 2, number(size, 16)?)))
}

/// Where the whole body is, if it has arrived.
fn body(head: &mut Head, bytes: &mut [u8], at_end: bool) -> Result<Option<Range<usize>>, Garbled> {
    let start = head.start;
    match &mut head.framing {
        Framing::Length(length) => Ok((bytes.len() - start >= *length).then(|| start..start + *length)),
        Framing::UntilClose => Ok(at_end.then_some(start..bytes.len())),
        Framing::Chunked { end, next } => loop {
            let Some((size_line, size)) = parse_chunk_line(&bytes[*next..])? else { return Ok(None) };
            // Trailers may follow the last chunk; none of them matters here.
            if size == 0 {
                return Ok(Some(start..*end));
            }
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
            (head("Content-Length: 99999999999999999999999\r\n\r\n"), Garbled::TooLarge),
            (head("Content-Length: +5\r\n\r\nhello"), Garbled::NotHttp),
            (head("Content-Length : 5\r\n\r\nhello"), Garbled::NotHttp),
            (head("Content-Length: 5\r\n folded\r\n\r\nhello"), Garbled::NotHttp),
            (head("no colon\r\n\r\n"), Garbled::NotHttp),
            (b"HTTP/2 200 OK\r\n\r\n".to_vec(), Garbled::NotHttp),
            (b"HTTP/1.1 20 OK\r\n\r\n".to_vec(), Garbled::NotHttp),
            (b"HTTP/1.1 +20 OK\r\n\r\n".to_vec(), Garbled::NotHttp),
            (b"HTTP/1.1\r\n\r\n".to_vec(), Garbled::NotHttp),
            (b"HTTP/1.1 200 OK\r\nX: \xff\r\n\r\n".to_vec(), Garbled::NotHttp),
            (head("Transfer-Encoding: gzip\r\n\r\n"), Garbled::NotHttp),
            (head("Transfer-Encoding: chunked\r\n\r\n5\r\nhello world"), Garbled::NotHttp),
            (head("Transfer-Encoding: chunked\r\n\r\nzz\r\n"), Garbled::NotHttp),
            (head("Transfer-Encoding: chunked\r\n\r\n\r\n"), Garbled::NotHttp),
            (head(&format!("Transfer-Encoding: chunked\r\n\r\n5;{}", "x".repeat(2000))), Garbled::NotHttp),
            (head("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"), Garbled::CutShort),
            (head("Transfer-Encoding: chunked\r\n\r\nfffffffffffffff0\r\n"), Garbled::TooLarge),
        ] {
            assert_eq!(body_of(&bytes, 1000), Err(garbled), "{:.60}", String::from_utf8_lossy(&bytes));
        }
    }
}
