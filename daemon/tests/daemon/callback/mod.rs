//! The address to which the browser comes back, over real sockets.

#[cfg(target_os = "linux")]
mod chromium;
mod ends;
mod floods;
#[cfg(target_os = "linux")]
mod other_user;
mod refusals;

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ssoctl_protocol::Secret;
use ssoctl_protocol::http::Head;
use ssoctld::callback::{AuthorizationError, Listener};
use ssoctld::clock::ManualClock;
use test_support::waiting::in_time;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const STATE: &str = "6a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19";
const CODE: &str = "a-code-that-nobody-sees";

/// One flow, with a clock that stands still until a test moves it.
struct Flow {
    clock: Arc<ManualClock>,
    listener: Listener,
}

impl Flow {
    fn of(session: &str) -> Self {
        let clock = Arc::new(ManualClock::at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)));
        let listener = Listener::bind(None, session, clock.clone()).unwrap();
        Self { clock, listener }
    }

    fn start() -> Self {
        Self::of("corp")
    }

    /// Waits for what the browser brings.
    async fn code(&mut self) -> Result<Secret<String>, AuthorizationError> {
        in_time("the browser comes back", self.listener.code(&Secret::from(STATE))).await
    }

    /// A flow whose browser has brought the code, and the path to which it was redirected.
    async fn with_code() -> (Self, String) {
        let mut flow = Self::start();
        let port = flow.listener.port();
        let (code, answer) = tokio::join!(flow.code(), get(port, &callback()));
        assert_eq!(code, Ok(Secret::from(CODE)));
        let result = answer.location();
        (flow, result)
    }
}

/// The target with which the browser comes back.
fn callback() -> String {
    format!("/oauth/callback?code={CODE}&state={STATE}")
}

#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn location(&self) -> String {
        let head = Head::parse(self.head.as_bytes()).unwrap().unwrap();
        let location = head.values("location").next().map(str::to_owned);
        assert_eq!((self.status, location.is_some()), (303, true), "{self:?}");
        location.unwrap()
    }
}

/// Sends these bytes and reads the answer to its end.
async fn exchange(port: u16, request: &[u8]) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(request).await?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await?;
    let head = Head::parse(&bytes).ok().flatten().ok_or(io::ErrorKind::InvalidData)?;
    let (status, length) = (head.status().ok_or(io::ErrorKind::InvalidData)?, head.length);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    Ok(Answer { status, head: text(&bytes[..length]), body: text(&bytes[length..]) })
}

/// A request as a browser sends it.
fn request(port: u16, target: &str, fields: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{fields}\r\n")
}

fn get(port: u16, target: &str) -> impl Future<Output = Answer> + use<> {
    let request = request(port, target, "");
    async move { in_time("there is an answer", exchange(port, request.as_bytes())).await.unwrap() }
}
