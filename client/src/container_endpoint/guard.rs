//! Who is let in: one command, by a path and a token that nobody else can know.

use std::io;
use std::net::IpAddr;

use ssoctl_protocol::Secret;
use subtle::ConstantTimeEq;

use super::request::{Origin, Request};

/// Bits of chance in the path, and in the token: eight times this many.
const BYTES: usize = 32;

/// What a request has to have.
pub(super) struct Guard {
    port: u16,
    path: Secret<String>,
    token: Secret<String>,
}

/// Why a request is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Refusal {
    /// It comes from a web page.
    HasOrigin,
    /// It is meant for another host, which a name server has made to look like this machine.
    WrongHost,
    /// There is nothing at its path.
    WrongPath,
    /// Credentials can be read, and nothing else.
    WrongMethod,
    /// It does not show the token.
    WrongToken,
}

impl Guard {
    /// With a path and a token of the system's randomness.
    pub(super) fn new(port: u16) -> io::Result<Self> {
        Ok(Self { port, path: random("/")?, token: random("")? })
    }

    pub(super) fn path(&self) -> &str {
        self.path.expose()
    }

    pub(super) fn token(&self) -> &Secret<String> {
        &self.token
    }

    /// Lets a request in, or says why not. How long the comparison takes tells nothing about path and token.
    pub(super) fn judge(&self, request: &Request) -> Result<(), Refusal> {
        if request.origin == Origin::Present {
            return Err(Refusal::HasOrigin);
        }
        if !request.host.as_deref().is_some_and(|host| self.is_here(host)) {
            return Err(Refusal::WrongHost);
        }
        if !same(&request.target, self.path.expose()) {
            return Err(Refusal::WrongPath);
        }
        if request.method != "GET" {
            return Err(Refusal::WrongMethod);
        }
        if !request.authorization.as_ref().is_some_and(|token| same(token.expose(), self.token.expose())) {
            return Err(Refusal::WrongToken);
        }
        Ok(())
    }

    /// Whether a `Host` names this machine by itself, and this port.
    fn is_here(&self, host: &str) -> bool {
        let Some((name, port)) = host.rsplit_once(':') else { return false };
        let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
        let is_loopback = || address.parse().is_ok_and(|address: IpAddr| address.is_loopback());
        port == self.port.to_string() && (name.eq_ignore_ascii_case("localhost") || is_loopback())
    }
}

fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

fn random(prefix: &str) -> io::Result<Secret<String>> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).map_err(io::Error::from)?;
    let mut text = String::with_capacity(prefix.len() + 2 * BYTES);
    text.push_str(prefix);
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or_default();
    text.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
    Ok(Secret::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(guard: &Guard) -> Request {
        Request {
            method: "GET".into(),
            target: guard.path().into(),
            host: Some("127.0.0.1:4711".into()),
            authorization: Some(guard.token().clone()),
            origin: Origin::Absent,
        }
    }

    #[test]
    fn only_a_request_with_everything_right_is_let_in() {
        let guard = Guard::new(4711).unwrap();
        let right = || request(&guard);
        let other = Guard::new(4711).unwrap();
        assert_eq!(guard.judge(&right()), Ok(()));
        for (wrong, refusal) in [
            (Request { origin: Origin::Present, ..right() }, Refusal::HasOrigin),
            (Request { host: None, ..right() }, Refusal::WrongHost),
            (Request { host: Some("evil.example.com:4711".into()), ..right() }, Refusal::WrongHost),
            (Request { target: "/".into(), ..right() }, Refusal::WrongPath),
            (Request { target: other.path().into(), ..right() }, Refusal::WrongPath),
            (Request { target: format!("{}?x", guard.path()), ..right() }, Refusal::WrongPath),
            (Request { target: guard.path()[..9].into(), ..right() }, Refusal::WrongPath),
            (Request { method: "POST".into(), ..right() }, Refusal::WrongMethod),
            (Request { authorization: None, ..right() }, Refusal::WrongToken),
            (Request { authorization: Some("".into()), ..right() }, Refusal::WrongToken),
            (Request { authorization: Some(other.token().clone()), ..right() }, Refusal::WrongToken),
            (
                Request { authorization: Some(format!("Bearer {}", guard.token().expose()).into()), ..right() },
                Refusal::WrongToken,
            ),
        ] {
            assert_eq!(guard.judge(&wrong), Err(refusal), "{wrong:?}");
        }
    }

    #[test]
    fn a_host_is_this_machine_only_by_its_own_names() {
        let guard = Guard::new(4711).unwrap();
        for host in ["127.0.0.1:4711", "localhost:4711", "LOCALHOST:4711", "[::1]:4711", "127.9.9.9:4711"] {
            assert!(guard.is_here(host), "{host}");
        }
        for host in [
            "",
            "127.0.0.1",
            "127.0.0.1:80",
            "localhost",
            "localhost.:4711",
            "127.0.0.1.evil.example:4711",
            "169.254.170.2:4711",
            "localhost@evil.example:4711",
            "evil.example:4711",
            "0.0.0.0:4711",
            "[::ffff:10.0.0.1]:4711",
        ] {
            assert!(!guard.is_here(host), "{host}");
        }
    }

    #[test]
    fn each_command_has_a_path_and_a_token_of_its_own() {
        let (one, other) = (Guard::new(1).unwrap(), Guard::new(1).unwrap());
        for text in [&one.path()[1..], one.token().expose()] {
            assert!(text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()), "{text}");
        }
        assert_ne!(&one.path()[1..], one.token().expose());
        assert!(one.path() != other.path() && one.token() != other.token());
    }
}
