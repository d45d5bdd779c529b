//! The partitions of AWS: which DNS suffixes belong to a region. From the models' `aws-partitions.json`.

/// What the endpoint rules need to know of a partition. Every partition of the model supports FIPS and dual-stack,
/// so the rules' errors for partitions that do not are unreachable and left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Partition {
    /// The partition's name, such as `aws-us-gov`.
    pub(super) name: &'static str,
    /// The suffix of hosts that speak IPv4 only.
    pub(super) dns_suffix: &'static str,
    /// The suffix of hosts that speak IPv4 and IPv6.
    pub(super) dual_stack_dns_suffix: &'static str,
}

const AWS: Partition = Partition { name: "aws", dns_suffix: "amazonaws.com", dual_stack_dns_suffix: "api.aws" };

/// Each other partition with what its regions begin with; what follows is a word, a hyphen and digits.
const BY_PREFIX: [(&str, Partition); 7] = [
    (
        "cn-",
        Partition {
            name: "aws-cn",
            dns_suffix: "amazonaws.com.cn",
            dual_stack_dns_suffix: "api.amazonwebservices.com.cn",
        },
    ),
    (
        "eusc-de-",
        Partition { name: "aws-eusc", dns_suffix: "amazonaws.eu", dual_stack_dns_suffix: "api.amazonwebservices.eu" },
    ),
    ("us-iso-", Partition { name: "aws-iso", dns_suffix: "c2s.ic.gov", dual_stack_dns_suffix: "api.aws.ic.gov" }),
    ("us-isob-", Partition { name: "aws-iso-b", dns_suffix: "sc2s.sgov.gov", dual_stack_dns_suffix: "api.aws.scloud" }),
    (
        "eu-isoe-",
        Partition { name: "aws-iso-e", dns_suffix: "cloud.adc-e.uk", dual_stack_dns_suffix: "api.cloud-aws.adc-e.uk" },
    ),
    (
        "us-isof-",
        Partition { name: "aws-iso-f", dns_suffix: "csp.hci.ic.gov", dual_stack_dns_suffix: "api.aws.hci.ic.gov" },
    ),
    ("us-gov-", Partition { name: "aws-us-gov", dns_suffix: "amazonaws.com", dual_stack_dns_suffix: "api.aws" }),
];

impl Partition {
    /// The partition of a region. A region that no pattern knows belongs to `aws`, as in the endpoint rules'
    /// `aws.partition` function.
    pub(super) fn of(region: &str) -> Self {
        BY_PREFIX
            .iter()
            .find(|(prefix, _)| region.strip_prefix(prefix).is_some_and(is_word_and_number))
            .map_or(AWS, |&(_, partition)| partition)
    }
}

/// What the regions of `aws` begin with, as the model's pattern has it.
const AWS_PREFIXES: [&str; 9] = ["us-", "eu-", "ap-", "sa-", "ca-", "me-", "af-", "il-", "mx-"];

/// Whether a partition's pattern knows this region. Others are tried all the same: AWS opens regions.
pub fn is_known_region(region: &str) -> bool {
    let prefixes = AWS_PREFIXES.iter().chain(BY_PREFIX.iter().map(|(prefix, _)| prefix));
    prefixes.into_iter().any(|prefix| region.strip_prefix(prefix).is_some_and(is_word_and_number))
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
