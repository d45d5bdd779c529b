//! Where a start URL leads that is not AWS's own. Pure.
//!
//! Companies have such addresses on their own web servers, which redirect to the start URL of AWS. As with the AWS CLI (2.35.13), there is one
//! redirect, and it leads to one of AWS's hosts.

use std::time::Duration;

use ssoctl_protocol::partition::is_start_host;
use url::Url;

use super::CallError;
use crate::config::{SessionConfig, region_of_start_url};
use crate::token::Target;
use crate::transport::ResponseHead;
use crate::transport::decode::presentable;

/// How long one answer is waited for: as long as the AWS CLI waits.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// The answer at a start URL.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Lead {
    /// It redirects to this start URL of AWS: `https`, host, and path without a trailing `/`.
    To(String),
    /// It redirects nowhere, and has this status.
    Nowhere(u16),
    /// It gives no usable answer: this is why.
    Unanswered(CallError),
}

impl Lead {
    /// What the session's start URL leads to. Where the configuration names a service other than AWS, that is the issuer, whether or not
    /// anything is at the start URL.
    ///
    /// # Errors
    /// It leads nowhere, or the configuration allows no call there.
    pub fn target(self, session: &SessionConfig) -> Result<Target, CallError> {
        let start_url = session.start_url();
        match (self, session.endpoints.configured()) {
            (Self::To(target), _) => {
                let endpoints = session.endpoints.at(&target, region_of_start_url(&target).as_deref());
                let endpoints = endpoints.map_err(|error| CallError::Configuration(error.to_string()))?;
                Ok(Target { issuer: endpoints.oidc.issuer().clone(), resolved: Some(target.into()) })
            }
            (Self::Nowhere(_) | Self::Unanswered(_), Some(own)) if !own.oidc.issuer().is_aws() => {
                Ok(Target { issuer: own.oidc.issuer().clone(), resolved: None })
            }
            (Self::Unanswered(error), _) => Err(error),
            (Self::Nowhere(status), _) => {
                let reason = format!(
                    "{start_url} leads to no start URL of AWS: it answered with status {status}, not with a redirect"
                );
                Err(CallError::StartUrl { reason, may_pass: status == 429 || status >= 500 })
            }
        }
    }
}

/// Whether a server may give another answer to GET.
pub(super) const fn does_not_know_head(head: &ResponseHead) -> bool {
    matches!(head.status, 400..=428 | 430..=499 | 501)
}

/// No answer came; the server may be reached later.
pub(super) fn unanswered(start_url: &str, error: &CallError) -> Lead {
    let why = match error {
        CallError::Network(why) => why.clone(),
        other => other.to_string(),
    };
    Lead::Unanswered(CallError::StartUrl {
        reason: format!("{start_url} cannot be asked where it leads: {why}"),
        may_pass: error.may_pass(),
    })
}

pub(super) fn lead(start_url: &Url, head: &ResponseHead) -> Result<Lead, CallError> {
    if !matches!(head.status, 301 | 302 | 303 | 307 | 308) {
        return Ok(Lead::Nowhere(head.status));
    }
    let refused = |what: String| {
        let shown = start_url.as_str().trim_end_matches('/');
        CallError::StartUrl { reason: format!("{shown} leads to {what}"), may_pass: false }
    };
    let location = head.location.as_deref().and_then(|location| str::from_utf8(location).ok());
    let Some(target) = location.and_then(|location| start_url.join(location).ok()) else {
        return Err(refused("no address: its redirect has none that can be read".to_owned()));
    };
    let has_credentials = !target.username().is_empty() || target.password().is_some();
    let why = match target.domain() {
        _ if target.scheme() != "https" => "which is not https",
        Some(host) if is_start_host(host) && !has_credentials && target.port().is_none() => {
            return Ok(Lead::To(format!("https://{host}{}", target.path().trim_end_matches('/'))));
        }
        Some(host) if is_start_host(host) => "which has a user name or a port",
        _ => "which is not on a host of AWS for start URLs",
    };
    // What is left out may be secret.
    let mut shown = target;
    shown.set_query(None);
    shown.set_fragment(None);
    let _ = shown.set_username("").and_then(|()| shown.set_password(None));
    Err(refused(format!("{}, {why}", presentable(shown.as_str()))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Paths, parse};

    fn led(status: u16, location: Option<&[u8]>) -> Result<Lead, String> {
        let head = ResponseHead { status, location: location.map(<[u8]>::to_vec) };
        let start_url = Url::parse("https://sso.corp.example").unwrap();
        lead(&start_url, &head).map_err(|error| {
            assert!(matches!(error, CallError::StartUrl { may_pass: false, .. }), "{error:?}");
            error.to_string()
        })
    }

    #[test]
    fn one_redirect_to_a_start_url_of_aws_is_taken_in_its_normal_form() {
        for status in [301, 302, 303, 307, 308] {
            for (location, target) in [
                ("https://ssoins-1.portal.us-west-2.app.aws:443/", "https://ssoins-1.portal.us-west-2.app.aws"),
                ("https://Corp.AWSapps.com/start/#/?tab=accounts", "https://corp.awsapps.com/start"),
                ("https://corp.awsapps.com/start?next=x", "https://corp.awsapps.com/start"),
                ("//identitycenter.amazonaws.com/ssoins-1", "https://identitycenter.amazonaws.com/ssoins-1"),
            ] {
                assert_eq!(led(status, Some(location.as_bytes())), Ok(Lead::To(target.to_owned())), "{location}");
            }
        }
    }

    #[test]
    fn every_other_target_is_refused_and_named_without_what_may_be_secret() {
        for (location, named) in [
            ("http://corp.awsapps.com/start", "http://corp.awsapps.com/start, which is not https"),
            (
                "https://evil.example/start?code=s3cret#s3cret",
                "https://evil.example/start, which is not on a host of AWS",
            ),
            (
                "https://corp.awsapps.com.evil.example/",
                "https://corp.awsapps.com.evil.example/, which is not on a host",
            ),
            ("/other", "https://sso.corp.example/other, which is not on a host of AWS"),
            ("", "https://sso.corp.example/, which is not on a host of AWS"),
            (
                "https://me:s3cret@corp.awsapps.com/start",
                "https://corp.awsapps.com/start, which has a user name or a port",
            ),
            (
                "https://corp.awsapps.com:8443/start",
                "https://corp.awsapps.com:8443/start, which has a user name or a port",
            ),
            ("https://192.0.2.1/", "https://192.0.2.1/, which is not on a host of AWS"),
            ("javascript:alert(1)", "javascript:alert(1), which is not https"),
            ("https://a b/", "no address"),
        ] {
            let error = led(302, Some(location.as_bytes())).unwrap_err();
            assert!(error.starts_with(&format!("https://sso.corp.example leads to {named}")), "{location}: {error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
        assert!(led(302, Some(b"https://\xff.awsapps.com/")).unwrap_err().contains("leads to no address"));
        assert!(led(302, None).unwrap_err().contains("leads to no address"));
        let long = format!("https://evil.example/{}", "x".repeat(5000));
        assert!(led(302, Some(long.as_bytes())).unwrap_err().len() < 1000);
    }

    fn session(start_url: &str, region: &str, service: Option<&str>) -> SessionConfig {
        let paths = Paths { own: "/config.toml".into(), aws: "/aws".into(), aws_credentials: "/credentials".into() };
        let aws = format!("[sso-session corp]\nsso_start_url = {start_url}\n{region}");
        let url = service.map(str::to_owned);
        let environment =
            Environment { endpoint_url_sso_oidc: url.clone(), endpoint_url_sso: url, ..Environment::default() };
        parse(&paths, "", &aws, "", &environment).sessions.remove(0)
    }

    #[test]
    fn an_answer_without_a_redirect_leads_nowhere_and_may_be_another_one_later() {
        let corp = session("https://sso.corp.example", "", None);
        for (status, later) in
            [(200, false), (204, false), (300, false), (304, false), (404, false), (429, true), (503, true)]
        {
            assert_eq!(led(status, Some(b"https://corp.awsapps.com/start")), Ok(Lead::Nowhere(status)));
            let error = Lead::Nowhere(status).target(&corp).unwrap_err();
            assert_eq!(error.may_pass(), later, "{status}");
            assert!(error.to_string().contains(&format!("status {status}")), "{error}");
        }
    }

    #[test]
    fn a_target_names_the_issuer_or_the_configuration_does() {
        let leads = |session: &SessionConfig, lead: Lead| {
            let target = lead.target(session).map_err(|error| error.to_string())?;
            Ok::<_, String>((target.issuer.to_string(), target.resolved.map(|url| url.to_string())))
        };
        let to = |url: &str| Lead::To(url.to_owned());
        let (named, unnamed) = ("https://ssoins-1.portal.us-west-2.app.aws", "https://corp.awsapps.com/start");
        let in_ireland = session("https://sso.corp.example", "sso_region = eu-west-1\n", None);
        let resolved = |issuer: &str, url: &str| Ok((issuer.to_owned(), Some(url.to_owned())));
        assert_eq!(leads(&in_ireland, to(named)), resolved("aws:us-west-2", named));
        assert_eq!(leads(&in_ireland, to(unnamed)), resolved("aws:eu-west-1", unnamed));
        let anywhere = session("https://sso.corp.example", "", None);
        assert_eq!(leads(&anywhere, to(named)), resolved("aws:us-west-2", named));
        assert!(leads(&anywhere, to(unnamed)).unwrap_err().contains("add sso_region"));

        let local = "http://127.0.0.1:4566";
        let own = session("http://127.0.0.1:4566/start", "", Some(local));
        assert_eq!(leads(&own, Lead::Nowhere(404)), Ok((local.to_owned(), None)));
        assert_eq!(leads(&own, to(unnamed)), resolved(local, unnamed));
        // The start URL of another service may be a mere name.
        let unanswered = || unanswered("x", &CallError::Network("no route".to_owned()));
        let other = session("http://127.0.0.1:1/start", "", Some(local));
        assert_eq!(leads(&other, Lead::Nowhere(404)), Ok((local.to_owned(), None)));
        assert_eq!(leads(&other, unanswered()), Ok((local.to_owned(), None)));
        assert!(leads(&in_ireland, unanswered()).unwrap_err().contains("no route"));
        let of_aws = session("https://sso.corp.example", "", Some("https://oidc.eu-west-1.amazonaws.com"));
        assert!(leads(&of_aws, Lead::Nowhere(404)).is_err() && leads(&of_aws, unanswered()).is_err());
    }
}
