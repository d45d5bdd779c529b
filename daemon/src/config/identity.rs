//! Who a sign-in belongs to. Two sessions with equal identities are one sign-in under several names.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};
use url::{Host, Url};

/// What a record in a secret store belongs to: records are keyed by it, names are only aliases.
///
/// Changing any member by editing a configuration file makes another identity, and so another sign-in.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Identity {
    /// The start URL as [`normalise_start_url`] returns it.
    pub start_url: String,
    /// The region of the Identity Center instance, such as `eu-west-1`.
    pub region: String,
    /// The scopes that the client registers, sorted and without repetition.
    pub scopes: Vec<String>,
    /// Keeps a second person's sign-in at the same portal apart.
    pub label: Option<String>,
}

impl Identity {
    /// Builds the identity of a session from its members as a configuration file has them.
    pub fn new(start_url: &str, region: &str, scopes: &[String], label: Option<&str>) -> Result<Self, IdentityError> {
        if !is_region(region) {
            return Err(IdentityError::Region(region.to_owned()));
        }
        let mut scopes = scopes.to_vec();
        scopes.sort();
        scopes.dedup();
        Ok(Self {
            start_url: normalise_start_url(start_url)?,
            region: region.to_owned(),
            scopes,
            label: label.map(str::to_owned),
        })
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
        member("ssoctl identity 1");
        member(&self.start_url);
        member(&self.region);
        member(&self.scopes.len().to_string());
        self.scopes.iter().for_each(|scope| member(scope));
        match &self.label {
            None => member("unlabelled"),
            Some(label) => {
                member("labelled");
                member(label);
            }
        }
        hash.finalize().iter().fold(String::with_capacity(64), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

/// Why start URL and region do not make an identity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The start URL is unusable.
    #[error(transparent)]
    StartUrl(#[from] StartUrlError),
    /// The region cannot be part of a host name.
    #[error("{0:?} is not a region; regions look like \"eu-west-1\"")]
    Region(String),
}

/// Why a start URL is unusable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartUrlError {
    /// Not an absolute URL with a host.
    #[error("{0:?} is not a URL; start URLs look like \"https://example.awsapps.com/start\"")]
    NotAUrl(String),
    /// It carries a user name or a password, which would end up in logs and on the wire.
    #[error("the start URL must not contain a user name or password")]
    Credentials,
    /// Neither https, nor http to this machine.
    #[error("{0:?} must begin with https:// (plain http is for loopback addresses only)")]
    NotHttps(String),
}

/// The form in which start URLs are compared: scheme and host in lower case, the scheme's own port left out, and
/// no trailing `/`, `#` or `#/`, however many.
///
/// The scheme must be https, or http to a loopback address (a simulator).
pub fn normalise_start_url(start_url: &str) -> Result<String, StartUrlError> {
    let not_a_url = || StartUrlError::NotAUrl(without_credentials(start_url).to_owned());
    // The URL standard drops tabs and line breaks silently; here they mean that something else was meant.
    if start_url.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(not_a_url());
    }
    let url = Url::parse(start_url).map_err(|_| not_a_url())?;
    if url.host().is_none() {
        return Err(not_a_url());
    }
    if has_credentials(&url) {
        return Err(StartUrlError::Credentials);
    }
    if !is_https_or_loopback(&url) {
        return Err(StartUrlError::NotHttps(start_url.to_owned()));
    }
    Ok(url.as_str().trim_end_matches(['/', '#']).to_owned())
}

/// What can be shown of something that was meant as a URL: a password may stand before an `@`.
pub(super) fn without_credentials(text: &str) -> &str {
    text.rsplit_once('@').map_or(text, |(_, rest)| rest)
}

/// Whether the URL has a user name or a password in front of its host.
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

/// Whether the text can stand as one label of a host name (RFC 1123 2.1), as a region must.
pub(super) fn is_region(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(scopes: &[&str], label: Option<&str>) -> Identity {
        let scopes: Vec<String> = scopes.iter().map(|&scope| scope.to_owned()).collect();
        Identity::new("https://corp.awsapps.com/start", "eu-west-1", &scopes, label).expect("a valid identity")
    }

    #[test]
    fn start_urls_are_compared_without_trailing_slashes_and_fragments_marks() {
        for written in [
            "https://corp.awsapps.com/start",
            "https://corp.awsapps.com/start/",
            "https://corp.awsapps.com/start#",
            "https://corp.awsapps.com/start#/",
            "https://corp.awsapps.com/start/#/",
            "https://corp.awsapps.com/start/##//",
            "HTTPS://Corp.AWSapps.com/start",
            "https://corp.awsapps.com:443/start",
        ] {
            assert_eq!(normalise_start_url(written).as_deref(), Ok("https://corp.awsapps.com/start"), "{written}");
        }
    }

    #[test]
    fn paths_keep_their_case_and_fragments_that_say_something_stay() {
        assert_eq!(normalise_start_url("https://corp.example/Start").unwrap(), "https://corp.example/Start");
        assert_eq!(
            normalise_start_url("https://corp.example/start#/console").unwrap(),
            "https://corp.example/start#/console"
        );
        assert_eq!(normalise_start_url("https://corp.example/").unwrap(), "https://corp.example");
    }

    #[test]
    fn plain_http_is_for_loopback_only() {
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
            assert!(matches!(normalise_start_url(bad), Err(StartUrlError::NotHttps(_))), "{bad}");
        }
    }

    #[test]
    fn what_is_not_a_plain_url_is_refused() {
        for bad in [
            "",
            "corp",
            "corp.awsapps.com/start",
            "https://",
            "https://a b/",
            "https://corp.aws\napps.com/start",
            "mailto:someone@example.com",
        ] {
            assert!(matches!(normalise_start_url(bad), Err(StartUrlError::NotAUrl(_))), "{bad}");
        }
        let error = normalise_start_url("https://user:hunter2@corp.example/").unwrap_err();
        assert_eq!(error, StartUrlError::Credentials);
        assert!(!error.to_string().contains("hunter2"));
        let error = normalise_start_url("https://user:hunter2@corp example/").unwrap_err();
        assert_eq!(error, StartUrlError::NotAUrl("corp example/".to_owned()));
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
            identity(&["sso:account:access"], None).key(),
            "eec6deb074a0308d9ad6cd6024cd38845b3a9820b7fe0c72b52e67723231eb74"
        );
        assert_eq!(
            identity(&[], Some("alice")).key(),
            "7bbe58db7ae1cff6e883e2a64d8030884a085d78e0ae4861b4f82318e588013a"
        );
    }

    #[test]
    fn the_order_of_scopes_does_not_matter_and_everything_else_does() {
        assert_eq!(identity(&["b", "a", "b"], None), identity(&["a", "b"], None));
        let different = [
            identity(&[], None),
            identity(&["a", "b"], None),
            identity(&["ab"], None),
            identity(&["a"], Some("b")),
            identity(&["a"], Some("")),
            identity(&["a"], None),
            identity(&["labelled"], None),
        ];
        let keys: std::collections::BTreeSet<String> = different.iter().map(Identity::key).collect();
        assert_eq!(keys.len(), different.len());
    }
}
