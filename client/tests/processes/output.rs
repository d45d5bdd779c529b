//! The output for scripts and people.

use identity_center_simulator::Settings;
use serde_json::Value;
use ssoctl_protocol::Timestamp;

use test_support::stage::START_URL;
use test_support::{Stage, verbs};

fn time(value: &Value) -> Timestamp {
    serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{error}: {value}"))
}

#[test]
fn status_json_has_the_documented_members_before_during_and_after_a_sign_in() {
    let stage = Stage::with_corp(Settings::default());
    let report = stage.run(["status", "--json"]).exits(0).json();
    assert_eq!(report["daemon"]["pid"], stage.daemon_pid().as_raw_nonzero().get());
    time(&report["daemon"]["started_at"]);
    let expected = |state: &str| {
        serde_json::json!({
            "name": "corp", "start_url": START_URL, "region": "eu-west-1", "scopes": ["sso:account:access"],
            "state": state, "refreshable": state == "signed_in",
            "oidc_endpoint": format!("{}/", stage.identity_center.url()), "last_error": null,
            "foreign_issuer": {
                "url": stage.identity_center.url(), "set_by": "AWS_ENDPOINT_URL_SSO_OIDC in the environment of ssoctld"
            },
        })
    };
    let documented = |session: &Value| {
        let members = session.as_object().unwrap().clone().into_iter();
        let known = expected("").as_object().unwrap().clone();
        Value::Object(members.filter(|(name, _)| known.contains_key(name)).collect())
    };
    let session = &report["sessions"][0];
    assert_eq!(documented(session), expected("signed_out"));
    assert_eq!((&session["login"], &session["expires_at"]), (&Value::Null, &Value::Null));

    let login = stage.start(stage.ssoctl(["login", "--no-browser"]));
    let pending = stage.shown_by(&login);
    let session = stage.status("corp");
    assert_eq!(documented(&session), expected("signed_out"));
    assert_eq!(session["login"]["user_code"], pending.user_code.as_str());
    assert_eq!(session["login"]["verification_uri"], pending.verification_uri.as_str());
    assert_eq!(session["login"]["verification_uri_complete"], pending.verification_uri_complete.as_str());
    time(&session["login"]["expires_at"]);

    stage.approve();
    login.finish().exits(0);
    let session = stage.status("corp");
    assert_eq!(documented(&session), expected("signed_in"));
    assert_eq!(session["login"], Value::Null);
    time(&session["expires_at"]);
}

#[test]
fn the_table_shows_the_state_at_a_glance() {
    let stage = Stage::with_corp(Settings::default());
    let row = || {
        let table = stage.run(["status"]).exits(0).stdout;
        let row = table.lines().find(|line| line.starts_with("corp")).unwrap_or_else(|| panic!("{table}"));
        row.to_owned()
    };
    let signed_out = row();
    assert!(signed_out.contains("signed out") && signed_out.contains("ssoctl login corp"), "{signed_out}");
    let login = stage.start(stage.ssoctl(["login", "--no-browser"]));
    let code = stage.shown_by(&login).user_code;
    let waiting = row();
    assert!(waiting.contains(&code), "{waiting}");
    stage.approve();
    login.finish().exits(0);
    let signed_in = row();
    assert!(signed_in.contains("signed in") && signed_in.contains("by itself"), "{signed_in}");
}

#[test]
fn a_broken_entry_is_shown_with_file_and_line_and_the_others_work() {
    let stage = Stage::with_corp(Settings::default());
    stage.end_daemons();
    stage.write(
        ".aws/config",
        &format!("{}\n[sso-session broken]\nsso_region = eu-west-1\n", test_support::stage::CORP),
    );
    stage.start_daemon();
    let table = stage.run(["status"]).exits(0).stdout;
    assert!(table.contains(".aws/config:6") && table.contains("broken"), "{table}");
    stage.sign_in("corp");
    stage.run(["token"]).exits(0);
}

#[cfg(target_os = "linux")]
#[test]
fn an_answer_that_cannot_be_written_is_an_error_for_every_verb() {
    let stage = Stage::with_roles(Settings::default());
    let configuration = || std::fs::read(stage.home().join(".aws/config")).unwrap();
    let before = configuration();
    let variants: [&[&str]; 10] = [
        &["--help"],
        &["--version"],
        &["accounts", "--json"],
        &["doctor", "--json"],
        &["env", "--shell", "bash"],
        &["env", "--unset", "--shell", "fish"],
        &["roles", "--account", "111122223333"],
        &["status", "--json", "corp"],
        &["token", "--help"],
        &["token", "--json"],
    ];
    // These print to standard error, or leave standard output to another program.
    let silent = ["exec", "login", "logout", "service", "ssh", "stop"];
    let all = verbs::all();
    let printing = all.iter().map(String::as_str).filter(|verb| !silent.contains(verb));
    for verb in printing.map(verbs::command_line).chain(variants.map(<[_]>::to_vec)) {
        for redirection in [">&-", ">/dev/full", "1</dev/null"] {
            if verb[0] == "configure" && redirection != ">&-" {
                continue;
            }
            let mut ssoctl = stage.ssoctl(&verb);
            ssoctl.env("AWS_PROFILE", "dev");
            let mut shell = std::process::Command::new("sh");
            shell.env_clear().envs(ssoctl.get_envs().filter_map(|(name, value)| Some((name, value?))));
            shell.args(["-c", &format!("exec \"$@\" {redirection}"), "sh"]).current_dir(stage.home());
            let outcome = stage.finish({
                shell.arg(ssoctl.get_program()).args(ssoctl.get_args());
                shell
            });
            assert_eq!(outcome.code, Some(1), "{verb:?} {redirection}: {outcome:?}");
            let is_said =
                ["standard output", "failed to print the report"].iter().any(|it| outcome.stderr.contains(it));
            assert!(is_said, "{verb:?} {redirection}: {outcome:?}");
        }
    }
    assert_eq!(configuration(), before, "what could not be told was not done either");
    // Commands that do not print there do not need it.
    stage.run(["logout", "--help"]).exits(0);
}
