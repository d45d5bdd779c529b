//! The issuers of secrets, and the check that each secret is sent only to its issuer.
//!
//! A registration, a token and everything that is had with them belong to the service that issued them. The adapters get the
//! address of a request only from [`Endpoint::for_secrets_of`], which is an error for any other service.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Issuer {
    /// AWS's service in one region, with all its host names: plain, FIPS and dual-stack.
    Aws { region: String },
    /// Another service at one origin (RFC 6454), such as `http://127.0.0.1:4566`.
    Foreign { origin: String },
}

impl Issuer {
    /// The issuer of what is sent nowhere.
    pub const NONE: Self = Self::Foreign { origin: String::new() };

    pub fn aws(region: &str) -> Self {
        Self::Aws { region: region.to_owned() }
    }

    fn of(url: &Url) -> Self {
        match crate::aws_hosts::region_of_service(url) {
            Some(region) => Self::aws(region),
            None => Self::Foreign { origin: url.origin().ascii_serialization() },
        }
    }

    pub const fn is_aws(&self) -> bool {
        matches!(self, Self::Aws { .. })
    }
}

/// As in a record: `aws:eu-west-1`, or the origin.
impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aws { region } => write!(f, "aws:{region}"),
            Self::Foreign { origin } => f.write_str(origin),
        }
    }
}

impl From<Issuer> for String {
    fn from(issuer: Issuer) -> Self {
        issuer.to_string()
    }
}

impl From<String> for Issuer {
    fn from(text: String) -> Self {
        match text.strip_prefix("aws:") {
            Some(region) => Self::aws(region),
            None => Self::Foreign { origin: text },
        }
    }
}

/// The place at which an endpoint is configured that is not the region's usual one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Setting {
    /// A key of a configuration file, with its place.
    File(String),
    Variable(&'static str),
    /// A stored record: the issuer had this portal when the record was written.
    Record,
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(key) => f.write_str(key),
            Self::Variable(name) => write!(f, "{name} in the environment of ssoctld"),
            Self::Record => f.write_str("a stored record"),
        }
    }
}

/// The base address of one of the two services.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoint {
    url: Url,
    issuer: Issuer,
    set_by: Option<Setting>,
    /// Whether a setting names another issuer than the usual one.
    is_moved: bool,
}

impl Endpoint {
    /// AWS's usual endpoint of a region.
    pub fn usual(url: Url) -> Self {
        Self { issuer: Issuer::of(&url), url, set_by: None, is_moved: false }
    }

    pub fn configured(url: Url, set_by: Setting) -> Self {
        let issuer = Issuer::of(&url);
        Self { is_moved: !issuer.is_aws(), issuer, url, set_by: Some(set_by) }
    }

    /// The endpoint of a session in this region. AWS in another region is another issuer, too.
    #[must_use]
    pub fn in_place_of_aws_in(self, region: &str) -> Self {
        Self { is_moved: self.issuer != Issuer::aws(region), ..self }
    }

    pub const fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// The place of its configuration; `None` for AWS's usual one.
    pub const fn set_by(&self) -> Option<&Setting> {
        self.set_by.as_ref()
    }

    /// The address, to show it and to look up its host. For requests, use the two functions below.
    pub const fn shown(&self) -> &Url {
        &self.url
    }

    /// The address and where it is configured, unless the issuer is AWS in the session's region.
    pub fn description_if_foreign(&self) -> Option<String> {
        let (url, set_by) = self.foreign()?;
        Some(format!("{url} ({set_by})"))
    }

    /// The parts of [`Self::description_if_foreign`].
    pub fn foreign(&self) -> Option<(&str, &Setting)> {
        let set_by = self.set_by.as_ref().filter(|_| self.is_moved)?;
        Some((self.url.as_str().trim_end_matches('/'), set_by))
    }

    /// The destination of a request with secrets of `issuer`.
    ///
    /// # Errors
    /// [`NotTheIssuer`] if the endpoint has another issuer.
    pub fn for_secrets_of(&self, issuer: &Issuer) -> Result<Destination, NotTheIssuer> {
        if self.issuer == *issuer {
            Ok(self.without_secrets())
        } else {
            Err(NotTheIssuer { issuer: issuer.clone(), endpoint: self.url.clone() })
        }
    }

    /// The destination of a request without secrets.
    pub fn without_secrets(&self) -> Destination {
        Destination(self.url.clone())
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Destination(Url);

impl Destination {
    /// The address of an operation, below the endpoint's own path.
    pub fn join(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        url.set_path(&format!("{}/{path}", url.path().trim_end_matches('/')));
        url
    }
}

/// A secret was not sent, because the endpoint has another issuer.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("secrets that {issuer} has issued are not sent to {endpoint}")]
pub struct NotTheIssuer {
    issuer: Issuer,
    endpoint: Url,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(url: &str) -> Endpoint {
        Endpoint::configured(Url::parse(url).unwrap(), Setting::Variable("AWS_ENDPOINT_URL_SSO"))
    }

    #[test]
    fn aws_is_one_issuer_in_one_region_under_all_its_names_and_nothing_else_is() {
        let ireland = Issuer::aws("eu-west-1");
        for host in [
            "oidc.eu-west-1.amazonaws.com",
            "oidc-fips.eu-west-1.amazonaws.com",
            "oidc.eu-west-1.api.aws",
            "oidc-fips.eu-west-1.api.aws",
            "portal.sso.eu-west-1.amazonaws.com",
            "portal.sso-fips.eu-west-1.amazonaws.com",
            "portal.sso.eu-west-1.api.aws",
            "portal.sso-fips.eu-west-1.api.aws",
            "PORTAL.sso.eu-west-1.amazonaws.com:443",
        ] {
            assert_eq!(*endpoint(&format!("https://{host}")).issuer(), ireland, "{host}");
        }
        for (url, region) in [
            ("https://oidc.us-east-1.amazonaws.com", "us-east-1"),
            ("https://oidc.cn-north-1.amazonaws.com.cn", "cn-north-1"),
            ("https://portal.sso.us-gov-west-1.api.aws", "us-gov-west-1"),
            ("https://oidc.eusc-de-east-1.amazonaws.eu/", "eusc-de-east-1"),
        ] {
            assert_eq!(*endpoint(url).issuer(), Issuer::aws(region), "{url}");
        }
        for url in [
            "http://oidc.localhost:1",
            "http://127.0.0.1:4566",
            "https://oidc.eu-west-1.amazonaws.com:8443",
            "https://oidc.eu-west-1.amazonaws.com.evil.example",
            "https://evil.oidc.eu-west-1.amazonaws.com",
            "https://oidc.eu-west-1.amazonaws.com.cn",
            "https://oidc.cn-north-1.amazonaws.com",
            "https://s3.eu-west-1.amazonaws.com",
            "https://oidc.a.b.amazonaws.com",
            "https://eu-west-1.amazonaws.com",
            "https://oidc.amazonaws.com",
            "https://portal.eu-west-1.amazonaws.com",
            "https://vpce-1-oidc.eu-west-1.vpce.amazonaws.com",
        ] {
            assert!(!endpoint(url).issuer().is_aws(), "{url}");
        }
    }

    #[test]
    fn a_foreign_issuer_is_an_origin_with_any_path() {
        let issuer = |url: &str| endpoint(url).issuer().clone();
        assert_eq!(issuer("https://sso.example/a"), issuer("https://SSO.example:443/b/c"));
        for other in
            ["https://sso.example:444", "http://localhost", "https://sso.example.evil", "https://a.sso.example"]
        {
            assert_ne!(issuer("https://sso.example"), issuer(other), "{other}");
        }
    }

    #[test]
    fn a_secret_has_a_way_to_its_issuer_alone() {
        let (aws, local) = (endpoint("https://oidc.eu-west-1.api.aws/"), endpoint("http://127.0.0.1:1/sso/"));
        let way = |endpoint: &Endpoint, issuer: &Issuer| {
            endpoint.for_secrets_of(issuer).map(|to| to.join("token").to_string())
        };
        assert_eq!(way(&aws, &Issuer::aws("eu-west-1")).as_deref(), Ok("https://oidc.eu-west-1.api.aws/token"));
        assert_eq!(way(&local, local.issuer()).as_deref(), Ok("http://127.0.0.1:1/sso/token"));
        let far = Issuer::aws("us-east-1");
        for (endpoint, issuer) in [(&aws, local.issuer()), (&local, aws.issuer()), (&aws, &far)] {
            assert!(way(endpoint, issuer).is_err(), "{endpoint:?} {issuer}");
        }
        assert_eq!(local.without_secrets().join("client/register").as_str(), "http://127.0.0.1:1/sso/client/register");
    }

    #[test]
    fn an_issuer_is_written_and_read() {
        for issuer in [Issuer::aws("eu-west-1"), endpoint("http://127.0.0.1:1").issuer().clone()] {
            assert_eq!(Issuer::from(issuer.to_string()), issuer);
        }
    }
}
