//! Decides which requests are answered: those of one command, by a path and a token that only the command knows.

use std::io;
use std::net::IpAddr;

use ssoctl_protocol::Secret;
use subtle::ConstantTimeEq;

use super::answer::Refusal;
use super::request::Request;

/// Random bytes in the path, and in the token.
const BYTES: usize = 32;

pub(super) struct Guard {
    port: u16,
    pub(super) path: Secret<String>,
    pub(super) token: Secret<String>,
}

const FROM_WEB_PAGE: Refusal = Refusal::new(403, "forbidden", "web pages get no credentials");
/// The request is meant for another host, which a name server has made to look like this machine.
const WRONG_HOST: Refusal = Refusal::new(403, "forbidden", "the Host is not this machine");
const WRONG_PATH: Refusal = Refusal::new(404, "not_found", "there is nothing at this path");
const WRONG_METHOD: Refusal = Refusal::new(405, "method_not_allowed", "credentials can only be read");
const WRONG_TOKEN: Refusal = Refusal::new(401, "unauthorized", "the Authorization is not that of this command");

impl Guard {
    pub(super) fn new(port: u16) -> io::Result<Self> {
        Ok(Self { port, path: random("/")?, token: random("")? })
    }

    /// Checks a request. The time that this takes tells nothing about path and token.
    pub(super) fn judge(&self, request: &Request) -> Result<(), Refusal> {
        if request.is_from_web_page {
            return Err(FROM_WEB_PAGE);
        }
        if !request.host.as_deref().is_some_and(|host| self.is_here(host)) {
            return Err(WRONG_HOST);
        }
        if !same(&request.target, self.path.expose()) {
            return Err(WRONG_PATH);
        }
        if request.method != "GET" {
            return Err(WRONG_METHOD);
        }
        if !request.authorization.as_ref().is_some_and(|token| same(token.expose(), self.token.expose())) {
            return Err(WRONG_TOKEN);
        }
        Ok(())
    }

    /// Whether a `Host` names the loopback interface and this port.
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
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
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
            target: guard.path.expose().clone(),
            host: Some("127.0.0.1:4711".into()),
            authorization: Some(guard.token.clone()),
            is_from_web_page: false,
        }
    }

    #[test]
    fn only_a_request_with_everything_right_is_let_in() {
        let guard = Guard::new(4711).unwrap();
        let right = || request(&guard);
        let other = Guard::new(4711).unwrap();
        assert_eq!(guard.judge(&right()), Ok(()));
        for (wrong, refusal) in [
            (Request { is_from_web_page: true, ..right() }, FROM_WEB_PAGE),
            (Request { host: None, ..right() }, WRONG_HOST),
            (Request { host: Some("evil.example.com:4711".into()), ..right() }, WRONG_HOST),
            (Request { target: "/".into(), ..right() }, WRONG_PATH),
            (Request { target: other.path.expose().clone(), ..right() }, WRONG_PATH),
            (Request { target: format!("{}?x", guard.path.expose()), ..right() }, WRONG_PATH),
            (Request { target: guard.path.expose()[..9].into(), ..right() }, WRONG_PATH),
            (Request { method: "POST".into(), ..right() }, WRONG_METHOD),
            (Request { authorization: None, ..right() }, WRONG_TOKEN),
            (Request { authorization: Some("".into()), ..right() }, WRONG_TOKEN),
            (Request { authorization: Some(other.token.clone()), ..right() }, WRONG_TOKEN),
            (
                Request { authorization: Some(format!("Bearer {}", guard.token.expose()).into()), ..right() },
                WRONG_TOKEN,
            ),
        ] {
            assert_eq!(guard.judge(&wrong), Err(refusal), "{wrong:?}");
            assert!((400..500).contains(&refusal.status), "no SDK tries again");
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
    fn each_command_has_its_own_path_and_token() {
        let (one, other) = (Guard::new(1).unwrap(), Guard::new(1).unwrap());
        for text in [&one.path.expose()[1..], one.token.expose()] {
            assert!(text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()), "{text}");
        }
        assert_ne!(&one.path.expose()[1..], one.token.expose());
        assert!(one.path != other.path && one.token != other.token);
    }
}
