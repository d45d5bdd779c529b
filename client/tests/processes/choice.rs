//! The choice of a session.

use identity_center_simulator::Settings;

use test_support::Stage;
use test_support::client::Outcome;
use test_support::service::preauthorised;

const SESSIONS: &str = "\
[sso-session dev]
sso_start_url = https://dev.awsapps.com/start
sso_region = eu-west-1

[sso-session prod]
sso_start_url = https://prod.awsapps.com/start#/
sso_region = us-east-1

[profile work]
sso_session = prod
sso_account_id = 111122223333
sso_role_name = ReadOnlyAccess

[profile old]
sso_start_url = https://old.awsapps.com/start
sso_region = eu-west-1
sso_account_id = 111122223333
sso_role_name = ReadOnlyAccess

[profile keys]
region = eu-west-1
";

fn signed_in_everywhere() -> Stage {
    let stage = Stage::configured(preauthorised(), SESSIONS);
    for session in ["dev", "prod", "old"] {
        stage.sign_in(session);
    }
    stage
}

#[track_caller]
fn assert_session(outcome: Outcome, session: &str) {
    assert_eq!(outcome.exits(0).json()["session"], session);
}

#[test]
fn the_session_is_chosen_by_name_profile_start_url_or_environment() {
    let stage = signed_in_everywhere();
    for (arguments, session) in [
        (&["dev"][..], "dev"),
        (&["old"], "old"),
        (&["--profile", "work"], "prod"),
        (&["--profile", "old"], "old"),
        (&["--start-url", "https://dev.awsapps.com/start"], "dev"),
        (&["--start-url", "https://dev.awsapps.com/start/#/"], "dev"),
        (&["--start-url", "https://prod.awsapps.com/start"], "prod"),
        (&["--start-url", "https://prod.awsapps.com/start/"], "prod"),
    ] {
        assert_session(stage.run([&["token", "--json"], arguments].concat()), session);
    }
    let with = |variables: &[(&str, &str)], arguments: &[&str]| {
        stage.run_in(variables, &[&["token", "--json"], arguments].concat())
    };
    assert_session(with(&[("SSOCTL_SESSION", "dev")], &[]), "dev");
    assert_session(with(&[("AWS_PROFILE", "work")], &[]), "prod");
    assert_session(with(&[("SSOCTL_SESSION", "dev"), ("AWS_PROFILE", "work")], &[]), "dev");
    assert_session(with(&[("SSOCTL_SESSION", ""), ("AWS_PROFILE", "work")], &[]), "prod");
    assert_session(with(&[("SSOCTL_SESSION", "dev"), ("AWS_PROFILE", "work")], &["old"]), "old");
}

#[test]
fn none_named_among_several_exits_2_and_lists_the_names() {
    let stage = signed_in_everywhere();
    for verb in ["token", "login", "logout"] {
        stage.run([verb]).exits(2).prints_nothing().says("dev").says("prod").says("old");
    }
    assert_eq!(stage.run(["status", "--json"]).exits(0).json()["sessions"].as_array().map(Vec::len), Some(3));
}

#[test]
fn an_unknown_session_exits_6_and_lists_the_known_ones() {
    let stage = signed_in_everywhere();
    for arguments in [
        &["nowhere"][..],
        &["--profile", "nowhere"],
        &["--profile", "keys"],
        &["--start-url", "https://nowhere.awsapps.com/start"],
    ] {
        for verb in ["token", "status", "login", "logout"] {
            // To sign in at a start URL that nobody has configured is to add a session.
            if verb != "login" || arguments[0] != "--start-url" {
                stage.run([&[verb], arguments].concat()).exits(6).prints_nothing().says("dev, prod, old");
            }
        }
    }
    stage.run_in(&[("AWS_PROFILE", "keys")], &["token"]).exits(6);
}

#[test]
fn the_only_session_need_not_be_named() {
    let stage = Stage::signed_in(Settings::default());
    assert_session(stage.run(["token", "--json"]), "corp");
}
