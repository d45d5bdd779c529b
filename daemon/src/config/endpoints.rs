//! Decides which hosts a session calls: those of its partition, FIPS and dual-stack hosts, and overrides.
//!
//! The rules are those of the models' `sso-oidc.endpoint-rules.json` and `sso-portal.endpoint-rules.json`. The first of these
//! overrides counts:
//!
//! 1. `oidc_endpoint` and `portal_endpoint` of the session in config.toml,
//! 2. `AWS_ENDPOINT_URL_SSO_OIDC` and `AWS_ENDPOINT_URL_SSO`,
//! 3. `endpoint_url` of `sso_oidc` and `sso` in the profile's `services` section.
//!
//! `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS`, or the profile's `ignore_configured_endpoint_urls`, switches 2 and 3 off. The general
//! `AWS_ENDPOINT_URL` and a profile's `endpoint_url` do not count: people set them for one local service, and a sign-in would go
//! there.
//!
//! Both services of a session must have the same issuer, because the portal gets tokens that the OIDC service has issued.

use url::Url;

use super::environment::Environment;
use super::identity::{has_credentials, is_https_or_loopback, without_credentials};
use crate::issuer::{Endpoint, Issuer, Setting};
use crate::partitions::{Partition, is_dual_stack_portal, is_region};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// Registrations, device authorizations and tokens.
    pub oidc: Endpoint,
    /// Accounts, roles, role credentials and logout.
    pub portal: Endpoint,
}

impl Endpoints {
    /// The address and where it is configured, unless the issuer is AWS in the session's region.
    pub fn description_if_foreign(&self) -> Option<String> {
        self.oidc.description_if_foreign()
    }

    /// Whether an environment variable has moved the session to another issuer.
    pub fn are_moved_by_a_variable(&self) -> bool {
        let is_moved = |endpoint: &Endpoint| matches!(endpoint.foreign(), Some((_, Setting::Variable(_))));
        is_moved(&self.oidc) || is_moved(&self.portal)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    #[error("{0:?} is not a region; regions look like \"eu-west-1\"")]
    Region(String),
    #[error("{set_by} is not a plain http or https URL: {url:?}")]
    NotAUrl { set_by: Setting, url: String },
    #[error("{0} must not contain a user name or password")]
    Credentials(Setting),
    /// Other machines on the way could read the secrets.
    #[error("{set_by} is plain http to another machine ({url:?}); use https, or a loopback address")]
    PlainHttp { set_by: Setting, url: String },
    /// The endpoint rules forbid both together.
    #[error("{kind} endpoints and a custom endpoint ({set_by}) exclude each other; remove one of them")]
    ExcludesCustom { kind: &'static str, set_by: Setting },
    /// No session has this issuer any more, and its record does not say where the portal was.
    #[error("the portal of {0} is not known")]
    NoPortal(String),
    /// The portal would get tokens that another service has issued.
    #[error(
        "its sign-in service is {oidc} and its portal is {portal}, which are not one service: a token goes only to the service \
         that issued it; set both, or neither"
    )]
    TwoIssuers { oidc: String, portal: String },
}

/// A configured URL of one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Override {
    pub(super) set_by: Setting,
    pub(super) url: String,
}

/// The overrides of one source for both services.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Overrides {
    pub(super) oidc: Option<Override>,
    pub(super) portal: Option<Override>,
}

impl Overrides {
    fn of(&self, service: Service) -> Option<&Override> {
        match service {
            Service::Oidc => self.oidc.as_ref(),
            Service::Portal => self.portal.as_ref(),
        }
    }
}

/// The endpoint settings of a profile of the AWS configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ProfileEndpoints {
    pub(super) overrides: Overrides,
    pub(super) ignore_configured_endpoint_urls: Option<bool>,
    pub(super) use_fips_endpoint: Option<bool>,
    pub(super) use_dualstack_endpoint: Option<bool>,
}

/// Everything that decides on the endpoints of one session.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inputs<'a> {
    pub(super) start_url: &'a str,
    pub(super) region: &'a str,
    /// Those of config.toml.
    pub(super) own: &'a Overrides,
    pub(super) environment: &'a Environment,
    pub(super) profile: &'a ProfileEndpoints,
}

/// The issuer of a session's secrets, and its endpoints. With settings that cannot be used the issuer is AWS: its secrets are
/// kept, and nothing is sent anywhere.
pub(super) fn resolve(inputs: Inputs<'_>) -> (Issuer, Result<Endpoints, EndpointError>) {
    let oidc = resolve_service(Service::Oidc, inputs);
    let issuer = oidc.as_ref().map_or_else(|_| Issuer::aws(inputs.region), |oidc| oidc.issuer().clone());
    (issuer, oidc.and_then(|oidc| both(oidc, resolve_service(Service::Portal, inputs)?)))
}

/// The portal of an issuer that no session has any more: the one that a record names, else AWS's usual one.
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
        let url = endpoint.shown().as_str().trim_end_matches('/');
        endpoint.set_by().map_or_else(|| url.to_owned(), |setting| format!("{url} ({setting})"))
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

    if let Some(Override { set_by, url }) = find_override(service, inputs) {
        if fips || dual_stack == Some(true) {
            return Err(EndpointError::ExcludesCustom { kind: if fips { "FIPS" } else { "dual-stack" }, set_by });
        }
        return Ok(check_override(set_by, &url)?.in_place_of_aws_in(inputs.region));
    }
    // Observed with start URLs on app.aws: only the dual-stack OIDC endpoint works with them.
    let dual_stack = dual_stack.unwrap_or_else(|| service == Service::Oidc && is_dual_stack_portal(inputs.start_url));
    regional(service, inputs.region, fips, dual_stack).map(Endpoint::usual)
}

/// The first override in the order of the module's description.
fn find_override(service: Service, inputs: Inputs<'_>) -> Option<Override> {
    let Inputs { own, environment, profile, .. } = inputs;
    if let Some(own) = own.of(service) {
        return Some(own.clone());
    }
    if environment.ignore_configured_endpoint_urls.or(profile.ignore_configured_endpoint_urls).unwrap_or(false) {
        return None;
    }
    let (variable, url) = match service {
        Service::Oidc => ("AWS_ENDPOINT_URL_SSO_OIDC", &environment.endpoint_url_sso_oidc),
        Service::Portal => ("AWS_ENDPOINT_URL_SSO", &environment.endpoint_url_sso),
    };
    let of_variable = url.clone().map(|url| Override { set_by: Setting::Variable(variable), url });
    of_variable.or_else(|| profile.overrides.of(service).cloned())
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

/// The host by the endpoint rules of the two models, which differ only in the label.
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

#[cfg(test)]
#[path = "endpoints_tests.rs"]
mod tests;
