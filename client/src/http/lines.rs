//! An answer that comes line by line: a body in chunks (RFC 9112, section 7.1), without an end that is known before. Bytes in, lines
//! out, no I/O.

use ssoctl_protocol::http::Head;
use ssoctl_protocol::{JSON_LINES, VERSION_HEADER};

use super::{Answer, Garbled, LARGEST_ANSWER, NOT_HTTP, answer};

/// The longest head of a chunk: a number, and perhaps an extension.
const LONGEST_SIZE: usize = 1024;

const ENDLESS: Garbled = "a line of its answer is longer than 16 MiB";

/// What a request for lines is answered with.
#[derive(Debug)]
pub(crate) enum Begun {
    Lines {
        version: Option<String>,
        lines: Lines,
    },
    /// An answer of another kind: an error, or what was not asked for.
    Other(Answer),
}

/// Reads the beginning of an answer; `None` if there is more to come.
pub(crate) fn begun(bytes: &[u8]) -> Result<Option<Begun>, Garbled> {
    let head = Head::parse(bytes).ok().flatten();
    let has =
        |head: &Head<'_>, name: &str, value: &str| head.values(name).any(|given| given.eq_ignore_ascii_case(value));
    let Some(head) = head.filter(|head| {
        head.status() == Some(200) && has(head, "transfer-encoding", "chunked") && has(head, "content-type", JSON_LINES)
    }) else {
        return Ok(answer(bytes)?.map(Begun::Other));
    };
    let version = head.values(VERSION_HEADER).next().map(str::to_owned);
    let mut lines = Lines::default();
    lines.take(&bytes[head.length..])?;
    Ok(Some(Begun::Lines { version, lines }))
}

/// Takes chunks in, and gives lines out.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    /// What has come and is in no chunk yet.
    received: Vec<u8>,
    text: Vec<u8>,
    has_ended: bool,
}

impl Lines {
    /// Takes in what has come.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Result<(), Garbled> {
        self.received.extend_from_slice(bytes);
        let mut begin = 0;
        while let Some((chunk, length)) = chunk(&self.received[begin..])? {
            self.has_ended |= chunk.is_empty();
            self.text.extend_from_slice(chunk);
            begin += length;
        }
        self.received.drain(..begin);
        let is_too_long = self.received.len().max(self.text.len()) > LARGEST_ANSWER;
        if is_too_long && !self.text.contains(&b'\n') { Err(ENDLESS) } else { Ok(()) }
    }

    /// The next line, without its end.
    pub(crate) fn next(&mut self) -> Option<Vec<u8>> {
        let end = self.text.iter().position(|byte| *byte == b'\n')?;
        let mut line: Vec<u8> = self.text.drain(..=end).collect();
        line.pop();
        Some(line)
    }

    /// Whether no further line comes.
    pub(crate) const fn has_ended(&self) -> bool {
        self.has_ended
    }
}

/// The first chunk, and its length with what is around it; `None` if it has not come yet.
fn chunk(bytes: &[u8]) -> Result<Option<(&[u8], usize)>, Garbled> {
    let Some(end) = bytes.windows(2).position(|pair| pair == b"\r\n") else {
        return if bytes.len() > LONGEST_SIZE { Err(NOT_HTTP) } else { Ok(None) };
    };
    let size = bytes[..end].split(|byte| *byte == b';').next().unwrap_or_default();
    let is_number = (1..=8).contains(&size.len()) && size.iter().all(u8::is_ascii_hexdigit);
    let size = str::from_utf8(size).ok().filter(|_| is_number).and_then(|size| usize::from_str_radix(size, 16).ok());
    let size = size.ok_or(NOT_HTTP)?;
    if size > LARGEST_ANSWER {
        return Err(ENDLESS);
    }
    let begin = end + 2;
    match bytes.get(begin..begin + size + 2) {
        Some(chunk) if chunk.ends_with(b"\r\n") => Ok(Some((&chunk[..size], begin + size + 2))),
        Some(_) => Err(NOT_HTTP),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/jsonl\r\nssoctl-version: 9.8.7\r\n\
                        transfer-encoding: chunked\r\n\r\n";

    fn all(lines: &mut Lines) -> Vec<String> {
        std::iter::from_fn(|| lines.next()).map(|line| String::from_utf8(line).unwrap()).collect()
    }

    #[test]
    fn lines_are_read_however_the_chunks_and_the_bytes_are_cut() {
        let body = b"4\r\n{\"a\"\r\n6;x=y\r\n:1}\n{}\r\n1\r\n\n\r\n0\r\n\r\n";
        for size in 1..body.len() {
            let mut lines = Lines::default();
            let mut said = Vec::new();
            for piece in body.chunks(size) {
                assert!(!lines.has_ended(), "{size}");
                lines.take(piece).unwrap();
                said.extend(all(&mut lines));
            }
            assert_eq!((said.as_slice(), lines.has_ended()), (&["{\"a\":1}".to_owned(), "{}".to_owned()][..], true));
        }
    }

    #[test]
    fn an_answer_begins_with_lines_or_is_another_one() {
        let bytes = [HEAD, "3\r\n{}\n\r\n"].concat().into_bytes();
        for end in 0..HEAD.len() {
            assert!(begun(&bytes[..end]).unwrap().is_none(), "{end}");
        }
        let Some(Begun::Lines { version, mut lines }) = begun(&bytes).unwrap() else { panic!("no lines") };
        assert_eq!((version.as_deref(), all(&mut lines)), (Some("9.8.7"), vec!["{}".to_owned()]));
        let problem = begun(b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n{}").unwrap().unwrap();
        assert!(matches!(problem, Begun::Other(Answer { status: 404, .. })), "{problem:?}");
        assert!(begun(b"SSH-2.0-OpenSSH_9.2\r\n").is_err());
        assert!(begun(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err(), "of another type");
    }

    #[test]
    fn what_is_no_chunk_is_refused() {
        for bytes in ["x\r\n", "\r\n", "-1\r\n", "+1\r\na\r\n", "123456789\r\n", "1\r\nabc", "ffffff1\r\n"] {
            assert!(Lines::default().take(bytes.as_bytes()).is_err(), "{bytes:?}");
        }
        assert!(Lines::default().take(&[b'1'; 2000]).is_err());
        let mut lines = Lines::default();
        let million = [b"100000\r\n".to_vec(), vec![b'x'; 1 << 20], b"\r\n".to_vec()].concat();
        let refused = (0..17).find_map(|_| lines.take(&million).err());
        assert_eq!(refused, Some(ENDLESS));
    }
}
