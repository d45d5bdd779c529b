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
//!
//! Where the configuration does not name the region, each sign-in finds it out, and the requests that follow go to the issuer of
//! their secrets ([`SessionEndpoints::of`]).

use ssoctl_protocol::partition::{Partition, is_region};
use url::Url;

use super::environment::Environment;
use super::identity::{Identity, has_credentials, is_https_or_loopback, without_credentials};
use crate::aws_hosts::is_dual_stack_portal;
use crate::issuer::{Endpoint, Issuer, Setting};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// Registrations, device authorizations and tokens.
    pub oidc: Endpoint,
    /// Accounts, roles, role credentials and logout.
    pub portal: Endpoint,
}

impl Endpoints {
    /// Those of a session at this start URL that no file configures yet.
    ///
    /// # Errors
    /// The environment has settings that cannot be used.
    pub fn without_files(start_url: &str, region: &str, environment: &Environment) -> Result<Self, EndpointError> {
        let rules = EndpointRules::new(&Overrides::default(), environment, &ProfileEndpoints::default());
        rules.resolve(start_url, Some(region)).1
    }

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
    #[error(
        "its start URL leads to no region, and the configuration names none; add sso_region (in config.toml: region)"
    )]
    NoRegion,
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

/// What decides on endpoints besides start URL and region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EndpointRules {
    oidc: Option<Override>,
    portal: Option<Override>,
    fips: bool,
    dual_stack: Option<bool>,
}

impl EndpointRules {
    /// `own` are the overrides of config.toml.
    pub(super) fn new(own: &Overrides, environment: &Environment, profile: &ProfileEndpoints) -> Self {
        let find = |service| find_override(service, own, environment, profile);
        Self {
            oidc: find(Service::Oidc),
            portal: find(Service::Portal),
            fips: environment.use_fips_endpoint.or(profile.use_fips_endpoint).unwrap_or(false),
            dual_stack: environment.use_dualstack_endpoint.or(profile.use_dualstack_endpoint),
        }
    }

    /// The issuer of the secrets of a session, and its endpoints. With settings that cannot be used the issuer is AWS: its secrets
    /// are kept, and nothing is sent anywhere.
    pub(super) fn resolve(
        &self,
        start_url: &str,
        region: Option<&str>,
    ) -> (Option<Issuer>, Result<Endpoints, EndpointError>) {
        let at = |service| self.endpoint(service, start_url, region);
        let oidc = at(Service::Oidc);
        let issuer = oidc.as_ref().map_or_else(|_| region.map(Issuer::aws), |oidc| Some(oidc.issuer().clone()));
        (issuer, oidc.and_then(|oidc| both(oidc, at(Service::Portal)?)))
    }

    fn endpoint(&self, service: Service, start_url: &str, region: Option<&str>) -> Result<Endpoint, EndpointError> {
        let configured = match service {
            Service::Oidc => &self.oidc,
            Service::Portal => &self.portal,
        };
        if let Some(Override { set_by, url }) = configured.clone() {
            if self.fips || self.dual_stack == Some(true) {
                let kind = if self.fips { "FIPS" } else { "dual-stack" };
                return Err(EndpointError::ExcludesCustom { kind, set_by });
            }
            let endpoint = check_override(set_by, &url)?;
            return Ok(match region {
                Some(region) => endpoint.in_place_of_aws_in(region),
                None => endpoint,
            });
        }
        let region = region.ok_or(EndpointError::NoRegion)?;
        // Observed with start URLs on app.aws: only the dual-stack OIDC endpoint works with them.
        let dual_stack = self.dual_stack.unwrap_or_else(|| service == Service::Oidc && is_dual_stack_portal(start_url));
        regional(service, region, self.fips, dual_stack).map(Endpoint::usual)
    }
}

/// The endpoints of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionEndpoints {
    rules: EndpointRules,
    start_url: String,
    /// Of the identity, else the configured one.
    region: Option<String>,
    /// Whether requests go to the issuer of their secrets, as the configuration does not decide on the region.
    follow_issuer: bool,
    configured: Result<Option<Endpoints>, EndpointError>,
}

impl SessionEndpoints {
    /// The endpoints of a session, and its issuer if the configuration decides on it.
    pub(super) fn new(rules: EndpointRules, identity: &Identity, region: Option<&str>) -> (Self, Option<Issuer>) {
        let start_url = identity.start_url.clone();
        let region_used = identity.region.as_deref().or(region);
        let (issuer, configured) = match (&identity.region, &rules.oidc) {
            (None, None) => (None, Ok(None)),
            _ => {
                let (issuer, endpoints) = rules.resolve(&start_url, region_used);
                // Of a start URL that leads elsewhere, only a setting that can be used names the issuer.
                let is_certain = identity.region.is_some() || endpoints.is_ok();
                (issuer.filter(|_| is_certain), endpoints.map(Some))
            }
        };
        let follow_issuer = identity.region.is_none() || region.is_none();
        let region = region_used.map(str::to_owned);
        (Self { rules, start_url, region, follow_issuer, configured }, issuer)
    }

    /// Those that the configuration decides on; `None` if each sign-in finds out which they are, or if no call is possible.
    pub fn configured(&self) -> Option<&Endpoints> {
        self.configured.as_ref().ok()?.as_ref()
    }

    /// The reason why no call is possible.
    pub fn error(&self) -> Option<&EndpointError> {
        self.configured.as_ref().err()
    }

    /// Whether requests go to the issuer of their secrets, because the configuration does not decide on the region.
    pub const fn follow_issuer(&self) -> bool {
        self.follow_issuer
    }

    /// The endpoints for secrets of this issuer, which come from a sign-in at the start URL that the session's own was resolved to.
    /// They may have another issuer all the same: [`Endpoint::for_secrets_of`] has the last word.
    ///
    /// # Errors
    /// The configuration allows no call.
    pub fn of(&self, issuer: &Issuer, resolved: Option<&str>) -> Result<Endpoints, EndpointError> {
        match (&self.configured, issuer) {
            (Err(error), _) => Err(error.clone()),
            (Ok(_), Issuer::Aws { region }) if self.follow_issuer => self.in_region(Some(region), resolved),
            (Ok(Some(endpoints)), _) => Ok(endpoints.clone()),
            (Ok(None), _) => self.in_region(self.region.as_deref(), resolved),
        }
    }

    /// The endpoints for a sign-in at a start URL that the session's own was resolved to, and that names this region.
    ///
    /// # Errors
    /// The configuration allows no call, or neither it nor the start URL names the region.
    pub fn at(&self, resolved: &str, region: Option<&str>) -> Result<Endpoints, EndpointError> {
        if let Err(error) = &self.configured {
            return Err(error.clone());
        }
        self.in_region(region.or(self.region.as_deref()), Some(resolved))
    }

    fn in_region(&self, region: Option<&str>, resolved: Option<&str>) -> Result<Endpoints, EndpointError> {
        self.rules.resolve(resolved.unwrap_or(&self.start_url), region).1
    }
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

/// The first override in the order of the module's description.
fn find_override(
    service: Service,
    own: &Overrides,
    environment: &Environment,
    profile: &ProfileEndpoints,
) -> Option<Override> {
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
