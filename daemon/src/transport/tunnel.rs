//! Finds out the status that a proxy answers if it does not connect us: reqwest does not report it.

use std::io;
use std::time::Duration;

use reqwest::header::AUTHORIZATION;
use tokio::net::TcpStream;
use url::Url;

use super::Client;
use super::proxies::Proxy;

/// The longest status line that is read, in bytes.
const LONGEST_LINE: usize = 256;

/// The reason why a proxy does not connect us to `target`, for people. It is asked once more, and nothing is sent through it.
#[expect(clippy::disallowed_methods, reason = "like reqwest's own time-outs, it counts real time")]
pub(super) async fn refusal(client: &Client, proxy: &Proxy, target: &Url, patience: Duration) -> String {
    let status = tokio::time::timeout(patience, status(client, proxy, target)).await;
    let (who, place) = (proxy.authority(), target.host_str().unwrap_or_default());
    match status {
        Ok(Ok(Some(status @ (401 | 403)))) => {
            format!(
                "the proxy {who} refuses the way to {place} with status {status}; are the user and the password in {} right?",
                proxy.variable
            )
        }
        Ok(Ok(Some(status))) => format!("the proxy {who} does not lead to {place}: it answered with status {status}"),
        _ => format!("the proxy {who} does not lead to {place}"),
    }
}

/// `None` if the answer is not HTTP, or if the proxy is spoken to in TLS.
async fn status(client: &Client, proxy: &Proxy, target: &Url) -> io::Result<Option<u16>> {
    if proxy.url.scheme() != "http" {
        return Ok(None);
    }
    let authority =
        format!("{}:{}", target.host_str().unwrap_or_default(), target.port_or_known_default().unwrap_or_default());
    // reqwest makes a header of the user and the password in an address.
    let request = client.http.get(proxy.url.clone()).build().ok();
    let credentials = request.as_ref().and_then(|request| request.headers().get(AUTHORIZATION)?.to_str().ok());
    let credentials = credentials.map(|value| format!("Proxy-Authorization: {value}\r\n")).unwrap_or_default();
    let request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n{credentials}\r\n");
    let stream = TcpStream::connect(proxy.authority()).await?;
    let mut rest = request.as_bytes();
    while !rest.is_empty() {
        stream.writable().await?;
        match stream.try_write(rest) {
            Ok(written) => rest = &rest[written..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    let mut line = Vec::with_capacity(LONGEST_LINE);
    while !line.contains(&b'\n') && line.len() < LONGEST_LINE {
        stream.readable().await?;
        match stream.try_read_buf(&mut line) {
            Ok(0) => break,
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            _ => {}
        }
    }
    let line = String::from_utf8_lossy(&line);
    let status = line.strip_prefix("HTTP/1.").and_then(|rest| rest.split_whitespace().nth(1));
    Ok(status.and_then(|status| status.parse().ok()))
}
