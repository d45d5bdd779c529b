//! Reads what a request asks for. Pure.

use ssoctl_protocol::Secret;
use ssoctl_protocol::http::{Request, Unreadable};
use subtle::ConstantTimeEq;

use super::{AuthorizationError, CALLBACK, RESULT};

/// The reason why a request gets nothing and changes nothing. It tells the client nothing that it does not know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refusal {
    pub(super) status: &'static str,
    /// For the log, after "refused because".
    pub(super) reason: &'static str,
    /// For a person who looks at the answer: a sentence or two.
    pub(super) text: &'static str,
}

impl Refusal {
    const fn new(status: &'static str, reason: &'static str, text: &'static str) -> Self {
        Self { status, reason, text }
    }
}

pub(super) const FOREIGN: Refusal =
    Refusal::new("403 Forbidden", "it is of another user", "This address belongs to another user of this machine.");
const TOO_LARGE: Refusal = Refusal::new(
    "431 Request Header Fields Too Large",
    "it is too large",
    "The request is larger than 64 KiB. The browser may have too many cookies of 127.0.0.1; delete them and try again.",
);
pub(super) const WRONG_STATE: Refusal = Refusal::new(
    "403 Forbidden",
    "it has not the state of this sign-in",
    "This address is of no sign-in that ssoctl waits for now. Nothing was changed. To sign in, run ssoctl login again.",
);
pub(super) const NOTHING_HERE: Refusal =
    Refusal::new("404 Not Found", "its path is unknown", "There is nothing at this address.");
const NOT_HTTP: Refusal = Refusal::new("400 Bad Request", "it is not HTTP", "This is not a request of HTTP/1.1.");
const MALFORMED: Refusal =
    Refusal::new("400 Bad Request", "it is malformed", "Something in this request is missing, or is there twice.");
const WRONG_HOST: Refusal =
    Refusal::new("421 Misdirected Request", "its Host is another one", "The Host is not this address.");
const WRONG_METHOD: Refusal =
    Refusal::new("405 Method Not Allowed", "its method is not GET", "This address can only be looked at.");
const NO_NAVIGATION: Refusal = Refusal::new(
    "403 Forbidden",
    "a web page has made it",
    "This address is for a person to look at, not for a part of another page.",
);

/// What a request asks for.
#[derive(Debug)]
pub enum Asked {
    Callback(Callback),
    /// A page that says how a sign-in ended, by its path.
    Page(String),
}

/// The browser comes back. Nothing of this counts unless the state is right.
#[derive(Debug)]
pub struct Callback {
    state: Secret<String>,
    pub outcome: Result<Secret<String>, AuthorizationError>,
}

impl Callback {
    /// Whether it has this state. The time that this takes tells nothing about it.
    pub(super) fn brings(&self, state: &Secret<String>) -> bool {
        self.state.expose().as_bytes().ct_eq(state.expose().as_bytes()).into()
    }
}

/// Reads a request to the listener on this port. A head that is not whole was too large.
///
/// # Errors
/// The answer to a request that changes nothing.
pub fn read(head: &[u8], port: u16) -> Result<Asked, Refusal> {
    let request = Request::parse(head).map_err(refusal)?.ok_or(TOO_LARGE)?;
    if request.only("host").map_err(refusal)? != Some(&format!("127.0.0.1:{port}")) {
        return Err(WRONG_HOST);
    }
    let (path, query) = request.target.split_once('?').unwrap_or((request.target, ""));
    let is_page = path.starts_with(RESULT) && request.target == path;
    if path != CALLBACK && !is_page {
        return Err(NOTHING_HERE);
    }
    if request.method != "GET" {
        return Err(WRONG_METHOD);
    }
    // Browsers say what they want an answer for (W3C Fetch Metadata). The page of another site may send a person here, which is how a
    // sign-in ends; it may not fetch or embed anything.
    for (field, wanted) in [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")] {
        if request.only(field).map_err(refusal)?.is_some_and(|value| value != wanted) {
            return Err(NO_NAVIGATION);
        }
    }
    if is_page { Ok(Asked::Page(path.to_owned())) } else { callback(query).map(Asked::Callback).ok_or(MALFORMED) }
}

fn refusal(reason: Unreadable) -> Refusal {
    match reason {
        Unreadable::NotHttp => NOT_HTTP,
        Unreadable::HasBody | Unreadable::FieldTwice => MALFORMED,
    }
}

/// Reads the parameters (RFC 6749, sections 4.1.2 and 4.1.2.1). None may be there twice (section 3.1), and others than these are
/// ignored.
fn callback(query: &str) -> Option<Callback> {
    let (mut state, mut code, mut error, mut description) = (None, None, None, None);
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let place = match &*name {
            "state" => &mut state,
            "code" => &mut code,
            "error" => &mut error,
            "error_description" => &mut description,
            _ => continue,
        };
        if place.replace(value.into_owned()).is_some() {
            return None;
        }
    }
    let state = Secret::from(state?);
    let outcome = match (code.map(Secret::from), error) {
        (Some(code), None) if is_code(code.expose()) => Ok(code),
        (None, Some(error)) if !error.is_empty() => {
            Err(AuthorizationError::new(&error, description.as_deref(), &state))
        }
        _ => return None,
    };
    Some(Callback { state, outcome })
}

/// Whether it has the characters of a code (RFC 6749, appendix A.11).
fn is_code(code: &str) -> bool {
    !code.is_empty() && code.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATE: &str = "6a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19";

    fn get(target: &str, fields: &str) -> Result<Asked, Refusal> {
        read(format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1:4711\r\n{fields}\r\n").as_bytes(), 4711)
    }

    fn of_callback(query: &str) -> Option<Callback> {
        match get(&format!("/oauth/callback?{query}"), "") {
            Ok(Asked::Callback(callback)) => Some(callback),
            Ok(Asked::Page(path)) => panic!("a page: {path}"),
            Err(refusal) => {
                assert_eq!(refusal, MALFORMED, "{query}");
                None
            }
        }
    }

    #[test]
    fn a_callback_has_a_state_and_either_a_code_or_an_error() {
        let state = Secret::from(STATE);
        let callback = of_callback(&format!("code=a%2Bb%20c&state={STATE}&iss=https%3A%2F%2Fx&iss=y")).unwrap();
        assert_eq!(callback.outcome, Ok(Secret::from("a+b c")));
        assert!(callback.brings(&state) && !callback.brings(&Secret::from(&STATE[..63])));
        let callback = of_callback(&format!("error=access_denied&error_description=By+you&state={STATE}")).unwrap();
        assert_eq!(callback.outcome.unwrap_err().to_string(), "access_denied: By you");
        assert!(!format!("{:?}", of_callback("state=secret-state&code=secret-code")).contains("secret-"));
    }

    #[test]
    fn parameters_that_are_missing_twice_or_contradict_each_other_are_refused() {
        for query in [
            "",
            "code=x",
            "state=s",
            "state=s&code=",
            "state=s&code=a%0Ab",
            "state=s&code=%C3%A4",
            "state=s&error=",
            "state=s&code=x&error=access_denied",
            "state=s&state=s&code=x",
            "state=s&code=x&code=x",
            "state=s&code=x&c%6Fde=y",
            "state=s&error=a&error=b",
            "state=s&code=x&error_description=a&error_description=b",
        ] {
            assert!(of_callback(query).is_none(), "{query}");
        }
    }

    #[test]
    fn only_a_navigation_to_the_exact_address_is_read() {
        let target = format!("/oauth/callback?code=x&state={STATE}");
        for fields in [
            "",
            "Origin: null\r\n",
            "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n",
        ] {
            assert!(matches!(get(&target, fields), Ok(Asked::Callback(_))), "{fields}");
        }
        for fields in [
            "Sec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image\r\n",
            "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n",
            "Sec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n",
            "Sec-Fetch-Dest: script\r\n",
            "Sec-Fetch-Mode: websocket\r\n",
        ] {
            assert_eq!(get(&target, fields).unwrap_err(), NO_NAVIGATION, "{fields}");
        }
        for path in [
            "/",
            "/oauth/callback/",
            "/oauth/callbac",
            "/OAUTH/callback",
            "//oauth/callback",
            "/oauth%2Fcallback",
            "http://127.0.0.1:4711/oauth/callback",
            "/oauth/result/a?b",
            "/oauth/result",
            "*",
        ] {
            assert_eq!(get(&format!("{path}?code=x&state={STATE}"), "").unwrap_err(), NOTHING_HERE, "{path}");
        }
        assert!(matches!(get("/oauth/result/abc", ""), Ok(Asked::Page(path)) if path == "/oauth/result/abc"));
        assert_eq!(get(&target, "Host: 127.0.0.1:4711\r\n").unwrap_err(), MALFORMED);
    }

    #[test]
    fn another_method_or_host_or_no_request_at_all_is_refused() {
        let target = format!("/oauth/callback?code=x&state={STATE}");
        let of = |method: &str, host: &str| read(format!("{method} {target} HTTP/1.1\r\n{host}\r\n").as_bytes(), 4711);
        for host in [
            "",
            "Host: 127.0.0.1\r\n",
            "Host: 127.0.0.1:4712\r\n",
            "Host: localhost:4711\r\n",
            "Host: evil.example:4711\r\n",
            "Host: [::1]:4711\r\n",
            "Host: 127.0.0.1:04711\r\n",
            "Host: 127.1:4711\r\n",
        ] {
            assert_eq!(of("GET", host).unwrap_err(), WRONG_HOST, "{host}");
        }
        for method in ["POST", "HEAD", "OPTIONS", "PUT", "CONNECT", "GETS"] {
            assert_eq!(of(method, "Host: 127.0.0.1:4711\r\n").unwrap_err(), WRONG_METHOD, "{method}");
        }
        assert_eq!(read(b"\x16\x03\x01", 4711).unwrap_err(), NOT_HTTP);
        assert_eq!(read(&[b'G'; 70_000], 4711).unwrap_err(), TOO_LARGE);
    }
}
