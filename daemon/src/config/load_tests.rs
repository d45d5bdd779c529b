use super::*;
use std::time::Duration;

use crate::config::{BrowserCommand, DEFAULT_SCOPE, NoAssignment, Origin, OriginKind, SdkCache, normalise_start_url};
use crate::issuer::Issuer;

const OWN: &str = "/home/me/.config/ssoctl/config.toml";
const AWS: &str = "/home/me/.aws/config";
const CORP: &str = "[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\n";

fn config(own: &str, aws: &str) -> Config {
    config_in(own, aws, &Environment::default())
}

fn config_in(own: &str, aws: &str, environment: &Environment) -> Config {
    let paths = Paths { own: OWN.into(), aws: AWS.into(), aws_credentials: "/home/me/.aws/credentials".into() };
    parse(&paths, own, aws, "", environment)
}

fn names(config: &Config) -> Vec<&str> {
    config.sessions.iter().map(|session| session.name.as_str()).collect()
}

/// Problems as `FILE:LINE`, after checking that each mentions what it should.
fn problems_at(config: &Config, mentioned: &[&str]) -> Vec<(&'static str, usize)> {
    assert_eq!(config.problems.len(), mentioned.len(), "{:#?}", config.problems);
    config
        .problems
        .iter()
        .zip(mentioned)
        .map(|(problem, mentioned)| {
            assert!(problem.message.contains(mentioned), "{problem}");
            let file = if problem.file == Path::new(OWN) { "own" } else { "aws" };
            (file, problem.line.expect("a line"))
        })
        .collect()
}

#[test]
fn an_sso_session_without_scopes_registers_the_refreshable_one() {
    let config = config("", CORP);
    assert_eq!(config.problems, []);
    let corp = &config.sessions[0];
    assert_eq!(corp.name, "corp");
    assert_eq!(corp.start_url(), "https://corp.awsapps.com/start");
    assert_eq!(corp.region(), "eu-west-1");
    assert_eq!(corp.scopes, [DEFAULT_SCOPE]);
    assert_eq!(corp.cache_keys, ["corp"]);
    assert_eq!(corp.origin, Origin { kind: OriginKind::SsoSession, file: PathBuf::from(AWS), line: 1 });
    let endpoints = corp.endpoints.as_ref().expect("endpoints");
    assert_eq!(endpoints.oidc.shown().as_str(), "https://oidc.eu-west-1.amazonaws.com/");
}

#[test]
fn scopes_are_registered_as_written_and_compared_sorted() {
    let config = config("", &format!("{CORP}sso_registration_scopes = z:b, a:b,\n"));
    assert_eq!(config.sessions[0].scopes, ["z:b", "a:b"]);
    assert_eq!(config.sessions[0].identity.scopes, ["a:b", "z:b"]);
}

#[test]
fn an_empty_list_of_scopes_is_the_default_in_the_aws_file_and_a_wish_in_the_own_one() {
    let aws = format!("{CORP}sso_registration_scopes =\n");
    assert_eq!(config("", &aws).sessions[0].scopes, [DEFAULT_SCOPE]);
    let own = config("[session.corp]\nscopes = []\n", &aws);
    assert_eq!(own.sessions[0].scopes, Vec::<String>::new());
}

#[test]
fn an_own_session_needs_no_aws_configuration() {
    let config =
        config("[session.work]\nstart_url = \"https://work.awsapps.com/start/\"\nregion = \"eu-west-1\"\n", "");
    assert_eq!(config.problems, []);
    let work = &config.sessions[0];
    assert_eq!(work.scopes, [DEFAULT_SCOPE]);
    assert_eq!(work.start_url(), "https://work.awsapps.com/start");
    assert_eq!(work.identity.start_url, "https://work.awsapps.com/start");
    assert_eq!(work.origin.kind, OriginKind::Own);
    assert_eq!(work.cache_keys, ["work"]);
}

#[test]
fn an_own_session_overrides_the_sso_session_of_its_name_member_by_member() {
    let config = config(
        "[session.corp]\nbrowser = \"firefox {url}\"\noidc_endpoint = \"http://127.0.0.1:1/oidc\"\nportal_endpoint = \"http://127.0.0.1:1\"\nrefresh_before = \"30m\"\nnotify_before = \"1h\"\n",
        CORP,
    );
    assert_eq!(config.problems, []);
    assert_eq!(names(&config), ["corp"]);
    let corp = &config.sessions[0];
    assert_eq!(corp.identity.name.as_deref(), Some("corp"));
    assert_eq!(corp.identity.issuer, Issuer::Foreign { origin: "http://127.0.0.1:1".to_owned() });
    assert_eq!(corp.start_url(), "https://corp.awsapps.com/start");
    assert_eq!(corp.browser, BrowserCommand::configured("firefox {url}").ok());
    assert_eq!(corp.refresh_before, Some(Duration::from_secs(1800)));
    assert_eq!(corp.notify_before, Some(Duration::from_secs(3600)));
    let endpoints = corp.endpoints.as_ref().expect("endpoints");
    assert_eq!(endpoints.portal.shown().as_str(), "http://127.0.0.1:1/");
    assert_eq!(endpoints.oidc.shown().as_str(), "http://127.0.0.1:1/oidc");
}

#[test]
fn an_own_session_can_supply_what_the_sso_session_lacks() {
    let config = config(
        "[session.corp]\nregion = \"eu-west-1\"\n",
        "[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\n",
    );
    assert_eq!(config.problems, []);
    assert_eq!(names(&config), ["corp"]);
}

#[test]
fn each_name_is_a_session_of_its_own_whatever_else_they_have_in_common() {
    let aws = format!(
        "{CORP}[sso-session same]\nsso_start_url = https://CORP.awsapps.com/start/#/\nsso_region = eu-west-1\nsso_registration_scopes = sso:account:access\n\
         [profile dev]\nsso_session = same\n"
    );
    let own = "[session.same]\nbrowser = \"firefox {url}\"\n\
               [session.third]\nstart_url = \"https://corp.awsapps.com/start\"\nregion = \"eu-west-1\"\n";
    let config = config(own, &aws);
    assert_eq!(config.problems, []);
    assert_eq!(names(&config), ["corp", "same", "third"]);
    let keys: std::collections::BTreeSet<String> =
        config.sessions.iter().map(|session| session.identity.key()).collect();
    assert_eq!(keys.len(), 3);
    for session in &config.sessions {
        assert_eq!(session.cache_keys, std::slice::from_ref(&session.name));
        assert!(session.aliases.is_empty());
    }
    assert_eq!(config.sessions[1].browser, BrowserCommand::configured("firefox {url}").ok());
    assert_eq!(config.profiles["dev"].session, "same");
    assert_eq!(config.sessions_at("https://corp.awsapps.com/start#").count(), 3);
    assert_eq!(config.sessions_at("not a URL").count(), 0);
}

#[test]
fn a_label_is_an_error_that_shows_what_to_write_instead() {
    let own = "[session.corp]\nstart_url = \"https://corp.awsapps.com/start\"\nregion = \"eu-west-1\"\nlabel = \"two words\"\n\
               [session.bob]\nlabel = \"bob\"\n[session.other]\nlabel = 1\n";
    let config = config(own, "");
    assert!(config.sessions.is_empty());
    assert_eq!(
        problems_at(
            &config,
            &[
                "write [session.\"two words\"] with start_url = \"https://corp.awsapps.com/start\" and region = \"eu-west-1\"",
                "write [session.bob] with start_url = \"https://example.awsapps.com/start\"",
                "write [session.other]"
            ]
        ),
        [("own", 4), ("own", 6), ("own", 8)]
    );
}

#[test]
fn legacy_profiles_at_one_portal_are_one_session_under_each_name_without_scopes() {
    let config = config(
        "",
        "[default]\nregion = x\n\
         [profile dev]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\n\
         [profile prod]\nsso_start_url = https://corp.awsapps.com/start/\nsso_region = eu-west-1\n\
         [profile elsewhere]\nsso_start_url = https://corp.awsapps.com/start#\nsso_region = us-east-1\n",
    );
    assert_eq!(config.problems, []);
    assert_eq!(names(&config), ["dev", "elsewhere"]);
    let dev = &config.sessions[0];
    assert_eq!(dev.aliases, ["prod"]);
    assert_eq!(dev.scopes, Vec::<String>::new());
    assert_eq!(dev.cache_keys, ["https://corp.awsapps.com/start", "https://corp.awsapps.com/start/"]);
    assert_eq!(dev.origin.kind, OriginKind::LegacyProfile);
    assert_eq!(dev.origin.line, 3);
    let profiles: Vec<(&str, &str)> =
        config.profiles.iter().map(|(name, profile)| (name.as_str(), profile.session.as_str())).collect();
    assert_eq!(profiles, [("dev", "dev"), ("elsewhere", "elsewhere"), ("prod", "dev")]);
}

#[test]
fn a_legacy_profile_joins_the_session_at_its_portal_whatever_its_scopes() {
    let aws =
        format!("[profile dev]\nsso_start_url = https://corp.awsapps.com/start#/\nsso_region = eu-west-1\n{CORP}");
    let config = config("", &aws);
    assert_eq!(config.problems, []);
    assert_eq!(names(&config), ["corp"]);
    let corp = &config.sessions[0];
    assert_eq!(corp.aliases, ["dev"]);
    assert_eq!(corp.cache_keys, ["corp", "https://corp.awsapps.com/start#/"]);
    assert_eq!(corp.scopes, [DEFAULT_SCOPE]);
    assert_eq!(config.profiles["dev"].session, "corp");
}

#[test]
fn a_legacy_profile_joins_no_session_where_there_are_several() {
    let legacy = "[profile dev]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\n";
    let own = "[session.mine]\nstart_url = \"https://corp.awsapps.com/start\"\nregion = \"eu-west-1\"\n";
    let config = config(own, &format!("{CORP}{legacy}"));
    assert_eq!(names(&config), ["corp", "mine", "dev"]);
    assert_eq!(config.profiles["dev"].session, "dev");
    assert_eq!(config.sessions[2].identity.name, None);
    assert_eq!(config.sessions[2].cache_keys, ["https://corp.awsapps.com/start"]);
    assert_eq!(problems_at(&config, &["several sessions at its portal (\"corp\", \"mine\")"]), [("aws", 4)]);
}

#[test]
fn where_two_regions_share_a_spelling_the_first_profile_has_the_token_file() {
    let legacy = |name: &str, url: &str, region: &str| {
        format!("[profile {name}]\nsso_start_url = https://corp.awsapps.com/{url}\nsso_region = {region}\n")
    };
    let aws =
        legacy("a", "start", "eu-west-1") + &legacy("b", "start", "us-east-1") + &legacy("c", "start/", "us-east-1");
    let config = config("", &aws);
    let keys = |index: usize| config.sessions[index].cache_keys.clone();
    assert_eq!(names(&config), ["a", "b"]);
    assert_eq!(keys(0), ["https://corp.awsapps.com/start"]);
    assert_eq!(keys(1), ["https://corp.awsapps.com/start/"]);
    assert_eq!(problems_at(&config, &["the token file of profile \"b\" is that of session \"a\""]), [("aws", 4)]);
}

#[test]
fn what_a_variable_has_moved_shares_no_token_files_unless_the_own_file_says_so() {
    let url = Some("http://127.0.0.1:1".to_owned());
    let moved = Environment { endpoint_url_sso_oidc: url.clone(), endpoint_url_sso: url, ..Environment::default() };
    let shared = |own: &str, environment: &Environment| config_in(own, CORP, environment).sessions[0].sdk_cache;
    assert_eq!(shared("", &Environment::default()), SdkCache::On);
    assert_eq!(shared("", &moved), SdkCache::Off);
    assert_eq!(shared("[session.corp]\nsdk_cache = \"on\"\n", &moved), SdkCache::On);
}

#[test]
fn where_a_profile_and_a_session_share_a_name_the_name_means_the_session() {
    let aws = format!("{CORP}[profile corp]\nsso_start_url = https://else.awsapps.com/start\nsso_region = eu-west-1\n");
    let config = config("", &aws);
    assert_eq!(names(&config), ["corp", "else"]);
    let corp = config.session("corp").expect("corp");
    assert_eq!(corp.start_url(), "https://corp.awsapps.com/start");
    assert_eq!(config.profiles["corp"].session, "else");
    assert_eq!(problems_at(&config, &["the session \"corp\" is another one"]), [("aws", 4)]);
}

#[test]
fn a_profile_of_the_same_name_at_the_same_portal_is_no_clash() {
    let aws = format!("{CORP}[profile corp]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\n");
    let config = config("", &aws);
    assert_eq!(config.problems, []);
    assert_eq!(config.sessions[0].aliases, Vec::<String>::new());
}

#[test]
fn profiles_lead_to_sessions_directly_and_through_source_profiles() {
    let aws = format!(
        "{CORP}[profile dev]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = r\n\
         [profile admin]\nrole_arn = arn\nsource_profile = dev\n\
         [profile deep]\nrole_arn = arn\nsource_profile = admin\n\
         [profile self]\nrole_arn = arn\nsource_profile = self\nsso_session = corp\n\
         [profile a]\nsource_profile = b\n[profile b]\nsource_profile = a\n\
         [profile lost]\nsource_profile = nobody\n[profile keys]\nregion = x\n"
    );
    let config = config("", &aws);
    assert_eq!(config.problems, []);
    let profiles: Vec<&str> = config.profiles.keys().map(String::as_str).collect();
    assert_eq!(profiles, ["admin", "deep", "dev", "self"]);
    assert!(config.profiles.values().all(|profile| profile.session == "corp"));
}

#[test]
fn profiles_say_which_role_in_which_account_is_meant_and_where() {
    let aws = format!(
        "{CORP}[profile dev]\nregion = eu-central-1\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = Admin\n\
         [profile legacy]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\n\
         sso_account_id = 444455556666\nsso_role_name = Read+Only\n\
         [profile token]\nsso_session = corp\n\
         [profile top]\nrole_arn = arn\nsource_profile = dev\n\
         [profile heedless]\nsource_profile = dev\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = Other\n"
    );
    let config = config("", &aws);
    assert_eq!(config.problems, []);
    let meant = |profile: &str| match &config.profiles[profile].assignment {
        Ok(assignment) => format!("{} {}", assignment.account, assignment.role),
        Err(why) => why.to_string(),
    };
    assert_eq!(meant("dev"), "111122223333 Admin");
    assert_eq!(meant("legacy"), "444455556666 Read+Only");
    assert_eq!(meant("token"), "has neither sso_account_id nor sso_role_name");
    assert_eq!(meant("top"), "takes its role from AWS STS with the credentials of profile \"dev\"; name that one");
    // Without a role_arn there is nothing to take on top, so botocore uses the profile's own members.
    assert_eq!(meant("heedless"), "111122223333 Other");
    assert_eq!(config.profiles["dev"].region.as_deref(), Some("eu-central-1"));
    assert_eq!(config.profiles["legacy"].region, None);
}

#[test]
fn roles_and_accounts_that_are_incomplete_or_malformed_are_reported_and_the_profile_stays_for_signing_in() {
    let aws = format!(
        "{CORP}[profile half]\nsso_session = corp\nsso_account_id = 111122223333\n\
         [profile other-half]\nsso_session = corp\nsso_role_name = Admin\n\
         [profile short]\nsso_session = corp\nsso_account_id = 11112222333\nsso_role_name = Admin\n\
         [profile blank]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = two words\n"
    );
    let config = config("", &aws);
    assert!(config.profiles.values().all(|profile| profile.session == "corp" && profile.assignment.is_err()));
    assert_eq!(config.profiles.len(), 4);
    assert_eq!(
        problems_at(&config, &["has no sso_role_name", "has no sso_account_id", "twelve digits", "role's name"]),
        [("aws", 6), ("aws", 9), ("aws", 12), ("aws", 17)]
    );
}

#[test]
fn profiles_that_call_ssoctl_lead_where_it_is_sent() {
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
    let meant = |profile: &str| match &config.profiles[profile].assignment {
        Ok(assignment) => format!("{} {}", assignment.account, assignment.role),
        Err(why) => why.to_string(),
    };
    assert_eq!(meant("dev"), "111122223333 Admin");
    assert_eq!(meant("hand"), "444455556666 Other");
    assert_eq!(meant("top"), "takes its role from AWS STS with the credentials of profile \"dev\"; name that one");
    // The SDKs look at the members for signing in first.
    assert_eq!(meant("both"), "444455556666 Read");
    assert_eq!(meant("same"), "has neither sso_account_id nor sso_role_name");
    assert!(config.profiles.values().all(|profile| profile.session == "corp") && config.profiles.len() == 6);
    assert_eq!(config.profiles["dev"].region.as_deref(), Some("eu-central-1"));
    assert_eq!(config.profiles["hand"].region, None);
}

#[test]
fn profiles_that_call_ssoctl_in_a_circle_or_for_nothing_are_reported() {
    let aws = format!(
        "{CORP}[profile self]\ncredential_process = ssoctl credential-process --profile self\n\
         [profile a]\ncredential_process = ssoctl credential-process --profile b\n\
         [profile b]\ncredential_process = ssoctl credential-process --profile a\n\
         [profile gone]\ncredential_process = ssoctl credential-process --session gone --account 111122223333 --role r\n\
         [profile nowhere]\ncredential_process = ssoctl credential-process --profile absent\n\
         [profile short]\ncredential_process = ssoctl credential-process --session corp --account 1 --role r\n"
    );
    let config = config("", &aws);
    let lost: Vec<(&str, &str)> =
        config.unusable_profiles.iter().map(|(name, why)| (name.as_str(), why.message.as_str())).collect();
    let circle = |name: &str| {
        let remedy = "let its credential_process name --session, --account and --role";
        format!("profile {name:?} refers to itself; {remedy}")
    };
    assert_eq!(
        lost,
        [
            ("a", circle("a").as_str()),
            ("b", circle("b").as_str()),
            ("gone", "profile \"gone\" refers to session \"gone\", which does not exist"),
            ("nowhere", "profile \"nowhere\" refers to profile \"absent\", which does not exist"),
            ("self", circle("self").as_str()),
        ]
    );
    assert_eq!(config.profiles.keys().collect::<Vec<_>>(), ["short"]);
    assert!(matches!(config.profiles["short"].assignment, Err(NoAssignment::Malformed(_))));
    let first = CORP.lines().count() + 2;
    let expected: Vec<_> = (0..6).map(|number| ("aws", first + 2 * number)).collect();
    let words = ["refers to itself", "refers to itself", "refers to itself", "\"gone\"", "\"absent\"", "twelve digits"];
    assert_eq!(problems_at(&config, &words), expected);
}

#[test]
fn a_profile_may_repeat_its_sso_session_but_not_contradict_it() {
    let aws = format!(
        "{CORP}[profile same]\nsso_session = corp\nsso_region = eu-west-1\n\
         [profile differs]\nsso_session = corp\nsso_region = us-east-1\n"
    );
    let config = config("", &aws);
    let profiles: Vec<&str> = config.profiles.keys().map(String::as_str).collect();
    assert_eq!(profiles, ["same"]);
    assert_eq!(problems_at(&config, &["sso_region of profile \"differs\""]), [("aws", 9)]);
}

#[test]
fn a_profile_may_refer_to_a_session_of_the_own_file() {
    let config = config(
        "[session.work]\nstart_url = \"https://work.awsapps.com/start\"\nregion = \"eu-west-1\"\n",
        "[profile dev]\nsso_session = work\n",
    );
    assert_eq!(config.problems, []);
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
         [profile to-broken]\nsso_session = no-region\n{CORP}"
    );
    let own = "[session.incomplete]\nbrowser = \"x {url}\"\n[session.typed]\nscopes = 1\n\
               [session.bad]\nregion = \"eu-west-1\"\nstart_url = \"corp\"\n";
    let config = config(own, &aws);
    assert_eq!(names(&config), ["corp"]);
    assert_eq!(
        problems_at(
            &config,
            &[
                "no [sso-session incomplete] to take it from",
                "scopes must be an array",
                "\"corp\" is not a URL",
                "has no sso_region",
                "has no sso_start_url",
                "must begin with https://",
                "\"eu.west.1\" is not a region",
                "\"nobody\" that does not exist",
                "no sso_region",
                "no sso_start_url",
                "no sso_session",
            ]
        ),
        [
            ("own", 1),
            ("own", 4),
            ("own", 7),
            ("aws", 1),
            ("aws", 3),
            ("aws", 8),
            ("aws", 10),
            ("aws", 14),
            ("aws", 15),
            ("aws", 17),
            ("aws", 19)
        ]
    );
    assert!(config.profiles.is_empty());
}

#[test]
fn an_own_session_with_a_wrong_type_does_not_fall_back_to_another_identity() {
    let config = config("[session.corp]\nscopes = \"none\"\n", CORP);
    assert_eq!(names(&config), Vec::<&str>::new());
    assert_eq!(problems_at(&config, &["scopes must be"]), [("own", 2)]);
}

#[test]
fn an_own_file_that_is_not_toml_leaves_the_aws_sessions() {
    let config = config("[session.corp\n", CORP);
    assert_eq!(names(&config), ["corp"]);
    assert_eq!(problems_at(&config, &["not TOML"]), [("own", 1)]);
}

#[test]
fn sessions_follow_the_default_profiles_endpoints_and_legacy_ones_their_own() {
    let aws = format!(
        "[default]\nservices = both\n{CORP}\
         [profile dev]\nsso_start_url = https://dev.awsapps.com/start\nsso_region = eu-west-1\nservices = local\n\
         [profile plain]\nsso_start_url = https://plain.awsapps.com/start\nsso_region = eu-west-1\n\
         [services both]\nsso_oidc =\n  endpoint_url = http://127.0.0.1:1\nsso =\n  endpoint_url = http://127.0.0.1:1\n\
         [services local]\nsso_oidc =\n  endpoint_url = http://127.0.0.1:2\nsso =\n  endpoint_url = http://127.0.0.1:2\n"
    );
    let config = config("", &aws);
    assert_eq!(config.problems, []);
    let oidc = |name: &str| -> String {
        let session = config.session(name).expect("the session");
        session.endpoints.as_ref().expect("endpoints").oidc.shown().to_string()
    };
    assert_eq!(oidc("corp"), "http://127.0.0.1:1/");
    assert_eq!(oidc("dev"), "http://127.0.0.1:2/");
    assert_eq!(oidc("plain"), "https://oidc.eu-west-1.amazonaws.com/");
}

#[test]
fn a_session_without_endpoints_stays_and_is_reported() {
    let environment = Environment { use_fips_endpoint: Some(true), ..Environment::default() };
    let config = config_in("[session.corp]\noidc_endpoint = \"https://proxy.example\"\n", CORP, &environment);
    assert!(config.sessions[0].endpoints.is_err());
    assert_eq!(problems_at(&config, &["oidc_endpoint"]), [("aws", 1)]);
}

#[test]
fn the_variable_for_certificates_counts_before_the_default_profiles_file() {
    let aws = "[default]\nca_bundle = ~/ca.pem\n";
    let environment = Environment { home: Some(PathBuf::from("/home/me")), ..Environment::default() };
    let from_file = config_in("", aws, &environment);
    assert_eq!(from_file.ca_bundle, Some(PathBuf::from("/home/me/ca.pem")));
    let environment = Environment { ca_bundle: Some(PathBuf::from("/etc/ca.pem")), ..environment };
    let from_variable = config_in("", aws, &environment);
    assert_eq!(from_variable.ca_bundle, Some(PathBuf::from("/etc/ca.pem")));
}

#[test]
fn every_session_is_found_by_a_start_url_in_any_spelling() {
    let config = config("", CORP);
    let normalised = normalise_start_url("https://corp.awsapps.com/start").unwrap();
    assert_eq!(config.sessions[0].identity.start_url, normalised);
    assert_eq!(config.sessions_at("https://CORP.awsapps.com/start/").count(), 1);
}

#[test]
fn tokens_are_shared_where_sdks_know_of_the_session_unless_the_own_file_says_otherwise() {
    let legacy = "[profile dev]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\n";
    let own = "[session.mine]\nstart_url = \"https://corp.awsapps.com/start\"\nregion = \"eu-west-1\"\n";
    for (own, aws, expected) in [
        (String::new(), CORP, SdkCache::On),
        (String::new(), legacy, SdkCache::On),
        (own.to_owned(), "", SdkCache::Off),
        (own.to_owned(), legacy, SdkCache::On),
        (format!("{own}sdk_cache = \"on\"\n"), "", SdkCache::On),
        (format!("{own}sdk_cache = \"off\"\n"), legacy, SdkCache::Off),
        ("[session.corp]\nsdk_cache = \"off\"\n".to_owned(), CORP, SdkCache::Off),
    ] {
        let config = config(&own, aws);
        assert_eq!((config.problems.len(), config.sessions.len()), (0, 1), "{own} {aws}");
        assert_eq!(config.sessions[0].sdk_cache, expected, "{own} {aws}");
    }
}

#[test]
fn a_ca_bundle_that_is_not_used_is_named() {
    let aws = format!(
        "[default]\nca_bundle = /ca.pem\n{CORP}[profile same]\nsso_session = corp\nca_bundle = /ca.pem\n\
         [profile dev]\nsso_session = corp\nca_bundle = ~/own.pem\n[profile keys]\nca_bundle = /x.pem\n"
    );
    let config = config("", &aws);
    assert_eq!(config.ca_bundle, Some(PathBuf::from("/ca.pem")));
    assert_eq!(problems_at(&config, &["ca_bundle of profile \"dev\" is not used"]), [("aws", 11)]);
    assert_eq!(config.problems[0].severity, Severity::Warning);
}

#[test]
fn twenty_thousand_profiles_at_twenty_thousand_portals_each_have_their_session() {
    let profile = |number: usize| {
        format!("[profile p{number}]\nsso_start_url = https://d-{number}.awsapps.com/start\nsso_region = eu-west-1\n")
    };
    let aws: String = (0..20_000).map(profile).collect();
    let config = config("", &aws);
    assert_eq!((config.sessions.len(), config.profiles.len(), config.problems.len()), (20_000, 20_000, 0));
    let last = &config.sessions[19_999];
    assert_eq!((last.name.as_str(), last.start_url()), ("p19999", "https://d-19999.awsapps.com/start"));
    assert_eq!(config.profiles["p19999"].session, "p19999");
}

#[test]
fn a_way_over_thousands_of_profiles_ends_with_a_reason() {
    let profile = |number: usize| {
        format!("[profile p{number}]\ncredential_process = ssoctl credential-process --profile p{}\n", number + 1)
    };
    let aws: String = (0..20_000).map(profile).collect();
    let config = config("", &format!("{aws}[profile p20000]\nsso_session = corp\n{CORP}"));
    assert!(config.unusable_profiles["p0"].message.contains("more than 50 other profiles"));
    assert_eq!(config.profiles["p19990"].session, "corp");
}
