//! The error of a call to an operation. Both APIs fail in the same ways, and each has its own names for refusals.

use std::fmt;
use std::time::Duration;

use super::decode::Unusable;
use crate::issuer::{Endpoint, Issuer};

/// The names that the model of an API gives its errors. Errors are known by them and never by the status, which differs
/// between models.
pub trait ErrorNames: Copy + Eq + 'static {
    /// The name of the service in messages.
    const WHO: &'static str;

    /// Every name and its spellings, the model's first.
    const SPELLINGS: &'static [(Self, &'static [&'static str])];

    fn may_pass(self) -> bool;

    /// The name that is spelled like this.
    fn find(spelling: &str) -> Option<Self> {
        Self::SPELLINGS.iter().find(|(_, known)| known.contains(&spelling)).map(|(name, _)| *name)
    }

    fn spellings(self) -> &'static [&'static str] {
        Self::SPELLINGS.iter().find(|(name, _)| *name == self).map_or(&[], |(_, spellings)| spellings)
    }

    /// The model's spelling: `InvalidGrantException`.
    fn in_model(self) -> &'static str {
        self.spellings().first().copied().unwrap_or_default()
    }
}

/// The caller decides by the variant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CallError<N> {
    /// The service answered with an error that its model names.
    Service {
        name: N,
        description: String,
        may_pass: bool,
        /// The pause that the service asks for (`Retry-After`).
        retry_after: Option<Duration>,
    },
    /// The service, or a proxy before it, answered with an error that has no name, or one that is not known.
    Unnamed {
        status: u16,
        /// The service's name and description of the error.
        description: String,
        retry_after: Option<Duration>,
    },
    /// No answer: name resolution, connection, TLS, time-out.
    Network(String),
    /// An answer that is not the service's own: too long, a redirect, not JSON.
    Unusable(String),
    /// An answer of the service that does not follow the model.
    Senseless { operation: &'static str, reason: String },
    /// The service answered that the instance is in another region.
    OtherRegion { region: String, description: String },
    /// A start URL that is not AWS's own does not lead to one that is.
    StartUrl { reason: String, may_pass: bool },
    /// The configuration does not allow the call: a bad endpoint, no usable certificates, no usable proxy.
    Configuration(String),
}

impl<N: ErrorNames> CallError<N> {
    pub const fn name(&self) -> Option<N> {
        match self {
            Self::Service { name, .. } => Some(*name),
            _ => None,
        }
    }

    /// Whether the service, or what stands before it, has answered.
    pub const fn is_answer_of_service(&self) -> bool {
        matches!(self, Self::Service { .. } | Self::Unnamed { .. } | Self::Senseless { .. })
    }

    /// Whether the same request may succeed later without any change.
    pub const fn may_pass(&self) -> bool {
        match self {
            Self::Service { may_pass, .. } | Self::StartUrl { may_pass, .. } => *may_pass,
            // A name or status that no model has is no reason to give anything up.
            Self::Unnamed { .. } | Self::Network(_) | Self::Unusable(_) | Self::Senseless { .. } => true,
            Self::OtherRegion { .. } | Self::Configuration(_) => false,
        }
    }

    /// Adds the endpoint and where it is configured, unless it is AWS's own in the session's region.
    #[must_use]
    pub fn at(mut self, endpoint: &Endpoint) -> Self {
        if let Some(notice) = endpoint.description_if_foreign() {
            let (Self::Service { description: text, .. }
            | Self::Unnamed { description: text, .. }
            | Self::Network(text)
            | Self::Unusable(text)
            | Self::Senseless { reason: text, .. }
            | Self::OtherRegion { description: text, .. }
            | Self::StartUrl { reason: text, .. }
            | Self::Configuration(text)) = &mut self;
            let gap = if text.is_empty() { "" } else { "; " };
            let who = if let Issuer::Aws { region } = endpoint.issuer() {
                format!("it is AWS in {region}, {notice}")
            } else {
                format!("it is not AWS but {notice}")
            };
            text.push_str(&format!("{gap}{who}"));
        }
        self
    }

    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Service { retry_after, .. } | Self::Unnamed { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

impl<N: ErrorNames> fmt::Display for CallError<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (answered, description) = match self {
            Self::Service { name, description, .. } => (name.in_model().to_owned(), description),
            Self::Unnamed { status, description, .. } => (format!("with status {status}"), description),
            Self::Network(reason) => return write!(f, "{} cannot be reached: {reason}", N::WHO),
            Self::Unusable(reason) => return write!(f, "{}'s answer is unusable: {reason}", N::WHO),
            Self::Senseless { operation, reason } => {
                return write!(f, "{}'s answer to {operation} is unusable: {reason}", N::WHO);
            }
            Self::OtherRegion { region, description } => {
                write!(f, "this portal is in {region}: set sso_region = {region} (in config.toml: region)")?;
                return if description.is_empty() { Ok(()) } else { write!(f, "; {description}") };
            }
            Self::StartUrl { reason, .. } | Self::Configuration(reason) => return f.write_str(reason),
        };
        write!(f, "{} answered {answered}", N::WHO)?;
        if description.is_empty() { Ok(()) } else { write!(f, ": {description}") }
    }
}

impl<N: ErrorNames + fmt::Debug> std::error::Error for CallError<N> {}

impl<N> CallError<N> {
    pub fn unusable(operation: &'static str, Unusable { reason, is_json }: Unusable) -> Self {
        if is_json { Self::Senseless { operation, reason } } else { Self::Unusable(reason) }
    }
}

impl<N> From<Unusable> for CallError<N> {
    fn from(unusable: Unusable) -> Self {
        Self::Unusable(unusable.reason)
    }
}

#[cfg(test)]
mod tests {
    use url::Url;

    use crate::issuer::{Endpoint, Setting};
    use crate::oidc::{CallError, ErrorName};

    #[test]
    fn an_error_of_an_endpoint_that_is_not_aws_names_it_in_a_sentence() {
        let at = |url: &str, error: CallError| {
            let url = Url::parse(url).unwrap();
            error.at(&Endpoint::configured(url, Setting::Variable("AWS_ENDPOINT_URL_SSO_OIDC"))).to_string()
        };
        let unnamed = |description: &str| CallError::Unnamed {
            status: 503,
            description: description.to_owned(),
            retry_after: None,
        };
        let local = "http://127.0.0.1:4566 (AWS_ENDPOINT_URL_SSO_OIDC in the environment of ssoctld)";
        let denied = CallError::Service {
            name: ErrorName::AccessDenied,
            description: "no".to_owned(),
            may_pass: false,
            retry_after: None,
        };
        for (error, said) in [
            (unnamed(""), "answered with status 503: it is not AWS but "),
            (unnamed("busy"), "answered with status 503: busy; it is not AWS but "),
            (CallError::Network("refused".to_owned()), "cannot be reached: refused; it is not AWS but "),
            (denied, "answered AccessDeniedException: no; it is not AWS but "),
        ] {
            let text = at("http://127.0.0.1:4566", error);
            assert!(text.ends_with(&format!("{said}{local}")), "{text}");
        }
        let text = at("https://oidc.eu-west-1.api.aws", unnamed(""));
        assert!(text.ends_with("answered with status 503"), "{text}");
    }
}
