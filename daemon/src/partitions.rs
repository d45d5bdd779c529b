//! The partitions of AWS and their hosts. Suffixes are from the models' `aws-partitions.json`; hosts of portals and sign-in pages
//! are those that the AWS CLI accepts (2.35.13), and observed ones.

use url::Url;

/// A partition. All partitions of the model support FIPS and dual-stack, so the endpoint rules' errors for others are not here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Partition {
    /// Such as `aws-us-gov`.
    pub(crate) name: &'static str,
    /// The suffix of hosts with IPv4 only.
    pub(crate) dns_suffix: &'static str,
    /// The suffix of hosts with IPv4 and IPv6.
    pub(crate) dual_stack_dns_suffix: &'static str,
    /// The suffix of portals with a name that their organisation has chosen, in any region.
    awsapps: Option<&'static str>,
    /// With `portal.{region}.` before it, the suffix of portals with IPv4 and IPv6.
    dual_stack_portals: Option<&'static str>,
    /// The host of Identity Center without a region.
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

/// A partition of which only the pages at `device.sso.{region}` and `{region}.portal` are known.
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

/// The other partitions with the beginning of their regions, which a word, a hyphen and digits follow.
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

    /// Whether people of any region sign in on this host.
    fn has_global_page_host(self, host: &str) -> bool {
        self.awsapps.is_some_and(|zone| is_below(host, zone)) || self.identity_center == Some(host)
    }

    /// Whether people of this region sign in on this host.
    fn has_page_host(self, host: &str, region: &str) -> bool {
        self.has_global_page_host(host)
            || host == format!("device.sso.{region}.{}", self.dns_suffix)
            || is_below(host, &format!("{region}.portal.{}", self.dns_suffix))
            || self.dual_stack_portals.is_some_and(|zone| is_below(host, &format!("portal.{region}.{zone}")))
    }
}

/// Whether people of this region sign in on this host; of any region, if it is not known. Nobody else can own these hosts. All of
/// `amazonaws.com` would be too much, because other people have hosts there.
pub(crate) fn is_page_host(host: &str, region: Option<&str>) -> bool {
    let in_region = |region: &str| Partition::of(region).has_page_host(host, region);
    match region {
        Some(region) => in_region(region),
        None => {
            partitions().any(|it| it.has_global_page_host(host))
                || host.split('.').filter(|label| is_known_region(label)).any(in_region)
        }
    }
}

fn partitions() -> impl Iterator<Item = &'static Partition> {
    BY_PREFIX.iter().map(|(_, partition)| partition).chain([&AWS])
}

/// Whether a start URL on this host, in lower case, is one of AWS's own. Any other one has to be resolved to one before a sign-in.
pub(crate) fn is_start_host(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let is_in = |zone: &str| host == zone || is_below(host, zone);
    partitions().any(|it| {
        it.identity_center == Some(host)
            || is_in(&format!("portal.{}", it.dns_suffix))
            || [it.awsapps, it.dual_stack_portals].into_iter().flatten().any(is_in)
    })
}

/// A region to ask for the right one, if the host of this start URL names none.
pub(crate) fn region_to_ask(start_url: &str) -> &'static str {
    let is_in_china = Url::parse(start_url).is_ok_and(|url| url.domain().is_some_and(|host| is_below(host, "cn")));
    if is_in_china { "cn-north-1" } else { "us-east-1" }
}

/// The region that the host of a start URL names, as in `ssoins-1.portal.eu-west-1.app.aws` and
/// `ssoins-1.eu-west-1.portal.amazonaws.com`. The other hosts of start URLs name none.
pub(crate) fn region_of_start_host(host: &str) -> Option<&str> {
    let host = host.strip_suffix('.').unwrap_or(host);
    let below = |zone: &str| host.strip_suffix(zone)?.strip_suffix('.');
    let region = partitions().find_map(|it| match it.dual_stack_portals.and_then(below) {
        Some(labels) => labels.split_once(".portal.").filter(|(instance, _)| !instance.contains('.')),
        None => below(&format!("portal.{}", it.dns_suffix))?.split_once('.'),
    });
    region.filter(|(instance, region)| !instance.is_empty() && is_region(region)).map(|(_, region)| region)
}

/// Whether a host is below a zone, and not the zone itself.
fn is_below(host: &str, zone: &str) -> bool {
    host.strip_suffix(zone).and_then(|labels| labels.strip_suffix('.')).is_some_and(|labels| !labels.is_empty())
}

/// The beginnings of the regions of `aws` in the model's pattern.
const AWS_PREFIXES: [&str; 9] = ["us-", "eu-", "ap-", "sa-", "ca-", "me-", "af-", "il-", "mx-"];

/// Whether a partition's pattern knows this region. Other regions are tried, too, because AWS opens new ones.
pub fn is_known_region(region: &str) -> bool {
    let prefixes = AWS_PREFIXES.iter().chain(BY_PREFIX.iter().map(|(prefix, _)| prefix));
    prefixes.into_iter().any(|prefix| region.strip_prefix(prefix).is_some_and(is_word_and_number))
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

/// `\w+\-\d+` of the model's patterns.
fn is_word_and_number(text: &str) -> bool {
    text.split_once('-').is_some_and(|(word, number)| {
        !word.is_empty()
            && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit())
    })
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

/// Whether the text looks like a region of AWS, also of a partition that is not known here: words and a number, such as `eu-west-1`.
pub(crate) fn looks_like_region(text: &str) -> bool {
    let is = |label: &str, of: fn(&u8) -> bool| !label.is_empty() && label.bytes().all(|byte| of(&byte));
    let labels: Vec<&str> = text.split('-').collect();
    match labels.as_slice() {
        [words @ .., number] => {
            is_region(text)
                && words.len() >= 2
                && words.iter().all(|word| is(word, u8::is_ascii_lowercase))
                && is(number, u8::is_ascii_digit)
        }
        [] => false,
    }
}

/// Whether the text can be one label of a host name (RFC 1123, section 2.1), as a region must be.
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
    fn each_region_pattern_of_the_model_finds_its_partition() {
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

    #[test]
    fn the_hosts_of_start_urls_and_the_regions_that_they_name_are_those_of_the_aws_cli_and_sdks() {
        for (host, region) in [
            ("ssoins-1.portal.us-west-2.app.aws", "us-west-2"),
            ("ssoins-1.portal.not-a-region.app.aws", "not-a-region"),
            ("ssoins-1.eu-west-1.portal.amazonaws.com", "eu-west-1"),
            ("ssoins-1.us-gov-west-1.portal.amazonaws.com", "us-gov-west-1"),
            ("ssoins-1.cn-north-1.portal.amazonaws.com.cn", "cn-north-1"),
            ("ssoins-1.portal.cn-northwest-1.app.amazonwebservices.com.cn", "cn-northwest-1"),
            ("ssoins-1.eusc-de-east-1.portal.amazonaws.eu", "eusc-de-east-1"),
            ("ssoins-1.portal.eusc-de-east-1.api.amazonwebservices.eu", "eusc-de-east-1"),
            ("ssoins-1.us-iso-east-1.portal.c2s.ic.gov", "us-iso-east-1"),
            ("ssoins-1.portal.us-west-2.app.aws.", "us-west-2"),
        ] {
            assert!(is_start_host(host), "{host}");
            assert_eq!(region_of_start_host(host), Some(region), "{host}");
        }
        for host in [
            "d-1.awsapps.com",
            "awsapps.com",
            "d-1.awsapps.cn",
            "start.us-gov-home.awsapps.com",
            "start.cn-north-1.home.awsapps.cn",
            "identitycenter.amazonaws.com",
            "identitycenter.amazonaws.com.",
            "identitycenter.amazonaws.com.cn",
            "identitycenter.amazonaws.eu",
            "identitycenter.us-gov.amazonaws.com",
            "portal.eu-west-1.app.aws",
            "eu-west-1.portal.amazonaws.com",
            "a.b.portal.eu-west-1.app.aws",
            "a.b.eu-west-1.portal.amazonaws.com",
            ".portal.eu-west-1.app.aws",
            "ssoins-1.portal.eu_west.app.aws",
        ] {
            assert!(is_start_host(host), "{host}");
            assert_eq!(region_of_start_host(host), None, "{host}");
        }
        for host in [
            "aws.corp.example",
            "awsapps.com.evil.example",
            "evil-awsapps.com",
            "awsapps.cn.evil.example",
            "x.app.aws.example.com",
            "evil-app.aws",
            "portal.amazonaws.com.evil.example",
            "portal.amazonaws.com.cn.evil.example",
            "bucket.s3.eu-west-1.amazonaws.com",
            "notidentitycenter.amazonaws.com",
            "x.identitycenter.amazonaws.com",
            "oidc.eu-west-1.amazonaws.com",
            "amazonaws.com",
            "127.0.0.1",
            "",
            ".",
        ] {
            assert!(!is_start_host(host), "{host}");
            assert_eq!(region_of_start_host(host), None, "{host}");
        }
    }

    #[test]
    fn an_unknown_region_belongs_to_aws() {
        for region in ["moon-base-1", "cn-north", "us-gov-1", "cn-north-1-a"] {
            assert_eq!(Partition::of(region).name, "aws", "{region}");
        }
    }

    #[test]
    fn a_misspelt_region_is_not_known() {
        for region in ["moon-base-1", "cn-north", "eu-west", "eu-west-", "eu-west-1-a", "eu", "EU-west-1", ""] {
            assert!(!is_known_region(region), "{region}");
        }
    }
}
