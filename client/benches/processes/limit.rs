//! The least that a client can do: one round trip over a socket. The benchmark compiles this file by itself, as a static program.
//!
//! Usage: `limit SOCKET`

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::{env, io};

const REQUEST: &[u8] = b"GET /v1/token HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

fn main() -> io::Result<()> {
    let mut stream = UnixStream::connect(env::args_os().nth(1).unwrap_or_default())?;
    stream.write_all(REQUEST)?;
    let mut answer = [0; 4096];
    let length = stream.read(&mut answer)?;
    io::stdout().write_all(&answer[..length])
}
