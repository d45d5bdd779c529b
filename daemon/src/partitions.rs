//! The partitions of AWS, and their hosts: the one table of them. Suffixes are from the models' `aws-partitions.json`, hosts of
//! portals and sign-in pages are those that the AWS CLI accepts (2.35.13), and observed ones.

use url::Url;

/// What the endpoint rules need to know of a partition. Every partition of the model supports FIPS and dual-stack,
/// so the rules' errors for partitions that do not are unreachable and left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Partition {
    /// The partition's name, such as `aws-us-gov`.
    pub(crate) name: &'static str,
    /// The suffix of hosts that speak IPv4 only.
    pub(crate) dns_suffix: &'static str,
    /// The suffix of hosts that speak IPv4 and IPv6.
    pub(crate) dual_stack_dns_suffix: &'static str,
    /// Below this are portals of organisations that have chosen a name, whatever their region.
    awsapps: Option<&'static str>,
    /// Below `portal.{region}.` and this are portals that speak IPv4 and IPv6.
    dual_stack_portals: Option<&'static str>,
    /// The host of Identity Center that is in no region.
    identity_center: Option<&'static str>,
}

const AWS: Partition = Partition {
    name: "aws",
    dns_suffix: "amazonaws.com",
    dual_stack_dns_suffix: "api.aws",
    awsapps: Some("awsapps.com"),
    dual_stack_portals: Some("app.aws"),
    identity_center: Some("identitycenter.amazonaws.com"),
};

/// One whose pages nobody has told us but `device.sso.{region}` and `{region}.portal`.
const fn isolated(name: &'static str, dns_suffix: &'static str, dual_stack_dns_suffix: &'static str) -> Partition {
    Partition {
        name,
        dns_suffix,
        dual_stack_dns_suffix,
        awsapps: None,
        dual_stack_portals: None,
        identity_center: None,
    }
}

/// Each other partition with what its regions begin with; what follows is a word, a hyphen and digits.
const BY_PREFIX: [(&str, Partition); 7] = [
    (
        "cn-",
        Partition {
            name: "aws-cn",
            dns_suffix: "amazonaws.com.cn",
            dual_stack_dns_suffix: "api.amazonwebservices.com.cn",
            awsapps: Some("awsapps.cn"),
            dual_stack_portals: Some("app.amazonwebservices.com.cn"),
            identity_center: Some("identitycenter.amazonaws.com.cn"),
        },
    ),
    (
        "eusc-de-",
        Partition {
            name: "aws-eusc",
            dns_suffix: "amazonaws.eu",
            dual_stack_dns_suffix: "api.amazonwebservices.eu",
            awsapps: None,
            dual_stack_portals: Some("api.amazonwebservices.eu"),
            identity_center: Some("identitycenter.amazonaws.eu"),
        },
    ),
    ("us-iso-", isolated("aws-iso", "c2s.ic.gov", "api.aws.ic.gov")),
    ("us-isob-", isolated("aws-iso-b", "sc2s.sgov.gov", "api.aws.scloud")),
    ("eu-isoe-", isolated("aws-iso-e", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk")),
    ("us-isof-", isolated("aws-iso-f", "csp.hci.ic.gov", "api.aws.hci.ic.gov")),
    ("us-gov-", Partition { name: "aws-us-gov", identity_center: Some("identitycenter.us-gov.amazonaws.com"), ..AWS }),
];

impl Partition {
    /// The partition of a region. A region that no pattern knows belongs to `aws`, as in the endpoint rules'
    /// `aws.partition` function.
    pub(crate) fn of(region: &str) -> Self {
        BY_PREFIX
            .iter()
            .find(|(prefix, _)| region.strip_prefix(prefix).is_some_and(is_word_and_number))
            .map_or(AWS, |&(_, partition)| partition)
    }

    /// Whether people sign in on this host, in whatever region.
    fn has_global_page_host(self, host: &str) -> bool {
        self.awsapps.is_some_and(|zone| is_below(host, zone)) || self.identity_center == Some(host)
    }

    /// Whether people sign in on this host, in this region.
    fn has_page_host(self, host: &str, region: &str) -> bool {
        self.has_global_page_host(host)
            || host == format!("device.sso.{region}.{}", self.dns_suffix)
            || is_below(host, &format!("{region}.portal.{}", self.dns_suffix))
            || self.dual_stack_portals.is_some_and(|zone| is_below(host, &format!("portal.{region}.{zone}")))
    }
}

/// Whether Identity Center has pages on this host where people of this region sign in, or of any where it is not known. Nobody
/// else can own these hosts; all of `amazonaws.com` would be too wide.
pub(crate) fn is_page_host(host: &str, region: Option<&str>) -> bool {
    let in_region = |region: &str| Partition::of(region).has_page_host(host, region);
    match region {
        Some(region) => in_region(region),
        None => {
            BY_PREFIX.iter().map(|(_, partition)| partition).chain([&AWS]).any(|it| it.has_global_page_host(host))
                || host.split('.').filter(|label| is_known_region(label)).any(in_region)
        }
    }
}

/// Whether a host is in a zone and is not the zone itself.
fn is_below(host: &str, zone: &str) -> bool {
    host.strip_suffix(zone).and_then(|labels| labels.strip_suffix('.')).is_some_and(|labels| !labels.is_empty())
}

/// What the regions of `aws` begin with, as the model's pattern has it.
const AWS_PREFIXES: [&str; 9] = ["us-", "eu-", "ap-", "sa-", "ca-", "me-", "af-", "il-", "mx-"];

/// Whether a partition's pattern knows this region. Others are tried all the same: AWS opens regions.
pub fn is_known_region(region: &str) -> bool {
    let prefixes = AWS_PREFIXES.iter().chain(BY_PREFIX.iter().map(|(prefix, _)| prefix));
    prefixes.into_iter().any(|prefix| region.strip_prefix(prefix).is_some_and(is_word_and_number))
}

/// Pages of AWS that people take for start pages: the console and the pages on the way of a sign-in.
const OTHER_PAGES: [&str; 5] =
    ["console.aws.amazon.com", "signin.aws.amazon.com", "signin.aws", "console.amazonaws.cn", "signin.amazonaws.cn"];

/// Whether this is a page of AWS that is no start page.
pub(crate) fn refused_start_url(url: &Url) -> bool {
    let Some(host) = url.domain() else { return false };
    let is_in = |zone: &str| host == zone || host.strip_suffix(zone).is_some_and(|labels| labels.ends_with('.'));
    if is_in("awsapps.com") || is_in("awsapps.cn") {
        // All of these have their start page at one path.
        return !matches!(url.path().trim_end_matches('/'), "" | "/start");
    }
    OTHER_PAGES.into_iter().any(is_in) || host.starts_with("device.sso.") || region_of_service(url).is_some()
}

/// The patterns' `\w+\-\d+`.
fn is_word_and_number(text: &str) -> bool {
    text.split_once('-').is_some_and(|(word, number)| {
        !word.is_empty()
            && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// The labels that the two services have in front of their region.
const SERVICES: [&str; 4] = ["oidc.", "oidc-fips.", "portal.sso.", "portal.sso-fips."];

/// The region of AWS whose OIDC service or portal has this address; `None` if it is anybody else's.
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

/// Whether the text can stand as one label of a host name (RFC 1123 2.1), as a region must.
pub(crate) fn is_region(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_region_pattern_of_the_model_finds_its_partition() {
        for (region, name) in [
            ("us-east-1", "aws"),
            ("eu-central-2", "aws"),
            ("il-central-1", "aws"),
            ("mx-central-1", "aws"),
            ("cn-north-1", "aws-cn"),
            ("cn-northwest-1", "aws-cn"),
            ("eusc-de-east-1", "aws-eusc"),
            ("us-iso-east-1", "aws-iso"),
            ("us-isob-west-1", "aws-iso-b"),
            ("eu-isoe-west-1", "aws-iso-e"),
            ("us-isof-south-1", "aws-iso-f"),
            ("us-gov-east-1", "aws-us-gov"),
            ("us-gov-west-1", "aws-us-gov"),
        ] {
            assert_eq!(Partition::of(region).name, name, "{region}");
            assert!(is_known_region(region), "{region}");
        }
    }

    #[test]
    fn pages_are_on_hosts_of_the_region_or_of_any_where_none_is_known() {
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

    #[test]
    fn a_region_that_no_pattern_knows_belongs_to_aws() {
        for region in ["moon-base-1", "cn-north", "us-gov-1", "cn-north-1-a"] {
            assert_eq!(Partition::of(region).name, "aws", "{region}");
        }
    }

    #[test]
    fn a_region_that_is_misspelt_is_not_known() {
        for region in ["moon-base-1", "cn-north", "eu-west", "eu-west-", "eu-west-1-a", "eu", "EU-west-1", ""] {
            assert!(!is_known_region(region), "{region}");
        }
    }
}
