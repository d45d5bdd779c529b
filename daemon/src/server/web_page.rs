//! Refuses requests that a web page has made.
//!
//! No browser reaches a Unix socket, but people forward it to a TCP port, and a page whose own host name an attacker has
//! made to lead to this machine ("DNS rebinding") could then send any request. Browsers mark such requests with fields that a
//! page cannot leave out: `Origin` (RFC 6454), `Sec-Fetch-Site` (W3C Fetch Metadata), and `Host`, which names the
//! attacker's domain. `Sec-Fetch-Mode` alone proves nothing: Node's `fetch` sends it, too.

use std::net::IpAddr;

use hyper::header::{HOST, HeaderMap, ORIGIN};
use hyper::{Request, Uri};

/// The reason to refuse a request; `None` if it may come from a program.
pub(super) fn refusal<B>(request: &Request<B>) -> Option<&'static str> {
    let headers = request.headers();
    if headers.contains_key(ORIGIN) || headers.contains_key("sec-fetch-site") {
        return Some("requests from web pages are refused");
    }
    let named = hosts(headers, request.uri()).any(|host| !host.is_some_and(leads_here));
    named.then_some("the Host is not this machine; use localhost")
}

/// Every host that the request names; `None` for one that is not text.
fn hosts<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> impl Iterator<Item = Option<&'a str>> {
    let named = headers.get_all(HOST).iter().map(|host| host.to_str().ok());
    named.chain(uri.authority().map(|authority| Some(authority.as_str())))
}

/// Whether no attacker on the internet can own a domain of this name: it has no dot, or means this machine, or is the path of a
/// socket, as some clients write it.
fn leads_here(host: &str) -> bool {
    let without_port = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = without_port.to_ascii_lowercase();
    let is_loopback = || {
        let literal = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(&name);
        literal.parse().is_ok_and(|address: IpAddr| address.to_canonical().is_loopback())
    };
    !name.contains('.') || name.ends_with(".localhost") || name.starts_with("%2f") || is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(uri: &str, fields: &[(&str, &str)]) -> bool {
        let mut request = Request::builder().uri(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        refusal(&request.body(()).unwrap()).is_some()
    }

    #[test]
    fn a_host_that_an_attacker_can_own_is_refused_and_no_other() {
        for host in [
            "",
            "x",
            "ssoctld",
            "localhost",
            "LOCALHOST:8080",
            "app.localhost",
            "App.Localhost:80",
            "127.0.0.1",
            "127.0.0.1:4711",
            "127.1.2.3:80",
            "[::1]",
            "[::1]:80",
            "[::ffff:127.0.0.1]:80",
            "%2Frun%2Fuser%2F1000%2Fssoctl%2Fssoctld.sock",
            "%2frun%2fssoctld.sock:80",
        ] {
            assert!(!refused("/v1/token", &[("host", host)]), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:4711",
            "evil.example.",
            "localhost.evil.example",
            "127.0.0.1.nip.io",
            "127.0.0.1.evil.example:80",
            "localhost.",
            "a.localhost.",
            "10.0.0.1",
            "0.0.0.0:80",
            "[2001:db8::1.2.3.4]:80",
            "evil.example:80:127.0.0.1",
            "x%2frun.example",
            "evil.example:",
        ] {
            assert!(refused("/v1/token", &[("host", host)]), "{host}");
        }
        assert!(!refused("/v1/token", &[]), "HTTP/1.0 has none");
        assert!(refused("/v1/token", &[("host", "localhost"), ("host", "evil.example")]));
        assert!(refused("http://evil.example/v1/token", &[("host", "localhost")]));
        assert!(refused("http://localhost@evil.example/v1/token", &[]));
    }

    #[test]
    fn fields_that_only_browsers_send_are_refused_and_those_that_programs_send_too_are_not() {
        for field in [("origin", "null"), ("origin", ""), ("sec-fetch-site", "same-origin"), ("Sec-Fetch-Site", "none")]
        {
            assert!(refused("/v1/token", &[("host", "localhost"), field]), "{field:?}");
        }
        assert!(!refused("/v1/token", &[("host", "localhost"), ("sec-fetch-mode", "cors")]));
    }
}
