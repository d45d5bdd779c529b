//! The very first use, without a file of any kind.

use identity_center_simulator::Settings;

use test_support::Stage;

#[test]
fn the_first_login_needs_no_file_and_is_known_after_a_restart() {
    let stage = Stage::bare(Settings::default());
    stage.run(["status"]).exits(0);
    let add = ["login", "--no-browser", "--start-url", "https://new.awsapps.com/start", "--region", "eu-west-1"];
    let login = stage.start(stage.ssoctl([&add[..], &["--name", "mine"]].concat()));
    assert_eq!(stage.shown_by(&login).start_url, "https://new.awsapps.com/start");
    stage.approve();
    login.finish().exits(0).says("Signed in to mine");
    let token = stage.run(["token"]).exits(0).stdout;
    assert_eq!(token.trim_end(), stage.identity_center.issued_access_tokens()[0]);

    stage.end_daemons();
    stage.start_daemon();
    assert_eq!(stage.run(["token", "mine"]).exits(0).stdout, token);
    assert_eq!(stage.status("mine")["region"], "eu-west-1");

    let again = stage.start(stage.ssoctl(add));
    stage.approve();
    again.finish().exits(0).says("Signed in to mine");
    assert_eq!(stage.run(["status", "--json"]).json()["sessions"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_name_that_means_another_portal_is_not_taken() {
    let stage = Stage::with_corp(Settings::default());
    let add = ["login", "--start-url", "https://new.awsapps.com/start", "--region", "eu-west-1", "--name", "corp"];
    stage.run(add).exits(2).prints_nothing().says("corp");
    assert_eq!(stage.status("corp")["start_url"], "https://corp.awsapps.com/start");
}

#[test]
fn a_start_url_whose_region_nobody_tells_needs_it() {
    let known = "https://corp.awsapps.com/start".to_owned();
    let stage = Stage::with_corp(Settings { start_urls: vec![known], ..Settings::default() });
    stage.run(["login", "--start-url", "https://new.awsapps.com/start"]).exits(6).says("--region").says("us-east-1");
    let nonsense = ["login", "--start-url", "new.awsapps.com", "--region", "eu-west-1"];
    stage.run(nonsense).exits(2).prints_nothing();
    assert_eq!(stage.identity_center.pending(), []);
}
