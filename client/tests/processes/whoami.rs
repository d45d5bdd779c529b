//! `ssoctl whoami`: which role is meant, and why.

use identity_center_simulator::Settings;
use serde_json::{Value, json};

use test_support::Stage;

const CONFIG: &str = "\
[sso-session corp]
sso_start_url = https://corp.awsapps.com/start
sso_region = eu-west-1

[profile dev]
sso_session = corp
sso_account_id = 111122223333
sso_role_name = ReadOnlyAccess
region = eu-central-1

[profile tool]
credential_process = ssoctl credential-process --profile dev --role Admin

[default]
sso_session = corp
sso_account_id = 444455556666
sso_role_name = Billing
";

fn stage() -> Stage {
    Stage::configured(Settings::default(), CONFIG)
}

fn whoami(stage: &Stage, arguments: &[&str], variables: &[(&str, &str)]) -> Value {
    stage.run_in(variables, &[&["whoami", "--json"], arguments].concat()).exits(0).json()
}

#[test]
fn each_part_is_told_with_the_argument_variable_or_line_that_decided_it() {
    let stage = stage();
    let file = stage.home().join(".aws/config").display().to_string();
    let key =
        |profile: &str, key: &str, line: usize| json!({"profile": profile, "key": key, "file": file, "line": line});

    let dev = whoami(&stage, &["--profile", "dev"], &[]);
    assert_eq!(
        (&dev["account"], &dev["role"], &dev["region"]),
        (&json!("111122223333"), &json!("ReadOnlyAccess"), &json!("eu-central-1"))
    );
    assert_eq!(
        dev["decided_by"],
        json!({
            "profile": {"argument": "--profile"}, "session": key("dev", "sso_session", 6),
            "account": key("dev", "sso_account_id", 7), "role": key("dev", "sso_role_name", 8),
            "region": key("dev", "region", 9),
        })
    );

    let tool = whoami(&stage, &[], &[("AWS_PROFILE", "tool"), ("AWS_REGION", "us-east-1")]);
    assert_eq!(
        (&tool["account"], &tool["role"], &tool["region"]),
        (&json!("111122223333"), &json!("Admin"), &json!("us-east-1"))
    );
    assert_eq!(
        tool["decided_by"],
        json!({
            "profile": {"variable": "AWS_PROFILE"}, "session": key("dev", "sso_session", 6),
            "account": key("dev", "sso_account_id", 7), "role": key("tool", "credential_process", 12),
            "region": {"variable": "AWS_REGION"},
        })
    );

    let default = whoami(&stage, &[], &[]);
    assert_eq!((&default["profile"], &default["account"]), (&json!("default"), &json!("444455556666")));
    assert_eq!(default["decided_by"]["account"], key("default", "sso_account_id", 16));
    assert_eq!(default["region"], Value::Null);

    let named = whoami(&stage, &["--session", "corp", "--account", "999988887777", "--role", "X"], &[]);
    assert_eq!(named["decided_by"]["session"], json!({"argument": "--session"}));
    assert_eq!(named["decided_by"]["role"], json!({"argument": "--role"}));
    assert_eq!(named["profile"], Value::Null);
}

#[test]
fn other_credentials_that_the_tools_of_this_shell_would_use_are_named() {
    let stage = stage();
    let keys = [("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_SECRET_ACCESS_KEY", "x")];
    assert_eq!(whoami(&stage, &["--profile", "dev"], &keys)["overridden_by"], json!(["AWS_ACCESS_KEY_ID"]));
    assert_eq!(whoami(&stage, &["--profile", "dev"], &keys[..1])["overridden_by"], json!([]));

    let text = stage.run_in(&keys, &["whoami", "--profile", "dev"]).exits(0).stdout;
    assert!(text.contains("warning: AWS_ACCESS_KEY_ID is set in this shell"), "{text}");
    assert!(text.contains("sso_role_name of profile \"dev\" ("), "{text}");

    let text = stage.run(["whoami", "--profile", "dev"]).exits(0).stdout;
    assert!(text.contains("AWS tools use profile \"default\" in this shell"), "{text}");
    let text = stage.run(["whoami"]).exits(0).stdout;
    assert!(!text.contains("AWS tools use"), "{text}");
}
