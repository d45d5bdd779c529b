//! `credential-process`, `accounts` and `roles` with a real daemon.

use std::time::Duration;

use identity_center_simulator::{Fault, Operation, Settings, Times};
use serde_json::{Value, json};

use super::renewal::{is_over, wait_until};
use test_support::stage::CORP;
use test_support::{Running, Stage, until};

fn calls(stage: &Stage) -> usize {
    stage.identity_center.calls(Operation::GetRoleCredentials)
}

#[test]
fn a_credential_process_prints_what_the_contract_wants_and_nothing_else() {
    let stage = Stage::with_roles(Settings::default());
    let outcome = stage.run(["credential-process", "--profile", "dev"]).exits(0);
    let printed = outcome.json();
    let held = stage.credentials_of_dev();
    let expected = json!({
        "Version": 1,
        "AccessKeyId": held["access_key_id"],
        "SecretAccessKey": held["secret_access_key"],
        "SessionToken": held["session_token"],
        "Expiration": held["expires_at"],
    });
    assert_eq!(printed, expected);
    assert!(printed["Expiration"].as_str().is_some_and(|end| end.ends_with('Z')), "{}", printed["Expiration"]);
    assert_eq!((outcome.stderr.as_str(), outcome.stdout.lines().count(), calls(&stage)), ("", 1, 1));

    assert_eq!(stage.run_in(&[("AWS_PROFILE", "dev")], &["credential-process"]).exits(0).json(), expected);
    let named =
        ["credential-process", "--session", "corp", "--account", "111122223333", "--role", "AdministratorAccess"];
    assert_eq!(stage.run(named).exits(0).json(), expected);
    let other = stage.run(["credential-process", "--profile", "legacy"]).exits(0).json();
    assert_ne!(other["AccessKeyId"], expected["AccessKeyId"]);
    assert_eq!(calls(&stage), 2);
}

#[test]
fn fifty_at_once_for_a_new_role_cause_one_call() {
    let stage = Stage::with_roles(Settings::default());
    let clients: Vec<Running> =
        (0..50).map(|_| stage.start(stage.ssoctl(["credential-process", "--profile", "dev"]))).collect();
    let mut printed: Vec<String> = clients.into_iter().map(|client| client.finish().exits(0).stdout).collect();
    printed.dedup();
    assert_eq!((printed.len(), calls(&stage)), (1, 1));
}

#[test]
fn a_caller_without_credentials_is_told_the_reason_and_the_remedy() {
    let stage = Stage::with_profiles(Settings::default());
    let run = |arguments: &[&str], code: i32, words: &str| {
        let arguments = ["credential-process"].iter().chain(arguments);
        stage.run(arguments).exits(code).prints_nothing().says(words);
    };
    run(&["--profile", "dev"], 3, "run: ssoctl login corp");
    run(&["--profile", "absent"], 6, "there is no profile \"absent\"; the sessions are: ");
    for (variable, name) in [("SSOCTL_SESSION", "gone"), ("AWS_PROFILE", "absent")] {
        let mut token = stage.ssoctl(["token"]);
        token.env(variable, name);
        let said = format!("{variable} of this shell names it");
        stage.start(token).finish().exits(6).prints_nothing().says(&said);
    }
    run(&["--profile", "half"], 2, "has neither sso_account_id nor sso_role_name; give --account and --role");
    run(&[], 2, "neither an account nor a role is named");
    run(&["--session", "corp"], 2, "--account");
    run(&["--profile", "dev", "--account", "1"], 2, "twelve digits");
    assert_eq!(calls(&stage), 0);
    stage.sign_in("corp");
    run(&["--profile", "nobody"], 7, "does not have the role NobodyHasThis in account 111122223333; list your roles");
    run(&["--profile", "dev", "--min-valid", "2h"], 7, "ask for less with --min-valid");
    stage.run(["logout", "corp"]).exits(0);
    run(&["--profile", "dev"], 3, "run: ssoctl login corp");
}

#[test]
fn a_credential_process_that_waits_shows_the_code_and_goes_on_after_the_sign_in() {
    let stage = Stage::with_profiles(Settings::default());
    let client = stage.start(stage.ssoctl(["credential-process", "--profile", "dev", "--wait", "5m"]));
    stage.approve_shown_by(&client);
    assert_eq!(client.finish().exits(0).json()["Version"], 1);
    let stage = Stage::with_profiles(Settings::default());
    stage.run(["credential-process", "--profile", "dev", "--wait", "1s"]).exits(5).prints_nothing();
}

#[test]
fn while_the_portal_is_down_old_credentials_are_served_to_their_end() {
    let stage =
        Stage::with_roles(Settings { role_credentials_lifetime: Duration::from_secs(6), ..Settings::default() });
    let first = until("there are credentials from before the outage", || {
        stage.identity_center.clear_faults();
        stage.run(["credential-process", "--profile", "dev"]).exits(0);
        stage.identity_center.inject(Operation::GetRoleCredentials, Fault::Status { status: 503 }, Times::UntilCleared);
        let served = stage.run(["credential-process", "--profile", "dev"]);
        (served.code == Some(0)).then(|| served.json())
    });
    stage.identity_center.wait_for_outcome(Operation::GetRoleCredentials, "status 503");
    let second = stage.run(["credential-process", "--profile", "dev"]);
    assert!(is_over(&first["Expiration"]) || second.exits(0).json() == first, "what is alive is served");
    wait_until(&first["Expiration"]);
    let down = stage.run(["credential-process", "--profile", "dev"]).exits(1).prints_nothing();
    down.says("the portal answered with status 503").says("check the network");
    stage.identity_center.clear_faults();
    // The next attempt waits for the end of the pause, if need be.
    let renewed = stage.run(["credential-process", "--profile", "dev"]).exits(0).json();
    assert_ne!(renewed["AccessKeyId"], first["AccessKeyId"]);
}

#[test]
fn accounts_and_roles_are_listed_for_people_and_for_scripts() {
    let stage = Stage::with_roles(Settings::default());
    let table = stage.run(["accounts", "corp"]).exits(0).stdout;
    assert_eq!(
        table,
        "ACCOUNT       NAME         EMAIL\n\
         111122223333  Development  development@example.com\n\
         444455556666  Production   production@example.com\n"
    );
    let listed = stage.run(["accounts", "corp", "--json"]).exits(0).json();
    assert_eq!((&listed["session"], &listed["accounts"][1]["id"]), (&json!("corp"), &json!("444455556666")));

    let table = stage.run(["roles", "--profile", "dev"]).exits(0).stdout;
    assert_eq!(
        table,
        "ACCOUNT       NAME         ROLE\n\
         111122223333  Development  AdministratorAccess\n\
         111122223333  Development  ReadOnlyAccess\n\
         444455556666  Production   ReadOnlyAccess\n"
    );
    let one = stage.run(["roles", "corp", "--account", "444455556666", "--json"]).exits(0).json();
    assert_eq!(
        one,
        json!({"session": "corp", "roles": [
            {"account": "444455556666", "account_name": Value::Null, "role": "ReadOnlyAccess"},
        ]})
    );
    stage.run(["roles", "corp", "--account", "999999999999"]).exits(7).prints_nothing();
    stage.run(["logout", "corp"]).exits(0);
    stage.run(["accounts", "corp"]).exits(3).prints_nothing().says("run: ssoctl login corp");
}

#[test]
fn accounts_and_roles_wait_for_a_person_who_is_to_sign_in() {
    let stage = Stage::with_profiles(Settings::default());
    for (verb, shown) in [("accounts", "Development"), ("roles", "AdministratorAccess")] {
        let client = stage.start(stage.ssoctl([verb, "corp", "--wait", "5m"]));
        stage.approve_shown_by(&client);
        assert!(client.finish().exits(0).stdout.contains(shown), "{verb}");
        stage.run(["logout", "corp"]).exits(0);
    }
    stage.run(["roles", "corp", "--wait", "1s"]).exits(5).prints_nothing();
}

#[test]
fn a_profile_that_calls_ssoctl_is_good_for_every_verb() {
    let stage = Stage::with_roles(Settings::default());
    stage.run(["configure", "corp", "--credential-process", "--role", "Admin*", "--name", "{session}-{role}"]).exits(0);
    let profile = ["--profile", "corp-AdministratorAccess"];
    until("the daemon has read the profile", || {
        (stage.request("GET", "/v1/session?profile=corp-AdministratorAccess").0 == 200).then_some(())
    });
    let run = |verb: &[&str], rest: &[&str]| stage.run([verb, &profile, rest].concat()).exits(0);
    assert_eq!(run(&["token"], &[]).stdout, stage.run(["token", "corp"]).exits(0).stdout);
    let key = run(&["credential-process"], &[]).json()["AccessKeyId"].clone();
    assert_eq!(run(&["exec"], &["--", "printenv", "AWS_ACCESS_KEY_ID"]).stdout.trim_end(), key);
    assert_eq!(run(&["env"], &["--shell", "json"]).json()["AWS_ACCESS_KEY_ID"], key);
    let link = run(&["console"], &["--url-only"]).stdout;
    assert!(link.contains("account_id=111122223333&role_name=AdministratorAccess"), "{link}");
    assert_eq!(calls(&stage), 1);
    // SDKs run the command of the profile.
    let command = stage.run(["configure", "corp", "--dry-run", "--credential-process", "--role", "Admin*"]).exits(0);
    assert!(command.stdout.contains("credential-process --session corp --account 111122223333"), "{command:?}");
}

#[test]
fn a_profile_that_has_ssoctl_ask_for_itself_is_told_so() {
    let circle = "[profile self]\ncredential_process = ssoctl credential-process --profile self\n";
    let stage = Stage::configured(Settings::default(), &[CORP, circle].concat());
    stage.sign_in("corp");
    for verb in [&["credential-process"][..], &["token"], &["console", "--url-only"]] {
        let refused = stage.run([verb, &["--profile", "self"]].concat()).exits(1).prints_nothing();
        refused.says("profile \"self\" refers to itself; let its credential_process name --session");
    }
    stage.run(["status"]).exits(0);
}

#[test]
fn no_secret_of_a_role_is_shown_or_logged_after_any_failure() {
    let stage = Stage::with_roles(Settings::default());
    // Each answer has secrets in it that are of no use.
    let faults = [
        (&["--profile", "dev"][..], Fault::missing("sessionToken")),
        (&["--profile", "legacy"], Fault::replaced("expiration", "soon")),
        (&["--profile", "dev", "--role", "ReadOnlyAccess"], Fault::Truncated),
    ];
    for (role, fault) in faults {
        stage.identity_center.inject(Operation::GetRoleCredentials, fault, Times::Next(1));
        let outcome = stage.run(["credential-process"].iter().chain(role)).exits(1).prints_nothing();
        assert!(!stage.identity_center.secrets().iter().any(|secret| outcome.stderr.contains(secret)));
    }
    stage.run(["credential-process", "--profile", "dev"]).exits(0);
    let said = stage.everything_said();
    assert!(said.iter().any(|(_, text)| text.contains("ReadOnlyAccess")), "the log tells what was decided");
    stage.judge();
}
