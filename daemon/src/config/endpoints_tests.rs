use super::*;

const START_URL: &str = "https://corp.awsapps.com/start";

fn with<'a>(environment: &'a Environment, profile: &'a ProfileEndpoints, region: &'a str) -> Inputs<'a> {
    Inputs { start_url: START_URL, region, own_oidc: None, own_portal: None, environment, profile }
}

fn hosts(inputs: Inputs<'_>) -> (String, String) {
    let endpoints = resolve(inputs).expect("endpoints");
    (endpoints.oidc.into(), endpoints.portal.into())
}

#[test]
fn regions_fips_and_dual_stack_give_the_hosts_of_the_endpoint_rules() {
    for (region, fips, dual_stack, oidc, portal) in [
        ("eu-west-1", false, false, "oidc.eu-west-1.amazonaws.com", "portal.sso.eu-west-1.amazonaws.com"),
        ("eu-west-1", true, false, "oidc-fips.eu-west-1.amazonaws.com", "portal.sso-fips.eu-west-1.amazonaws.com"),
        ("eu-west-1", false, true, "oidc.eu-west-1.api.aws", "portal.sso.eu-west-1.api.aws"),
        ("eu-west-1", true, true, "oidc-fips.eu-west-1.api.aws", "portal.sso-fips.eu-west-1.api.aws"),
        ("cn-north-1", false, false, "oidc.cn-north-1.amazonaws.com.cn", "portal.sso.cn-north-1.amazonaws.com.cn"),
        (
            "cn-north-1",
            true,
            true,
            "oidc-fips.cn-north-1.api.amazonwebservices.com.cn",
            "portal.sso-fips.cn-north-1.api.amazonwebservices.com.cn",
        ),
        ("us-gov-west-1", false, false, "oidc.us-gov-west-1.amazonaws.com", "portal.sso.us-gov-west-1.amazonaws.com"),
        ("us-gov-west-1", true, false, "oidc.us-gov-west-1.amazonaws.com", "portal.sso.us-gov-west-1.amazonaws.com"),
        ("us-gov-west-1", true, true, "oidc-fips.us-gov-west-1.api.aws", "portal.sso-fips.us-gov-west-1.api.aws"),
        ("eusc-de-east-1", false, false, "oidc.eusc-de-east-1.amazonaws.eu", "portal.sso.eusc-de-east-1.amazonaws.eu"),
    ] {
        let environment = Environment {
            use_fips_endpoint: Some(fips),
            use_dualstack_endpoint: Some(dual_stack),
            ..Environment::default()
        };
        assert_eq!(
            hosts(with(&environment, &ProfileEndpoints::default(), region)),
            (format!("https://{oidc}/"), format!("https://{portal}/")),
            "{region} fips={fips} dual_stack={dual_stack}"
        );
    }
}

#[test]
fn the_environment_decides_on_fips_before_the_profile_does() {
    let profile = ProfileEndpoints { use_fips_endpoint: Some(true), ..ProfileEndpoints::default() };
    let silent = Environment::default();
    let off = Environment { use_fips_endpoint: Some(false), ..Environment::default() };
    assert_eq!(hosts(with(&silent, &profile, "eu-west-1")).0, "https://oidc-fips.eu-west-1.amazonaws.com/");
    assert_eq!(hosts(with(&off, &profile, "eu-west-1")).0, "https://oidc.eu-west-1.amazonaws.com/");
}

#[test]
fn each_override_yields_to_the_one_before_it() {
    let profile = ProfileEndpoints {
        profile: "default".to_owned(),
        services: Some(ServiceEndpoints {
            section: "local".to_owned(),
            sso_oidc: Some("https://services-oidc.example".to_owned()),
            sso: Some("https://services-portal.example".to_owned()),
        }),
        endpoint_url: Some("https://profile.example".to_owned()),
        ..ProfileEndpoints::default()
    };
    let environment = Environment {
        endpoint_url_sso_oidc: Some("https://variable-oidc.example".to_owned()),
        endpoint_url_sso: Some("https://variable-portal.example".to_owned()),
        endpoint_url: Some("https://variable.example".to_owned()),
        ..Environment::default()
    };
    let inputs = Inputs {
        own_oidc: Some("https://own-oidc.example"),
        own_portal: Some("https://own-portal.example"),
        ..with(&environment, &profile, "eu-west-1")
    };
    let pair = |oidc: &str, portal: &str| (format!("https://{oidc}.example/"), format!("https://{portal}.example/"));
    assert_eq!(hosts(inputs), pair("own-oidc", "own-portal"));

    assert_eq!(hosts(with(&environment, &profile, "eu-west-1")), pair("variable-oidc", "variable-portal"));

    let environment = Environment { endpoint_url_sso_oidc: None, endpoint_url_sso: None, ..environment };
    assert_eq!(hosts(with(&environment, &profile, "eu-west-1")), pair("variable", "variable"));

    let environment = Environment::default();
    assert_eq!(hosts(with(&environment, &profile, "eu-west-1")), pair("services-oidc", "services-portal"));

    let profile = ProfileEndpoints { services: None, ..profile };
    assert_eq!(hosts(with(&environment, &profile, "eu-west-1")), pair("profile", "profile"));
}

#[test]
fn ignoring_configured_endpoints_leaves_the_own_configuration_alone() {
    let profile = ProfileEndpoints {
        endpoint_url: Some("https://profile.example".to_owned()),
        ignore_configured_endpoint_urls: Some(true),
        ..ProfileEndpoints::default()
    };
    let environment =
        Environment { endpoint_url: Some("https://variable.example".to_owned()), ..Environment::default() };
    let inputs = Inputs { own_portal: Some("https://own-portal.example"), ..with(&environment, &profile, "eu-west-1") };
    assert_eq!(
        hosts(inputs),
        ("https://oidc.eu-west-1.amazonaws.com/".to_owned(), "https://own-portal.example/".to_owned())
    );
    let environment = Environment { ignore_configured_endpoint_urls: Some(false), ..environment };
    assert_eq!(hosts(with(&environment, &profile, "eu-west-1")).0, "https://variable.example/");
}

#[test]
fn fips_or_dual_stack_with_a_custom_endpoint_is_an_error() {
    let custom = Environment { endpoint_url_sso: Some("https://portal.example".to_owned()), ..Environment::default() };
    let source = OverrideSource::Variable("AWS_ENDPOINT_URL_SSO");
    let profile = ProfileEndpoints::default();
    let fips = Environment { use_fips_endpoint: Some(true), ..custom.clone() };
    assert_eq!(resolve(with(&fips, &profile, "eu-west-1")), Err(EndpointError::FipsAndCustom(source.clone())));
    let dual_stack = Environment { use_dualstack_endpoint: Some(true), ..custom };
    assert_eq!(resolve(with(&dual_stack, &profile, "eu-west-1")), Err(EndpointError::DualStackAndCustom(source)));
}

#[test]
fn start_urls_on_app_aws_get_the_dual_stack_oidc_endpoint_unless_somebody_decided_otherwise() {
    let profile = ProfileEndpoints::default();
    let inputs = |environment| Inputs {
        start_url: "https://ssoins-1.portal.eu-west-1.app.aws",
        ..with(environment, &profile, "eu-west-1")
    };
    let silent = Environment::default();
    assert_eq!(
        hosts(inputs(&silent)),
        ("https://oidc.eu-west-1.api.aws/".to_owned(), "https://portal.sso.eu-west-1.amazonaws.com/".to_owned())
    );
    let off = Environment { use_dualstack_endpoint: Some(false), ..Environment::default() };
    assert_eq!(hosts(inputs(&off)).0, "https://oidc.eu-west-1.amazonaws.com/");
    let custom = Environment { endpoint_url: Some("https://proxy.example/aws".to_owned()), ..Environment::default() };
    assert_eq!(hosts(inputs(&custom)).0, "https://proxy.example/aws");
    let impostor = Inputs { start_url: "https://evil-app.aws", ..inputs(&silent) };
    assert_eq!(hosts(impostor).0, "https://oidc.eu-west-1.amazonaws.com/");
}

#[test]
fn an_override_that_would_leak_secrets_or_is_no_base_url_is_refused_and_named() {
    let profile = ProfileEndpoints::default();
    let resolve_with = |url: &str| {
        let environment = Environment { endpoint_url: Some(url.to_owned()), ..Environment::default() };
        resolve(with(&environment, &profile, "eu-west-1"))
    };
    assert!(resolve_with("http://127.0.0.1:4566").is_ok());
    assert!(resolve_with("http://localhost:4566").is_ok());

    let plain = resolve_with("http://proxy.example").unwrap_err();
    assert!(matches!(plain, EndpointError::PlainHttp { .. }));
    assert!(plain.to_string().contains("AWS_ENDPOINT_URL"), "{plain}");

    let credentials = resolve_with("https://me:hunter2@proxy.example").unwrap_err();
    assert!(matches!(credentials, EndpointError::Credentials(_)));
    assert!(!format!("{credentials:?} {credentials}").contains("hunter2"));

    for bad in [
        "proxy.example",
        "ftp://127.0.0.1",
        "https://proxy.example/?a=b",
        "https://proxy.example/#a",
        "https://proxy.\nexample",
    ] {
        assert!(matches!(resolve_with(bad), Err(EndpointError::NotAUrl { .. })), "{bad}");
    }
}

#[test]
fn a_region_that_is_no_host_label_is_an_error() {
    let environment = Environment::default();
    let profile = ProfileEndpoints::default();
    assert_eq!(
        resolve(with(&environment, &profile, "evil.example/")),
        Err(EndpointError::Region("evil.example/".to_owned()))
    );
}
