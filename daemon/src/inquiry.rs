//! A request to the running daemon over its socket, for what runs beside it (`doctor`, `configure`).
//!
//! There is no deadline here: callers set one.

use std::io::{self, ErrorKind};
use std::path::Path;

use ssoctl_files::remedy::explained;
use ssoctl_protocol::http::Head;
use ssoctl_protocol::{Query, Route, SocketOwner, VERSION, VERSION_HEADER};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// The longest answers are lists of thousands of accounts, of a few megabytes.
const LONGEST: u64 = 16 << 20;

/// An answer of any status.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// The reason why there is no answer. The text fits after the path of the socket.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Unanswered {
    #[error("no daemon answers there")]
    Nobody,
    #[error("a process of user {uid} listens there; only if that daemon is meant, set SSOCTL_SOCKET_OWNER={uid}")]
    Foreign { uid: u32 },
    #[error("it cannot be connected to: {0}")]
    Refused(String),
    #[error("it does not answer in time")]
    Late,
    /// Something listens there that does not answer as a daemon does.
    #[error("what listens there is not ssoctld: {0}")]
    Garbled(String),
}

/// Sends a `GET` request for this route and reads the answer.
pub(crate) async fn get(
    socket: &Path,
    route: &Route,
    query: &Query,
    believed: SocketOwner,
) -> Result<Answer, Unanswered> {
    let mut stream = match UnixStream::connect(socket).await {
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
    let target = route.target(query);
    let request = format!("GET {target} HTTP/1.0\r\nHost: ssoctld\r\n{VERSION_HEADER}: {VERSION}\r\n\r\n");
    let answer = exchange(&mut stream, request.as_bytes()).await;
    parse(&answer.map_err(|error| Unanswered::Garbled(error.to_string()))?)
}

async fn exchange(stream: &mut UnixStream, request: &[u8]) -> io::Result<Vec<u8>> {
    stream.write_all(request).await?;
    let mut answer = Vec::new();
    if stream.take(LONGEST + 1).read_to_end(&mut answer).await? as u64 > LONGEST {
        return Err(io::Error::other("its answer is too long"));
    }
    Ok(answer)
}

fn parse(answer: &[u8]) -> Result<Answer, Unanswered> {
    let garbled = |why: &str| Unanswered::Garbled(why.to_owned());
    let head = Head::parse(answer).ok().flatten().ok_or_else(|| garbled("its answer is not HTTP"))?;
    let status = head.status().ok_or_else(|| garbled("its answer has no status"))?;
    let body = str::from_utf8(&answer[head.length..]).map_err(|_| garbled("its answer is not text"))?;
    Ok(Answer { status, body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::net::UnixListener;

    #[test]
    fn an_answer_is_read_as_http_or_called_garbled() {
        let good = parse(b"HTTP/1.0 404 Not Found\r\nx: y\r\n\r\n{}");
        assert_eq!(good, Ok(Answer { status: 404, body: "{}".to_owned() }));
        for bad in [&b""[..], b"SSH-2.0-x\r\n\r\n", b"HTTP/1.0 OK\r\n\r\n{}", b"\0", &[0xff]] {
            assert!(matches!(parse(bad), Err(Unanswered::Garbled(_))), "{bad:?}");
        }
    }

    #[tokio::test]
    async fn a_missing_socket_a_stale_one_and_another_program_are_distinguished() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("s");
        let query = Query::default();
        let ask = || get(&path, &Route::Health, &query, SocketOwner::Own);
        assert_eq!(ask().await, Err(Unanswered::Nobody));
        let listener = UnixListener::bind(&path).unwrap();
        let other = std::thread::spawn(move || listener.accept().unwrap().0.write_all(b"220 hello\r\n\r\n"));
        assert!(matches!(ask().await, Err(Unanswered::Garbled(_))));
        // The request may have failed before the other program wrote.
        let _ = other.join().unwrap();
        assert_eq!(ask().await, Err(Unanswered::Nobody));
    }
}
