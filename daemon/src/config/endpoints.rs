//! Which hosts a session talks to: the partitions' hosts, FIPS and dual-stack, and all overrides in their order.
//!
//! The rules are those of the models' `sso-oidc.endpoint-rules.json` and `sso-portal.endpoint-rules.json`. Overrides, first
//! one wins:
//!
//! 1. `oidc_endpoint` and `portal_endpoint` of the session in the own configuration,
//! 2. `AWS_ENDPOINT_URL_SSO_OIDC` and `AWS_ENDPOINT_URL_SSO`,
//! 3. `endpoint_url` of `sso_oidc` and `sso` in the profile's `services` section.
//!
//! `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS`, or the profile's `ignore_configured_endpoint_urls`, switches 2 and 3 off. The
//! general `AWS_ENDPOINT_URL` and a profile's `endpoint_url` are left out on purpose: people set them for one local service,
//! and a sign-in would go there.
//!
//! Both services of a session have to be one issuer: the portal gets tokens that the OIDC service has issued.

use std::path::Path;

use url::Url;

use super::environment::Environment;
use super::identity::{has_credentials, is_https_or_loopback, without_credentials};
use super::located::Located;
use crate::issuer::{Endpoint, Issuer, Setting};
use crate::partitions::{Partition, is_region};

/// The two services that a session talks to, of one issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// The OIDC service: registrations, device flows and tokens.
    pub oidc: Endpoint,
    /// The portal: accounts, roles, role credentials and logout.
    pub portal: Endpoint,
}

impl Endpoints {
    /// What is to be said of them wherever something is said: nothing of AWS's own in the session's region, of others where they are and where that
    /// is configured.
    pub fn notice(&self) -> Option<String> {
        self.oidc.notice()
    }

    /// Whether an environment variable has moved the session to another issuer.
    pub fn are_moved_by_a_variable(&self) -> bool {
        [&self.oidc, &self.portal]
            .into_iter()
            .any(|endpoint| endpoint.is_moved() && matches!(endpoint.set_by(), Some(Setting::Variable(_))))
    }
}

/// Why a session has no endpoints.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// The region cannot be part of a host name.
    #[error("{0:?} is not a region; regions look like \"eu-west-1\"")]
    Region(String),
    /// An override is not a URL that can be a base.
    #[error("{set_by} is not a plain http or https URL: {url:?}")]
    NotAUrl {
        /// Where the override stands.
        set_by: Setting,
        /// What stands there.
        url: String,
    },
    /// An override carries a user name or a password.
    #[error("{0} must not contain a user name or password")]
    Credentials(Setting),
    /// An override would send secrets in the clear to another machine.
    #[error("{set_by} is plain http to another machine ({url:?}); use https, or a loopback address")]
    PlainHttp {
        /// Where the override stands.
        set_by: Setting,
        /// What stands there.
        url: String,
    },
    /// FIPS endpoints are required, and a custom endpoint is configured (endpoint rules).
    #[error("FIPS endpoints and a custom endpoint ({0}) exclude each other; remove one of them")]
    FipsAndCustom(Setting),
    /// Dual-stack endpoints are required, and a custom endpoint is configured (endpoint rules).
    #[error("dual-stack endpoints and a custom endpoint ({0}) exclude each other; remove one of them")]
    DualStackAndCustom(Setting),
    /// No session names this issuer any more, nor does its record say where its portal was.
    #[error("nobody knows where the portal of {0} is")]
    NoPortal(String),
    /// The portal would get tokens that somebody else has issued.
    #[error(
        "its sign-in service is {oidc} and its portal is {portal}, which are not one service: a token goes to whoever issued \
         it and to nobody else; set both, or neither"
    )]
    TwoIssuers {
        /// The OIDC service, and where that is configured.
        oidc: String,
        /// The portal, and where that is configured.
        portal: String,
    },
}

/// What a profile of the AWS configuration says about endpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ProfileEndpoints {
    pub(super) services: Option<ServiceEndpoints>,
    pub(super) ignore_configured_endpoint_urls: Option<bool>,
    pub(super) use_fips_endpoint: Option<bool>,
    pub(super) use_dualstack_endpoint: Option<bool>,
}

/// What a `services` section says about the two services.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ServiceEndpoints {
    pub(super) section: String,
    pub(super) sso_oidc: Option<Located<String>>,
    pub(super) sso: Option<Located<String>>,
}

/// Everything that decides on the endpoints of one session.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inputs<'a> {
    pub(super) start_url: &'a str,
    pub(super) region: &'a str,
    pub(super) own_path: &'a Path,
    pub(super) own_oidc: Option<&'a Located<String>>,
    pub(super) own_portal: Option<&'a Located<String>>,
    pub(super) environment: &'a Environment,
    pub(super) aws_path: &'a Path,
    pub(super) profile: &'a ProfileEndpoints,
}

/// Who issues the secrets of a session, and its endpoints. Settings that cannot be used name nobody else: what AWS has issued
/// is kept, and nothing is sent anywhere.
pub(super) fn resolve(inputs: Inputs<'_>) -> (Issuer, Result<Endpoints, EndpointError>) {
    let oidc = resolve_service(Service::Oidc, inputs);
    let issuer = oidc.as_ref().map_or_else(|_| Issuer::aws(inputs.region), |oidc| oidc.issuer().clone());
    (issuer, oidc.and_then(|oidc| both(oidc, resolve_service(Service::Portal, inputs)?)))
}

/// The portal of an issuer that no session has any more: where it was by a record, else AWS's usual one.
pub(crate) fn portal_of(issuer: &Issuer, recorded: Option<&str>) -> Result<Endpoint, EndpointError> {
    let recorded = recorded.and_then(|url| check_override(Setting::Record, url).ok());
    match (recorded.filter(|portal| portal.issuer() == issuer), issuer) {
        (Some(portal), _) => Ok(portal),
        (None, Issuer::Aws { region }) => regional(Service::Portal, region, false, false).map(Endpoint::usual),
        (None, Issuer::Foreign { origin }) => Err(EndpointError::NoPortal(origin.clone())),
    }
}

fn both(oidc: Endpoint, portal: Endpoint) -> Result<Endpoints, EndpointError> {
    if oidc.issuer() == portal.issuer() {
        return Ok(Endpoints { oidc, portal });
    }
    let shown = |endpoint: &Endpoint| {
        let usual = || endpoint.shown().as_str().trim_end_matches('/').to_owned();
        match endpoint.set_by() {
            Some(setting) => format!("{} ({setting})", usual()),
            None => usual(),
        }
    };
    Err(EndpointError::TwoIssuers { oidc: shown(&oidc), portal: shown(&portal) })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Service {
    Oidc,
    Portal,
}

fn resolve_service(service: Service, inputs: Inputs<'_>) -> Result<Endpoint, EndpointError> {
    let Inputs { environment, profile, .. } = inputs;
    let fips = environment.use_fips_endpoint.or(profile.use_fips_endpoint).unwrap_or(false);
    let dual_stack = environment.use_dualstack_endpoint.or(profile.use_dualstack_endpoint);

    if let Some((setting, url)) = find_override(service, inputs) {
        if fips {
            return Err(EndpointError::FipsAndCustom(setting));
        }
        if dual_stack == Some(true) {
            return Err(EndpointError::DualStackAndCustom(setting));
        }
        return Ok(check_override(setting, url)?.in_place_of_aws_in(inputs.region));
    }
    // Observed: start URLs on app.aws work with the dual-stack OIDC endpoint only.
    let dual_stack = dual_stack.unwrap_or_else(|| service == Service::Oidc && is_dual_stack_portal(inputs.start_url));
    regional(service, inputs.region, fips, dual_stack).map(Endpoint::usual)
}

/// The first override in the order of the module's description. Empty ones count as absent, as in botocore.
fn find_override<'a>(service: Service, inputs: Inputs<'a>) -> Option<(Setting, &'a str)> {
    let Inputs { environment, profile, .. } = inputs;
    let services = profile.services.as_ref();
    let (own, key, variable, variable_name, in_services, service) = match service {
        Service::Oidc => (
            inputs.own_oidc,
            "oidc_endpoint",
            &environment.endpoint_url_sso_oidc,
            "AWS_ENDPOINT_URL_SSO_OIDC",
            services.and_then(|services| services.sso_oidc.as_ref()),
            "sso_oidc",
        ),
        Service::Portal => (
            inputs.own_portal,
            "portal_endpoint",
            &environment.endpoint_url_sso,
            "AWS_ENDPOINT_URL_SSO",
            services.and_then(|services| services.sso.as_ref()),
            "sso",
        ),
    };
    if let Some(own) = own {
        let setting = Setting::OwnConfig { key, file: inputs.own_path.to_owned(), line: own.line };
        return Some((setting, &own.value));
    }
    if environment.ignore_configured_endpoint_urls.or(profile.ignore_configured_endpoint_urls).unwrap_or(false) {
        return None;
    }
    if let Some(url) = variable.as_deref().filter(|url| !url.is_empty()) {
        return Some((Setting::Variable(variable_name), url));
    }
    let url = in_services.filter(|url| !url.value.is_empty())?;
    let setting = Setting::Services {
        section: services.map(|services| services.section.clone()).unwrap_or_default(),
        service,
        file: inputs.aws_path.to_owned(),
        line: url.line,
    };
    Some((setting, &url.value))
}

fn check_override(set_by: Setting, text: &str) -> Result<Endpoint, EndpointError> {
    let not_a_url = |set_by| EndpointError::NotAUrl { set_by, url: without_credentials(text).to_owned() };
    let Ok(url) = Url::parse(text) else {
        return Err(not_a_url(set_by));
    };
    if has_credentials(&url) {
        return Err(EndpointError::Credentials(set_by));
    }
    if !matches!(url.scheme(), "http" | "https")
        || text.chars().any(|c| c.is_whitespace() || c.is_control())
        || url.query().is_some()
        || url.fragment().is_some()
    {
        return Err(not_a_url(set_by));
    }
    if !is_https_or_loopback(&url) {
        return Err(EndpointError::PlainHttp { set_by, url: text.to_owned() });
    }
    Ok(Endpoint::configured(url, set_by))
}

/// The host by the endpoint rules of the two models, which differ in the label alone.
fn regional(service: Service, region: &str, fips: bool, dual_stack: bool) -> Result<Url, EndpointError> {
    if !is_region(region) {
        return Err(EndpointError::Region(region.to_owned()));
    }
    let region = &region.to_ascii_lowercase();
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
