//! Grants from the command line: handing over, running a command, listing, revoking.

use std::os::unix::process::ExitStatusExt;

use identity_center_simulator::{Operation, Settings};
use rustix::process::Signal;
use serde_json::Value;
use test_support::attended::Attended;
use test_support::binaries::binaries;
use test_support::{Stage, until};

/// The grants that are listed.
fn grants(stage: &Stage) -> Vec<Value> {
    let listed = stage.run(["grants", "--json"]).exits(0).stdout;
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    listed["grants"].as_array().expect("grants").clone()
}

fn ssoctl() -> String {
    binaries().ssoctl.display().to_string()
}

/// Grants the role of the profile `dev`, and returns the socket's path.
fn grant(stage: &Stage, more: &[&str]) -> String {
    let arguments = [&["grant", "--profile", "dev"], more].concat();
    stage.run(arguments).exits(0).stdout.trim_end().to_owned()
}

#[test]
fn a_grant_is_handed_over_listed_and_taken_back() {
    let stage = Stage::with_roles(Settings::default());
    let made = stage.run(["grant", "--profile", "dev", "--for", "8h", "--name", "ci"]).exits(0);
    let socket = made.stdout.trim_end().to_owned();
    assert!(socket.ends_with("/grants/ci/s.sock"), "{socket}");
    made.says("the grant ci gives AdministratorAccess in 111122223333 for 8 h")
        .says(&format!("SSOCTL_SOCKET={socket}"));

    let given = [("SSOCTL_SOCKET", socket.as_str())];
    let whoami = stage.run_in(&given, &["whoami"]).exits(0).stdout;
    assert!(whoami.contains("AdministratorAccess"), "{whoami}");
    let key = stage.run_in(&given, &["exec", "--", "sh", "-c", "echo $AWS_ACCESS_KEY_ID $AWS_REGION"]).exits(0).stdout;
    assert!(key.starts_with("ASIA") && key.ends_with(" eu-central-1\n"), "{key}");
    stage.run_in(&given, &["credential-process"]).exits(0);
    for verb in [
        &["token"][..],
        &["status"],
        &["login", "--no-browser"],
        &["logout"],
        &["accounts"],
        &["grants"],
        &["revoke", "--all"],
        &["grant"],
    ] {
        stage.run_in(&given, verb).exits(7).prints_nothing().says("the socket of the grant \"ci\"");
    }
    stage.run_in(&given, &["exec", "--profile", "ops", "--", "true"]).exits(125).says("does not include that");

    let listed = stage.run(["grants"]).exits(0).stdout;
    assert!(listed.contains("ci") && listed.contains("AdministratorAccess"), "{listed}");
    assert_eq!(grants(&stage)[0]["uses"], 2);

    let revoked = stage.run(["revoke", "ci"]).exits(0).stdout;
    assert!(revoked.contains("ci is revoked; credentials that it gave live on until"), "{revoked}");
    stage.run_in(&given, &["exec", "--", "true"]).exits(125).says("was revoked");
    stage.run(["revoke", "other"]).exits(6).says("there is no grant \"other\"");
    assert!(stage.run(["grants"]).exits(0).stdout.contains("revoked"));
}

#[test]
fn a_command_has_its_grant_and_takes_it_with_it() {
    let stage = Stage::with_roles(Settings::default());
    let script = "echo $SSOCTL_SOCKET; $0 whoami; $0 token; exit 7";
    let arguments = ["grant", "--profile", "dev", "--name", "agent", "--", "sh", "-c", script, &ssoctl()];
    let ran = stage.run_in(&[("AWS_PROFILE", "dev"), ("SSOCTL_SESSION", "corp")], &arguments).exits(7);
    assert!(
        ran.stdout.contains("/grants/agent/s.sock\n") && ran.stdout.contains("AdministratorAccess"),
        "{}",
        ran.stdout
    );
    ran.says("can go around it").says("gives credentials of its roles and nothing else");
    until("it ends with the command", || grants(&stage).is_empty().then_some(()));

    let agent = Attended::start(stage.ssoctl(["grant", "--profile", "dev", "--name", "agent"]), "cat > /dev/null");
    let (status, credentials) = agent.ask();
    assert_eq!((status, &credentials["AccountId"]), (200, &Value::from("111122223333")));
    assert_eq!(grants(&stage)[0]["uses"], 1);
    stage.run(["revoke", "agent"]).exits(0);
    let (status, refused) = agent.ask();
    assert_eq!((status, refused["code"].as_str()), (403, Some("not_granted")));
    assert!(agent.finish().success());
    assert_eq!(stage.identity_center.calls(Operation::GetRoleCredentials), 1);
}

#[test]
fn the_grant_of_a_client_that_is_killed_ends_and_the_command_gets_nothing_more() {
    let stage = Stage::with_roles(Settings::default());
    let command = stage.ssoctl(["grant", "--profile", "dev", "--name", "agent"]);
    let mut agent = Attended::start(command, "echo $SSOCTL_SOCKET; cat > /dev/null");
    let socket = agent.line();
    let given = [("SSOCTL_SOCKET", socket.as_str())];
    stage.run_in(&given, &["whoami"]).exits(0);
    agent.send(Signal::KILL);
    until("the grant has ended", || grants(&stage).is_empty().then_some(()));
    stage.run_in(&given, &["whoami"]).exits(4).says("the socket of the grant agent");
    assert_eq!(agent.finish().signal(), Some(Signal::KILL.as_raw()));
}

#[test]
fn at_the_deadline_the_command_runs_on_and_its_requests_are_refused() {
    let stage = Stage::with_roles(Settings::default());
    let mut command = stage.ssoctl(["grant", "--profile", "dev", "--name", "agent", "--for", "2s"]);
    let script = "until $SSOCTL whoami 2>&1 | grep 'expired ('; do sleep 0.2; done; cat > /dev/null; exit 3";
    command.env("SSOCTL", ssoctl());
    let mut agent = Attended::start(command, script);
    assert!(agent.line().contains("expired ("));
    assert_eq!(grants(&stage)[0]["ended"]["reason"], "expired");
    assert_eq!(agent.finish().code(), Some(3));
}

#[test]
fn several_roles_are_given_by_their_profiles() {
    let stage = Stage::with_roles(Settings::default());
    stage.run(["grant", "--profile", "dev", "--profile", "absent"]).exits(6).says("absent");
    let socket = grant(&stage, &["--account", "111122223333", "--role", "ReadOnlyAccess"]);
    let given = [("SSOCTL_SOCKET", socket.as_str())];
    assert!(stage.run_in(&given, &["whoami"]).exits(0).stdout.contains("ReadOnlyAccess"));
}

#[test]
fn a_grant_that_cannot_be_made_says_why() {
    let stage = Stage::with_roles(Settings::default());
    grant(&stage, &["--name", "ci"]);
    stage.run(["grant", "--profile", "dev", "--name", "ci"]).exits(2).prints_nothing().says("ssoctl revoke ci");
    stage.run(["grant", "--profile", "dev", "--for", "8d"]).exits(2).says("at most seven days");
    stage.run(["grant", "--profile", "dev", "--name", "a/b"]).exits(2).says("is not a grant's name");
    stage.run(["grant", "--profile", "dev", "--for", "8d", "--", "true"]).exits(125).says("at most seven days");
    stage.run(["grant", "--profile", "dev", "--", "/nowhere/at-all"]).exits(127).says("not found");
    until("one is left", || (grants(&stage).len() == 1).then_some(()));
    stage.run(["revoke"]).exits(2);
}

#[test]
fn the_audit_shows_who_got_what_over_which_grant() {
    let stage = Stage::with_roles(Settings::default());
    let socket = grant(&stage, &["--name", "ci"]);
    let given = [("SSOCTL_SOCKET", socket.as_str())];
    stage.run_in(&given, &["exec", "--", "true"]).exits(0);
    stage.run_in(&given, &["token"]).exits(7);
    stage.run(["exec", "--profile", "dev", "--", "true"]).exits(0);
    let table = stage.run(["audit"]).exits(0).stdout;
    for (what, more) in [
        ("grant made", "ci"),
        ("grant used", "ssoctl (pid "),
        ("grant refused", "GET /v1/token"),
        ("credentials", "corp"),
    ] {
        assert!(table.lines().any(|line| line.contains(what) && line.contains(more)), "{what}: {table}");
    }
    let lines = stage.run(["audit", "--grant", "ci", "--since", "1h", "--json"]).exits(0).stdout;
    let what: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")["what"].clone()).collect();
    assert_eq!(what, ["grant_made", "grant_used", "grant_refused"]);
    stage.run(["audit", "--grant", "other"]).exits(0);
}
