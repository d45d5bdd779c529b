//! Taking sign-ins over from the AWS CLI and SDKs.

use identity_center_simulator::{Fault, Operation, Settings, Simulator, Times};

use test_support::{Stage, until};

/// The file in which readers look for the token of a session that is called `my-sso`.
const MY_SSO: &str = ".aws/sso/cache/0ad374308c5a4e22f723adf10145eafad7c4031c.json";

const CONFIG: &str = "[sso-session my-sso]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\n";

/// A token file that the AWS CLI could have written.
fn file(token: &str) -> String {
    format!(
        r#"{{"startUrl": "https://corp.awsapps.com/start", "region": "eu-west-1", "accessToken": "{token}",
            "expiresAt": "9999-01-01T00:00:00Z"}}"#
    )
}

#[test]
fn import_says_what_became_of_each_file_and_fails_if_one_could_not_be_read_or_proved() {
    let stage = Stage::bare(Settings::default());
    stage.write(".aws/config", &format!("{CONFIG}{}", stage.services()));
    stage.start_daemon();
    stage.wait_for_state("my-sso", "signed_out");
    let nothing = stage.run(["import"]).exits(0);
    assert!(nothing.stdout.starts_with("There is nothing in "), "{nothing:?}");

    // Its issuer does not answer.
    let fail = |fault| stage.identity_center.inject(Operation::ListAccounts, fault, Times::UntilCleared);
    fail(Fault::Status { status: 503 });
    stage.write(MY_SSO, &file("aoaLIVE"));
    let path = stage.home().join(MY_SSO);
    until("status names the file", || {
        let line = format!("my-sso: found, not yet proved: {} (", path.display());
        stage.run(["status"]).exits(0).stdout.contains(&line).then_some(())
    });
    let unproved = stage.run(["import"]).exits(1).says("one file could not be taken over");
    assert!(unproved.stdout.contains("failed: found, not yet proved: "), "{unproved:?}");
    assert_eq!(stage.status("my-sso")["state"], "signed_out");

    // It knows it.
    stage.identity_center.clear_faults();
    fail(Fault::error("ForbiddenException"));
    let taken = stage.run(["import"]).exits(0);
    let is_any = |words: &[&str]| words.iter().any(|words| taken.stdout.contains(words));
    assert!(is_any(&["taken over by session my-sso", "has this sign-in already", "shares with other"]), "{taken:?}");
    stage.wait_for_state("my-sso", "signed_in");
    let status = stage.run(["status"]).exits(0).stdout;
    assert!(status.contains(&format!("my-sso: this sign-in was found in {}", path.display())), "{status}");
    let log = std::fs::read_to_string(stage.log()).unwrap();
    let is_told = |line: &str| line.contains("a sign-in that was found is proved") && line.contains(MY_SSO);
    assert!(log.lines().any(is_told), "{log}");

    stage.write(MY_SSO, "{");
    let torn = stage.run(["import"]).exits(1).says("one file could not be taken over");
    assert!(torn.stdout.contains("failed: it is not a whole token file"), "{torn:?}");
}

#[test]
fn a_sign_in_that_its_issuer_rejects_is_left_and_reported() {
    let stage = Stage::bare(Settings::default());
    stage.write(".aws/config", &format!("{CONFIG}{}", stage.services()));
    stage.write(MY_SSO, &file("aoaMADE-UP"));
    stage.start_daemon();
    let refused = stage.run(["import"]).exits(0);
    assert!(refused.stdout.contains("left: its issuer does not know this sign-in"), "{refused:?}");
    assert_eq!(stage.status("my-sso")["state"], "signed_out");
    until("status says so", || {
        stage.run(["status"]).exits(0).stdout.contains("holds a sign-in that its issuer rejects").then_some(())
    });
    assert_eq!(stage.identity_center.calls(Operation::ListAccounts), 1, "it is asked once");
    assert_eq!(std::fs::read_to_string(stage.home().join(MY_SSO)).unwrap(), file("aoaMADE-UP"));
}

#[test]
fn a_sign_in_of_the_configured_service_is_not_taken_over_if_a_variable_names_another() {
    let of_the_file = Simulator::start(Settings::default()).unwrap();
    let stage = Stage::bare(Settings::default());
    let services = stage.services().replace(&stage.identity_center.url(), &of_the_file.url());
    stage.write(".aws/config", &format!("{CONFIG}{services}"));
    stage.write_own_config("[session.my-sso]\nsdk_cache = \"on\"\n");
    stage.write(MY_SSO, &file("aoaLIVE"));
    stage.start_daemon();
    let left = stage.run(["import"]).exits(0);
    assert!(left.stdout.contains("left: it is for another portal than session my-sso: "), "{left:?}");
    assert_eq!(stage.status("my-sso")["state"], "signed_out");
    assert_eq!((stage.identity_center.call_log().len(), of_the_file.call_log().len()), (0, 0));
}
