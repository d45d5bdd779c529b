//! A machine where all is well.

use std::fs;

use identity_center_simulator::Settings;

use crate::report::Report;
use test_support::Stage;
use test_support::stage::CORP;

#[test]
fn a_healthy_machine_has_no_problem_and_everything_is_looked_at() {
    let stage = Stage::without_daemon(Settings::default(), CORP);
    // On this machine there is no keyring, and that is meant.
    stage.write_own_config("secret_store = \"file\"\n[session.corp]\nsdk_cache = \"on\"\n");
    stage.start_daemon();
    stage.sign_in("corp");
    let report = Report::on(&stage);
    report.is_well();
    report
        .finds("daemon", "ok", "1 session")
        .finds("socket", "ok", "for you alone")
        .finds("state directory", "ok", "held by process")
        .finds("secret store", "ok", "files")
        .finds("AWS token cache", "ok", "")
        .finds("browser", "skipped", "no display")
        .finds("configuration", "ok", "corp")
        .finds("configuration", "warning", "which is not AWS")
        .finds("certificates", "ok", "the system's")
        .finds("proxy", "ok", "none")
        .finds("endpoint", "ok", "answers")
        .finds("clock", "ok", "agrees");
    assert_eq!(report.all("endpoint").count(), 1, "one address is asked once");
    let expected = [
        "daemon",
        "this shell",
        "socket",
        "state directory",
        "secret store",
        "AWS token cache",
        "service",
        "session bus",
        "keyring",
        "notifications",
        "browser",
        "configuration",
        "certificates",
        "proxy",
        "endpoint",
        "clock",
    ];
    assert_eq!(report.names(), expected);
}

#[test]
fn people_get_a_line_for_each_check_without_colours_where_no_terminal_is() {
    let stage = Stage::with_corp(Settings::default());
    let outcome = stage.run(["doctor"]).exits(0);
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    let daemon = format!("ok    daemon           ssoctld {} answers (pid ", env!("CARGO_PKG_VERSION"));
    assert!(lines[0].starts_with(&daemon), "{outcome:?}");
    assert!(!outcome.stdout.contains('\x1b'), "{outcome:?}");
    stage.end_daemons();
    let outcome = stage.run(["doctor"]).exits(1);
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert_eq!(lines[0], "FAIL  daemon           none runs, so nothing renews sign-ins");
    assert!(lines[1].starts_with("                       -> run ssoctl status"), "{outcome:?}");
    assert!(lines.last().is_some_and(|line| line.starts_with("1 problem, ")), "{outcome:?}");
}

#[test]
fn nothing_is_made_or_started() {
    let stage = Stage::without_daemon(Settings::default(), CORP);
    let tree = || {
        let mut found = Vec::new();
        let mut pending = vec![stage.home().to_owned()];
        while let Some(directory) = pending.pop() {
            for entry in fs::read_dir(directory).expect("a directory") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    pending.push(path.clone());
                }
                // The stage writes `said`, not the clients.
                if !path.starts_with(stage.home().join("said")) {
                    found.push(path);
                }
            }
        }
        found.sort();
        found
    };
    let before = tree();
    Report::on(&stage).finds("daemon", "problem", "none runs").finds("state directory", "skipped", "does not exist");
    assert_eq!(tree(), before);
}

#[test]
fn a_stray_argument_is_refused_before_anything_is_looked_at() {
    let stage = Stage::bare(Settings::default());
    stage.run(["doctor", "--cure"]).exits(2).prints_nothing();
}
