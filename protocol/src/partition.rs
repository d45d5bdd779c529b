//! The partitions of AWS, their regions and their hosts. Suffixes are from the models' `aws-partitions.json`; hosts of portals are those that the
//! AWS CLI accepts (2.35.13), and observed ones.

/// A partition. All partitions of the model support FIPS and dual-stack, so the endpoint rules' errors for others are not here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partition {
    /// Such as `aws-us-gov`.
    pub name: &'static str,
    /// The suffix of hosts with IPv4 only.
    pub dns_suffix: &'static str,
    /// The suffix of hosts with IPv4 and IPv6.
    pub dual_stack_dns_suffix: &'static str,
    /// The suffix of portals with a name that their organisation has chosen, in any region.
    pub awsapps: Option<&'static str>,
    /// With `portal.{region}.` before it, the suffix of portals with IPv4 and IPv6.
    pub dual_stack_portals: Option<&'static str>,
    /// The host of Identity Center without a region.
    pub identity_center: Option<&'static str>,
    /// The host of the console without a region; that of `aws` where none is known.
    pub console: &'static str,
}

const AWS: Partition = Partition {
    name: "aws",
    dns_suffix: "amazonaws.com",
    dual_stack_dns_suffix: "api.aws",
    awsapps: Some("awsapps.com"),
    dual_stack_portals: Some("app.aws"),
    identity_center: Some("identitycenter.amazonaws.com"),
    console: "console.aws.amazon.com",
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
        console: AWS.console,
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
            console: "console.amazonaws.cn",
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
            console: AWS.console,
        },
    ),
    ("us-iso-", isolated("aws-iso", "c2s.ic.gov", "api.aws.ic.gov")),
    ("us-isob-", isolated("aws-iso-b", "sc2s.sgov.gov", "api.aws.scloud")),
    ("eu-isoe-", isolated("aws-iso-e", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk")),
    ("us-isof-", isolated("aws-iso-f", "csp.hci.ic.gov", "api.aws.hci.ic.gov")),
    (
        "us-gov-",
        Partition {
            name: "aws-us-gov",
            identity_center: Some("identitycenter.us-gov.amazonaws.com"),
            console: "console.amazonaws-us-gov.com",
            ..AWS
        },
    ),
];

impl Partition {
    /// The partition of a region. A region that no pattern knows belongs to `aws`, as in the endpoint rules'
    /// `aws.partition` function.
    pub fn of(region: &str) -> Self {
        BY_PREFIX
            .iter()
            .find(|(prefix, _)| region.strip_prefix(prefix).is_some_and(is_word_and_number))
            .map_or(AWS, |&(_, partition)| partition)
    }

    /// Every partition.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        BY_PREFIX.iter().map(|(_, partition)| partition).chain([&AWS])
    }
}

/// Whether a start URL on this host, in lower case, is one of AWS's own. Any other one has to be resolved to one before a sign-in.
pub fn is_start_host(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let is_in = |zone: &str| host == zone || is_below(host, zone);
    Partition::all().any(|it| {
        it.identity_center == Some(host)
            || is_in(&format!("portal.{}", it.dns_suffix))
            || [it.awsapps, it.dual_stack_portals].into_iter().flatten().any(is_in)
    })
}

/// The region that the host of a start URL names, as in `ssoins-1.portal.eu-west-1.app.aws` and
/// `ssoins-1.eu-west-1.portal.amazonaws.com`. The other hosts of start URLs name none.
pub fn region_of_start_host(host: &str) -> Option<&str> {
    let host = host.strip_suffix('.').unwrap_or(host);
    let below = |zone: &str| host.strip_suffix(zone)?.strip_suffix('.');
    let region = Partition::all().find_map(|it| match it.dual_stack_portals.and_then(below) {
        Some(labels) => labels.split_once(".portal.").filter(|(instance, _)| !instance.contains('.')),
        None => below(&format!("portal.{}", it.dns_suffix))?.split_once('.'),
    });
    region.filter(|(instance, region)| !instance.is_empty() && is_region(region)).map(|(_, region)| region)
}

/// Whether a host is below a zone, and not the zone itself.
pub fn is_below(host: &str, zone: &str) -> bool {
    host.strip_suffix(zone).and_then(|labels| labels.strip_suffix('.')).is_some_and(|labels| !labels.is_empty())
}

/// The regions of IAM Identity Center's OIDC service in botocore's list of endpoints, with which a test compares them. Others are used,
/// too, because AWS opens new ones.
pub const REGIONS: [&str; 39] = [
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "cn-north-1",
    "cn-northwest-1",
    "us-gov-east-1",
    "us-gov-west-1",
    "eusc-de-east-1",
];

/// The beginnings of the regions of `aws` in the model's pattern.
const AWS_PREFIXES: [&str; 9] = ["us-", "eu-", "ap-", "sa-", "ca-", "me-", "af-", "il-", "mx-"];

/// Whether a partition's pattern knows this region. Other regions are tried, too, because AWS opens new ones.
pub fn is_known_region(region: &str) -> bool {
    let prefixes = AWS_PREFIXES.iter().chain(BY_PREFIX.iter().map(|(prefix, _)| prefix));
    prefixes.into_iter().any(|prefix| region.strip_prefix(prefix).is_some_and(is_word_and_number))
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

/// Whether the text looks like a region of AWS, also of a partition that is not known here: words and a number, such as `eu-west-1`.
pub fn looks_like_region(text: &str) -> bool {
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
pub fn is_region(text: &str) -> bool {
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
        assert!(REGIONS.iter().all(|region| is_known_region(region) && looks_like_region(region)));
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
