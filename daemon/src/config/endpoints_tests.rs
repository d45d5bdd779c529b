use super::*;
use crate::config::aws::{AwsFiles, EndpointSettings};
use std::path::Path;

const NOTHING: Overrides = Overrides { oidc: None, portal: None };

/// Everything that decides on the endpoints of one session.
#[derive(Clone, Copy)]
struct Inputs<'a> {
    start_url: &'a str,
    region: &'a str,
    own: &'a Overrides,
    environment: &'a Environment,
    profile: &'a ProfileEndpoints,
}

/// Resolves the endpoints of a session in Ireland.
fn resolved(environment: &Environment, profile: &ProfileEndpoints) -> (Issuer, Result<Endpoints, EndpointError>) {
    resolve(inputs(environment, profile))
}

fn resolve(inputs: Inputs<'_>) -> (Issuer, Result<Endpoints, EndpointError>) {
    let Inputs { start_url, region, own, environment, profile } = inputs;
    let (issuer, endpoints) = EndpointRules::new(own, environment, profile).resolve(start_url, Some(region));
    (issuer.expect("an issuer, as there is a region"), endpoints)
}

fn inputs<'a>(environment: &'a Environment, profile: &'a ProfileEndpoints) -> Inputs<'a> {
    Inputs { start_url: "https://corp.awsapps.com/start", region: "eu-west-1", own: &NOTHING, environment, profile }
}

/// The endpoint settings of the default profile in this AWS configuration.
fn profile(text: &str) -> ProfileEndpoints {
    let nothing = (Path::new("/credentials"), "");
    AwsFiles::read((Path::new("/aws"), text), nothing, EndpointSettings::Count).endpoints_of("default", &mut Vec::new())
}

/// An environment with these variables.
fn variables(set: &[(&str, &str)]) -> Environment {
    Environment::from_vars(|name| set.iter().find(|(it, _)| *it == name).map(|(_, value)| (*value).to_owned()))
}

const OIDC: &str = "AWS_ENDPOINT_URL_SSO_OIDC";
const PORTAL: &str = "AWS_ENDPOINT_URL_SSO";

/// Both services at this place, by variables.
fn at(url: &str) -> Environment {
    variables(&[(OIDC, url), (PORTAL, url)])
}

fn urls(inputs: Inputs<'_>) -> [String; 2] {
    let endpoints = resolve(inputs).1.expect("endpoints");
    [endpoints.oidc, endpoints.portal].map(|endpoint| endpoint.shown().to_string())
}

#[test]
fn regions_fips_and_dual_stack_give_the_hosts_of_the_endpoint_rules() {
    for (region, fips, dual_stack, suffix) in [
        ("eu-west-1", "", false, "eu-west-1.amazonaws.com"),
        ("eu-west-1", "-fips", false, "eu-west-1.amazonaws.com"),
        ("eu-west-1", "", true, "eu-west-1.api.aws"),
        ("eu-west-1", "-fips", true, "eu-west-1.api.aws"),
        ("cn-north-1", "", false, "cn-north-1.amazonaws.com.cn"),
        ("cn-north-1", "-fips", true, "cn-north-1.api.amazonwebservices.com.cn"),
        ("us-gov-west-1", "", false, "us-gov-west-1.amazonaws.com"),
        ("us-gov-west-1", "-fips", true, "us-gov-west-1.api.aws"),
        ("eusc-de-east-1", "", false, "eusc-de-east-1.amazonaws.eu"),
    ] {
        let environment = Environment {
            use_fips_endpoint: Some(!fips.is_empty()),
            use_dualstack_endpoint: Some(dual_stack),
            ..Environment::default()
        };
        let expected = [format!("https://oidc{fips}.{suffix}/"), format!("https://portal.sso{fips}.{suffix}/")];
        let profile = ProfileEndpoints::default();
        assert_eq!(urls(Inputs { region, ..inputs(&environment, &profile) }), expected);
    }
    // GovCloud's plain hosts are the FIPS hosts.
    let (fips, profile) = (variables(&[("AWS_USE_FIPS_ENDPOINT", "true")]), ProfileEndpoints::default());
    let govcloud = urls(Inputs { region: "us-gov-west-1", ..inputs(&fips, &profile) });
    assert_eq!(govcloud, ["oidc", "portal.sso"].map(|label| format!("https://{label}.us-gov-west-1.amazonaws.com/")));
    let no_region = resolve(Inputs { region: "evil.example/", ..inputs(&fips, &profile) }).1;
    assert_eq!(no_region, Err(EndpointError::Region("evil.example/".to_owned())));
}

#[test]
fn the_environment_decides_on_fips_before_the_profile_does() {
    let profile = profile("[default]\nuse_fips_endpoint = true\n");
    let off = variables(&[("AWS_USE_FIPS_ENDPOINT", "false")]);
    for (environment, oidc) in [(Environment::default(), "oidc-fips"), (off, "oidc")] {
        assert_eq!(urls(inputs(&environment, &profile))[0], format!("https://{oidc}.eu-west-1.amazonaws.com/"));
    }
}

#[test]
fn each_override_has_precedence_over_the_next_and_says_where_it_is() {
    let services = "services = local\n[services local]\n\nsso_oidc =\n endpoint_url = https://services.example/oidc\n\
                    sso =\n endpoint_url = https://services.example/portal\n";
    let profile_of = |more: &str| profile(&format!("[default]\n{more}{services}"));
    let (profile, ignoring) = (profile_of(""), profile_of("ignore_configured_endpoint_urls = true\n"));
    let (none, environment) = (Environment::default(), at("https://variable.example"));
    let insisting = Environment { ignore_configured_endpoint_urls: Some(false), ..environment.clone() };
    let own =
        |key: &str, url: &str| Some(Override { set_by: Setting::File(format!("{key}, /own:7")), url: url.to_owned() });
    let own = Overrides {
        oidc: own("oidc_endpoint", "https://own.example/oidc"),
        portal: own("portal_endpoint", "https://own.example/portal"),
    };
    let of_own = "https://own.example/oidc (oidc_endpoint, /own:7)";
    let of_variable = "https://variable.example (AWS_ENDPOINT_URL_SSO_OIDC in the environment of ssoctld)";
    let of_services = "https://services.example/oidc (endpoint_url of sso_oidc in [services local], /aws:5)";
    for (inputs, notice) in [
        (Inputs { own: &own, ..inputs(&environment, &profile) }, Some(of_own)),
        (Inputs { own: &own, ..inputs(&environment, &ignoring) }, Some(of_own)),
        (inputs(&environment, &profile), Some(of_variable)),
        (inputs(&none, &profile), Some(of_services)),
        (inputs(&environment, &ignoring), None),
        (inputs(&none, &ignoring), None),
        (inputs(&insisting, &ignoring), Some(of_variable)),
    ] {
        let (issuer, found) = resolve(inputs);
        let found = found.unwrap();
        assert_eq!(found.description_if_foreign().as_deref(), notice);
        assert_eq!((&issuer, &issuer), (found.oidc.issuer(), found.portal.issuer()));
        assert!(notice.is_some() || found.oidc.shown().as_str() == "https://oidc.eu-west-1.amazonaws.com/");
    }
}

#[test]
fn general_endpoints_do_not_move_the_sign_in_services() {
    let environment = variables(&[("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")]);
    let profile = profile("[default]\nendpoint_url = http://127.0.0.1:4566\n");
    assert_eq!(urls(inputs(&environment, &profile))[0], "https://oidc.eu-west-1.amazonaws.com/");
}

#[test]
fn a_portal_of_another_issuer_is_refused_and_both_places_are_named() {
    let (here, there) = ("http://127.0.0.1:1", "http://127.0.0.1:2");
    let foreign = Issuer::Foreign { origin: here.to_owned() };
    for (environment, issuer, oidc, portal) in [
        (
            variables(&[(PORTAL, here)]),
            Issuer::aws("eu-west-1"),
            "https://oidc.eu-west-1.amazonaws.com",
            "http://127.0.0.1:1 (AWS_ENDPOINT_URL_SSO in",
        ),
        (
            variables(&[(OIDC, here)]),
            foreign.clone(),
            "http://127.0.0.1:1 (AWS_ENDPOINT_URL_SSO_OIDC in",
            "https://portal.sso.eu-west-1.amazonaws.com",
        ),
        (
            variables(&[(OIDC, here), (PORTAL, there)]),
            foreign,
            "http://127.0.0.1:1 (AWS_ENDPOINT_URL_SSO_OIDC in",
            "http://127.0.0.1:2 (AWS_ENDPOINT_URL_SSO in",
        ),
    ] {
        let (found, endpoints) = resolved(&environment, &ProfileEndpoints::default());
        assert_eq!(found, issuer);
        let Err(error @ EndpointError::TwoIssuers { .. }) = endpoints else { panic!("{endpoints:?}") };
        assert!(error.to_string().contains(oidc) && error.to_string().contains(portal), "{error}");
    }
    let (issuer, other_region) = resolved(&at("https://oidc.us-east-1.amazonaws.com"), &ProfileEndpoints::default());
    let other_region = other_region.unwrap();
    assert_eq!(issuer, Issuer::aws("us-east-1"));
    let notice = "https://oidc.us-east-1.amazonaws.com (AWS_ENDPOINT_URL_SSO_OIDC in the environment of ssoctld)";
    assert_eq!(other_region.description_if_foreign().as_deref(), Some(notice));
    assert!(other_region.are_moved_by_a_variable());
}

#[test]
fn fips_or_dual_stack_with_a_custom_endpoint_is_an_error() {
    let with = |switch: &str| {
        let environment = variables(&[(PORTAL, "https://portal.example"), (switch, "true")]);
        resolved(&environment, &ProfileEndpoints::default()).1
    };
    for (switch, kind) in [("AWS_USE_FIPS_ENDPOINT", "FIPS"), ("AWS_USE_DUALSTACK_ENDPOINT", "dual-stack")] {
        let set_by = Setting::Variable(PORTAL);
        assert_eq!(with(switch), Err(EndpointError::ExcludesCustom { kind, set_by }));
    }
}

#[test]
fn start_urls_on_app_aws_get_the_dual_stack_oidc_endpoint_unless_a_setting_decides_otherwise() {
    let profile = ProfileEndpoints::default();
    let usual = "https://oidc.eu-west-1.amazonaws.com/";
    for (host, environment, oidc) in [
        ("ssoins-1.portal.eu-west-1.app.aws", Environment::default(), "https://oidc.eu-west-1.api.aws/"),
        ("ssoins-1.portal.eu-west-1.app.aws", variables(&[("AWS_USE_DUALSTACK_ENDPOINT", "false")]), usual),
        ("ssoins-1.portal.eu-west-1.app.aws", at("https://proxy.example/aws"), "https://proxy.example/aws"),
        ("evil-app.aws", Environment::default(), usual),
    ] {
        let start_url = &format!("https://{host}");
        let [found, portal] = urls(Inputs { start_url, ..inputs(&environment, &profile) });
        assert_eq!(found, oidc);
        assert!(portal == oidc || portal == "https://portal.sso.eu-west-1.amazonaws.com/", "{portal}");
    }
}

#[test]
fn an_override_that_would_leak_secrets_or_is_not_a_base_url_is_refused_and_named() {
    let with = |url: &str| resolved(&at(url), &ProfileEndpoints::default());
    assert!(with("http://127.0.0.1:4566").1.is_ok());
    assert!(with("http://localhost:4566").1.is_ok());

    let refused = |url: &str| {
        let (issuer, endpoints) = with(url);
        assert_eq!(issuer, Issuer::aws("eu-west-1"), "a setting that cannot be used names no other issuer");
        endpoints.unwrap_err()
    };
    let plain = refused("http://proxy.example");
    assert!(matches!(plain, EndpointError::PlainHttp { .. }));
    assert!(plain.to_string().contains(OIDC), "{plain}");

    let credentials = refused("https://me:hunter2@proxy.example");
    assert!(matches!(credentials, EndpointError::Credentials(_)));
    assert!(!format!("{credentials:?} {credentials}").contains("hunter2"));

    for bad in [
        "nonsense",
        "proxy.example",
        "ftp://127.0.0.1",
        "https://proxy.example/?a=b",
        "https://proxy.example/#a",
        "https://proxy.\nexample",
    ] {
        assert!(matches!(refused(bad), EndpointError::NotAUrl { .. }), "{bad}");
    }
}
