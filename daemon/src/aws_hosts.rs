//! Hosts of AWS that the daemon judges: of services, and of the pages to which it sends people. Hosts of sign-in pages are those that the AWS CLI accepts
//! (2.35.13), and observed ones.

use ssoctl_protocol::partition::{Partition, is_below, is_known_region, is_region};
use url::Url;

/// Whether people of any region sign in on this host.
fn is_global_page_host(partition: &Partition, host: &str) -> bool {
    partition.awsapps.is_some_and(|zone| is_below(host, zone)) || partition.identity_center == Some(host)
}

/// Whether people of this region sign in on this host.
fn is_regional_page_host(host: &str, region: &str) -> bool {
    let partition = Partition::of(region);
    is_global_page_host(&partition, host)
        || host == format!("device.sso.{region}.{}", partition.dns_suffix)
        || is_below(host, &format!("{region}.portal.{}", partition.dns_suffix))
        || partition.dual_stack_portals.is_some_and(|zone| is_below(host, &format!("portal.{region}.{zone}")))
}

/// Whether people of this region sign in on this host; of any region, if it is not known. Nobody else can own these hosts. All of
/// `amazonaws.com` would be too much, because other people have hosts there.
pub(crate) fn is_page_host(host: &str, region: Option<&str>) -> bool {
    match region {
        Some(region) => is_regional_page_host(host, region),
        None => {
            Partition::all().any(|partition| is_global_page_host(partition, host))
                || host.split('.').any(|label| is_known_region(label) && is_regional_page_host(host, label))
        }
    }
}

/// A region to ask for the right one, if the host of this start URL names none.
pub(crate) fn region_to_ask(start_url: &str) -> &'static str {
    let is_in_china = Url::parse(start_url).is_ok_and(|url| url.domain().is_some_and(|host| is_below(host, "cn")));
    if is_in_china { "cn-north-1" } else { "us-east-1" }
}

/// Hosts of pages that people take for start pages: the console and the pages of a sign-in.
const OTHER_PAGES: [&str; 5] =
    ["console.aws.amazon.com", "signin.aws.amazon.com", "signin.aws", "console.amazonaws.cn", "signin.amazonaws.cn"];

/// Whether this is a page of AWS that is not a start page.
pub(crate) fn refused_start_url(url: &Url) -> bool {
    let Some(host) = url.domain() else { return false };
    let is_in = |zone: &str| host == zone || is_below(host, zone);
    if is_in("awsapps.com") || is_in("awsapps.cn") {
        // All portals there have their start page at this path.
        return !matches!(url.path().trim_end_matches('/'), "" | "/start");
    }
    OTHER_PAGES.into_iter().any(is_in) || host.starts_with("device.sso.") || region_of_service(url).is_some()
}

/// Whether the portal has IPv4 and IPv6, such as `https://ssoins-1.portal.eu-west-1.app.aws`.
pub(crate) fn is_dual_stack_portal(start_url: &str) -> bool {
    let is_it = |url: Url| url.domain().is_some_and(|host| host == "app.aws" || is_below(host, "app.aws"));
    Url::parse(start_url).is_ok_and(is_it)
}

/// The labels of the two services before their region.
const SERVICES: [&str; 4] = ["oidc.", "oidc-fips.", "portal.sso.", "portal.sso-fips."];

/// The region whose OIDC service or portal has this address; `None` if it is not AWS's.
pub(crate) fn region_of_service(url: &Url) -> Option<&str> {
    if url.scheme() != "https" || url.port().is_some() {
        return None;
    }
    let host = url.domain()?;
    let (region, suffix) = SERVICES.iter().find_map(|label| host.strip_prefix(label))?.split_once('.')?;
    let partition = Partition::of(region);
    let is_of_aws = suffix == partition.dns_suffix || suffix == partition.dual_stack_dns_suffix;
    (is_region(region) && is_of_aws).then_some(region)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_on_hosts_of_the_region_or_of_any_region_if_it_is_not_known() {
        for (region, host) in [
            ("eu-west-1", "device.sso.eu-west-1.amazonaws.com"),
            ("eu-west-1", "corp.awsapps.com"),
            ("eu-west-1", "ssoins-1.eu-west-1.portal.amazonaws.com"),
            ("eu-west-1", "ssoins-1.portal.eu-west-1.app.aws"),
            ("eu-west-1", "identitycenter.amazonaws.com"),
            ("cn-north-1", "device.sso.cn-north-1.amazonaws.com.cn"),
            ("cn-north-1", "start.cn-north-1.home.awsapps.cn"),
            ("cn-north-1", "ssoins-1.portal.cn-north-1.app.amazonwebservices.com.cn"),
            ("cn-north-1", "ssoins-1.cn-north-1.portal.amazonaws.com.cn"),
            ("cn-north-1", "identitycenter.amazonaws.com.cn"),
            ("eusc-de-east-1", "ssoins-1.portal.eusc-de-east-1.api.amazonwebservices.eu"),
            ("eusc-de-east-1", "ssoins-1.eusc-de-east-1.portal.amazonaws.eu"),
            ("eusc-de-east-1", "identitycenter.amazonaws.eu"),
            ("us-gov-west-1", "start.us-gov-home.awsapps.com"),
            ("us-gov-west-1", "identitycenter.us-gov.amazonaws.com"),
            ("us-iso-east-1", "device.sso.us-iso-east-1.c2s.ic.gov"),
        ] {
            assert!(is_page_host(host, Some(region)) && is_page_host(host, None), "{host}");
            let elsewhere = !host.contains(region) || !is_page_host(host, Some("ap-south-1"));
            assert!(elsewhere, "{host} is of {region} alone");
        }
        for host in [
            "awsapps.com",
            "evilawsapps.com",
            "corp.awsapps.com.evil.example",
            "device.sso.eu-west-1.amazonaws.com.cn",
            "device.sso.cn-north-1.amazonaws.com",
            "device.sso.eu-west-1.amazonaws.com.evil.example",
            "x.device.sso.eu-west-1.amazonaws.com",
            "eu-west-1.portal.amazonaws.com",
            "portal.eu-west-1.app.aws",
            "bucket.s3.eu-west-1.amazonaws.com",
            "x.identitycenter.amazonaws.com",
            "169.254.169.254",
            "",
        ] {
            assert!(!is_page_host(host, None), "{host}");
            assert!(!is_page_host(host, Some("eu-west-1")) && !is_page_host(host, Some("cn-north-1")), "{host}");
        }
    }
}
