//! `ssoctl configure` with a real daemon and a real file.

use std::fs;
use std::process::Command;

use identity_center_simulator::{Account, Operation, Settings};
use serde_json::Value;

use test_support::Stage;
use test_support::stage::CORP;

/// Sections that a person has written beside the session `corp`.
const HAND_WRITTEN: &str = "
# by hand, and to stay
[profile Production-ReadOnlyAccess]
region  =us-east-1
";

fn stage() -> Stage {
    Stage::configured(Settings::default(), &format!("{CORP}{HAND_WRITTEN}")).signed_out()
}

fn signed_in() -> Stage {
    stage().and_signed_in()
}

fn config(stage: &Stage) -> String {
    fs::read_to_string(stage.home().join(".aws/config")).expect("the AWS configuration")
}

#[test]
fn profiles_are_added_behind_what_a_person_has_written_and_work() {
    let stage = signed_in();
    let before = config(&stage);
    let outcome = stage.run(["configure", "--region", "eu-central-1"]).exits(0);
    let told: Vec<&str> = outcome.stdout.lines().collect();
    assert_eq!(told[..2], ["added       Development-AdministratorAccess", "added       Development-ReadOnlyAccess"]);
    assert!(told[2].starts_with("left alone  Production-ReadOnlyAccess: a profile of your own"), "{outcome:?}");
    assert!(told[3].contains("2 added, 1 left alone; backup: "), "{outcome:?}");

    let after = config(&stage);
    let added = "
# written by ssoctl configure
[profile Development-AdministratorAccess]
sso_session = corp
sso_account_id = 111122223333
sso_role_name = AdministratorAccess
region = eu-central-1

# written by ssoctl configure
[profile Development-ReadOnlyAccess]
sso_session = corp
sso_account_id = 111122223333
sso_role_name = ReadOnlyAccess
region = eu-central-1
";
    assert_eq!(after, format!("{before}{added}"));
    let backup = fs::read_to_string(stage.home().join(".aws/config.ssoctl-backup")).expect("the file as it was");
    assert_eq!(backup, before);

    let again = stage.run(["configure", "corp"]).exits(0);
    assert!(again.stdout.contains("2 unchanged, 1 left alone") && !again.stdout.contains("before"), "{again:?}");
    assert_eq!(config(&stage), after);

    // The daemon notices a changed file by itself, in its own time.
    let profile = ["credential-process", "--profile", "Development-ReadOnlyAccess"];
    let credentials = test_support::until("the daemon knows the profile", || {
        let outcome = stage.run(profile);
        (outcome.code == Some(0)).then(|| outcome.json())
    });
    assert_eq!(credentials["Version"], 1);
}

#[test]
fn a_dry_run_prints_the_difference_and_touches_nothing() {
    let stage = signed_in();
    let before = config(&stage);
    let outcome = stage.run(["configure", "--dry-run", "--account", "Dev*", "--role", "Read*"]).exits(0);
    let expected = "\
@@ -6,3 +6,9 @@
 # by hand, and to stay
 [profile Production-ReadOnlyAccess]
 region  =us-east-1
+
+# written by ssoctl configure
+[profile Development-ReadOnlyAccess]
+sso_session = corp
+sso_account_id = 111122223333
+sso_role_name = ReadOnlyAccess
";
    let path = stage.home().join(".aws/config");
    assert_eq!(outcome.stdout, format!("--- {0}\n+++ {0}\n{expected}", path.display()));
    let outcome = outcome.says("1 added (--dry-run, nothing is changed)");
    assert_eq!(config(&stage), before, "{outcome:?}");
    assert!(!stage.home().join(".aws/config.ssoctl-backup").exists());
}

#[test]
fn a_credential_process_can_be_run_as_the_aws_tools_run_it() {
    let stage = signed_in();
    stage.run(["configure", "--credential-process", "--name", "{session}/{account_id}.{role}"]).exits(0);
    let text = config(&stage);
    let section = text.split("[profile corp/444455556666.ReadOnlyAccess]\n").nth(1).expect("the profile");
    let command =
        section.lines().next().and_then(|line| line.strip_prefix("credential_process = ")).expect("its member");
    assert!(command.ends_with(" credential-process --session corp --account 444455556666 --role ReadOnlyAccess"));
    // Some SDKs have a shell run it.
    let mut shell = Command::new("/bin/sh");
    let variables = [("HOME", stage.home().to_owned()), ("XDG_RUNTIME_DIR", stage.home().join("run"))];
    let output = shell.args(["-c", command]).env_clear().envs(variables).output().expect("a shell");
    let credentials: Value = serde_json::from_slice(&output.stdout).expect("credentials");
    assert_eq!(credentials["Version"], 1);
}

#[test]
fn a_role_that_is_gone_is_named_and_pruned_if_that_is_wanted() {
    let stage = signed_in();
    let before = config(&stage);
    stage.run(["configure"]).exits(0);
    let with_both = config(&stage);
    let only_read = Account::new("111122223333", "Development", &["ReadOnlyAccess"]);
    stage.identity_center.settings(|settings| settings.accounts = vec![only_read]);

    let kept = stage.run(["configure"]).exits(0);
    let line =
        "left alone  Development-AdministratorAccess: the portal does not list its role any more; --prune removes it";
    assert!(kept.stdout.contains(line), "{kept:?}");
    assert_eq!(config(&stage), with_both);

    let pruned = stage.run(["configure", "--prune"]).exits(0);
    assert!(pruned.stdout.contains("removed     Development-AdministratorAccess\n"), "{pruned:?}");
    let added = "
# written by ssoctl configure
[profile Development-ReadOnlyAccess]
sso_session = corp
sso_account_id = 111122223333
sso_role_name = ReadOnlyAccess
";
    assert_eq!(config(&stage), format!("{before}{added}"));
}

#[test]
fn a_session_of_the_own_file_gets_the_section_that_its_profiles_refer_to() {
    let stage = Stage::bare(Settings::default());
    stage.write_own_config("[session.mine]\nstart_url = \"https://corp.awsapps.com/start\"\nregion = \"eu-west-1\"\n");
    stage.start_daemon();
    stage.sign_in("mine");
    stage.run(["configure", "--role", "Admin*"]).exits(0);
    let expected = "\
# written by ssoctl configure
[sso-session mine]
sso_start_url = https://corp.awsapps.com/start
sso_region = eu-west-1
sso_registration_scopes = sso:account:access

# written by ssoctl configure
[profile Development-AdministratorAccess]
sso_session = mine
sso_account_id = 111122223333
sso_role_name = AdministratorAccess
";
    assert_eq!(config(&stage), expected);
}

#[test]
fn a_large_organisation_is_listed_whole_and_below_the_portals_limit() {
    let ids: Vec<String> = (1..=45).map(|number| format!("{number:012}")).collect();
    let accounts = ids.iter().map(|id| Account::new(id, &format!("Team {id}"), &["Admin", "Read"]));
    let stage = Stage::configured(Settings { accounts: accounts.collect(), ..Settings::default() }, CORP);
    stage.sign_in("corp");
    let outcome = stage.run(["configure"]).exits(0);
    assert!(outcome.stdout.contains("config: 90 added"), "{outcome:?}");
    let text = config(&stage);
    let names: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("[profile Team-")).collect();
    let expected = ids.iter().flat_map(|id| ["Admin]", "Read]"].map(|role| format!("{id}-{role}")));
    assert_eq!(names, expected.collect::<Vec<_>>());
    assert_eq!(stage.identity_center.calls(Operation::ListAccountRoles), ids.len(), "nobody was told to slow down");
    assert_eq!(stage.identity_center.calls(Operation::ListAccounts), 1);
}

#[test]
fn without_a_sign_in_the_reason_is_given_and_nothing_is_written() {
    let stage = stage();
    let before = config(&stage);
    stage.run(["configure"]).exits(3).prints_nothing().says("needs a sign-in").says("run: ssoctl login corp");
    assert_eq!(config(&stage), before);
}

#[test]
fn configure_can_wait_for_a_sign_in() {
    let stage = stage();
    let client = stage.start(stage.ssoctl(["configure", "--role", "Admin*", "--wait", "5m"]));
    stage.approve_shown_by(&client);
    client.finish().exits(0);
    assert!(config(&stage).contains("[profile Development-AdministratorAccess]"), "{}", config(&stage));
}

#[test]
fn an_invalid_request_is_refused_and_nothing_is_written() {
    let stage = signed_in();
    for (arguments, code, words) in [
        (&["nowhere"][..], 6, "corp"),
        (&["--account", "Staging"], 2, "there are: 111122223333 (Development), 444455556666 (Production)"),
        (&["--role", "Nobody"], 2, "there are: AdministratorAccess, ReadOnlyAccess"),
        (&["--name", "{role}"], 2, "names several roles \"ReadOnlyAccess\": ReadOnlyAccess in 111122223333"),
        (&["--name", "{user}"], 2, "{account_name}"),
        (&["--region", "Ireland!"], 2, "eu-west-1"),
    ] {
        let before = config(&stage);
        stage.run([&["configure"], arguments].concat()).exits(code).prints_nothing().says(words);
        assert_eq!(config(&stage), before);
    }
    let broken = format!("{CORP}what is this\n");
    stage.write(".aws/config", &broken);
    stage.run(["configure", "corp"]).exits(1).prints_nothing().says("config: line 5: ").says("repair that first");
    assert_eq!(config(&stage), broken);
    stage.end_daemons();
    stage.run(["configure", "--no-start"]).exits(4).prints_nothing().says("none may be started");
}

#[test]
fn what_was_written_a_moment_ago_is_found() {
    let stage = signed_in();
    stage.run(["configure", "--region", "eu-central-1"]).exits(0);
    stage.run(["whoami", "--profile", "Development-ReadOnlyAccess"]).exits(0);

    let named = stage.write("elsewhere/config", CORP);
    let mut text = config(&stage);
    for number in 0..20 {
        let profile = format!("new-{number}");
        text += &format!(
            "\n[profile {profile}]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = ReadOnlyAccess\n"
        );
        stage.write(".aws/config", &text);
        stage.run(["whoami", "--profile", &profile]).exits(0);
        stage.write("elsewhere/config", &text);
        let mut elsewhere = stage.ssoctl(["whoami", "--profile", &profile]);
        elsewhere.env("AWS_CONFIG_FILE", &named);
        stage.finish(elsewhere).exits(0);
    }
    stage.run(["whoami", "--profile", "new-20"]).exits(6);

    stage.write_own_config(
        "[session.another]\nstart_url = \"https://another.awsapps.com/start\"\nregion = \"eu-west-1\"\n",
    );
    stage.run(["token", "another"]).exits(3);
}

#[test]
fn its_help_and_its_complaints_are_those_of_the_daemon_under_the_name_of_the_client() {
    let stage = Stage::bare(Settings::default());
    let help = stage.run(["configure", "--help"]).exits(0).stdout;
    assert!(help.contains("Usage: ssoctl configure [OPTIONS] [SESSION]") && help.contains("--prune"), "{help}");
    assert_eq!(stage.run(["help", "configure"]).exits(0).stdout, help);
    let list = stage.run(["--help"]).exits(0).stdout;
    assert!(list.contains(help.lines().next().unwrap()), "{list}");
    let complaint = stage.run(["configure", "--colour"]).exits(2).prints_nothing().stderr;
    assert!(complaint.contains("Usage: ssoctl configure"), "{complaint}");
    stage.run(["configure", "corp", "--profile", "dev"]).exits(2).prints_nothing();
    stage.run(["configure", "--wait", "soon"]).exits(2).prints_nothing().says("expected one like 90s");
    // A session may have any name.
    stage.run(["configure", "--no-start", "--", "--prune"]).exits(4).prints_nothing().says("none may be started");
    stage.run(["--no-start", "configure"]).exits(4).prints_nothing().says("none may be started");
}

#[test]
fn an_invalid_answer_is_one_clear_error() {
    let stage = Stage::bare(Settings::default());
    let path = stage.home().join("other.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).expect("a socket");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // Whoever is answered too early may find the connection closed before the question is sent.
            let _ = std::io::Read::read(&mut stream, &mut [0; 1024]);
            let _ = std::io::Write::write_all(&mut stream, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
        }
    });
    let outcome = stage
        .run_in(&[("SSOCTL_SOCKET", &path)], &["configure"])
        .exits(4)
        .prints_nothing()
        .says("not what was asked for");
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
}

#[test]
fn several_sessions_need_a_choice_as_elsewhere() {
    let other = CORP.replace("corp", "other");
    let stage = Stage::configured(Settings::default(), &format!("{CORP}{other}"));
    stage.run(["configure"]).exits(2).prints_nothing().says("name one of: corp, other");
    stage.sign_in("other");
    stage.run(["configure", "other"]).exits(0);
    stage.sign_in("corp");
    let left = stage.run(["configure", "corp"]).exits(0);
    assert!(left.stdout.contains("Production-ReadOnlyAccess: written for session \"other\""), "{left:?}");
}
