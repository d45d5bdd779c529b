//! Start URLs of one's own, and a region that is not the right one.

use crate::code_flow::code_registration;
use crate::support::{Answer, Bench, START_URL};
use identity_center_simulator::{Clock, Fault, Offline, Operation, Settings, VanityUrl};
use serde_json::json;
use std::time::SystemTime;

const TARGET: &str = "https://ssoins-1111.portal.eu-west-1.app.aws/";

fn leads_to(bench: &Bench, target: &str) -> Answer {
    bench.simulator.settings(|settings| settings.vanity_urls = vec![VanityUrl::new("/start", target)]);
    bench.get("/start")
}

#[test]
fn a_path_leads_to_whatever_target_is_asked_for_with_each_status() {
    let bench = Bench::new();
    for status in [301, 302, 303, 307, 308] {
        let vanity = VanityUrl { status, ..VanityUrl::new("/start", TARGET) };
        bench.simulator.settings(|settings| settings.vanity_urls = vec![vanity]);
        for answer in [bench.get("/start"), bench.head("/start")] {
            assert_eq!((answer.status, answer.header("location")), (status, Some(TARGET)));
            assert!(answer.body.is_empty());
        }
    }
    for target in ["http://insecure.awsapps.com/start", "https://foreign.example/start", "/start", "elsewhere"] {
        assert_eq!(leads_to(&bench, target).header("location"), Some(target));
    }
    assert_eq!(leads_to(&bench, "").header("location"), None);
    assert_eq!(bench.simulator.calls(Operation::VanityUrl), 15);
}

#[test]
fn head_may_be_refused_where_get_is_answered() {
    let vanity = VanityUrl { head_status: Some(405), ..VanityUrl::new("/", TARGET) };
    let bench = Bench::with(|settings| settings.vanity_urls = vec![vanity]);
    let head = bench.head("/");
    assert_eq!((head.status, head.header("location")), (405, None));
    assert_eq!(bench.get("/").header("location"), Some(TARGET));
}

#[test]
fn one_redirect_may_follow_another_and_other_paths_stay_unknown() {
    let bench = Bench::new();
    let second = format!("{}/second", bench.simulator.url());
    let urls = vec![VanityUrl::new("/first", &second), VanityUrl::new("/second", TARGET)];
    bench.simulator.settings(|settings| settings.vanity_urls = urls);
    assert_eq!(bench.get("/first").header("location"), Some(second.as_str()));
    assert_eq!(bench.get("/second").header("location"), Some(TARGET));
    assert_eq!(bench.get("/third").status, 404);
    assert_eq!(bench.post("/first", &json!({})).status, 405);
}

#[test]
fn it_has_faults_and_can_be_set_through_the_control_api() {
    let bench = Bench::new();
    let urls = json!([{ "path": "/start", "target": TARGET, "status": 307 }]);
    bench.control("PATCH", "settings", &json!({ "vanity_urls": urls }));
    bench.inject(Operation::VanityUrl, Fault::Html);
    assert_eq!(bench.get("/start").status, 200);
    assert_eq!(bench.get("/start").status, 307);
}

#[test]
fn the_service_without_sockets_has_the_paths_too() {
    let settings = Settings { vanity_urls: vec![VanityUrl::new("/start", TARGET)], ..Settings::default() };
    let mut service = Offline::new(settings, Clock::manual(SystemTime::UNIX_EPOCH));
    assert_eq!(service.call("/start", None, "").header("location"), Some(TARGET));
}

#[test]
fn a_wrong_region_is_refused_with_the_right_one() {
    let (bench, client, token) = Bench::new().signed_in();
    bench.simulator.settings(|settings| settings.right_region = Some("eu-west-1".to_owned()));
    for answer in [
        bench.post("/device_authorization", &client.body(json!({ "startUrl": START_URL }))),
        bench.refresh(&client, &token.member("refreshToken")),
        bench.register_with(code_registration()),
    ] {
        assert_eq!((answer.status, answer.exception()), (400, "InvalidRequestRegionException"));
        assert_eq!(answer.member("error"), "invalid_request");
        assert_eq!(answer.member("region"), "eu-west-1");
        assert_eq!(answer.member("endpoint"), "https://oidc.eu-west-1.amazonaws.com");
    }
    assert_eq!(bench.register_with(json!({})).status, 200, "it names no instance");
}
