//! Start URLs that are not AWS's own: a company's address, which redirects to the start URL of AWS.

use identity_center_simulator::{Operation, Settings, VanityUrl};
use rustix::process::Signal;
use serde_json::{Value, json};

use test_support::{Stage, until};

const TARGET: &str = "https://ssoins-1.portal.us-west-2.app.aws";

/// A service with these start URLs: paths and what they redirect to.
fn service(vanity_urls: &[(&str, &str)]) -> Settings {
    let vanity_urls = vanity_urls.iter().map(|(path, target)| VanityUrl::new(path, target)).collect();
    Settings { vanity_urls, ..Settings::default() }
}

fn section(stage: &Stage, name: &str, path: &str, more: &str) -> String {
    format!("[sso-session {name}]\nsso_start_url = {}{path}\n{more}", stage.identity_center.url())
}

/// The AWS configuration file with the session `corp` at the start URL `/mine`.
fn write_corp(stage: &Stage, more: &str) {
    stage.write(".aws/config", &(stage.services() + &section(stage, "corp", "/mine", more)));
}

/// A daemon with the session `corp` at the start URL `/mine`, and no region.
fn corp_at_its_own_address(settings: Settings) -> Stage {
    let stage = Stage::bare(settings);
    write_corp(&stage, "");
    stage.start_daemon_by_its_files();
    stage.signed_out()
}

/// Signs in by a code, which is for this start URL.
fn sign_in_at(stage: &Stage, arguments: &[&str], start_url: &str) {
    let login = stage.start(stage.ssoctl([&["login", "--no-browser", "--flow", "device"], arguments].concat()));
    assert_eq!(stage.shown_by(&login).start_url, start_url);
    stage.approve();
    login.finish().exits(0).says("Signed in to");
}

#[test]
fn a_sign_in_goes_where_the_start_url_leads_and_the_aws_clis_writing_of_the_region_changes_nothing() {
    let stage = corp_at_its_own_address(service(&[("/mine", &format!("{TARGET}/"))]));
    let status = stage.status("corp");
    assert_eq!((&status["region"], &status["resolved_url"]), (&json!(""), &Value::Null));
    sign_in_at(&stage, &[], TARGET);
    let token = stage.run(["token"]).exits(0).stdout;
    until("the record is written", || (stage.status("corp")["unsaved"] == false).then_some(()));
    let configured = format!("{}/mine", stage.identity_center.url());
    let leads_there = || {
        let status = stage.status("corp");
        assert_eq!((&status["region"], &status["resolved_url"]), (&json!("us-west-2"), &json!(TARGET)));
        assert_eq!((&status["start_url"], &status["state"]), (&json!(configured), &json!("signed_in")));
        assert_eq!(stage.run(["token", "corp"]).exits(0).stdout, token);
    };
    leads_there();
    let page = stage.run(["status", "corp"]).exits(0).stdout;
    assert!(page.contains(&format!("leads to        {TARGET}")), "{page}");
    let published: Value = until("the token file", || {
        // Named after the SHA-1 of "corp".
        let path = ".aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json";
        serde_json::from_slice(&std::fs::read(stage.home().join(path)).ok()?).ok()
    });
    assert_eq!((&published["startUrl"], &published["region"]), (&json!(configured), &json!("us-west-2")));

    for (marker, region) in [("first", "us-west-2"), ("second", "eu-west-1")] {
        let other =
            format!("[sso-session {marker}]\nsso_start_url = https://a.awsapps.com/start\nsso_region = {region}\n");
        write_corp(&stage, &format!("sso_region = {region}\n{other}"));
        until("the file is read", || stage.run(["status", "--json"]).stdout.contains(marker).then_some(()));
        leads_there();
        assert_eq!(stage.run(["status", "--json"]).json()["daemon"]["left_records"], json!([]));
    }

    stage.end_daemon(Signal::TERM);
    stage.start_daemon_by_its_files();
    stage.wait_for_state("corp", "signed_in");
    leads_there();
    stage.run(["accounts", "corp"]).exits(0);
    let calls = [Operation::RegisterClient, Operation::VanityUrl].map(|it| stage.identity_center.calls(it));
    assert_eq!(calls, [1, 1]);
    stage.judge();
}

#[test]
fn login_with_a_start_url_of_ones_own_needs_no_region_and_is_found_again() {
    let stage = Stage::bare(service(&[("/mine", TARGET), ("/other", "https://corp.awsapps.com/start#/")])).started();
    let url = format!("{}/mine", stage.identity_center.url());
    sign_in_at(&stage, &["--start-url", &url], TARGET);
    sign_in_at(&stage, &["--start-url", &format!("{url}/")], TARGET);
    let other = format!("{}/other", stage.identity_center.url());
    sign_in_at(&stage, &["--start-url", &other, "--name", "other"], "https://corp.awsapps.com/start");
    let sessions = stage.run(["status", "--json"]).json()["sessions"].clone();
    let regions: Vec<&Value> =
        sessions.as_array().expect("sessions").iter().map(|session| &session["region"]).collect();
    assert_eq!(regions, ["us-west-2", ""], "the other target names none, and the service here needs none");
}

#[test]
fn a_start_url_at_which_head_is_not_known_is_asked_once_more() {
    for status in [400, 403, 405, 501] {
        let vanity = VanityUrl { head_status: Some(status), ..VanityUrl::new("/mine", TARGET) };
        let stage = corp_at_its_own_address(Settings { vanity_urls: vec![vanity], ..Settings::default() });
        sign_in_at(&stage, &[], TARGET);
        assert_eq!(stage.identity_center.calls(Operation::VanityUrl), 2, "{status}");
    }
}

#[test]
fn a_target_that_is_not_aws_is_refused_by_name_and_nothing_is_registered() {
    let targets = [
        ("/http", "http://corp.awsapps.com/start", "leads to http://corp.awsapps.com/start, which is not https"),
        (
            "/foreign",
            "https://evil.example/start",
            "leads to https://evil.example/start, which is not on a host of AWS",
        ),
        ("/twice", "/mine", "/mine, which is not"),
        ("/loop", "/loop", "/loop, which is not"),
        ("/nowhere", "", "leads to no address"),
    ];
    let urls: Vec<(&str, &str)> = targets.iter().map(|(path, target, _)| (*path, *target)).collect();
    let stage = Stage::bare(service(&[&urls[..], &[("/mine", TARGET)]].concat()));
    let sections = targets.map(|(path, ..)| section(&stage, &path[1..], path, "sso_region = eu-west-1\n"));
    stage.write(".aws/config", &sections.concat());
    stage.start_daemon();
    for (path, _, why) in targets {
        let name = &path[1..];
        stage
            .run(["login", "--no-browser", name])
            .exits(7)
            .says(why)
            .says(&format!("{}{path}", stage.identity_center.url()));
        assert_eq!(stage.status(name)["last_error"]["code"], "start_url", "{path}");
    }
    assert_eq!(stage.identity_center.calls(Operation::VanityUrl), targets.len(), "no redirect is followed");
    assert_eq!(stage.identity_center.calls(Operation::RegisterClient), 0);
}

#[test]
fn a_service_that_names_the_right_region_is_passed_on() {
    let settings = Settings { right_region: Some("eu-west-1".to_owned()), ..service(&[("/mine", TARGET)]) };
    let stage = corp_at_its_own_address(settings);
    let login = stage.run(["login", "--no-browser", "--flow", "device"]);
    login.exits(7).says("this portal is in eu-west-1: set sso_region = eu-west-1");
    assert_eq!(stage.status("corp")["last_error"]["code"], "invalid_request_region");
}

#[test]
fn the_service_tells_the_region_of_a_start_url_that_names_none_and_it_is_saved() {
    const START_URL: &str = "https://corp.awsapps.com/start";
    for (right, told) in [(Some("eu-central-1"), "eu-central-1"), (None, "us-east-1")] {
        let stage = Stage::bare(Settings { right_region: right.map(str::to_owned), ..Settings::default() });
        let login = stage.start(stage.ssoctl(["login", "--no-browser", "--start-url", START_URL]));
        if right.is_none() {
            stage.approve_shown_by(&login);
            login.finish().exits(0).says("Signed in to");
        } else {
            // This service refuses every region, so the sign-in fails after the session was saved.
            login.finish().says(told);
        }
        assert_eq!(stage.status("corp")["region"], told);
    }
}
