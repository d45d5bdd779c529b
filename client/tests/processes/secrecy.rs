//! Secrets stay where they belong. (What clients say and daemons log is searched at the end of every test; see `Stage`.)

use std::fs;
use std::os::unix::fs::PermissionsExt;

use identity_center_simulator::{Fault, Operation, Settings, Times};

use crate::support::Stage;

#[test]
fn no_secret_is_said_or_logged_whatever_goes_wrong() {
    let stage = Stage::with_corp(Settings::default());
    let faults = [
        (Operation::RegisterClient, Fault::missing("clientSecret")),
        (Operation::RegisterClient, Fault::replaced("clientId", 7)),
        (Operation::StartDeviceAuthorization, Fault::Truncated),
        (Operation::StartDeviceAuthorization, Fault::missing("userCode")),
        (Operation::CreateToken, Fault::replaced("expiresIn", "soon")),
        (Operation::CreateToken, Fault::NotJson),
    ];
    for (operation, fault) in faults {
        stage.identity_center.inject(operation, fault, Times::Next(1));
    }
    let login = stage.start(stage.ssoctl(["login", "--no-browser"]));
    // An answer that was truncated leaves an authorization behind that nobody knows of.
    stage.approve_shown_by(&login);
    login.finish().exits(0);
    stage.identity_center.inject(Operation::Logout, Fault::Truncated, Times::Next(1));
    for arguments in [&["status"][..], &["status", "--json"], &["logout"], &["token"], &["token", "--min-valid", "x"]] {
        let outcome = stage.run(arguments);
        let secrets = stage.identity_center.secrets();
        assert!(!secrets.iter().any(|secret| outcome.stdout.contains(secret)), "{arguments:?}");
    }
    assert!(stage.identity_center.secrets().len() >= 4, "there was something to leak");
    let said = stage.everything_said();
    assert!(said.iter().any(|(_, text)| text.contains("flow") || text.contains("session")), "there is a log: {said:?}");
    stage.judge();
}

#[test]
fn records_are_for_their_owner_alone() {
    let stage = Stage::signed_in(Settings::default());
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let records = stage.state_directory().join("records");
    assert_eq!(mode(&records), 0o700);
    let files: Vec<_> = fs::read_dir(&records).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!files.is_empty());
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    assert_eq!((mode(&stage.socket()), mode(stage.socket().parent().unwrap())), (0o600, 0o700));
}

#[test]
#[cfg(target_os = "linux")]
fn no_secret_stands_in_a_command_line_or_an_environment() {
    let stage = Stage::signed_in(Settings::default());
    let browser = super::interrupted::Browser::on(&stage);
    let login = stage.start(browser.command(&stage, ["login"]));
    let waiting = stage.start(stage.ssoctl(["token", "--wait", "60s", "--min-valid", "59m 59s"]));
    crate::support::until("the page is open", || (!browser.pages().is_empty()).then_some(()));
    let secrets = stage.identity_center.secrets();
    let own: Vec<i32> = [login.pid(), waiting.pid(), stage.daemon_pid()].map(|pid| pid.as_raw_nonzero().get()).into();
    for pid in own {
        for file in ["cmdline", "environ"] {
            let bytes = fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes);
            assert!(!secrets.iter().any(|secret| text.contains(secret)), "{pid} {file}");
        }
    }
    assert!(!secrets.iter().any(|secret| browser.pages()[0].contains(secret)));
    stage.approve();
    login.finish().exits(0);
}
