//! The heads of HTTP/1 messages (RFC 9112, sections 2 to 5). Client and daemon read them through this one parser, and take requests on
//! loopback ports as [`Request`] has them.
//!
//! It is by hand because of what a crate costs the client: httparse asks the processor which instructions it has, and on a
//! virtual machine that question alone took a tenth of the whole process.

/// The head of a request or of a response.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Head<'a> {
    /// The request line or the status line.
    pub first_line: &'a str,
    /// The header fields in their order. Blanks around the values are removed.
    pub fields: Vec<(&'a str, &'a str)>,
    /// The length of the head in bytes, with the empty line at its end. The body starts there.
    pub length: usize,
}

/// The bytes are not the head of an HTTP/1 message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotHttp;

impl<'a> Head<'a> {
    /// Reads a head; `None` if its end has not arrived yet.
    ///
    /// # Errors
    /// The head is not UTF-8, or a line is not a header field.
    pub fn parse(bytes: &'a [u8]) -> Result<Option<Self>, NotHttp> {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
        let mut lines = str::from_utf8(&bytes[..end]).map_err(|_| NotHttp)?.split("\r\n");
        let first_line = lines.next().unwrap_or_default();
        let fields = lines.map(field).collect::<Option<_>>().ok_or(NotHttp)?;
        Ok(Some(Self { first_line, fields, length: end + 4 }))
    }

    /// The values of a field. Names are compared without regard to case.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter(move |(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }

    /// The status of a response; `None` if the first line is not a status line of HTTP/1. The reason may be missing.
    pub fn status(&self) -> Option<u16> {
        let (minor, rest) = self.first_line.strip_prefix("HTTP/1.")?.split_once(' ')?;
        let code = rest.split(' ').next()?;
        let is_number = |text: &str, digits| text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
        if is_number(minor, 1) && is_number(code, 3) { code.parse().ok() } else { None }
    }
}

/// A request without a body. Endpoints on loopback ports take no other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request<'a> {
    /// The method: `GET`.
    pub method: &'a str,
    /// The target, as it was sent.
    pub target: &'a str,
    head: Head<'a>,
}

/// The reason why bytes are not a [`Request`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unreadable {
    /// They are not a request of HTTP/1.
    NotHttp,
    /// A body follows.
    HasBody,
    /// A field is given twice that may be given once, because readers differ in which one they take.
    FieldTwice,
}

impl<'a> Request<'a> {
    /// Reads a request line and fields; `None` if there is more to come.
    ///
    /// # Errors
    /// Anything but a whole request without a body. Another protocol is recognised by its first byte.
    pub fn parse(bytes: &'a [u8]) -> Result<Option<Self>, Unreadable> {
        if bytes.first().is_some_and(|byte| !byte.is_ascii_uppercase()) {
            return Err(Unreadable::NotHttp);
        }
        let Some(head) = Head::parse(bytes).map_err(|NotHttp| Unreadable::NotHttp)? else { return Ok(None) };
        let words: Vec<&str> = head.first_line.split(' ').collect();
        let &[method, target, "HTTP/1.1" | "HTTP/1.0"] = words.as_slice() else { return Err(Unreadable::NotHttp) };
        // Some readers take a line feed alone for the end of a line.
        let is_odd = |value: &str| value.contains(|character: char| character.is_control() && character != '\t');
        if is_odd(target) || head.fields.iter().any(|(_, value)| is_odd(value)) {
            return Err(Unreadable::NotHttp);
        }
        let request = Self { method, target, head };
        let has_body =
            request.has("transfer-encoding") || request.head.values("content-length").any(|text| text != "0");
        if has_body { Err(Unreadable::HasBody) } else { Ok(Some(request)) }
    }

    /// Whether the request has this field, with any value.
    pub fn has(&self, name: &str) -> bool {
        self.head.values(name).next().is_some()
    }

    /// The value of a field that must not be given twice.
    ///
    /// # Errors
    /// [`Unreadable::FieldTwice`].
    pub fn only(&self, name: &str) -> Result<Option<&'a str>, Unreadable> {
        let mut values = self.head.values(name);
        let first = values.next();
        if values.next().is_some() { Err(Unreadable::FieldTwice) } else { Ok(first) }
    }
}

/// A blank before the colon, and a line that continues the one before, are refused (RFC 9112, sections 5.1 and 5.2).
fn field(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
    is_name.then(|| (name, value.trim_matches([' ', '\t'])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_once_it_is_whole() {
        let response = b"HTTP/1.1 404 Not Found\r\nA: 1\r\na:\t2 \r\nB:\r\n\r\n{}";
        let length = response.len() - 2;
        for end in 0..length {
            assert_eq!(Head::parse(&response[..end]), Ok(None), "{end}");
        }
        let head = Head::parse(response).unwrap().unwrap();
        assert_eq!((head.status(), head.length), (Some(404), length));
        assert_eq!(head.fields, [("A", "1"), ("a", "2"), ("B", "")]);
        assert_eq!(head.values("a").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(head.values("c").next(), None);
        let request = Head::parse(b"GET / HTTP/1.1\r\n\r\n").unwrap().unwrap();
        assert_eq!((request.first_line, request.status()), ("GET / HTTP/1.1", None));
    }

    #[test]
    fn a_request_is_read_when_it_is_complete_and_not_before() {
        let bytes = b"GET /path?x HTTP/1.1\r\nHOST: 127.0.0.1:80\r\nA:\tb \r\nContent-Length: 0\r\n\r\n";
        for cut in 0..bytes.len() {
            assert_eq!(Request::parse(&bytes[..cut]), Ok(None), "{cut}");
        }
        let request = Request::parse(bytes).unwrap().unwrap();
        assert_eq!((request.method, request.target), ("GET", "/path?x"));
        assert_eq!(request.only("host"), Ok(Some("127.0.0.1:80")));
        assert_eq!((request.only("a"), request.only("b")), (Ok(Some("b")), Ok(None)));
        assert!(request.has("Content-Length") && !request.has("Origin"));
        let bare = Request::parse(b"PUT * HTTP/1.0\r\nOrigin:\r\n\r\n").unwrap().unwrap();
        assert_eq!((bare.method, bare.only("host"), bare.has("origin")), ("PUT", Ok(None), true));
    }

    #[test]
    fn bytes_that_are_not_a_request_without_a_body_are_refused() {
        let get = |fields: &str| format!("GET / HTTP/1.1\r\n{fields}\r\n\r\n").into_bytes();
        for (bytes, reason) in [
            (b"\x16\x03\x01".to_vec(), Unreadable::NotHttp),
            (b"get / HTTP/1.1".to_vec(), Unreadable::NotHttp),
            (b"GET /\r\n\r\n".to_vec(), Unreadable::NotHttp),
            (b"GET / HTTP/2\r\n\r\n".to_vec(), Unreadable::NotHttp),
            (b"GET  / HTTP/1.1\r\n\r\n".to_vec(), Unreadable::NotHttp),
            (b"GET / HTTP/1.1 \r\n\r\n".to_vec(), Unreadable::NotHttp),
            (b"GET /\xff HTTP/1.1\r\n\r\n".to_vec(), Unreadable::NotHttp),
            (b"GET /\0 HTTP/1.1\r\n\r\n".to_vec(), Unreadable::NotHttp),
            (get("no colon"), Unreadable::NotHttp),
            (get("Host : x"), Unreadable::NotHttp),
            (get(" Host: x"), Unreadable::NotHttp),
            (get("Host: x\nOrigin: y"), Unreadable::NotHttp),
            (get("Content-Length: 5"), Unreadable::HasBody),
            (get("Content-Length: 0\r\nContent-Length: 1"), Unreadable::HasBody),
            (get("Transfer-Encoding: chunked"), Unreadable::HasBody),
        ] {
            assert_eq!(Request::parse(&bytes), Err(reason), "{}", String::from_utf8_lossy(&bytes));
        }
        let twice = get("Host: x\r\nhost: x");
        assert_eq!(Request::parse(&twice).unwrap().unwrap().only("Host"), Err(Unreadable::FieldTwice));
    }

    #[test]
    fn bytes_that_are_not_http_are_refused() {
        for line in ["no colon", ": no name", "a : b", " folded: b", "ä: b"] {
            assert_eq!(Head::parse(format!("HTTP/1.1 200 OK\r\n{line}\r\n\r\n").as_bytes()), Err(NotHttp), "{line}");
        }
        assert_eq!(Head::parse(b"HTTP/1.1 200 OK\r\nA: \xff\r\n\r\n"), Err(NotHttp));
        for line in
            ["HTTP/2 200 OK", "HTTP/1.1", "HTTP/1.1 20 OK", "HTTP/1.1 +20 OK", "HTTP/1. 200 OK", "SSH-2.0-x", ""]
        {
            let head = format!("{line}\r\nA: b\r\n\r\n");
            assert_eq!(Head::parse(head.as_bytes()).unwrap().unwrap().status(), None, "{line}");
        }
    }
}
