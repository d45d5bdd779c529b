//! `ssoctl exec`: the command's environment, and the three exit codes that are not the command's.

use std::fs;

use serde_json::json;

use test_support::canned::{Canned, assert_fails, ok, problem, ssoctl, stderr, stdout};
use test_support::executable;

use crate::credentials;

const STALE: [(&str, &str); 7] = [
    ("AWS_PROFILE", "dev"),
    ("AWS_ACCESS_KEY_ID", "AKIASTALE"),
    ("AWS_SECURITY_TOKEN", "stale"),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/"),
    ("AWS_ROLE_ARN", "arn:stale"),
    ("AWS_CONFIG_FILE", "/nowhere/config"),
    ("KEPT", "as it is"),
];

#[test]
fn the_command_gets_the_role_and_none_of_the_callers_credentials() {
    let canned = Canned::answers([ok(&credentials())]);
    let mut command = ssoctl(&canned.socket(), &["exec", "--", "/usr/bin/env"]);
    let output = command.envs(STALE).output().unwrap();
    let mut variables: Vec<&str> = stdout(&output).lines().filter(|line| !line.starts_with("SSOCTL_SOCKET=")).collect();
    variables.sort_unstable();
    assert_eq!(
        variables,
        [
            "AWS_ACCESS_KEY_ID=ASIAKEY",
            "AWS_ACCOUNT_ID=111122223333",
            "AWS_CONFIG_FILE=/nowhere/config",
            "AWS_CREDENTIAL_EXPIRATION=2099-11-23T10:16:00Z",
            "AWS_DEFAULT_REGION=eu-west-1",
            "AWS_REGION=eu-west-1",
            "AWS_SECRET_ACCESS_KEY=secret/+key",
            "AWS_SESSION_TOKEN=session/+token==",
            "KEPT=as it is",
            "SSOCTL_SET_REGION=eu-west-1",
        ]
    );
    assert_eq!(canned.requests(), ["GET /v1/credentials?profile=dev&config=%2Fnowhere%2Fconfig HTTP/1.1"]);
}

#[test]
fn the_role_is_the_one_named_else_that_of_the_environment() {
    type Case = (&'static [&'static str], &'static [(&'static str, &'static str)], &'static str);
    let cases: [Case; 7] = [
        (&["--profile", "dev"], &[("AWS_PROFILE", "x"), ("SSOCTL_SESSION", "y")], "?profile=dev"),
        (&["--profile", "dev", "--role", "R", "--min-valid", "5m"], &[], "?profile=dev&role=R&min_valid=300"),
        (&["--session", "s", "--account", "1", "--role", "R"], &[("AWS_PROFILE", "x")], "?session=s&account=1&role=R"),
        // A session alone leaves open which role is meant.
        (&[], &[("AWS_PROFILE", "x"), ("SSOCTL_SESSION", "y")], "?profile=x"),
        (&["--account", "1", "--role", "R"], &[("SSOCTL_SESSION", "y")], "?session=y&account=1&role=R"),
        (&[], &[("SSOCTL_SESSION", "y")], "?session=y"),
        (&[], &[("AWS_PROFILE", "")], ""),
    ];
    for (arguments, variables, query) in cases {
        let canned = Canned::answers([ok(&credentials())]);
        let arguments = [&["exec"], arguments, &["--", "true"]].concat();
        let output = ssoctl(&canned.socket(), &arguments).envs(variables.iter().copied()).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        let requests: Vec<String> = canned.requests();
        let asked = requests[0].strip_prefix("GET /v1/credentials").and_then(|rest| rest.strip_suffix(" HTTP/1.1"));
        assert_eq!(asked, Some(query), "{arguments:?} {variables:?}");
    }
}

#[test]
fn the_command_replaces_the_client_and_its_exit_code_is_its_own() {
    for code in ["0", "1", "3", "125", "255"] {
        let canned = Canned::answers([ok(&credentials())]);
        let output = canned.run(&["exec", "--", "sh", "-c", &format!("echo $$; exit {code}")]);
        assert_eq!(output.status.code(), code.parse().ok(), "{}", stderr(&output));
        assert_eq!(stderr(&output), "");
    }
    let canned = Canned::answers([ok(&credentials())]);
    let child = ssoctl(&canned.socket(), &["exec", "--", "sh", "-c", "echo $$"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let id = child.id();
    assert_eq!(stdout(&child.wait_with_output().unwrap()), format!("{id}\n"));
}

#[test]
fn each_obstacle_to_the_start_of_the_command_exits_125_with_a_remedy() {
    for mode in [&["exec"][..], &["exec", "--refreshable"]] {
        let arguments = [mode, &["--", "echo", "started"]].concat();
        for (code, status, words) in [
            ("sign_in_required", 401, "run: ssoctl login corp"),
            ("not_assigned", 403, "ssoctl accounts"),
            ("assignment_unnamed", 409, "--account and --role"),
            ("unknown_session", 404, "it did not work"),
            ("service_unavailable", 503, "try again"),
        ] {
            let output = Canned::answers([problem(code, status, &json!({}))]).run(&arguments);
            assert_fails(&output, 125, words);
        }
        let nobody = tempfile::tempdir().unwrap();
        let output = ssoctl(&nobody.path().join("s.sock"), &arguments).output().unwrap();
        assert_fails(&output, 125, "no daemon answers");
    }
    for arguments in [&["exec"][..], &["exec", "echo"], &["--no-start", "exec", "--bogus", "--", "echo"]] {
        let output = Canned::answers([ok(&credentials())]).run(arguments);
        assert_eq!((output.status.code(), stdout(&output)), (Some(125), ""), "{}", stderr(&output));
    }
    let output = Canned::answers([ok(&credentials())]).run(&["exec", "--session", "corp", "--", "echo"]);
    assert_eq!(output.status.code(), Some(125), "a session without a role means none");
}

#[test]
fn a_command_that_is_missing_exits_127_and_one_that_cannot_be_executed_126() {
    let directory = tempfile::tempdir().unwrap();
    let plain = directory.path().join("plain");
    fs::write(&plain, "no program").unwrap();
    test_support::set_mode(&plain, 0o600);
    let missing = directory.path().join("missing");
    for mode in [&["exec"][..], &["exec", "--refreshable"]] {
        for (program, code, words) in [
            ("ssoctl-no-such-program", 127, "not found"),
            (missing.to_str().unwrap(), 127, "not found"),
            (plain.to_str().unwrap(), 126, "cannot be executed"),
            (directory.path().to_str().unwrap(), 126, "cannot be executed"),
        ] {
            let canned = Canned::answers([ok(&credentials())]);
            let arguments = [mode, &["--", program, "argument"]].concat();
            let mut command = ssoctl(&canned.socket(), &arguments);
            assert_fails(&command.env("PATH", "/usr/bin:/bin").output().unwrap(), code, words);
        }
    }
}

#[test]
fn a_role_that_java_or_two_variables_would_override_is_refused_before_any_request() {
    for (variables, words) in [
        (&[("JAVA_TOOL_OPTIONS", "-Xmx1g -Daws.accessKeyId=AKIA")][..], "JAVA_TOOL_OPTIONS sets aws.accessKeyId"),
        (
            &[("AWS_PROFILE", "dev"), ("AWS_DEFAULT_PROFILE", "look")],
            "AWS_PROFILE is \"dev\" and AWS_DEFAULT_PROFILE is \"look\"",
        ),
    ] {
        for mode in [&["exec"][..], &["exec", "--refreshable"]] {
            let canned = Canned::answers([ok(&credentials())]);
            let mut command = ssoctl(&canned.socket(), &[mode, &["--", "echo", "started"]].concat());
            assert_fails(&command.envs(variables.iter().copied()).output().unwrap(), 125, words);
        }
    }
    let canned = Canned::answers([ok(&credentials())]);
    let mut command = ssoctl(&canned.socket(), &["exec", "--", "true"]);
    assert!(command.env("AWS_DEFAULT_PROFILE", "dev").output().unwrap().status.success());
    assert_eq!(canned.requests(), ["GET /v1/credentials?profile=dev HTTP/1.1"]);
}

#[test]
fn a_script_that_names_no_interpreter_is_run_by_sh_as_a_shell_does_it() {
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("no-interpreter");
    executable::script(&script, "echo \"$1 $AWS_ACCESS_KEY_ID ${0##*/}\"; exit 7\n");
    let path = format!("/nowhere:{}:/usr/bin:/bin", directory.path().display());
    for mode in [&["exec"][..], &["exec", "--refreshable"]] {
        for name in [script.to_str().unwrap(), "no-interpreter", "./no-interpreter"] {
            let canned = Canned::answers([ok(&credentials())]);
            let mut command = ssoctl(&canned.socket(), &[mode, &["--", name, "argument"]].concat());
            let output = command.env("PATH", &path).current_dir(directory.path()).output().unwrap();
            assert_eq!(output.status.code(), Some(7), "{mode:?} {name}: {}", stderr(&output));
            let key = if mode.len() == 1 { "ASIAKEY" } else { "" };
            assert_eq!(stdout(&output), format!("argument {key} no-interpreter\n"), "{mode:?} {name}");
        }
    }
}
