//! Whether an endpoint can be reached at all, for `ssoctld doctor`.

use std::path::Path;
use std::time::{Duration, SystemTime};

use url::Url;

use super::reason::{causes, says, tls_error};
use super::{Client, Patience, date, tunnel};
use crate::chain::chain;

/// Asks endpoints, with the same certificates and proxies as every call.
pub struct Probe(Client);

/// The step at which an endpoint could not be reached, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unreachable {
    /// Its name has no address.
    Name(String),
    /// No connection is possible.
    Connection(String),
    /// The proxy does not connect to it.
    Proxy(String),
    /// Its certificate is not trusted, or it does not speak TLS.
    Tls(String),
    /// Nothing came in time.
    Late,
    /// The answer is not HTTP.
    Other(String),
}

impl Probe {
    /// # Errors
    /// The reason why certificates or the proxy cannot be used.
    pub fn new(ca_bundle: Option<&Path>) -> Result<Self, String> {
        Client::new(ca_bundle, Patience::default()).map(Self)
    }

    /// Asks for the endpoint's root, which has no meaning there: any answer will do. Returns the time by the endpoint's clock, if
    /// it gave that.
    pub async fn reach(&self, endpoint: &Url, patience: Duration) -> Result<Option<SystemTime>, Unreachable> {
        match self.0.http.get(endpoint.clone()).timeout(patience).send().await {
            Ok(answer) => Ok(date(answer.headers())),
            Err(error) => Err(match self.0.refusing_proxy(&error, endpoint) {
                Some(proxy) => Unreachable::Proxy(tunnel::refusal(&self.0, proxy, endpoint, patience).await),
                None => unreachable(error.without_url()),
            }),
        }
    }
}

fn unreachable(error: reqwest::Error) -> Unreachable {
    let text = chain(&error);
    let last = causes(&error).last().map_or_else(|| text.clone(), ToString::to_string);
    let proxy = ["tunnel error", "unsuccessful tunnel", "proxy authorization", "socks connect error"];
    if causes(&error).any(|cause| tls_error(cause).is_some()) {
        Unreachable::Tls(last)
    } else if proxy.iter().any(|words| says(&error, words)) {
        Unreachable::Proxy(last)
    } else if says(&error, "dns error") {
        Unreachable::Name(last)
    } else if error.is_timeout() {
        Unreachable::Late
    } else if error.is_connect() {
        Unreachable::Connection(last)
    } else {
        Unreachable::Other(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    async fn reach(url: &str) -> Result<Option<SystemTime>, Unreachable> {
        Probe::new(None).unwrap().reach(&Url::parse(url).unwrap(), Duration::from_secs(20)).await
    }

    /// A port where one caller is told this and sent away.
    async fn says(words: &'static [u8]) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = [0; 4096];
            assert!(stream.read(&mut asked).await.unwrap() > 0, "a request");
            stream.write_all(words).await.unwrap();
            // Until the caller has gone, or it might lose the words.
            while stream.read(&mut asked).await.is_ok_and(|read| read > 0) {}
        });
        port
    }

    #[tokio::test]
    async fn the_steps_of_a_connection_are_distinguished() {
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let refused = reach(&format!("http://127.0.0.1:{closed}")).await;
        assert!(matches!(refused, Err(Unreachable::Connection(_))), "{refused:?}");
        let port =
            says(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nDate: Mon, 23 Nov 2026 10:17:35 GMT\r\n\r\n").await;
        let answered = reach(&format!("http://127.0.0.1:{port}")).await.unwrap();
        assert_eq!(answered, Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_429_055)));
        let port = says(b"220 mail.example ESMTP\r\n").await;
        let plain = reach(&format!("https://127.0.0.1:{port}")).await;
        assert!(matches!(plain, Err(Unreachable::Tls(_))), "{plain:?}");
        let port = says(b"220 mail.example ESMTP\r\n").await;
        let other = reach(&format!("http://127.0.0.1:{port}")).await;
        assert!(matches!(other, Err(Unreachable::Other(_))), "{other:?}");
    }

    #[tokio::test]
    async fn a_name_without_an_address_is_told_as_such() {
        // A label of more than 63 bytes is refused by the resolver before it sends a question (RFC 1035, 2.3.4).
        let named = reach(&format!("http://{}.invalid", "a".repeat(64))).await;
        assert!(matches!(named, Err(Unreachable::Name(_))), "{named:?}");
    }

    #[tokio::test]
    async fn a_server_that_says_nothing_is_late() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let late = Probe::new(None).unwrap().reach(&url, Duration::from_millis(50)).await;
        assert_eq!(late, Err(Unreachable::Late));
    }
}
