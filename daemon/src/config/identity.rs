//! The identity of a session's sign-in. As with the AWS CLI, sessions with different names have different sign-ins.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use ssoctl_protocol::partition::{is_region, is_start_host, region_of_start_host};
use url::{Host, Url};

use crate::aws_hosts::refused_start_url;
use crate::issuer::Issuer;

/// The owner of a record in a secret store.
///
/// Changing any member in a configuration file makes another identity, and so another sign-in. Two sessions with different names
/// are two sign-ins, even if all other members are equal: they may belong to two people.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Identity {
    /// The name of the `[sso-session NAME]` or `[session.NAME]`; `None` for the session that the legacy profiles at one start
    /// URL and region share.
    pub name: Option<String>,
    /// As [`normalise_start_url`] returns it.
    pub start_url: String,
    /// The region of the Identity Center instance, such as `eu-west-1`. `None` if the start URL is not AWS's own: each sign-in
    /// finds out where it leads, and the configured region, which the AWS CLI changes after that, makes no other identity.
    pub region: Option<String>,
    /// The scopes that the client registers, sorted and without repetition.
    pub scopes: Vec<String>,
    /// `None` if each sign-in finds it out.
    pub issuer: Option<Issuer>,
}

impl Identity {
    /// The identity of a session with AWS as its issuer. Start URL, region and scopes are as written in a configuration file.
    ///
    /// # Errors
    /// Also if there is no region, and the start URL is AWS's own and does not name it.
    pub fn new(
        name: Option<&str>,
        start_url: &str,
        region: Option<&str>,
        scopes: &[String],
    ) -> Result<Self, IdentityError> {
        if let Some(region) = region.filter(|region| !is_region(region)) {
            return Err(IdentityError::Region(region.to_owned()));
        }
        let start_url = normalise_start_url(start_url)?;
        let region = match host_of_aws(&start_url) {
            Some(host) => {
                let region = region
                    .or_else(|| region_of_start_host(&host))
                    .ok_or_else(|| IdentityError::NoRegion(start_url.clone()))?;
                Some(region.to_owned())
            }
            None => None,
        };
        let mut scopes = scopes.to_vec();
        scopes.sort();
        scopes.dedup();
        let issuer = region.as_deref().map(Issuer::aws);
        Ok(Self { name: name.map(str::to_owned), start_url, region, scopes, issuer })
    }

    #[must_use]
    pub fn issued_by(self, issuer: Option<Issuer>) -> Self {
        Self { issuer, ..self }
    }

    /// The name of this identity's record in every store: 64 lower-case hexadecimal digits.
    ///
    /// It is the SHA-256 of the members in a fixed order, each preceded by its length in bytes, so that no two
    /// identities encode alike. Records written by one version are found by the next: the encoding never changes.
    pub fn key(&self) -> String {
        let mut hash = Sha256::new();
        let mut member = |text: &str| {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        };
        member("ssoctl identity 2");
        match &self.name {
            None => member("unnamed"),
            Some(name) => {
                member("named");
                member(name);
            }
        }
        member(&self.start_url);
        member(self.region.as_deref().unwrap_or_default());
        member(&self.scopes.len().to_string());
        self.scopes.iter().for_each(|scope| member(scope));
        member(&self.issuer.as_ref().map(ToString::to_string).unwrap_or_default());
        hash.finalize().iter().fold(String::with_capacity(64), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

/// Checks the syntax of scopes (RFC 6749, section 3.3).
pub(super) fn check_scopes(scopes: &[String]) -> Result<(), IdentityError> {
    let is_scope = |text: &&String| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
    };
    match scopes.iter().find(|scope| !is_scope(scope)) {
        Some(scope) => Err(IdentityError::Scope(scope.clone())),
        None => Ok(()),
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    #[error("{0:?} is not a URL; start URLs look like \"https://example.awsapps.com/start\"")]
    NotAUrl(String),
    /// They would be written to logs and sent to the service.
    #[error("the start URL must not contain a user name or password")]
    Credentials,
    #[error("{0:?} must begin with https:// (plain http is for loopback addresses only)")]
    NotHttps(String),
    /// Another page of AWS, or one below the start page.
    #[error("{0:?} is not a start URL but another page; start URLs look like \"https://example.awsapps.com/start\"")]
    AnotherPage(String),
    #[error("{0:?} is not a start URL, because it has a \"?\"; remove that and everything after it")]
    Query(String),
    /// It cannot be part of a host name.
    #[error("{0:?} is not a region; regions look like \"eu-west-1\"")]
    Region(String),
    /// Nothing is assumed, because a request in a wrong region fails with an error that does not say so.
    #[error("{0:?} does not name its region, so the region must be given, too")]
    NoRegion(String),
    #[error("{0:?} is not a scope: scopes have no blanks, quotes or backslashes, and only ASCII characters")]
    Scope(String),
}

/// The form in which start URLs are compared, sent and shown: scheme and host in lower case, without the scheme's default port,
/// a trailing `/`, and the part after `#` (a browser shows there where the person is on the page).
///
/// The scheme must be https, or http to a loopback address (a simulator). zsh puts a `\` before `#` when a URL is pasted; it is
/// removed.
pub fn normalise_start_url(start_url: &str) -> Result<String, IdentityError> {
    let not_a_url = || IdentityError::NotAUrl(without_credentials(start_url).to_owned());
    // The URL standard drops tabs and line breaks silently; here they mean that something else was meant.
    if start_url.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(not_a_url());
    }
    let page = start_url.split_once('#').map_or(start_url, |(page, _)| page.strip_suffix('\\').unwrap_or(page));
    // It reads a backslash as a slash.
    if page.contains('\\') {
        return Err(not_a_url());
    }
    let url = Url::parse(page).map_err(|_| not_a_url())?;
    if url.host().is_none() {
        return Err(not_a_url());
    }
    if has_credentials(&url) {
        return Err(IdentityError::Credentials);
    }
    if !is_https_or_loopback(&url) {
        return Err(IdentityError::NotHttps(start_url.to_owned()));
    }
    if url.query().is_some() {
        return Err(IdentityError::Query(start_url.to_owned()));
    }
    if refused_start_url(&url) {
        return Err(IdentityError::AnotherPage(start_url.to_owned()));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// The region that a start URL names.
pub(crate) fn region_of_start_url(start_url: &str) -> Option<String> {
    region_of_start_host(Url::parse(start_url).ok()?.domain()?).map(str::to_owned)
}

/// The host of a normalised start URL, if that is AWS's own.
fn host_of_aws(start_url: &str) -> Option<String> {
    Url::parse(start_url).ok()?.domain().filter(|host| is_start_host(host)).map(str::to_owned)
}

/// The part of a text that can be shown: it may be a URL with a password before an `@`.
pub(super) fn without_credentials(text: &str) -> &str {
    text.rsplit_once('@').map_or(text, |(_, rest)| rest)
}

pub(super) fn has_credentials(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// Whether secrets may be sent to this URL: https anywhere, plain http only to this machine.
pub(super) fn is_https_or_loopback(url: &Url) -> bool {
    match url.scheme() {
        "https" => true,
        "http" => match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(domain)) => domain == "localhost",
            None => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(name: Option<&str>, scopes: &[&str]) -> Identity {
        let scopes: Vec<String> = scopes.iter().map(|&scope| scope.to_owned()).collect();
        Identity::new(name, "https://corp.awsapps.com/start", Some("eu-west-1"), &scopes).expect("a valid identity")
    }

    #[test]
    fn urls_pasted_from_a_browser_or_a_shell_are_normalised() {
        for written in [
            "https://corp.awsapps.com/start",
            "https://corp.awsapps.com/start/",
            "https://corp.awsapps.com/start#",
            "https://corp.awsapps.com/start#/",
            "https://corp.awsapps.com/start/#/",
            "https://corp.awsapps.com/start/##//",
            "https://corp.awsapps.com/start/#/?tab=accounts",
            "https://corp.awsapps.com/start/#/console?account_id=111122223333&role_name=Admin",
            "https://corp.awsapps.com/start/\\#/",
            "https://corp.awsapps.com/start\\#/\\?tab\\=accounts",
            "HTTPS://Corp.AWSapps.com/start",
            "https://corp.awsapps.com:443/start",
        ] {
            assert_eq!(normalise_start_url(written).as_deref(), Ok("https://corp.awsapps.com/start"), "{written}");
        }
        assert_eq!(normalise_start_url("https://corp.example/Start").unwrap(), "https://corp.example/Start");
        assert_eq!(normalise_start_url("https://corp.example/").unwrap(), "https://corp.example");
        for whole in ["https://ssoins-1.portal.eu-west-1.app.aws", "https://identitycenter.amazonaws.com/ssoins-1"] {
            assert_eq!(normalise_start_url(&format!("{whole}/#/?tab=accounts")).as_deref(), Ok(whole));
        }
    }

    #[test]
    fn other_pages_and_queries_are_not_start_urls() {
        for page in [
            "https://corp.awsapps.com/start/user-consent/authorize.html",
            "https://corp.awsapps.com/console",
            "https://corp.awsapps.cn/start/x",
            "https://eu-west-1.console.aws.amazon.com/singlesignon/home#/",
            "https://console.aws.amazon.com/",
            "https://eu-west-1.signin.aws/platform/d-1/login",
            "https://device.sso.eu-west-1.amazonaws.com/",
            "https://oidc.eu-west-1.amazonaws.com",
            "https://portal.sso.eu-west-1.amazonaws.com",
        ] {
            assert_eq!(normalise_start_url(page), Err(IdentityError::AnotherPage(page.to_owned())), "{page}");
        }
        for query in ["https://corp.awsapps.com/start?tab=accounts", "https://corp.awsapps.com/start/?#/"] {
            assert_eq!(normalise_start_url(query), Err(IdentityError::Query(query.to_owned())), "{query}");
        }
        for bad in ["https:\\\\corp.awsapps.com/start", "https://corp.awsapps.com\\start#/"] {
            assert!(matches!(normalise_start_url(bad), Err(IdentityError::NotAUrl(_))), "{bad}");
        }
    }

    #[test]
    fn plain_http_is_for_loopback_addresses_only() {
        for good in [
            "http://127.0.0.1:8080/start",
            "http://127.9.9.9/start",
            "http://[::1]:80/start",
            "http://localhost:1/start",
        ] {
            assert!(normalise_start_url(good).is_ok(), "{good}");
        }
        for bad in [
            "http://corp.awsapps.com/start",
            "http://128.0.0.1/start",
            "http://localhost.example/start",
            "ftp://127.0.0.1/start",
        ] {
            assert!(matches!(normalise_start_url(bad), Err(IdentityError::NotHttps(_))), "{bad}");
        }
    }

    #[test]
    fn texts_that_are_not_plain_urls_are_refused() {
        for bad in [
            "",
            "corp",
            "corp.awsapps.com/start",
            "https://",
            "https://a b/",
            "https://corp.aws\napps.com/start",
            "mailto:someone@example.com",
        ] {
            assert!(matches!(normalise_start_url(bad), Err(IdentityError::NotAUrl(_))), "{bad}");
        }
        let error = normalise_start_url("https://user:hunter2@corp.example/").unwrap_err();
        assert_eq!(error, IdentityError::Credentials);
        assert!(!error.to_string().contains("hunter2"));
        let error = normalise_start_url("https://user:hunter2@corp example/").unwrap_err();
        assert_eq!(error, IdentityError::NotAUrl("corp example/".to_owned()));
    }

    #[test]
    fn a_region_that_could_change_the_host_name_is_refused() {
        for good in ["eu-west-1", "us-gov-west-1", "eusc-de-east-1"] {
            assert!(is_region(good), "{good}");
        }
        let long = "a".repeat(64);
        for bad in ["", "eu-west-1.evil.example", "eu/west", "eu west", "-eu", "eu-", "eu@1", "ëu-west-1", &long] {
            assert!(!is_region(bad), "{bad}");
        }
    }

    #[test]
    fn the_key_of_an_identity_never_changes() {
        assert_eq!(
            identity(Some("corp"), &["sso:account:access"]).key(),
            "64ecb81e7d5ef37a33cbc84dfe075da8e1a9aa99176751c8dfacb91b12979cfc"
        );
        assert_eq!(identity(None, &[]).key(), "4606bc63a01127e509e262153ba56170b68d40f7da09298a6169c59069ce518b");
    }

    #[test]
    fn the_order_of_scopes_does_not_matter_and_everything_else_does() {
        assert_eq!(identity(None, &["b", "a", "b"]), identity(None, &["a", "b"]));
        let foreign = |origin: &str| Issuer::Foreign { origin: origin.to_owned() };
        let vanity = |region| Identity::new(Some("a"), "https://sso.corp.example", region, &[]).unwrap();
        assert_eq!(vanity(Some("eu-west-1")), vanity(None), "each sign-in finds its region out");
        assert_eq!((vanity(None).region, vanity(None).issuer), (None, None));
        let different = [
            vanity(None),
            vanity(None).issued_by(Some(foreign("http://127.0.0.1:1"))),
            identity(None, &[]),
            identity(None, &["a", "b"]),
            identity(None, &["ab"]),
            identity(None, &["a"]),
            identity(Some("a"), &["a"]),
            identity(Some("A"), &["a"]),
            identity(Some(""), &["a"]),
            identity(Some("unnamed"), &[]),
            identity(None, &["named"]),
            identity(Some("a"), &["a"]).issued_by(Some(foreign("http://127.0.0.1:1"))),
            identity(Some("a"), &["a"]).issued_by(Some(foreign("https://127.0.0.1:1"))),
            identity(Some("a"), &["a"]).issued_by(Some(Issuer::aws("us-east-1"))),
        ];
        let keys: std::collections::BTreeSet<String> = different.iter().map(Identity::key).collect();
        assert_eq!(keys.len(), different.len());
    }
}
