//! Commands with a role: `exec`, `env` and `console` with a real daemon.

use std::time::Duration;

use identity_center_simulator::{Account, Fault, Operation, Settings, Times};
use rustix::process::Signal;

use super::documents::block;
use super::renewal::{is_over, wait_until};
use test_support::attended::Attended;
use test_support::browser::Browser;
use test_support::stage::CORP;
use test_support::{Stage, until};

/// Role credentials that have to be renewed while a test looks.
pub(crate) fn short_lived() -> Settings {
    Settings { role_credentials_lifetime: Duration::from_secs(6), ..Settings::default() }
}

/// A script under `ssoctl exec --refreshable` that runs until its input ends.
fn attend(stage: &Stage) -> Attended {
    Attended::start(stage.ssoctl(["exec", "--refreshable", "--profile", "dev"]), "cat > /dev/null")
}

#[test]
fn a_command_runs_with_the_profiles_role_and_many_cost_one_call() {
    let stage = Stage::with_roles(Settings::default());
    let script = "echo $AWS_ACCESS_KEY_ID $AWS_ACCOUNT_ID $AWS_REGION $AWS_PROFILE; exit 3";
    let exec = || stage.run_in(&[("AWS_PROFILE", "dev")], &["exec", "--", "sh", "-c", script]).exits(3).stdout;
    let key = stage.credentials_of_dev()["access_key_id"].clone();
    let expected = format!("{} 111122223333 eu-central-1\n", key.as_str().unwrap());
    for _ in 0..5 {
        assert_eq!(exec(), expected);
    }
    let by_name = ["exec", "--session", "corp", "--account", "111122223333", "--role", "AdministratorAccess"];
    let named = stage.run(by_name.into_iter().chain(["--", "sh", "-c", script])).exits(3).stdout;
    assert_eq!(named, format!("{} 111122223333\n", key.as_str().unwrap()), "no profile, no region");
    assert_eq!(stage.identity_center.calls(Operation::GetRoleCredentials), 1);
}

#[test]
fn a_shell_takes_the_role_and_gives_it_back() {
    let stage = Stage::with_roles(Settings::default());
    let key = stage.credentials_of_dev()["access_key_id"].clone();
    let script = stage.run(["env", "--profile", "dev", "--shell", "bash"]).exits(0).stdout;
    let back = stage.run(["env", "--unset", "--shell", "bash"]).exits(0).stdout;
    let shell = ["-c", "eval \"$1\"; echo $AWS_ACCESS_KEY_ID; eval \"$2\"; echo ${AWS_ACCESS_KEY_ID-none}", "sh"];
    let mut command = std::process::Command::new("sh");
    command.args(shell).args([script, back]);
    assert_eq!(stage.finish(command).exits(0).stdout, format!("{}\nnone\n", key.as_str().unwrap()));
}

#[test]
fn without_the_role_the_reason_is_given_and_the_command_is_not_started() {
    let stage = Stage::with_profiles(Settings::default());
    for mode in [&["exec"][..], &["exec", "--refreshable"]] {
        let exec = |profile| {
            let arguments = mode.iter().copied().chain(["--profile", profile, "--", "echo", "started"]);
            stage.run(arguments).exits(125).prints_nothing()
        };
        exec("dev").says("run: ssoctl login corp");
        exec("absent").says("profile \"absent\"");
        exec("half").says("--account and --role");
    }
    stage.sign_in("corp");
    for mode in [&["exec"][..], &["exec", "--refreshable"]] {
        let arguments = mode.iter().copied().chain(["--profile", "nobody", "--", "echo", "started"]);
        stage.run(arguments).exits(125).prints_nothing().says("NobodyHasThis").says("ssoctl roles");
    }
    stage.run(["exec", "--profile", "dev", "--", "ssoctl-no-such-program"]).exits(127);
    stage.run(["exec", "--profile", "dev", "--", "/etc"]).exits(126);
}

#[test]
fn a_command_can_wait_for_a_person() {
    let stage = Stage::with_profiles(Settings::default());
    for mode in [&["exec"][..], &["exec", "--refreshable"]] {
        let arguments = mode.iter().copied().chain(["--profile", "dev", "--wait", "5m", "--", "echo", "started"]);
        let waiting = stage.start(stage.ssoctl(arguments));
        stage.approve_shown_by(&waiting);
        let outcome = waiting.finish().exits(0);
        assert_eq!(outcome.stdout, "started\n");
        stage.run(["logout", "corp"]).exits(0);
    }
}

#[test]
fn the_console_of_a_role_opens_in_the_place_that_the_browser_has_for_it() {
    let accounts = vec![
        Account::new("111122223333", "Development", &["AdministratorAccess"]),
        Account::new("444455556666", "--load-extension=x", &["ReadOnlyAccess"]),
    ];
    let stage = Stage::with_roles(Settings { accounts, ..Settings::default() });
    let browser = Browser::on(&stage);
    let program = browser.program().display();
    stage.write_own_config(&format!(
        "[session.corp]\nbrowser = \"{program} -P {{profile}} --account={{account}} --role={{role}} {{url}}\"\n"
    ));
    stage.run(["roles"]).exits(0);
    // The account's name is not waited for, so on a busy machine its number may stand in its place.
    let opened = |arguments: &[&str], expected: &str| {
        until(expected, || {
            browser.forget();
            stage.finish(browser.command(&stage, arguments)).exits(0);
            (browser.page() == expected).then_some(())
        });
    };
    let page = "https://corp.awsapps.com/start/#/console?account_id=";
    opened(
        &["console", "--profile", "dev"],
        &format!(
            "-P dev --account=Development --role=AdministratorAccess {page}111122223333&role_name=AdministratorAccess"
        ),
    );
    // What the document shows is accepted.
    for line in block("docs/roles.md", "toml").lines().map(|line| line.trim_start_matches("# ")) {
        if line.starts_with("browser") {
            let other = Stage::without_daemon(Settings::default(), CORP);
            other.write_own_config(&format!("[session.corp]\n{line}\n"));
            let status = other.started().run(["status"]).exits(0).stdout;
            assert!(!status.contains("config.toml"), "{line}: {status}");
        }
    }
    // A name that looks like an option is not used.
    opened(
        &["console", "--session", "corp", "--account", "444455556666", "--role", "ReadOnlyAccess"],
        &format!(
            "-P ReadOnlyAccess-444455556666 --account=444455556666 --role=ReadOnlyAccess \
             {page}444455556666&role_name=ReadOnlyAccess"
        ),
    );
}

#[test]
fn the_console_opens_without_a_sign_in_at_the_portal() {
    let stage = Stage::with_profiles(Settings::default());
    let link = stage.run(["console", "--profile", "dev", "--url-only"]).exits(0).stdout;
    let page = "https://corp.awsapps.com/start/#/console?account_id=111122223333&role_name=AdministratorAccess\n";
    assert_eq!(link, page);
    stage.run(["console", "--profile", "half", "--url-only"]).exits(2).prints_nothing();
    stage.run(["console", "--profile", "absent", "--url-only"]).exits(6).prints_nothing();
    assert_eq!(stage.identity_center.call_log(), [], "nobody was asked");
}

#[test]
fn a_command_that_runs_longer_than_its_credentials_renews_them() {
    let stage = Stage::with_roles(short_lived());
    let attended = attend(&stage);
    let (status, first) = attended.ask();
    assert_eq!((status, &first["AccountId"]), (200, &serde_json::json!("111122223333")));
    wait_until(&first["Expiration"]);
    let (status, renewed) = attended.ask();
    assert_eq!(status, 200);
    assert_ne!(renewed["AccessKeyId"], first["AccessKeyId"]);
    assert!(attended.finish().success());
}

#[test]
fn a_restart_of_the_daemon_in_mid_run_goes_unnoticed() {
    let stage = Stage::with_roles(Settings::default());
    let attended = attend(&stage);
    assert_eq!(attended.ask().0, 200);
    stage.end_daemon(Signal::KILL);
    stage.start_daemon();
    assert_eq!(attended.ask().0, 200);

    stage.end_daemon(Signal::TERM);
    assert_eq!(attended.ask().0, 200, "where none runs, one is started");
    assert!(attended.finish().success());
}

#[test]
fn a_sign_out_in_mid_run_ends_the_renewals_and_a_sign_in_brings_them_back() {
    let stage = Stage::with_roles(Settings::default());
    let attended = attend(&stage);
    stage.run(["logout", "corp"]).exits(0);
    let (status, body) = attended.ask();
    assert_eq!((status, body["code"].as_str()), (401, Some("sign_in_required")));
    assert!(body["message"].as_str().unwrap().contains("ssoctl login corp"), "{body}");
    stage.sign_in("corp");
    assert_eq!(attended.ask().0, 200);
}

#[test]
fn a_portal_that_is_down_or_takes_the_role_away_is_told_to_the_command() {
    let settings = Settings { role_credentials_lifetime: Duration::from_secs(3), ..Settings::default() };
    let stage = Stage::with_roles(settings);
    let attended = attend(&stage);
    let (_, first) = attended.ask();
    stage.identity_center.inject(Operation::GetRoleCredentials, Fault::Status { status: 503 }, Times::UntilCleared);
    let (status, _) = attended.ask();
    assert!(status == 200 || is_over(&first["Expiration"]), "what is alive is served: {status}");
    // They may have been renewed once more before the portal went down.
    let down = until("what there was is over", || Some(attended.ask()).filter(|(status, _)| *status != 200));
    assert_eq!((down.0, down.1["code"].as_str()), (503, Some("service_unavailable")));

    stage.identity_center.settings(|settings| settings.accounts = vec![Account::new("444455556666", "P", &["R"])]);
    stage.identity_center.clear_faults();
    let refusal = until("the portal says no", || {
        let (status, body) = attended.ask();
        (status == 403).then_some(body)
    });
    assert_eq!(refusal["code"], "not_assigned");
}
