//! The addresses of the console's pages. AWS documents no list of them; these are the ones that the console itself leads to (observed).

use ssoctl_protocol::partition::Partition;

/// Services whose page is not called as the AWS CLI calls the service.
const OTHER_PATHS: [(&str, &str); 14] = [
    ("apigatewayv2", "apigateway/main/apis"),
    ("ce", "costmanagement/home"),
    ("cfn", "cloudformation/home"),
    ("config", "config/home"),
    ("cw", "cloudwatch/home"),
    ("ddb", "dynamodbv2/home"),
    ("dynamodb", "dynamodbv2/home"),
    ("ecs", "ecs/v2/clusters"),
    ("route53", "route53/v2/hostedzones"),
    ("sns", "sns/v3/home"),
    ("sqs", "sqs/v3/home"),
    ("ssm", "systems-manager/home"),
    ("stepfunctions", "states/home"),
    ("wafv2", "wafv2/homev2"),
];

/// Reads a service's name.
pub(crate) fn service(text: &str) -> Result<String, &'static str> {
    read(text, "expected a service's name as in the AWS CLI, such as s3 or ec2")
}

/// Reads a region's name.
pub(crate) fn region(text: &str) -> Result<String, &'static str> {
    read(text, "expected a region, such as eu-west-1")
}

fn read(text: &str, expected: &'static str) -> Result<String, &'static str> {
    let is_part = |one: char| one.is_ascii_lowercase() || one.is_ascii_digit() || one == '-';
    let is_name = text.starts_with(|one: char| one.is_ascii_lowercase()) && text.chars().all(is_part);
    is_name.then(|| text.to_owned()).ok_or(expected)
}

/// The address of a service's page, or of the console's home. Without a region, the console shows the one that was used last. The region of
/// Identity Center tells in which partition of AWS the console is.
pub(crate) fn address(service: Option<&str>, region: Option<&str>, sso_region: &str) -> String {
    let host = Partition::of(region.unwrap_or(sso_region)).console;
    let service = service.unwrap_or("console");
    let path = OTHER_PATHS
        .iter()
        .find(|(name, _)| *name == service)
        .map_or_else(|| format!("{service}/home"), |(_, path)| (*path).to_owned());
    match region {
        Some(region) => format!("https://{region}.{host}/{path}?region={region}"),
        None => format!("https://{host}/{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_in_its_region_and_partition() {
        let home = "https://eu-west-1.console.aws.amazon.com";
        for (service, region, sso_region, expected) in [
            (Some("s3"), Some("eu-west-1"), "us-east-1", format!("{home}/s3/home?region=eu-west-1")),
            (Some("dynamodb"), Some("eu-west-1"), "us-east-1", format!("{home}/dynamodbv2/home?region=eu-west-1")),
            (None, Some("eu-west-1"), "us-east-1", format!("{home}/console/home?region=eu-west-1")),
            (Some("iam"), None, "us-east-1", "https://console.aws.amazon.com/iam/home".to_owned()),
            (Some("s3"), None, "cn-north-1", "https://console.amazonaws.cn/s3/home".to_owned()),
            (
                Some("s3"),
                Some("us-gov-west-1"),
                "us-gov-west-1",
                "https://us-gov-west-1.console.amazonaws-us-gov.com/s3/home?region=us-gov-west-1".to_owned(),
            ),
        ] {
            assert_eq!(address(service, region, sso_region), expected);
        }
    }

    #[test]
    fn a_name_that_would_lead_to_another_host_is_refused() {
        for text in ["", "S3", "s3/../x", "a.example/", "eu west", "-s3", "s3?x"] {
            assert!(service(text).is_err() && region(text).is_err(), "{text}");
        }
        assert!(service("s3").is_ok() && region("eu-west-1").is_ok());
    }
}
