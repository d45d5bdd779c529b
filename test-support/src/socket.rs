//! The daemon's API without `ssoctl` in between: what any other tool would send.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde_json::Value;

/// Sends a request without a body and reads the answer to its end: status and JSON.
pub fn request(socket: &Path, method: &str, target: &str) -> std::io::Result<(u16, Value)> {
    let mut stream = UnixStream::connect(socket)?;
    write!(stream, "{method} {target} HTTP/1.1\r\nHost: ssoctld\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let parts = answer.split_once("\r\n\r\n");
    let (head, body) = parts.unwrap_or_else(|| panic!("not an answer: {answer:?}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.unwrap_or_else(|| panic!("no status in {head:?}"));
    Ok((status, serde_json::from_str(body).unwrap_or_else(|error| panic!("{error} in {body:?}"))))
}
