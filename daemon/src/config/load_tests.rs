#[path = "start_url_tests.rs"]
mod start_urls;

use super::*;
use std::time::Duration;

use crate::config::{BrowserCommand, DEFAULT_SCOPE, FileLine, Origin, OriginKind, SdkCache};
use crate::issuer::Issuer;

const OWN: &str = "/home/me/.config/ssoctl/config.toml";
const AWS: &str = "/home/me/.aws/config";
const CORP: &str = "[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\n";
const OWN_CORP: &str = "start_url = \"https://corp.awsapps.com/start\"\nregion = \"eu-west-1\"\n";

fn config(own: &str, aws: &str) -> Config {
    config_in(own, aws, &Environment::default())
}

fn config_in(own: &str, aws: &str, environment: &Environment) -> Config {
    let paths = Paths { own: OWN.into(), aws: AWS.into(), aws_credentials: "/home/me/.aws/credentials".into() };
    parse(&paths, own, aws, "", environment)
}

/// A profile with this start URL, which is relative to `https://`, in this region.
fn legacy(name: &str, start_url: &str, region: &str) -> String {
    format!("[profile {name}]\nsso_start_url = https://{start_url}\nsso_region = {region}\n")
}

fn legacy_corp(name: &str) -> String {
    legacy(name, "corp.awsapps.com/start", "eu-west-1")
}

fn names(config: &Config) -> Vec<&str> {
    config.sessions.iter().map(|session| session.name.as_str()).collect()
}

/// The profiles as `NAME: SESSION, ACCOUNT ROLE`.
fn profiles(config: &Config) -> Vec<String> {
    let shown = config.profiles.iter().map(|(name, profile)| {
        let assignment = match &profile.assignment {
            Ok(assignment) => format!("{} {}", assignment.account, assignment.role),
            Err(why) => why.to_string(),
        };
        format!("{name}: {}, {assignment}", profile.session)
    });
    shown.collect()
}

/// Checks all problems, each as `own:LINE` or `aws:LINE` with words of the message.
#[track_caller]
fn assert_problems(config: &Config, expected: &[(&str, &str)]) {
    let place = |problem: &Problem| {
        let file = if problem.file == Path::new(OWN) { "own" } else { "aws" };
        format!("{file}:{}", problem.line.expect("a line"))
    };
    let found: Vec<String> = config.problems.iter().map(place).collect();
    assert_eq!(found, expected.iter().map(|(place, _)| *place).collect::<Vec<_>>(), "{:#?}", config.problems);
    for (problem, (_, words)) in config.problems.iter().zip(expected) {
        assert!(problem.message.contains(words), "{problem}");
    }
}

/// The same configuration, in which nothing is wrong.
#[track_caller]
fn flawless(own: &str, aws: &str) -> Config {
    let config = config(own, aws);
    assert_problems(&config, &[]);
    config
}

#[test]
fn an_sso_session_without_scopes_registers_the_refreshable_one() {
    let config = flawless("", CORP);
    let corp = &config.sessions[0];
    assert_eq!(
        (corp.name.as_str(), corp.start_url(), corp.region()),
        ("corp", "https://corp.awsapps.com/start", Some("eu-west-1"))
    );
    assert_eq!(corp.scopes, [DEFAULT_SCOPE]);
    assert_eq!(corp.cache_keys, ["corp"]);
    assert_eq!(corp.origin, Origin { kind: OriginKind::SsoSession, place: FileLine::new(&Path::new(AWS).into(), 1) });
    let endpoints = corp.endpoints.configured().expect("endpoints");
    assert_eq!(endpoints.oidc.shown().as_str(), "https://oidc.eu-west-1.amazonaws.com/");
    assert_eq!(config.sessions_at("https://CORP.awsapps.com/start/").count(), 1);
    assert_eq!(config.sessions_at("not a URL").count(), 0);
}

#[test]
fn scopes_are_registered_as_written_and_compared_sorted() {
    let scopes = |own: &str, scopes: &str| {
        config(own, &format!("{CORP}sso_registration_scopes = {scopes}\n")).sessions.remove(0)
    };
    let session = scopes("", "z:b, a:b,");
    assert_eq!(
        (session.scopes, session.identity.scopes),
        (vec!["z:b".into(), "a:b".into()], vec!["a:b".into(), "z:b".into()])
    );
    assert_eq!(scopes("", "").scopes, [DEFAULT_SCOPE], "an empty list means the default to the AWS CLI");
    assert_eq!(scopes("[session.corp]\nscopes = []\n", "").scopes, Vec::<String>::new());
}

#[test]
fn an_own_session_needs_no_aws_configuration() {
    let config = flawless(&format!("[session.work]\n{OWN_CORP}"), "");
    let work = &config.sessions[0];
    assert_eq!((work.start_url(), work.origin.kind), ("https://corp.awsapps.com/start", OriginKind::Own));
    assert_eq!((&work.scopes, &work.cache_keys), (&vec![DEFAULT_SCOPE.to_owned()], &vec!["work".to_owned()]));
}

#[test]
fn an_own_session_overrides_the_sso_session_of_its_name_member_by_member() {
    let own = "[session.corp]\nregion = \"us-east-1\"\nbrowser = \"firefox {url}\"\noidc_endpoint = \"http://127.0.0.1:1/oidc\"\n\
               portal_endpoint = \"http://127.0.0.1:1\"\nrefresh_before = \"30m\"\nnotify_before = \"1h\"\n";
    let config = flawless(own, "[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\n");
    assert_eq!(names(&config), ["corp"]);
    let corp = &config.sessions[0];
    assert_eq!(corp.identity.name.as_deref(), Some("corp"));
    assert_eq!(corp.identity.issuer, Some(Issuer::Foreign { origin: "http://127.0.0.1:1".to_owned() }));
    assert_eq!((corp.start_url(), corp.region()), ("https://corp.awsapps.com/start", Some("us-east-1")));
    assert_eq!(corp.browser, BrowserCommand::configured("firefox {url}", "corp").ok());
    assert_eq!(corp.refresh_before, Some(Duration::from_secs(1800)));
    assert_eq!(corp.notify_before, Some(Duration::from_secs(3600)));
    let endpoints = corp.endpoints.configured().expect("endpoints");
    assert_eq!(endpoints.portal.shown().as_str(), "http://127.0.0.1:1/");
    assert_eq!(endpoints.oidc.shown().as_str(), "http://127.0.0.1:1/oidc");
}

#[test]
fn each_name_is_a_separate_session_even_if_all_else_is_equal() {
    let same =
        CORP.replace("session corp", "session same").replace("corp.awsapps.com/start", "CORP.awsapps.com/start/#/");
    let aws = format!("{CORP}{same}sso_registration_scopes = sso:account:access\n[profile dev]\nsso_session = same\n");
    let config = flawless(&format!("[session.same]\nbrowser = \"firefox {{url}}\"\n[session.third]\n{OWN_CORP}"), &aws);
    assert_eq!(names(&config), ["corp", "same", "third"]);
    let keys: std::collections::BTreeSet<String> = config.sessions.iter().map(|it| it.identity.key()).collect();
    assert_eq!(keys.len(), 3);
    for session in &config.sessions {
        assert_eq!(session.cache_keys, std::slice::from_ref(&session.name));
        assert!(session.aliases.is_empty());
    }
    assert_eq!(config.sessions[1].browser, BrowserCommand::configured("firefox {url}", "same").ok());
    assert_eq!(config.profiles["dev"].session, "same");
    assert_eq!(config.sessions_at("https://corp.awsapps.com/start#").count(), 3);
}

#[test]
fn a_label_is_an_error_that_shows_what_to_write_instead() {
    let own = format!(
        "[session.corp]\n{OWN_CORP}label = \"two words\"\n[session.bob]\nlabel = \"bob\"\n[session.other]\nlabel = 1\n"
    );
    let config = config(&own, "");
    assert!(config.sessions.is_empty());
    let whole =
        "write [session.\"two words\"] with start_url = \"https://corp.awsapps.com/start\" and region = \"eu-west-1\"";
    let example = "write [session.bob] with start_url = \"https://example.awsapps.com/start\"";
    assert_problems(&config, &[("own:4", whole), ("own:6", example), ("own:8", "write [session.other]")]);
}

#[test]
fn legacy_profiles_at_one_portal_are_one_session_under_each_name_without_scopes() {
    let aws = "[default]\nregion = x\n".to_owned()
        + &legacy_corp("dev")
        + &legacy("prod", "corp.awsapps.com/start/", "eu-west-1")
        + &legacy("elsewhere", "corp.awsapps.com/start#", "us-east-1");
    let config = flawless("", &aws);
    assert_eq!(names(&config), ["dev", "elsewhere"]);
    let dev = &config.sessions[0];
    assert_eq!((&dev.aliases, &dev.scopes), (&vec!["prod".to_owned()], &vec![]));
    assert_eq!(dev.cache_keys, ["https://corp.awsapps.com/start", "https://corp.awsapps.com/start/"]);
    assert_eq!((dev.origin.kind, dev.origin.place.line), (OriginKind::LegacyProfile, 3));
    let sessions: Vec<&str> = config.profiles.values().map(|profile| profile.session.as_str()).collect();
    assert_eq!(sessions, ["dev", "elsewhere", "dev"]);
}

#[test]
fn a_legacy_profile_joins_the_only_session_at_its_portal_with_any_scopes() {
    let aws = legacy("dev", "corp.awsapps.com/start#/", "eu-west-1") + CORP;
    let joined = flawless("", &aws);
    assert_eq!(names(&joined), ["corp"]);
    let corp = &joined.sessions[0];
    assert_eq!((&corp.aliases, &corp.scopes), (&vec!["dev".to_owned()], &vec![DEFAULT_SCOPE.to_owned()]));
    assert_eq!(corp.cache_keys, ["corp", "https://corp.awsapps.com/start#/"]);
    assert_eq!(joined.profiles["dev"].session, "corp");

    let several = config(&format!("[session.mine]\n{OWN_CORP}"), &format!("{CORP}{}", legacy_corp("dev")));
    assert_eq!(names(&several), ["corp", "mine", "dev"]);
    assert_eq!(several.profiles["dev"].session, "dev");
    assert_eq!(several.sessions[2].identity.name, None);
    assert_eq!(several.sessions[2].cache_keys, ["https://corp.awsapps.com/start"]);
    assert_problems(&several, &[("aws:4", "several sessions at its portal (\"corp\", \"mine\")")]);
}

#[test]
fn of_two_regions_with_one_spelling_the_first_profile_has_the_token_file() {
    let aws = legacy_corp("a")
        + &legacy("b", "corp.awsapps.com/start", "us-east-1")
        + &legacy("c", "corp.awsapps.com/start/", "us-east-1");
    let config = config("", &aws);
    assert_eq!(names(&config), ["a", "b"]);
    assert_eq!(config.sessions[0].cache_keys, ["https://corp.awsapps.com/start"]);
    assert_eq!(config.sessions[1].cache_keys, ["https://corp.awsapps.com/start/"]);
    assert_problems(&config, &[("aws:4", "the token file of profile \"b\" is that of session \"a\"")]);
}

#[test]
fn a_name_that_a_profile_and_a_session_share_means_the_session() {
    let elsewhere = config("", &format!("{CORP}{}", legacy("corp", "else.awsapps.com/start", "eu-west-1")));
    assert_eq!(names(&elsewhere), ["corp", "else"]);
    assert_eq!(elsewhere.session("corp").expect("corp").start_url(), "https://corp.awsapps.com/start");
    assert_eq!(elsewhere.profiles["corp"].session, "else");
    assert_problems(&elsewhere, &[("aws:4", "the session \"corp\" is another one")]);
    let same_portal = flawless("", &format!("{CORP}{}", legacy_corp("corp")));
    assert_eq!(same_portal.sessions[0].aliases, Vec::<String>::new());
}

#[test]
fn profiles_lead_to_sessions_and_roles_directly_and_through_source_profiles() {
    let aws = format!(
        "{CORP}[profile dev]\nregion = eu-central-1\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = Admin\n\
         {}sso_account_id = 444455556666\nsso_role_name = Read+Only\n\
         [profile token]\nsso_session = corp\n\
         [profile top]\nrole_arn = arn\nsource_profile = dev\n\
         [profile deep]\nrole_arn = arn\nsource_profile = top\n\
         [profile self]\nrole_arn = arn\nsource_profile = self\nsso_session = corp\n\
         [profile heedless]\nsource_profile = dev\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = Other\n\
         [profile same]\nsso_session = corp\nsso_region = eu-west-1\n\
         [profile a]\nsource_profile = b\n[profile b]\nsource_profile = a\n\
         [profile lost]\nsource_profile = nobody\n[profile keys]\nregion = x\n",
        legacy_corp("legacy")
    );
    let config = flawless("", &aws);
    let neither = "has neither sso_account_id nor sso_role_name";
    let on_top =
        |name: &str| format!("takes its role from AWS STS with the credentials of profile \"{name}\"; name that one");
    let expected = [
        format!("deep: corp, {}", on_top("top")),
        "dev: corp, 111122223333 Admin".to_owned(),
        // Without a role_arn, botocore uses the profile's own members.
        "heedless: corp, 111122223333 Other".to_owned(),
        "legacy: corp, 444455556666 Read+Only".to_owned(),
        format!("same: corp, {neither}"),
        format!("self: corp, {neither}"),
        format!("token: corp, {neither}"),
        format!("top: corp, {}", on_top("dev")),
    ];
    assert_eq!(profiles(&config), expected);
    assert_eq!(config.profiles["dev"].region.as_deref(), Some("eu-central-1"));
    assert_eq!(config.profiles["legacy"].region, None);
}

#[test]
fn incomplete_and_malformed_roles_are_reported_and_the_profile_stays_for_signing_in() {
    let aws = format!(
        "{CORP}[profile half]\nsso_session = corp\nsso_account_id = 111122223333\n\
         [profile other-half]\nsso_session = corp\nsso_role_name = Admin\n\
         [profile short]\nsso_session = corp\nsso_account_id = 11112222333\nsso_role_name = Admin\n\
         [profile blank]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = two words\n"
    );
    let config = config("", &aws);
    assert!(config.profiles.values().all(|profile| profile.session == "corp" && profile.assignment.is_err()));
    assert_eq!(config.profiles.len(), 4);
    let expected = [
        ("aws:6", "has no sso_role_name"),
        ("aws:9", "has no sso_account_id"),
        ("aws:12", "twelve digits"),
        ("aws:17", "role's name"),
    ];
    assert_problems(&config, &expected);
}

#[test]
fn profiles_that_call_ssoctl_lead_where_the_command_says() {
    let of_corp = "credential_process = /usr/bin/ssoctl credential-process --session corp --account 111122223333";
    let aws = format!(
        "{CORP}[profile dev]\nregion = eu-central-1\n{of_corp} --role Admin\n\
         [profile hand]\ncredential_process = ssoctl credential-process --profile sso --role Other\n\
         [profile sso]\nregion = x\nsso_session = corp\nsso_account_id = 444455556666\nsso_role_name = Read\n\
         [profile top]\nrole_arn = arn\nsource_profile = dev\n\
         [profile both]\n{of_corp} --role Admin\nsso_session = corp\nsso_account_id = 444455556666\nsso_role_name = Read\n\
         [profile same]\ncredential_process = ssoctl credential-process --profile same\nsso_session = corp\n\
         [profile other]\ncredential_process = aws-vault exec corp --json\n"
    );
    let config = config("", &aws);
    assert_eq!((&config.problems, config.unusable_profiles.len()), (&vec![], 0));
    let expected = [
        // The SDKs look at the members for signing in first.
        "both: corp, 444455556666 Read",
        "dev: corp, 111122223333 Admin",
        "hand: corp, 444455556666 Other",
        "same: corp, has neither sso_account_id nor sso_role_name",
        "sso: corp, 444455556666 Read",
        "top: corp, takes its role from AWS STS with the credentials of profile \"dev\"; name that one",
    ];
    assert_eq!(profiles(&config), expected);
    assert_eq!(config.profiles["dev"].region.as_deref(), Some("eu-central-1"));
    assert_eq!(config.profiles["hand"].region, None);
}

#[test]
fn profiles_that_call_ssoctl_in_a_circle_or_for_nothing_are_reported() {
    let profile = |name: &str, arguments: &str| {
        format!("[profile {name}]\ncredential_process = ssoctl credential-process {arguments}\n")
    };
    let aws = CORP.to_owned()
        + &profile("self", "--profile self")
        + &profile("a", "--profile b")
        + &profile("b", "--profile a")
        + &profile("gone", "--session gone --account 111122223333 --role r")
        + &profile("nowhere", "--profile absent")
        + &profile("short", "--session corp --account 1 --role r");
    let config = config("", &aws);
    assert_eq!(config.unusable_profiles.keys().collect::<Vec<_>>(), ["a", "b", "gone", "nowhere", "self"]);
    assert_eq!(config.profiles.keys().collect::<Vec<_>>(), ["short"]);
    assert!(config.profiles["short"].assignment.is_err());
    let circle = "refers to itself; let its credential_process name --session, --account and --role";
    let expected = [
        ("aws:5", circle),
        ("aws:7", circle),
        ("aws:9", circle),
        ("aws:11", "profile \"gone\" refers to session \"gone\", which does not exist"),
        ("aws:13", "profile \"nowhere\" refers to profile \"absent\", which does not exist"),
        ("aws:15", "twelve digits"),
    ];
    assert_problems(&config, &expected);
}

#[test]
fn a_profile_may_refer_to_a_session_of_the_own_file() {
    let config = flawless(&format!("[session.work]\n{OWN_CORP}"), "[profile dev]\nsso_session = work\n");
    assert_eq!(config.profiles["dev"].session, "work");
}

#[test]
fn broken_entries_are_reported_with_file_and_line_and_the_others_stay() {
    let aws = format!(
        "[sso-session no-region]\nsso_start_url = https://a.awsapps.com/start\n\
         [sso-session no-url]\nsso_region = eu-west-1\nsso_start_url =\n\
         [sso-session bad-url]\nsso_region = eu-west-1\nsso_start_url = http://a.awsapps.com/start\n\
         [sso-session bad-region]\nsso_region = eu.west.1\nsso_start_url = https://a.awsapps.com/start\n\
         [profile unknown]\nregion = x\nsso_session = nobody\n\
         [profile half]\nsso_start_url = https://a.awsapps.com/start\n\
         [profile other-half]\nsso_region = eu-west-1\n\
         [profile role-only]\nsso_role_name = r\n\
         [profile to-broken]\nsso_session = no-region\n{CORP}[profile differs]\nsso_session = corp\nsso_region = us-east-1\n"
    );
    let own = "[session.incomplete]\nbrowser = \"x {url}\"\n[session.typed]\nscopes = 1\n\
               [session.bad]\nregion = \"eu-west-1\"\nstart_url = \"corp\"\n";
    let config = config(own, &aws);
    assert_eq!(names(&config), ["corp"]);
    let expected = [
        ("own:1", "no [sso-session incomplete] to take it from"),
        ("own:4", "scopes must be an array"),
        ("own:7", "\"corp\" is not a URL"),
        ("aws:1", "has no sso_region"),
        ("aws:3", "has no sso_start_url"),
        ("aws:8", "must begin with https://"),
        ("aws:10", "\"eu.west.1\" is not a region"),
        ("aws:14", "\"nobody\" that does not exist"),
        ("aws:15", "no sso_region"),
        ("aws:17", "no sso_start_url"),
        ("aws:19", "no sso_session"),
        ("aws:28", "sso_region of profile \"differs\" disagrees"),
    ];
    assert_problems(&config, &expected);
    assert!(config.profiles.is_empty());
}

#[test]
fn a_broken_own_session_does_not_become_another_one() {
    let wrong_type = config("[session.corp]\nscopes = \"none\"\n", CORP);
    assert_eq!(names(&wrong_type), Vec::<&str>::new());
    assert_problems(&wrong_type, &[("own:2", "scopes must be")]);
    let not_toml = config("[session.corp\n", CORP);
    assert_eq!(names(&not_toml), ["corp"]);
    assert_problems(&not_toml, &[("own:1", "not TOML")]);
}

#[test]
fn sessions_follow_the_default_profiles_endpoints_and_legacy_ones_their_own() {
    let services = |name: &str, port: u8| {
        let url = format!("endpoint_url = http://127.0.0.1:{port}\n");
        format!("[services {name}]\nsso_oidc =\n  {url}sso =\n  {url}")
    };
    let aws = format!(
        "[default]\nservices = both\n{CORP}{}services = local\n{}{}{}",
        legacy("dev", "dev.awsapps.com/start", "eu-west-1"),
        legacy("plain", "plain.awsapps.com/start", "eu-west-1"),
        services("both", 1),
        services("local", 2)
    );
    let followed = flawless("", &aws);
    let oidc = |name: &str| {
        let session = followed.session(name).expect("the session");
        session.endpoints.configured().expect("endpoints").oidc.shown().to_string()
    };
    assert_eq!(oidc("corp"), "http://127.0.0.1:1/");
    assert_eq!(oidc("dev"), "http://127.0.0.1:2/");
    assert_eq!(oidc("plain"), "https://oidc.eu-west-1.amazonaws.com/");

    let fips = Environment { use_fips_endpoint: Some(true), ..Environment::default() };
    let unusable = config_in("[session.corp]\noidc_endpoint = \"https://proxy.example\"\n", CORP, &fips);
    assert!(unusable.sessions[0].endpoints.error().is_some());
    assert_problems(&unusable, &[("aws:1", "oidc_endpoint")]);
}

#[test]
fn tokens_are_shared_with_sdks_that_know_the_session_unless_the_own_file_says_otherwise() {
    let url = Some("http://127.0.0.1:1".to_owned());
    let moved = Environment { endpoint_url_sso_oidc: url.clone(), endpoint_url_sso: url, ..Environment::default() };
    let usual = Environment::default();
    let legacy = &legacy_corp("dev");
    let mine = |more: &str| format!("[session.mine]\n{OWN_CORP}{more}");
    for (own, aws, environment, expected) in [
        (String::new(), CORP, &usual, SdkCache::On),
        (String::new(), CORP, &moved, SdkCache::Off),
        ("[session.corp]\nsdk_cache = \"on\"\n".to_owned(), CORP, &moved, SdkCache::On),
        ("[session.corp]\nsdk_cache = \"off\"\n".to_owned(), CORP, &usual, SdkCache::Off),
        (String::new(), legacy, &usual, SdkCache::On),
        (mine(""), "", &usual, SdkCache::Off),
        (mine(""), legacy, &usual, SdkCache::On),
        (mine("sdk_cache = \"on\"\n"), "", &usual, SdkCache::On),
        (mine("sdk_cache = \"off\"\n"), legacy, &usual, SdkCache::Off),
    ] {
        let config = config_in(&own, aws, environment);
        assert_eq!((config.problems.len(), config.sessions.len()), (0, 1), "{own} {aws}");
        assert_eq!(config.sessions[0].sdk_cache, expected, "{own} {aws}");
    }
}

#[test]
fn a_variable_for_certificates_has_precedence_and_other_files_are_reported() {
    let home = Environment { home: Some("/home/me".into()), ..Environment::default() };
    let variable = Environment { ca_bundle: Some("/etc/ca.pem".into()), ..home.clone() };
    let aws = "[default]\nca_bundle = ~/ca.pem\n";
    assert_eq!(config_in("", aws, &home).ca_bundle, Some("/home/me/ca.pem".into()));
    assert_eq!(config_in("", aws, &variable).ca_bundle, Some("/etc/ca.pem".into()));

    let profile = |name: &str, bundle: &str| format!("[profile {name}]\nsso_session = corp\nca_bundle = {bundle}\n");
    let profiles = profile("same", "/ca.pem") + &profile("dev", "~/own.pem");
    let aws = format!("[default]\nca_bundle = /ca.pem\n{CORP}{profiles}[profile keys]\nca_bundle = /x.pem\n");
    let config = config("", &aws);
    assert_problems(&config, &[("aws:11", "ca_bundle of profile \"dev\" is not used")]);
    assert_eq!(config.problems[0].severity, Severity::Warning);
}

#[test]
fn twenty_thousand_profiles_each_have_their_session() {
    let aws: String =
        (0..20_000).map(|it| legacy(&format!("p{it}"), &format!("d-{it}.awsapps.com/start"), "eu-west-1")).collect();
    let legacy = config("", &aws);
    assert_eq!((legacy.sessions.len(), legacy.profiles.len(), legacy.problems.len()), (20_000, 20_000, 0));
    let last = &legacy.sessions[19_999];
    assert_eq!((last.name.as_str(), last.start_url()), ("p19999", "https://d-19999.awsapps.com/start"));
    assert_eq!(legacy.profiles["p19999"].session, "p19999");

    let command = "credential_process = ssoctl credential-process --profile";
    let chain: String = (0..20_000).map(|it| format!("[profile p{it}]\n{command} p{}\n", it + 1)).collect();
    let chain = config("", &format!("{chain}[profile p20000]\nsso_session = corp\n{CORP}"));
    assert!(chain.unusable_profiles["p0"].message.contains("more than 50 other profiles"));
    assert_eq!(chain.profiles["p19990"].session, "corp");
}

#[test]
fn the_browser_is_for_sessions_with_scopes_where_it_comes_back_unless_the_own_file_says_otherwise() {
    use super::super::model::SignInSetting::{Auto, Browser, Device};
    let usual = Environment::default();
    let within_windows = Environment::from_vars(|name| (name == "WSL_DISTRO_NAME").then(|| "Debian".to_owned()));
    for (own, aws, environment, expected) in [
        ("", CORP, &usual, Auto),
        ("", CORP, &within_windows, Device),
        ("", &*legacy_corp("dev"), &usual, Device),
        ("sign_in = \"browser\"\n", CORP, &within_windows, Browser),
        ("sign_in = \"browser\"\n", &legacy_corp("dev"), &usual, Browser),
        ("sign_in = \"browser\"\n[session.corp]\nsign_in = \"device\"\n", CORP, &usual, Device),
        ("sign_in = \"device\"\n[session.corp]\nsign_in = \"auto\"\n", CORP, &usual, Auto),
    ] {
        let config = config_in(own, aws, environment);
        assert_eq!(config.sessions[0].sign_in, expected, "{own} {aws}");
    }
}
