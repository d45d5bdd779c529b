//! Asking the daemon how it is.

use std::io::{self, ErrorKind};
use std::path::Path;

use ssoctl_protocol::DaemonStatus;
use tokio::net::UnixStream;

use crate::doctor::daemon::Answer;

/// HTTP/1.0 has no chunks, and its answers end with the connection.
const REQUEST: &[u8] = b"GET /v1/health HTTP/1.0\r\nHost: ssoctld\r\n\r\n";

/// A daemon's answer is much shorter.
const LONGEST: usize = 1 << 20;

/// Asks for the daemon's health. Takes as long as the daemon likes.
pub(in crate::doctor) async fn ask(socket: &Path) -> Answer {
    let stream = match UnixStream::connect(socket).await {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
            return Answer::Nobody;
        }
        Err(error) => return Answer::Refused(error.to_string()),
    };
    match stream.peer_cred() {
        Ok(peer) if peer.uid() != rustix::process::geteuid().as_raw() => return Answer::Foreign { uid: peer.uid() },
        Ok(_) => {}
        Err(error) => return Answer::Refused(error.to_string()),
    }
    match exchange(&stream).await {
        Ok(answer) => read(&answer),
        Err(error) => Answer::Garbled(error.to_string()),
    }
}

async fn exchange(stream: &UnixStream) -> io::Result<Vec<u8>> {
    let mut request = REQUEST;
    while !request.is_empty() {
        stream.writable().await?;
        match stream.try_write(request) {
            Ok(written) => request = &request[written..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    let mut answer = Vec::new();
    let mut buffer = [0; 8 << 10];
    loop {
        stream.readable().await?;
        match stream.try_read(&mut buffer) {
            Ok(0) => return Ok(answer),
            Ok(_) if answer.len() > LONGEST => return Err(io::Error::other("its answer is too long")),
            Ok(read) => answer.extend_from_slice(&buffer[..read]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

fn read(answer: &[u8]) -> Answer {
    let garbled = |why: &str| Answer::Garbled(why.to_owned());
    let Ok(text) = std::str::from_utf8(answer) else { return garbled("its answer is not text") };
    let Some((head, body)) = text.split_once("\r\n\r\n").filter(|(head, _)| head.starts_with("HTTP/1.")) else {
        return garbled("its answer is not HTTP");
    };
    if head.split(' ').nth(1) != Some("200") {
        return garbled("it does not know its health");
    }
    match serde_json::from_str::<DaemonStatus>(body) {
        Ok(status) => Answer::Status(Box::new(status)),
        Err(error) => Answer::Garbled(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::net::UnixListener;

    #[test]
    fn an_answer_is_read_as_http_and_json_or_called_garbled() {
        let good = "HTTP/1.0 200 OK\r\nx: y\r\n\r\n\
                    {\"version\":\"1\",\"pid\":7,\"started_at\":\"2026-11-23T10:17:35Z\",\"sessions\":0}";
        assert!(matches!(read(good.as_bytes()), Answer::Status(status) if status.pid == 7));
        for bad in ["", "SSH-2.0-x\r\n\r\n", "HTTP/1.0 404 Not Found\r\n\r\n{}", "HTTP/1.0 200 OK\r\n\r\n{}", "\u{0}"] {
            assert!(matches!(read(bad.as_bytes()), Answer::Garbled(_)), "{bad:?}");
        }
        assert!(matches!(read(&[0xff]), Answer::Garbled(_)));
    }

    #[tokio::test]
    async fn nobody_a_stale_socket_and_a_stranger_are_told_apart() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("s");
        assert_eq!(ask(&path).await, Answer::Nobody);
        let listener = UnixListener::bind(&path).unwrap();
        let stranger = std::thread::spawn(move || listener.accept().unwrap().0.write_all(b"220 hello\r\n\r\n"));
        assert!(matches!(ask(&path).await, Answer::Garbled(_)));
        // It may have hung up before the stranger spoke.
        let _ = stranger.join().unwrap();
        assert_eq!(ask(&path).await, Answer::Nobody);
    }
}
