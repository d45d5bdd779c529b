//! Redirect URIs of programs that listen on loopback (RFC 8252 7.3).

/// `http://127.0.0.1`, a port or none, and a path: the form that the service registers. Others, `http://[::1]/` among them,
/// are refused (observed).
#[derive(Clone, Copy, PartialEq, Eq)]
struct LoopbackUri<'a> {
    path: &'a str,
}

impl<'a> LoopbackUri<'a> {
    fn parse(uri: &'a str) -> Option<Self> {
        let rest = uri.strip_prefix("http://127.0.0.1")?;
        let (port, path) = rest.split_at(rest.find('/')?);
        let has_port = port.strip_prefix(':').is_some_and(|port| {
            port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0)
        });
        let is_path = path.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#\"<>\\^`{|}".contains(&byte));
        ((port.is_empty() || has_port) && is_path).then_some(Self { path })
    }
}

/// Whether a client may register this URI.
pub(super) fn may_be_registered(uri: &str) -> bool {
    LoopbackUri::parse(uri).is_some()
}

/// Whether the URI is one of the registered ones, on any port.
pub(super) fn is_registered(uri: &str, registered: &[String]) -> bool {
    let Some(wanted) = LoopbackUri::parse(uri) else { return false };
    registered.iter().any(|known| LoopbackUri::parse(known) == Some(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_http_on_127_0_0_1_with_a_path_may_be_registered() {
        for good in ["http://127.0.0.1/oauth/callback", "http://127.0.0.1:8080/", "http://127.0.0.1/a%20b"] {
            assert!(may_be_registered(good), "{good}");
        }
        for bad in [
            "http://127.0.0.1",
            "http://127.0.0.1:/a",
            "http://127.0.0.1:0/a",
            "http://127.0.0.1:+1/a",
            "http://127.0.0.1:65536/a",
            "http://127.0.0.1.example.com/a",
            "http://127.0.0.1@example.com/a",
            "http://127.0.0.1:80@example.com/a",
            "http://me@127.0.0.1/a",
            "http://127.1/a",
            "http://[::1]/a",
            "http://localhost/a",
            "https://127.0.0.1/a",
            "HTTP://127.0.0.1/a",
            "http://127.0.0.1/a?b",
            "http://127.0.0.1/a#b",
            "http://127.0.0.1/a b",
            "app:/callback",
            "/callback",
            "",
        ] {
            assert!(!may_be_registered(bad), "{bad}");
        }
    }

    #[test]
    fn any_port_is_taken_and_no_other_path() {
        for registered in ["http://127.0.0.1/back", "http://127.0.0.1:1234/back"] {
            let registered = [registered.to_owned()];
            for good in ["http://127.0.0.1/back", "http://127.0.0.1:1234/back", "http://127.0.0.1:40000/back"] {
                assert!(is_registered(good, &registered), "{good}");
            }
            for bad in ["http://127.0.0.1:40000/back/", "http://127.0.0.1:40000/BACK", "http://127.0.0.1:40000/"] {
                assert!(!is_registered(bad, &registered), "{bad}");
            }
        }
        assert!(!is_registered("http://127.0.0.1/back", &[]));
    }
}
