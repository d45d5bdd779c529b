//! The regions that are offered to whoever has to name one. Others are taken, too, because AWS opens new ones.

/// The regions of IAM Identity Center's OIDC service in botocore's list of endpoints, with which a test compares them.
pub(super) const KNOWN: [&str; 39] = [
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

/// How many stand in a line.
const IN_A_LINE: usize = 4;

/// Lines with the regions that contain this text; with all, if none does.
pub(super) fn list(text: &str) -> Vec<String> {
    let matching: Vec<&str> = KNOWN.into_iter().filter(|region| region.contains(text)).collect();
    let shown = if matching.is_empty() { KNOWN.to_vec() } else { matching };
    let line = |regions: &[&str]| regions.iter().map(|region| format!("  {region:<16}")).collect::<String>();
    shown.chunks(IN_A_LINE).map(|regions| line(regions).trim_end().to_owned()).collect()
}

/// The region that the host of a start URL names, as far as this is plain: the daemon judges.
pub(super) fn named_by(start_url: &str) -> Option<&str> {
    let host = start_url.split_once("://")?.1.split(['/', '?', '#', ':']).next()?;
    let labels: Vec<&str> = host.split('.').collect();
    // `ssoins-1.portal.eu-west-1.app.aws`, `ssoins-1.eu-west-1.portal.amazonaws.com`
    let beside = |pair: &[&'_ str]| pair.contains(&"portal");
    labels.windows(2).filter(|pair| beside(pair)).flatten().copied().find(|label| is_plausible(label))
}

/// Whether the text has the form of a region: words and a number, such as `eu-west-1`.
pub(super) fn is_plausible(text: &str) -> bool {
    let is_word = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    let Some((words, number)) = text.rsplit_once('-') else { return false };
    let words: Vec<&str> = words.split('-').collect();
    words.len() >= 2
        && words.iter().all(is_word)
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_contain_what_was_typed_are_offered_else_all() {
        assert_eq!(list("gov"), ["  us-gov-east-1     us-gov-west-1"]);
        assert_eq!(list("eu-").concat().split_whitespace().count(), 8);
        for text in ["", "moon"] {
            assert_eq!(list(text).concat().split_whitespace().collect::<Vec<_>>(), KNOWN);
        }
        assert!(list("").iter().all(|line| line.len() < 80));
        assert!(KNOWN.iter().all(|region| is_plausible(region)));
    }

    #[test]
    fn a_region_is_guessed_from_hosts_that_name_one() {
        for (start_url, region) in [
            ("https://ssoins-1.portal.eu-west-1.app.aws", Some("eu-west-1")),
            ("https://ssoins-1.us-gov-west-1.portal.amazonaws.com/start#/", Some("us-gov-west-1")),
            ("https://ssoins-1.portal.cn-northwest-1.app.amazonwebservices.com.cn", Some("cn-northwest-1")),
            ("https://corp.awsapps.com/start", None),
            ("https://d-1234567890.awsapps.com/start/eu-west-1", None),
            ("https://my-corp-1.awsapps.com/start", None),
            ("corp", None),
        ] {
            assert_eq!(named_by(start_url), region, "{start_url}");
        }
    }
}
