//! Secrets stay where they belong. (What clients say and daemons log is searched at the end of every test; see `Stage`.)

use std::fs;
use std::os::unix::fs::PermissionsExt;

use identity_center_simulator::{Fault, Operation, Settings, Times};

use test_support::Stage;

#[test]
fn no_secret_is_shown_or_logged_after_any_failure() {
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
    // A torn answer is asked for again, and one that makes no sense ends its sign-in with what it was.
    for reason in ["it has no clientSecret", "a member has the wrong type", "it has no userCode"] {
        stage.run(["login", "--no-browser"]).exits(1).says(reason);
    }
    let login = stage.start(stage.ssoctl(["login", "--no-browser"]));
    // A truncated answer leaves an unknown authorization behind.
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
    let browser = test_support::browser::Browser::on(&stage);
    let login = stage.start(browser.command(&stage, ["login", "--flow", "device"]));
    let waiting = stage.start(stage.ssoctl(["token", "--wait", "5m", "--min-valid", "59m 59s"]));
    test_support::until("the page is open", || (!browser.pages().is_empty()).then_some(()));
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

#[test]
fn neither_a_device_code_nor_role_credentials_are_ever_in_a_file() {
    let stage = Stage::with_roles(Settings::default());
    let before = stage.identity_center.secrets();
    let login = stage.start(stage.ssoctl(["login", "--no-browser"]));
    let code = stage.shown_by(&login).user_code;
    stage.run(["credential-process", "--profile", "dev"]).exits(0);
    let secrets: Vec<_> = stage.identity_center.secrets().into_iter().filter(|it| !before.contains(it)).collect();
    assert!(secrets.len() >= 2, "a device code and what a role has");
    let in_files = |secret: &str| {
        let (mut places, mut found) = (vec![stage.home().to_owned()], Vec::new());
        while let Some(place) = places.pop() {
            match fs::read_dir(&place) {
                // The test writes `said`, not the clients.
                Ok(entries) => places.extend(entries.map(|it| it.unwrap().path()).filter(|it| !it.ends_with("said"))),
                Err(_) => found.extend(fs::read(&place).ok().map(|bytes| (place, bytes))),
            }
        }
        let holds = |bytes: &[u8]| bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        found.into_iter().filter(|(_, bytes)| holds(bytes)).map(|(path, _)| path).collect::<Vec<_>>()
    };
    for secret in &secrets {
        assert_eq!(in_files(secret), Vec::<std::path::PathBuf>::new());
    }
    assert!(in_files(&code).iter().all(|path| *path == stage.log()), "no record has a user code");
    let kept = stage.identity_center.issued_access_tokens()[0].clone();
    assert!(!in_files(&kept).is_empty(), "what is stored is found like this");
    stage.approve();
    login.finish().exits(0);
}
