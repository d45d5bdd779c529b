//! A setting that names another issuer signs the session out there, says so, and takes nothing away.

use identity_center_simulator::{Approval, Operation, Settings, Simulator};
use rustix::process::Signal;

use test_support::stage::{CORP, services_at};
use test_support::{Stage, until};

fn other_issuer() -> Simulator {
    Simulator::start(Settings::default()).expect("a port")
}

fn token(stage: &Stage) -> String {
    stage.run(["token"]).exits(0).stdout
}

fn signed_in_once(stage: &Stage) {
    let calls = [Operation::RegisterClient, Operation::StartDeviceAuthorization];
    assert_eq!(calls.map(|operation| stage.identity_center.calls(operation)), [1, 1]);
}

/// Insists that the session is signed out at `simulator`, because of this setting.
fn is_signed_out_there(stage: &Stage, simulator: &Simulator, set_by: &str) {
    let url = simulator.url();
    until("the other issuer counts", || {
        let status = stage.status("corp");
        (status["foreign_issuer"]["url"] == url.as_str() && status["state"] == "signed_out").then_some(())
    });
    assert_eq!(stage.status("corp")["foreign_issuer"]["set_by"], set_by);
    let shown = stage.run(["status"]).exits(0).stdout;
    assert!(shown.contains(&format!("corp: signs in at {url}, which is not AWS in eu-west-1 ({set_by})")), "{shown}");
    let refused = stage.run(["token", "--wait", "1s"]);
    refused.exits(5).prints_nothing().says(&format!("in time at {url} ({set_by}), which is not AWS in eu-west-1"));
}

#[test]
fn a_variable_that_names_another_issuer_signs_out_there_and_what_there_was_is_good_again_without_it() {
    let stage = Stage::signed_in(Settings::default());
    let before = token(&stage);
    let other = other_issuer();
    stage.end_daemon(Signal::TERM);
    stage.start_daemon_at(&other.url());
    is_signed_out_there(&stage, &other, "AWS_ENDPOINT_URL_SSO_OIDC in the environment of ssoctld");

    // A sign-in there takes nothing away either.
    other.settings(|settings| settings.approval = Approval::Preauthorised);
    stage.request("DELETE", "/v1/sessions/corp/login");
    stage.run(["login", "--no-browser"]).exits(0);
    assert_ne!(token(&stage), before);
    stage.end_daemon(Signal::TERM);
    stage.start_daemon();
    stage.wait_for_state("corp", "signed_in");
    assert_eq!(token(&stage), before);
    signed_in_once(&stage);
    stage.judge();
    for secret in other.secrets() {
        assert!(stage.everything_said().iter().all(|(_, text)| !text.contains(&secret)), "a secret was said");
    }
}

#[test]
fn a_file_that_names_another_issuer_signs_out_there_with_its_line_and_while_the_daemon_runs() {
    let stage = Stage::bare(Settings::default());
    let other = other_issuer();
    let configuration = |simulator: &Simulator| format!("{CORP}{}", services_at(&simulator.url()));
    stage.write(".aws/config", &configuration(&stage.identity_center));
    stage.start_daemon_by_its_files();
    stage.sign_in("corp");
    let before = token(&stage);

    stage.write(".aws/config", &configuration(&other));
    let file = stage.home().join(".aws/config");
    let set_by = format!("endpoint_url of sso_oidc in [services here], {}:8", file.display());
    is_signed_out_there(&stage, &other, &set_by);

    stage.write(".aws/config", &configuration(&stage.identity_center));
    stage.wait_for_state("corp", "signed_in");
    assert_eq!(token(&stage), before);
    signed_in_once(&stage);
    assert_eq!(stage.identity_center.calls(Operation::Logout), 0);
}

#[test]
fn a_file_that_names_aws_in_another_region_signs_out_there_and_says_so() {
    let stage = Stage::bare(Settings::default());
    let there = "https://oidc.us-east-1.amazonaws.com";
    let services = format!(
        "[default]\nservices = there\n[services there]\nsso_oidc =\n  endpoint_url = {there}\n\
         sso =\n  endpoint_url = https://portal.sso.us-east-1.amazonaws.com\n"
    );
    stage.write(".aws/config", &format!("{CORP}{services}"));
    stage.start_daemon_by_its_files();
    stage.wait_for_state("corp", "signed_out");
    let file = stage.home().join(".aws/config");
    let set_by = format!("endpoint_url of sso_oidc in [services there], {}:8", file.display());
    let shown = stage.run(["status"]).exits(0).stdout;
    assert!(shown.contains(&format!("corp: signs in at {there}, which is not AWS in eu-west-1 ({set_by})")), "{shown}");
}
