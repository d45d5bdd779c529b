//! A question to the daemon that runs, over its socket, for what is run beside it (`doctor`, `configure`).
//!
//! An answer takes as long as the daemon likes: who asks has the deadline.

use std::io::{self, ErrorKind};
use std::path::Path;

use ssoctl_files::remedy::explained;
use ssoctl_protocol::route::Query;
use ssoctl_protocol::{Route, SocketOwner, VERSION, VERSION_HEADER};
use tokio::net::UnixStream;

/// The longest answers are lists of thousands of accounts, of a few megabytes.
const LONGEST: usize = 16 << 20;

/// An answer, whatever its status.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The body.
    pub(crate) body: String,
}

/// Why there is no answer. The text fits after the path of the socket.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Unanswered {
    /// Nobody listens.
    #[error("no daemon answers there")]
    Nobody,
    /// A process of another user listens.
    #[error("a process of user {uid} listens there; only if that daemon is meant, set SSOCTL_SOCKET_OWNER={uid}")]
    Foreign {
        /// That user.
        uid: u32,
    },
    /// Connecting failed for another reason.
    #[error("it cannot be connected to: {0}")]
    Refused(String),
    /// Something that does not answer as a daemon does.
    #[error("what listens there is not ssoctld: {0}")]
    Garbled(String),
}

/// Asks for what a route gives.
pub(crate) async fn get(
    socket: &Path,
    route: &Route,
    query: &Query,
    believed: SocketOwner,
) -> Result<Answer, Unanswered> {
    let stream = match UnixStream::connect(socket).await {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
            return Err(Unanswered::Nobody);
        }
        Err(error) => return Err(Unanswered::Refused(explained(error, socket).to_string())),
    };
    let uid = stream.peer_cred().map_err(|error| Unanswered::Refused(error.to_string()))?.uid();
    if believed.judge(uid, rustix::process::geteuid().as_raw(), socket).is_err() {
        return Err(Unanswered::Foreign { uid });
    }
    // HTTP/1.0 has no chunks, and its answers end with the connection.
    let request =
        format!("GET {}{query} HTTP/1.0\r\nHost: ssoctld\r\n{VERSION_HEADER}: {VERSION}\r\n\r\n", route.path());
    match exchange(&stream, request.as_bytes()).await {
        Ok(answer) => read(&answer),
        Err(error) => Err(Unanswered::Garbled(error.to_string())),
    }
}

async fn exchange(stream: &UnixStream, mut request: &[u8]) -> io::Result<Vec<u8>> {
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

fn read(answer: &[u8]) -> Result<Answer, Unanswered> {
    let garbled = |why: &str| Unanswered::Garbled(why.to_owned());
    let text = str::from_utf8(answer).map_err(|_| garbled("its answer is not text"))?;
    let (head, body) = text
        .split_once("\r\n\r\n")
        .filter(|(head, _)| head.starts_with("HTTP/1."))
        .ok_or_else(|| garbled("its answer is not HTTP"))?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| garbled("its answer has no status"))?;
    Ok(Answer { status, body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::net::UnixListener;

    #[test]
    fn an_answer_is_read_as_http_or_called_garbled() {
        let good = read(b"HTTP/1.0 404 Not Found\r\nx: y\r\n\r\n{}");
        assert_eq!(good, Ok(Answer { status: 404, body: "{}".to_owned() }));
        for bad in [&b""[..], b"SSH-2.0-x\r\n\r\n", b"HTTP/1.0 OK\r\n\r\n{}", b"\0", &[0xff]] {
            assert!(matches!(read(bad), Err(Unanswered::Garbled(_))), "{bad:?}");
        }
    }

    #[tokio::test]
    async fn nobody_a_stale_socket_and_a_stranger_are_told_apart() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("s");
        let query = Query::default();
        let ask = || get(&path, &Route::Health, &query, SocketOwner::Own);
        assert_eq!(ask().await, Err(Unanswered::Nobody));
        let listener = UnixListener::bind(&path).unwrap();
        let stranger = std::thread::spawn(move || listener.accept().unwrap().0.write_all(b"220 hello\r\n\r\n"));
        assert!(matches!(ask().await, Err(Unanswered::Garbled(_))));
        // It may have hung up before the stranger spoke.
        let _ = stranger.join().unwrap();
        assert_eq!(ask().await, Err(Unanswered::Nobody));
    }
}
