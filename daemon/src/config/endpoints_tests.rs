use super::*;
use crate::config::aws::{AwsFiles, EndpointSettings};
use std::path::Path;

const START_URL: &str = "https://corp.awsapps.com/start";

const NOTHING: Overrides = Overrides { oidc: None, portal: None };

fn with<'a>(environment: &'a Environment, profile: &'a ProfileEndpoints, region: &'a str) -> Inputs<'a> {
    Inputs { start_url: START_URL, region, own: &NOTHING, environment, profile }
}

fn endpoints(inputs: Inputs<'_>) -> Result<Endpoints, EndpointError> {
    resolve(inputs).1
}

/// The endpoint settings of the default profile in this AWS configuration.
fn profile(text: &str) -> ProfileEndpoints {
    let nothing = (Path::new("/credentials"), "");
    AwsFiles::read((Path::new("/aws"), text), nothing, EndpointSettings::Count).endpoints_of("default", &mut Vec::new())
}

fn own(oidc: &str, portal: &str) -> Overrides {
    let setting = |key: &str| Setting::of_file(key.to_owned(), Path::new("/own"), 7);
    let of = |key: &str, url: &str| Some(Override { set_by: setting(key), url: url.to_owned() });
    Overrides { oidc: of("oidc_endpoint", oidc), portal: of("portal_endpoint", portal) }
}

/// Both services at this place, by variables.
fn at(url: &str) -> Environment {
    let url = Some(url.to_owned());
    Environment { endpoint_url_sso_oidc: url.clone(), endpoint_url_sso: url, ..Environment::default() }
}

fn hosts(inputs: Inputs<'_>) -> (String, String) {
    let endpoints = endpoints(inputs).expect("endpoints");
    (endpoints.oidc.shown().to_string(), endpoints.portal.shown().to_string())
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
fn each_override_yields_to_the_one_before_it_and_says_where_it_stands() {
    let services = "services = local\n[services local]\n\nsso_oidc =\n endpoint_url = https://services.example/oidc\n\
                    sso =\n endpoint_url = https://services.example/portal\n";
    let profile_of = |more: &str| profile(&format!("[default]\n{more}{services}"));
    let (profile, ignoring) = (profile_of(""), profile_of("ignore_configured_endpoint_urls = true\n"));
    let environment = at("https://variable.example");
    let overrides = own("https://own.example/oidc", "https://own.example/portal");
    let own = |environment, profile| Inputs { own: &overrides, ..with(environment, profile, "eu-west-1") };
    let none = Environment::default();
    let insisting = Environment { ignore_configured_endpoint_urls: Some(false), ..environment.clone() };
    for (inputs, oidc, notice) in [
        (own(&environment, &profile), "https://own.example/oidc", "(oidc_endpoint, /own:7)"),
        (own(&environment, &ignoring), "https://own.example/oidc", "(oidc_endpoint, /own:7)"),
        (
            with(&environment, &profile, "eu-west-1"),
            "https://variable.example/",
            "(AWS_ENDPOINT_URL_SSO_OIDC in the environment of ssoctld)",
        ),
        (
            with(&none, &profile, "eu-west-1"),
            "https://services.example/oidc",
            "(endpoint_url of sso_oidc in [services local], /aws:5)",
        ),
        (with(&environment, &ignoring, "eu-west-1"), "https://oidc.eu-west-1.amazonaws.com/", ""),
        (with(&none, &ignoring, "eu-west-1"), "https://oidc.eu-west-1.amazonaws.com/", ""),
        (
            with(&insisting, &ignoring, "eu-west-1"),
            "https://variable.example/",
            "(AWS_ENDPOINT_URL_SSO_OIDC in the environment of ssoctld)",
        ),
    ] {
        let (issuer, found) = resolve(inputs);
        let found = found.unwrap();
        assert_eq!(found.oidc.shown().as_str(), oidc);
        assert_eq!((&issuer, &issuer), (found.oidc.issuer(), found.portal.issuer()));
        let said = found.notice().unwrap_or_default();
        assert!(said.ends_with(notice) && said.is_empty() == notice.is_empty(), "{said}");
    }
}

#[test]
fn general_endpoints_do_not_move_the_sign_in_services() {
    let variables = |name: &str| (name == "AWS_ENDPOINT_URL").then(|| "http://127.0.0.1:4566".to_owned());
    let environment = Environment::from_vars(variables);
    let profile = profile("[default]\nendpoint_url = http://127.0.0.1:4566\n");
    let expected = "https://oidc.eu-west-1.amazonaws.com/";
    assert_eq!(hosts(with(&environment, &profile, "eu-west-1")).0, expected);
}

#[test]
fn a_portal_of_somebody_else_is_refused_and_both_places_are_named() {
    let profile = ProfileEndpoints::default();
    let (here, there) = ("http://127.0.0.1:1".to_owned(), "http://127.0.0.1:2".to_owned());
    let none = Environment::default();
    for (environment, issuer, named) in [
        (
            Environment { endpoint_url_sso: Some(here.clone()), ..none.clone() },
            Issuer::aws("eu-west-1"),
            ["https://oidc.eu-west-1.amazonaws.com", "http://127.0.0.1:1 (AWS_ENDPOINT_URL_SSO in"],
        ),
        (
            Environment { endpoint_url_sso_oidc: Some(here.clone()), ..none.clone() },
            Issuer::Foreign { origin: here.clone() },
            ["http://127.0.0.1:1 (AWS_ENDPOINT_URL_SSO_OIDC in", "https://portal.sso.eu-west-1.amazonaws.com"],
        ),
        (
            Environment { endpoint_url_sso_oidc: Some(here.clone()), endpoint_url_sso: Some(there), ..none.clone() },
            Issuer::Foreign { origin: here },
            ["http://127.0.0.1:1 (AWS_ENDPOINT_URL_SSO_OIDC in", "http://127.0.0.1:2 (AWS_ENDPOINT_URL_SSO in"],
        ),
        (
            at("https://oidc.us-east-1.amazonaws.com"),
            Issuer::aws("us-east-1"),
            ["https://oidc.us-east-1.amazonaws.com (AWS_ENDPOINT_URL_SSO_OIDC in the environment of ssoctld)", ""],
        ),
    ] {
        let (found, endpoints) = resolve(with(&environment, &profile, "eu-west-1"));
        assert_eq!(found, issuer);
        match endpoints {
            Ok(endpoints) => {
                assert_eq!(endpoints.notice().as_deref(), Some(named[0]), "another region is another issuer");
                assert!(endpoints.are_moved_by_a_variable());
            }
            Err(error @ EndpointError::TwoIssuers { .. }) => {
                assert!(named.iter().all(|named| error.to_string().contains(named)), "{error}");
            }
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn a_setting_that_cannot_be_used_names_no_other_issuer() {
    let profile = ProfileEndpoints::default();
    for bad in ["nonsense", "http://proxy.example", "https://me:hunter2@proxy.example"] {
        let (issuer, endpoints) = resolve(with(&at(bad), &profile, "eu-west-1"));
        assert!(endpoints.is_err());
        assert_eq!(issuer, Issuer::aws("eu-west-1"));
    }
}

#[test]
fn fips_or_dual_stack_with_a_custom_endpoint_is_an_error() {
    let custom = Environment { endpoint_url_sso: Some("https://portal.example".to_owned()), ..Environment::default() };
    let source = Setting::Variable("AWS_ENDPOINT_URL_SSO");
    let profile = ProfileEndpoints::default();
    let fips = Environment { use_fips_endpoint: Some(true), ..custom.clone() };
    assert_eq!(endpoints(with(&fips, &profile, "eu-west-1")), Err(EndpointError::FipsAndCustom(source.clone())));
    let dual_stack = Environment { use_dualstack_endpoint: Some(true), ..custom };
    assert_eq!(endpoints(with(&dual_stack, &profile, "eu-west-1")), Err(EndpointError::DualStackAndCustom(source)));
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
    let custom = at("https://proxy.example/aws");
    assert_eq!(hosts(inputs(&custom)).0, "https://proxy.example/aws");
    let impostor = Inputs { start_url: "https://evil-app.aws", ..inputs(&silent) };
    assert_eq!(hosts(impostor).0, "https://oidc.eu-west-1.amazonaws.com/");
}

#[test]
fn an_override_that_would_leak_secrets_or_is_no_base_url_is_refused_and_named() {
    let profile = ProfileEndpoints::default();
    let resolve_with = |url: &str| endpoints(with(&at(url), &profile, "eu-west-1"));
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
        endpoints(with(&environment, &profile, "evil.example/")),
        Err(EndpointError::Region("evil.example/".to_owned()))
    );
}
