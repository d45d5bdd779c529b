//! `ssoctl env`, read by the real shells.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::credentials;
use test_support::canned::{Canned, assert_fails, ok, problem, ssoctl, stderr, stdout};
use test_support::part::is_there;
use test_support::speed::{has_programs, runs_all};

/// The region of a hostile configuration.
const HOSTILE: &str = "it's $(touch harm) `touch harm` \"x\" \\ \\' %s ; touch harm\n\tü \u{2019}; touch harm #";

/// A shell and the line that reads what `ssoctl env` prints.
const SHELLS: [(&str, &str); 5] = [
    ("bash", "eval \"$(cat script)\""),
    ("sh", "eval \"$(cat script)\""),
    ("zsh", "eval \"$(cat script)\""),
    ("fish", "source script"),
    ("pwsh", "Get-Content -Raw script | Invoke-Expression"),
];

#[test]
fn every_shell_takes_every_character_as_it_stands_and_loses_what_was_in_the_way() {
    for (shell, read) in shells() {
        let mut hostile = credentials();
        hostile["region"] = json!(HOSTILE);
        let script = script(&hostile, &["env"], shell);
        let after = read_by(shell, read, &script, &[("AWS_PROFILE", "stale"), ("KEPT", "kept")]);
        assert_eq!(after["AWS_REGION"], HOSTILE, "{shell}");
        assert_eq!(after["AWS_DEFAULT_REGION"], HOSTILE, "{shell}");
        assert_eq!(after["AWS_ACCESS_KEY_ID"], "ASIAKEY", "{shell}");
        assert_eq!(after["AWS_SECRET_ACCESS_KEY"], "secret/+key", "{shell}");
        assert_eq!(after["AWS_SESSION_TOKEN"], "session/+token==", "{shell}");
        assert_eq!(after["AWS_CREDENTIAL_EXPIRATION"], "2099-11-23T10:16:00Z", "{shell}");
        assert_eq!((&after["AWS_PROFILE"], &after["KEPT"]), (&Value::Null, &json!("kept")), "{shell}");
    }
}

#[test]
fn unset_takes_back_what_was_set_and_asks_no_daemon() {
    for (shell, read) in shells() {
        let canned = Canned::answers([ok(&credentials())]);
        let set = [
            ("AWS_ACCESS_KEY_ID", "ASIAKEY"),
            ("AWS_ACCOUNT_ID", "111122223333"),
            ("AWS_SESSION_TOKEN", "x"),
            ("AWS_PROFILE", "dev"),
            ("AWS_DEFAULT_REGION", "eu-west-1"),
            ("SSOCTL_SET_REGION", "eu-west-1"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_PAGER", "less"),
        ];
        let mut command = ssoctl(&canned.socket(), &["env", "--unset"]);
        let output = command.env("SHELL", shell).envs(set).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        let after = read_by(shell, read, stdout(&output), &set);
        let left: Vec<&String> =
            after.as_object().unwrap().keys().filter(|name| set.iter().any(|(set, _)| set == name)).collect();
        assert_eq!(left, ["AWS_PAGER", "AWS_REGION"], "{shell}");
        assert_eq!(canned.requests(), Vec::<String>::new());
    }
}

#[test]
fn json_is_an_object_of_variables() {
    let output = Canned::answers([ok(&credentials())]).run(&["env", "--shell", "json"]);
    let variables: Value = serde_json::from_str(stdout(&output)).unwrap();
    assert_eq!(
        variables,
        json!({
            "AWS_ACCESS_KEY_ID": "ASIAKEY", "AWS_SECRET_ACCESS_KEY": "secret/+key",
            "AWS_SESSION_TOKEN": "session/+token==", "AWS_CREDENTIAL_EXPIRATION": "2099-11-23T10:16:00Z",
            "AWS_ACCOUNT_ID": "111122223333", "AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1",
            "SSOCTL_SET_REGION": "eu-west-1",
        })
    );
    let output = Canned::answers([ok(&credentials())]).run(&["env", "--shell", "json", "--unset"]);
    let variables: Value = serde_json::from_str(stdout(&output)).unwrap();
    assert_eq!((&variables["AWS_ACCESS_KEY_ID"], variables.get("AWS_REGION")), (&Value::Null, None));
}

#[test]
fn after_a_failure_the_shell_is_without_the_old_role_and_its_eval_has_the_exit_code() {
    let set = [
        ("AWS_ACCESS_KEY_ID", "OLD"),
        ("AWS_SESSION_TOKEN", "OLD"),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/"),
        ("SSOCTL_SET_REGION", "eu-west-1"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_PROFILE", "dev"),
    ];
    for (shell, read) in shells() {
        let wrong: [(&[&str], u8); 4] = [
            (&["env"], 3),
            (&["env", "--bogus"], 2),
            (&["env", "--profile", "dev", "--unset"], 2),
            (&["env", "--shell", shell, "--min-valid", "soon"], 2),
        ];
        for (words, code) in wrong {
            let canned = Canned::answers([problem("sign_in_required", 401, &json!({}))]);
            let output = ssoctl(&canned.socket(), words).env("SHELL", shell).envs(set).output().unwrap();
            assert_eq!(output.status.code(), Some(code.into()), "{shell} {words:?}: {}", stderr(&output));
            if shell == "pwsh" {
                assert!(stdout(&output).ends_with("throw 'ssoctl env failed with exit code 3'\n") || code != 3);
                continue;
            }
            let script = format!("{}\ntrue", stdout(&output));
            let after = read_by(shell, read, &script, &set);
            let left: Vec<&String> =
                after.as_object().unwrap().keys().filter(|name| set.iter().any(|(set, _)| set == name)).collect();
            assert_eq!(left, ["AWS_PROFILE"], "{shell} {words:?}");
            let status = if shell == "fish" { "$status" } else { "$?" };
            let directory = tempfile::tempdir().unwrap();
            std::fs::write(directory.path().join("script"), stdout(&output)).unwrap();
            let line = format!("{read}\nexit {status}");
            let ended = Command::new(shell).args(["-c", &line]).current_dir(directory.path()).status().unwrap();
            assert_eq!(ended.code(), Some(code.into()), "{shell} {words:?}");
        }
    }
    let output = Canned::answers([problem("sign_in_required", 401, &json!({}))]).run(&["env", "--shell", "json"]);
    assert_fails(&output, 3, "run: ssoctl login corp");
    let mut command = ssoctl(&Canned::answers([ok(&credentials())]).socket(), &["env"]);
    let output = command.env("SHELL", "/bin/tcsh").output().unwrap();
    assert!(output.status.code() == Some(2) && stderr(&output).contains("--shell"), "{}", stderr(&output));
    assert!(stdout(&output).ends_with("(exit 2)\n"), "{}", stdout(&output));
}

/// The output of `ssoctl env` in this shell.
fn script(credentials: &Value, arguments: &[&str], shell: &str) -> String {
    let canned = Canned::answers([ok(credentials)]);
    let output = ssoctl(&canned.socket(), arguments).env("SHELL", format!("/bin/{shell}")).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    stdout(&output).to_owned()
}

/// The environment that a shell hands on after it has read a script, as an object.
fn read_by(shell: &str, read: &str, script: &str, variables: &[(&str, &str)]) -> Value {
    let directory = tempfile::tempdir().unwrap();
    std::fs::File::create(directory.path().join("script")).unwrap().write_all(script.as_bytes()).unwrap();
    let output = Command::new(shell)
        .args(["-c", &format!("{read}\n/usr/bin/env -0")])
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", directory.path())
        .envs(variables.iter().copied())
        .current_dir(directory.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{shell}: {}", stderr(&output));
    assert_eq!(stderr(&output), "", "{shell}");
    assert!(!directory.path().join("harm").exists(), "{shell} has executed a value");
    let pairs = stdout(&output).split('\0').filter_map(|pair| pair.split_once('='));
    Value::Object(pairs.map(|(name, value)| (name.to_owned(), json!(value))).collect())
}

/// The shells that tests run with: always `sh`. PowerShell is no package of Debian, so it is missed nowhere.
fn shells() -> impl Iterator<Item = (&'static str, &'static str)> {
    SHELLS.into_iter().filter(|(shell, _)| match *shell {
        "sh" => true,
        "pwsh" => runs_all() && is_there("pwsh"),
        other => has_programs(&[other]),
    })
}
