//! HTTP over the daemon's socket, one request a connection.

use std::path::Path;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// An answer of the daemon.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    #[track_caller]
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self) -> T {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The `code` of a problem.
    #[track_caller]
    pub(crate) fn code(&self) -> String {
        self.json::<ssoctl_protocol::Problem>().code.as_str().to_owned()
    }
}

/// Sends a request with these further header lines and body, and reads the answer to its end.
pub(crate) async fn exchange(socket: &Path, request: &str, headers: &str, body: &[u8]) -> std::io::Result<Answer> {
    let mut stream = UnixStream::connect(socket).await?;
    let length = body.len();
    let head = format!(
        "{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
    );
    // A server that refuses a client or its long body may close before it has read all of it, and answers nevertheless.
    for part in [head.as_bytes(), body] {
        let _ = stream.write_all(part).await;
    }
    let mut received = Vec::new();
    let end = stream.read_to_end(&mut received).await;
    let text = String::from_utf8_lossy(&received);
    let (head, body) = match text.split_once("\r\n\r\n") {
        Some(parts) => parts,
        None => return Err(end.err().unwrap_or_else(|| std::io::ErrorKind::UnexpectedEof.into())),
    };
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    Ok(Answer { status, head: head.to_owned(), body: body.to_owned() })
}
