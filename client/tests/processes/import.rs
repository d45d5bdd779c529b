//! Taking sign-ins over from the AWS CLI and SDKs.

use identity_center_simulator::Settings;

use crate::support::Stage;

/// Where readers look for the token of a session that is called `my-sso`.
const MY_SSO: &str = ".aws/sso/cache/0ad374308c5a4e22f723adf10145eafad7c4031c.json";

#[test]
fn import_says_what_became_of_each_file_and_fails_if_one_could_not_be_read() {
    let stage = Stage::bare(Settings::default());
    stage.write(
        ".aws/config",
        "[sso-session my-sso]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\n",
    );
    stage.write_own_config("[session.my-sso]\nsdk_cache = \"on\"\n");
    stage.start_daemon();
    stage.wait_for_state("my-sso", "signed_out");
    let nothing = stage.run(["import"]).exits(0);
    assert!(nothing.stdout.starts_with("There is nothing in "), "{nothing:?}");

    stage.write(
        MY_SSO,
        r#"{"startUrl": "https://corp.awsapps.com/start", "region": "eu-west-1", "accessToken": "aoaLIVE",
            "expiresAt": "9999-01-01T00:00:00Z"}"#,
    );
    stage.wait_for_state("my-sso", "signed_in");
    let known = stage.run(["import", "--json"]).exits(0);
    let outcome = &known.json()["files"][0]["outcome"];
    assert!(outcome == "known" || outcome == "published", "{known:?}");

    stage.write(MY_SSO, "{");
    let torn = stage.run(["import"]).exits(1).says("one file could not be taken over");
    assert!(torn.stdout.contains("failed: it is not a whole token file"), "{torn:?}");
}
