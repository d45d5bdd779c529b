//! Which hosts a session talks to: the partitions' hosts, FIPS and dual-stack, and all overrides in their order.
//!
//! The rules are those of the models' `sso-oidc.endpoint-rules.json` and `sso-portal.endpoint-rules.json`. The order
//! of overrides is botocore's, after the daemon's own configuration:
//!
//! 1. `oidc_endpoint` and `portal_endpoint` of the session in the own configuration,
//! 2. `AWS_ENDPOINT_URL_SSO_OIDC` and `AWS_ENDPOINT_URL_SSO`,
//! 3. `AWS_ENDPOINT_URL`,
//! 4. `endpoint_url` of `sso_oidc` and `sso` in the profile's `services` section,
//! 5. the profile's `endpoint_url`.
//!
//! `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS`, or the profile's `ignore_configured_endpoint_urls`, switches 2 to 5 off.

use std::fmt;

use url::Url;

use super::environment::Environment;
use super::identity::{has_credentials, is_https_or_loopback, is_region, without_credentials};
use super::partitions::Partition;

/// Base URLs of the two services that a session talks to. Paths of operations are appended to their paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// The OIDC service: registrations, device flows and tokens.
    pub oidc: Url,
    /// The portal: accounts, roles, role credentials and logout.
    pub portal: Url,
}

/// Why a session has no endpoints.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// The region cannot be part of a host name.
    #[error("{0:?} is not a region; regions look like \"eu-west-1\"")]
    Region(String),
    /// An override is not a URL that can be a base.
    #[error("{source_of_url} is not a plain http or https URL: {url:?}")]
    NotAUrl {
        /// Where the override stands.
        source_of_url: OverrideSource,
        /// What stands there.
        url: String,
    },
    /// An override carries a user name or a password.
    #[error("{0} must not contain a user name or password")]
    Credentials(OverrideSource),
    /// An override would send secrets in the clear to another machine.
    #[error("{source_of_url} is plain http to another machine ({url:?}); use https, or a loopback address")]
    PlainHttp {
        /// Where the override stands.
        source_of_url: OverrideSource,
        /// What stands there.
        url: String,
    },
    /// FIPS endpoints are required, and a custom endpoint is configured (endpoint rules).
    #[error("FIPS endpoints and a custom endpoint ({0}) exclude each other; remove one of them")]
    FipsAndCustom(OverrideSource),
    /// Dual-stack endpoints are required, and a custom endpoint is configured (endpoint rules).
    #[error("dual-stack endpoints and a custom endpoint ({0}) exclude each other; remove one of them")]
    DualStackAndCustom(OverrideSource),
}

/// Where a custom endpoint was configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OverrideSource {
    /// This key of the session in the own configuration.
    OwnConfig(&'static str),
    /// This environment variable.
    Variable(&'static str),
    /// `endpoint_url` of this service in this `services` section of the AWS configuration.
    Services {
        /// The section's name.
        section: String,
        /// `sso_oidc` or `sso`.
        service: &'static str,
    },
    /// `endpoint_url` of this profile of the AWS configuration.
    Profile(String),
}

impl fmt::Display for OverrideSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OwnConfig(key) => f.write_str(key),
            Self::Variable(name) => f.write_str(name),
            Self::Services { section, service } => {
                write!(f, "endpoint_url of {service} in [services {section}]")
            }
            Self::Profile(profile) => write!(f, "endpoint_url of profile {profile:?}"),
        }
    }
}

/// What a profile of the AWS configuration says about endpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ProfileEndpoints {
    pub(super) profile: String,
    pub(super) services: Option<ServiceEndpoints>,
    pub(super) endpoint_url: Option<String>,
    pub(super) ignore_configured_endpoint_urls: Option<bool>,
    pub(super) use_fips_endpoint: Option<bool>,
    pub(super) use_dualstack_endpoint: Option<bool>,
}

/// What a `services` section says about the two services.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ServiceEndpoints {
    pub(super) section: String,
    pub(super) sso_oidc: Option<String>,
    pub(super) sso: Option<String>,
}

/// Everything that decides on the endpoints of one session.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inputs<'a> {
    pub(super) start_url: &'a str,
    pub(super) region: &'a str,
    pub(super) own_oidc: Option<&'a str>,
    pub(super) own_portal: Option<&'a str>,
    pub(super) environment: &'a Environment,
    pub(super) profile: &'a ProfileEndpoints,
}

/// Resolves the endpoints of one session.
pub(super) fn resolve(inputs: Inputs<'_>) -> Result<Endpoints, EndpointError> {
    Ok(Endpoints { oidc: resolve_service(Service::Oidc, inputs)?, portal: resolve_service(Service::Portal, inputs)? })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Service {
    Oidc,
    Portal,
}

fn resolve_service(service: Service, inputs: Inputs<'_>) -> Result<Url, EndpointError> {
    let Inputs { environment, profile, .. } = inputs;
    let fips = environment.use_fips_endpoint.or(profile.use_fips_endpoint).unwrap_or(false);
    let dual_stack = environment.use_dualstack_endpoint.or(profile.use_dualstack_endpoint);

    if let Some((source, url)) = find_override(service, inputs) {
        if fips {
            return Err(EndpointError::FipsAndCustom(source));
        }
        if dual_stack == Some(true) {
            return Err(EndpointError::DualStackAndCustom(source));
        }
        return check_override(source, url);
    }
    // Observed: start URLs on app.aws work with the dual-stack OIDC endpoint only.
    let dual_stack = dual_stack.unwrap_or_else(|| service == Service::Oidc && is_dual_stack_portal(inputs.start_url));
    regional(service, inputs.region, fips, dual_stack)
}

/// The first override in the order of the module's description. Empty ones count as absent, as in botocore.
fn find_override<'a>(service: Service, inputs: Inputs<'a>) -> Option<(OverrideSource, &'a str)> {
    let Inputs { environment, profile, .. } = inputs;
    let services = profile.services.as_ref();
    let (own, own_key, variable, variable_name, in_services, service_name) = match service {
        Service::Oidc => (
            inputs.own_oidc,
            "oidc_endpoint",
            &environment.endpoint_url_sso_oidc,
            "AWS_ENDPOINT_URL_SSO_OIDC",
            services.and_then(|services| services.sso_oidc.as_deref()),
            "sso_oidc",
        ),
        Service::Portal => (
            inputs.own_portal,
            "portal_endpoint",
            &environment.endpoint_url_sso,
            "AWS_ENDPOINT_URL_SSO",
            services.and_then(|services| services.sso.as_deref()),
            "sso",
        ),
    };
    let ignore_configured =
        environment.ignore_configured_endpoint_urls.or(profile.ignore_configured_endpoint_urls).unwrap_or(false);
    let configured = || {
        [
            (OverrideSource::Variable(variable_name), variable.as_deref()),
            (OverrideSource::Variable("AWS_ENDPOINT_URL"), environment.endpoint_url.as_deref()),
            (
                OverrideSource::Services {
                    section: services.map(|services| services.section.clone()).unwrap_or_default(),
                    service: service_name,
                },
                in_services,
            ),
            (OverrideSource::Profile(profile.profile.clone()), profile.endpoint_url.as_deref()),
        ]
        .into_iter()
        .find_map(|(source, url)| Some((source, url.filter(|url| !url.is_empty())?)))
    };
    match own {
        Some(url) => Some((OverrideSource::OwnConfig(own_key), url)),
        None if ignore_configured => None,
        None => configured(),
    }
}

fn check_override(source: OverrideSource, text: &str) -> Result<Url, EndpointError> {
    let not_a_url = |source_of_url| EndpointError::NotAUrl { source_of_url, url: without_credentials(text).to_owned() };
    let Ok(url) = Url::parse(text) else {
        return Err(not_a_url(source));
    };
    if has_credentials(&url) {
        return Err(EndpointError::Credentials(source));
    }
    if !matches!(url.scheme(), "http" | "https")
        || text.chars().any(|c| c.is_whitespace() || c.is_control())
        || url.query().is_some()
        || url.fragment().is_some()
    {
        return Err(not_a_url(source));
    }
    if !is_https_or_loopback(&url) {
        return Err(EndpointError::PlainHttp { source_of_url: source, url: text.to_owned() });
    }
    Ok(url)
}

/// The host by the endpoint rules of the two models, which differ in the label alone.
fn regional(service: Service, region: &str, fips: bool, dual_stack: bool) -> Result<Url, EndpointError> {
    if !is_region(region) {
        return Err(EndpointError::Region(region.to_owned()));
    }
    let partition = Partition::of(region);
    // GovCloud's plain hosts are the FIPS hosts, except with dual-stack.
    let fips_label = fips && (dual_stack || partition.name != "aws-us-gov");
    let label = match (service, fips_label) {
        (Service::Oidc, false) => "oidc",
        (Service::Oidc, true) => "oidc-fips",
        (Service::Portal, false) => "portal.sso",
        (Service::Portal, true) => "portal.sso-fips",
    };
    let suffix = if dual_stack { partition.dual_stack_dns_suffix } else { partition.dns_suffix };
    Url::parse(&format!("https://{label}.{region}.{suffix}")).map_err(|_| EndpointError::Region(region.to_owned()))
}

/// Whether the portal is one of the dual-stack ones, such as `https://ssoins-1.portal.eu-west-1.app.aws`.
fn is_dual_stack_portal(start_url: &str) -> bool {
    Url::parse(start_url)
        .is_ok_and(|url| url.domain().is_some_and(|host| host == "app.aws" || host.ends_with(".app.aws")))
}

#[cfg(test)]
#[path = "endpoints_tests.rs"]
mod tests;
