//! Start URLs that name their region, and ones that are not AWS's own.

use super::*;
use crate::config::{EndpointError, Identity, IdentityError, TokenFilesIssuer};

#[test]
fn a_session_whose_start_url_leads_elsewhere_stays_the_same_when_its_region_is_written() {
    let region = ["", "sso_region = eu-west-1\n", "sso_region = us-east-1\n"];
    let section = |region: &str| format!("[sso-session corp]\nsso_start_url = https://sso.corp.example/\n{region}");
    let sessions = region.map(|region| config("", &section(region)).sessions.remove(0));
    for session in &sessions {
        assert_eq!(session.identity, sessions[0].identity);
        assert_eq!((&session.identity.issuer, session.cache_keys.as_slice()), (&None, &["corp".to_owned()][..]));
        assert_eq!((session.endpoints.configured(), session.endpoints.error()), (None, None));
        assert_eq!((session.sdk_cache, session.token_files), (SdkCache::On, TokenFilesIssuer::Same));
        let portal = "https://ssoins-1.portal.us-west-2.app.aws";
        let at = |region| session.endpoints.at(portal, region).map(|it| it.oidc.issuer().clone());
        assert_eq!(at(Some("us-west-2")), Ok(Issuer::aws("us-west-2")), "the start URL's region counts first");
        let region = session.region.as_deref().map(Issuer::aws);
        assert_eq!(at(None), region.ok_or(EndpointError::NoRegion), "then the configured one");
        let issued = session.endpoints.of(&Issuer::aws("us-west-2"), Some(portal)).expect("endpoints");
        let urls = [&issued.oidc, &issued.portal].map(|it| it.shown().as_str());
        assert_eq!(urls, ["https://oidc.us-west-2.api.aws/", "https://portal.sso.us-west-2.amazonaws.com/"]);
    }
    let profiles = format!(
        "{}[profile without]\nsso_start_url = https://sso.corp.example\n",
        legacy("dev", "sso.corp.example", "eu-west-1") + &legacy("prod", "sso.corp.example", "us-east-1")
    );
    let legacy = config("", &profiles);
    assert_problems(&legacy, &[]);
    assert_eq!(
        (names(&legacy), &legacy.sessions[0].aliases[..]),
        (vec!["dev"], &["prod", "without"].map(str::to_owned)[..])
    );
}

#[test]
fn requests_of_a_configured_region_stay_there_and_others_follow_the_issuer_of_their_secrets() {
    let issuers = |own: &str| {
        let session = config(own, "").sessions.remove(0);
        ["eu-west-1", "us-east-1"].map(|region| {
            let endpoints = session.endpoints.of(&Issuer::aws(region), None).expect("endpoints");
            (endpoints.oidc.issuer().to_string(), endpoints.portal.issuer().to_string())
        })
    };
    let of = |region: &str| (format!("aws:{region}"), format!("aws:{region}"));
    assert_eq!(issuers(&format!("[session.corp]\n{OWN_CORP}")), [of("eu-west-1"), of("eu-west-1")]);
    for start_url in ["https://ssoins-1.portal.eu-west-1.app.aws", "https://sso.corp.example"] {
        let own = format!("[session.corp]\nstart_url = {start_url:?}\n");
        assert_eq!(issuers(&own), [of("eu-west-1"), of("us-east-1")], "{start_url}");
    }
    let moved = "portal_endpoint = \"http://127.0.0.1:1\"\noidc_endpoint = \"http://127.0.0.1:1\"\n";
    let own = format!("[session.corp]\nstart_url = \"https://sso.corp.example\"\n{moved}");
    let foreign = "http://127.0.0.1:1".to_owned();
    assert_eq!(issuers(&own), [(); 2].map(|()| (foreign.clone(), foreign.clone())), "the settings count");
    assert_eq!(config(&own, "").sessions[0].identity.issuer, Some(Issuer::Foreign { origin: foreign }));
}

#[test]
fn the_region_may_be_missing_where_the_start_url_names_it_and_nowhere_else() {
    let named = "[session.corp]\nstart_url = \"https://ssoins-1.portal.eu-west-1.app.aws\"\n";
    let (with, without) = (config(&format!("{named}region = \"eu-west-1\"\n"), ""), config(named, ""));
    assert_problems(&without, &[]);
    assert_eq!(with.sessions[0].identity, without.sessions[0].identity);
    let oidc = without.sessions[0].endpoints.configured().map(|it| it.oidc.shown().to_string());
    assert_eq!(oidc.as_deref(), Some("https://oidc.eu-west-1.api.aws/"));

    let unnamed = "sso_start_url = https://corp.awsapps.com/start\n";
    let missing = config("", &format!("[sso-session corp]\n{unnamed}[profile dev]\n{unnamed}"));
    assert_problems(&missing, &[("aws:1", "has no sso_region"), ("aws:3", "has no sso_region")]);
}

#[test]
fn an_identity_has_the_configured_region_or_else_that_of_the_start_url() {
    let region = |start_url: &str, region| Identity::new(None, start_url, region, &[]).map(|it| it.region);
    let named = "https://ssoins-1.portal.eu-west-1.app.aws";
    assert_eq!(region(named, None), Ok(Some("eu-west-1".to_owned())));
    assert_eq!(region(named, Some("us-east-1")), Ok(Some("us-east-1".to_owned())), "as with the AWS CLI");
    let unnamed = "https://corp.awsapps.com/start";
    assert_eq!(region(unnamed, Some("us-east-1")), Ok(Some("us-east-1".to_owned())));
    assert_eq!(region(unnamed, None), Err(IdentityError::NoRegion(unnamed.to_owned())));
    let bad = Err(IdentityError::Region("a.b".to_owned()));
    assert_eq!(region("https://sso.corp.example", Some("a.b")), bad);
}
