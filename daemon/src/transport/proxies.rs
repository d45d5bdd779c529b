//! Reads from the environment which proxy leads to the service, for calls and for `ssoctld doctor`.
//!
//! All calls are https, so `HTTPS_PROXY` counts, or else `ALL_PROXY`; in each case the upper-case spelling comes first. Plain
//! http is for endpoints on this machine alone and never goes through a proxy, which would see its secrets. A variable that
//! cannot be used is an error: the person wants a proxy, so we do not connect without it.

mod exempt;

use std::ffi::OsString;
use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

use exempt::Exempt;

/// The variables that can name the proxy. The first that is set counts.
const PROXY_VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// The variables that can name hosts that need no proxy. The first that is set counts.
const EXEMPT_VARIABLES: [&str; 2] = ["NO_PROXY", "no_proxy"];

#[derive(Clone, Debug, Default)]
pub struct Proxies {
    proxy: Option<Proxy>,
    exempt: Exempt,
}

#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    pub variable: &'static str,
    /// May hold a user and a password.
    pub(super) url: Url,
}

/// A variable that does not hold the address of a proxy. The text never quotes its value.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{variable} {why}")]
pub struct UnusableProxy {
    pub variable: &'static str,
    /// A fragment about the variable.
    pub why: &'static str,
}

impl UnusableProxy {
    /// A message and a remedy.
    pub fn told(&self) -> (String, String) {
        (
            format!("{self}; no call is made until it does"),
            format!("set {} to an address like http://proxy.example:3128, or unset it", self.variable),
        )
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.variable, self.address())
    }
}

impl Proxy {
    /// Its address, without user and password.
    pub fn address(&self) -> String {
        format!("{}://{}", self.url.scheme(), self.authority())
    }

    /// Whether user and password are not known here: [`shown`](ssoctl_protocol::settings::shown) has left them out.
    pub fn is_masked(&self) -> bool {
        self.url.username() == "***"
    }

    pub(super) fn authority(&self) -> String {
        let port = self.url.port_or_known_default().unwrap_or_default();
        format!("{}:{port}", self.url.host_str().unwrap_or_default())
    }
}

impl Proxies {
    pub fn from_process() -> Result<Self, UnusableProxy> {
        Self::from_vars(crate::variable)
    }

    /// Reads the variables by a look-up, such as a table in a test.
    pub fn from_vars(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, UnusableProxy> {
        let set = |name: &&'static str| variable(name).filter(|value| !value.to_string_lossy().trim().is_empty());
        let first = |names: &[&'static str]| names.iter().find_map(|name| Some((*name, set(name)?)));
        let proxy = first(&PROXY_VARIABLES).map(|(variable, value)| {
            let url = value.to_str().ok_or("is not text").and_then(parse);
            url.map(|url| Proxy { variable, url }).map_err(|why| UnusableProxy { variable, why })
        });
        let exempt = first(&EXEMPT_VARIABLES).map(|(_, value)| Exempt::parse(&value.to_string_lossy()));
        Ok(Self { proxy: proxy.transpose()?, exempt: exempt.unwrap_or_default() })
    }

    pub const fn proxy(&self) -> Option<&Proxy> {
        self.proxy.as_ref()
    }

    /// The proxy for calls to this address, if they need one.
    pub fn towards(&self, target: &Url) -> Option<&Proxy> {
        let proxy = self.proxy.as_ref().filter(|_| target.scheme() == "https")?;
        let port = target.port_or_known_default()?;
        let is_exempt = match target.host()? {
            Host::Domain(name) => self.exempt.has_name(name, port),
            Host::Ipv4(address) => self.exempt.has_address(IpAddr::V4(address), port),
            Host::Ipv6(address) => self.exempt.has_address(IpAddr::V6(address), port),
        };
        (!is_exempt).then_some(proxy)
    }
}

/// Reads the address of a proxy. Without a scheme it means http, as in curl. Blanks and line ends around it are ignored: files
/// from Windows leave them.
fn parse(value: &str) -> Result<Url, &'static str> {
    const NO_ADDRESS: &str = "does not hold the address of a proxy, such as http://proxy.example:3128";
    let value = value.trim_matches(|c: char| c.is_ascii_whitespace());
    if value.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err("has a blank or a control character in it; in a user or a password write it percent-encoded (%20)");
    }
    let (scheme, rest) = value.split_once("://").unwrap_or(("http", value));
    match scheme.to_ascii_lowercase().as_str() {
        "http" | "https" => {}
        scheme if scheme.starts_with("socks") => {
            return Err("names a SOCKS proxy, which ssoctld does not speak; name an HTTP proxy");
        }
        _ => return Err(NO_ADDRESS),
    }
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len()));
    if path.contains('@') {
        return Err("has /, ?, # or \\ in its user or password; write them as %2F, %3F, %23 and %5C");
    }
    if authority.matches('@').count() > 1 {
        return Err("has more than one @; write @ in the user or the password as %40");
    }
    if !matches!(path, "" | "/") {
        return Err("holds more than the address of a proxy, such as http://proxy.example:3128");
    }
    let url = Url::parse(&format!("{scheme}://{authority}")).map_err(|_| NO_ADDRESS)?;
    if url.host_str().is_none_or(str::is_empty) { Err(NO_ADDRESS) } else { Ok(url) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Result<Proxies, UnusableProxy> {
        let value = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
        Proxies::from_vars(value)
    }

    fn towards(variables: &[(&str, &str)], target: &str) -> Option<String> {
        proxies(variables).unwrap().towards(&Url::parse(target).unwrap()).map(Proxy::address)
    }

    const SERVICE: &str = "https://oidc.eu-west-1.amazonaws.com/token";

    #[test]
    fn the_first_variable_that_says_something_names_the_proxy_of_https_alone() {
        type Row<'a> = (&'a [(&'a str, &'a str)], Option<&'a str>);
        let table: [Row<'_>; 8] = [
            (&[], None),
            (&[("HTTPS_PROXY", "http://a:1"), ("https_proxy", "http://b:1")], Some("http://a:1")),
            (&[("HTTPS_PROXY", ""), ("https_proxy", "http://b:1")], Some("http://b:1")),
            (&[("ALL_PROXY", "http://c:1")], Some("http://c:1")),
            (&[("ALL_PROXY", "http://c:1"), ("https_proxy", "http://b:1")], Some("http://b:1")),
            (&[("HTTP_PROXY", "http://d:1"), ("http_proxy", "http://d:1")], None),
            (&[("HTTPS_PROXY", "proxy.example")], Some("http://proxy.example:80")),
            (&[("HTTPS_PROXY", "HTTPS://proxy.example")], Some("https://proxy.example:443")),
        ];
        for (variables, expected) in table {
            assert_eq!(towards(variables, SERVICE).as_deref(), expected, "{variables:?}");
            assert_eq!(towards(variables, "http://127.0.0.1:80/token"), None, "{variables:?}");
            assert_eq!(towards(variables, "http://localhost/token"), None, "{variables:?}");
        }
    }

    #[test]
    fn blanks_around_an_address_are_ignored_and_errors_inside_quote_nothing() {
        for good in ["http://u:hunter2@proxy:3128", " http://u:hunter2@proxy:3128\r\n", "u:hunter2@proxy:3128/\t"] {
            assert_eq!(towards(&[("HTTPS_PROXY", good)], SERVICE).as_deref(), Some("http://proxy:3128"), "{good:?}");
            let shown = format!("{:?}", proxies(&[("HTTPS_PROXY", good)]));
            assert!(!shown.contains("hunter2"), "{shown}");
        }
        for (bad, says) in [
            ("http://u:hunter2@x@proxy:3128", "write @ in the user or the password as %40"),
            ("http://u:12/hunter2@proxy:3128", "%2F"),
            ("http://u:12#hunter2@proxy:3128", "%23"),
            ("http://u:12?hunter2@proxy:3128", "%3F"),
            ("http://u:hunter2@pro xy", "blank"),
            ("http://u:hunter2\u{1b}@proxy", "control character"),
            ("http://u:hunter2@", "does not hold the address"),
            ("http://", "does not hold the address"),
            ("http://proxy:port", "does not hold the address"),
            ("ftp://u:hunter2@proxy", "does not hold the address"),
            ("socks5h://u:hunter2@proxy:1080", "SOCKS"),
            ("http://proxy:3128/pac?hunter2", "holds more"),
        ] {
            let error = proxies(&[("https_proxy", bad)]).unwrap_err().to_string();
            assert!(error.starts_with("https_proxy ") && error.contains(says), "{bad}: {error}");
            assert!(!error.contains("hunter2"), "{bad}: {error}");
        }
    }

    #[test]
    fn hosts_that_need_none_are_gone_to_directly() {
        let with = |no_proxy: &str, target: &str| {
            towards(&[("HTTPS_PROXY", "http://proxy:1"), ("NO_PROXY", no_proxy)], target).is_some()
        };
        for (no_proxy, target, uses_it) in [
            ("", SERVICE, true),
            ("*", SERVICE, false),
            (" amazonaws.com ", SERVICE, false),
            (".amazonaws.com", SERVICE, false),
            ("other.example,.AMAZONAWS.COM.", SERVICE, false),
            ("azonaws.com", SERVICE, true),
            ("oidc.eu-west-1.amazonaws.com:443", SERVICE, false),
            (".amazonaws.com:443 x", SERVICE, false),
            ("oidc.eu-west-1.amazonaws.com:8443", SERVICE, true),
            ("localhost:8443", "https://localhost:8443/", false),
            ("localhost:8443", "https://localhost:9443/", true),
            ("localhost:port", "https://localhost:8443/", true),
            ("10.1.2.3", "https://10.1.2.3/", false),
            ("10.0.0.0/8", "https://10.1.2.3/", false),
            ("10.0.0.0/8:443", "https://10.1.2.3/", true),
            ("10.1.2.3:444", "https://10.1.2.3/", true),
            ("11.0.0.0/8", "https://10.1.2.3/", true),
            ("::1", "https://[::1]:8443/", false),
            ("[::1]:8443", "https://[::1]:8443/", false),
            ("[::1]:8443", "https://[::1]/", true),
            ("fd00::/8", "https://[fd00::1]/", false),
            ("fd00::/8", "https://[fe00::1]/", true),
        ] {
            assert_eq!(with(no_proxy, target), uses_it, "{no_proxy:?} {target}");
        }
    }
}
