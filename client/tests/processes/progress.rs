//! What is shown of work that takes longer than a second: a line on a terminal, which is gone afterwards.

#![cfg(target_os = "linux")]

use std::fs;
use std::time::Duration;

use identity_center_simulator::{Account, Fault, Operation, Settings, Times};

use test_support::speed::{has_programs, has_time};
use test_support::stage::CORP;
use test_support::{Stage, until};

use super::terminal::{SCRIPT, on_terminal};

/// The time that one call takes.
const SLOW: Duration = Duration::from_millis(1400);

fn slow(stage: &Stage, operation: Operation) {
    stage.identity_center.inject(operation, Fault::Delay { by: SLOW }, Times::UntilCleared);
}

/// What a verb writes to a terminal on which it succeeds.
fn on_screen(stage: &Stage, term: &str, verb: &[&str]) -> String {
    let _ = fs::remove_file(stage.home().join("screen"));
    stage.finish(on_terminal(stage, 100, &[("TERM", term)], &stage.ssoctl(verb))).exits(0).stdout
}

/// The same of a call that took less than a second: on a busy machine not every one does.
fn quick_on_screen(stage: &Stage, verb: &[&str]) -> String {
    until("it is quick", || Some(on_screen(stage, "xterm", verb)).filter(|screen| !screen.contains('\x1b')))
}

/// Checks that a line was shown and is gone, and returns what was written otherwise.
#[track_caller]
fn without_line(screen: &str, line: &str) -> String {
    let mut parts = screen.split("\r\x1b[K");
    let before = parts.next().unwrap();
    let (lines, rest): (Vec<&str>, Vec<&str>) = parts.partition(|part| part.ends_with(" s)"));
    assert!(lines.iter().any(|shown| shown.starts_with(line)), "no {line:?} in {screen:?}");
    assert!(!rest.is_empty() && !rest.concat().contains('\x1b'), "{screen:?}");
    format!("{before}{}", rest.concat())
}

#[test]
fn what_takes_long_is_shown_on_a_terminal_and_gone_when_it_is_done() {
    if !has_programs(&[SCRIPT]) || !has_time() {
        return;
    }
    let stage = Stage::signed_in(Settings { page_size: 2, ..Settings::default() });
    let quick = quick_on_screen(&stage, &["accounts"]);
    assert!(quick.contains("111122223333"), "{quick:?}");

    slow(&stage, Operation::ListAccounts);
    let screen = on_screen(&stage, "xterm", &["accounts"]);
    assert_eq!(without_line(&screen, "Listing accounts ("), quick);
    assert_eq!(on_screen(&stage, "dumb", &["accounts"]), quick);
    let piped = stage.run(["accounts"]).exits(0);
    assert_eq!((piped.stdout.replace('\n', "\r\n"), piped.stderr.as_str()), (quick, ""));
    stage.identity_center.clear_faults();

    let quick = quick_on_screen(&stage, &["roles"]);
    slow(&stage, Operation::ListAccountRoles);
    let screen = on_screen(&stage, "xterm", &["roles"]);
    assert_eq!(without_line(&screen, "Listing roles: account 2 of "), quick);
    let screen = on_screen(&stage, "xterm", &["configure"]);
    without_line(&screen, "Listing roles: 0 of ");
}

#[test]
fn a_failure_stands_on_a_line_of_its_own() {
    if !has_programs(&[SCRIPT]) || !has_time() {
        return;
    }
    let stage = Stage::signed_in(Settings { accounts: Vec::<Account>::new(), ..Settings::default() });
    slow(&stage, Operation::ListAccountRoles);
    let roles = stage.ssoctl(["roles", "--account", "111122223333"]);
    let screen = stage.finish(on_terminal(&stage, 100, &[("TERM", "xterm")], &roles)).stdout;
    let rest = without_line(&screen, "Listing roles: account 1 of 1 (");
    assert!(rest.is_empty() || rest.starts_with("ssoctl: ") || rest.starts_with("ACCOUNT"), "{screen:?}");
}

#[test]
fn an_import_that_asks_a_slow_issuer_is_shown() {
    if !has_programs(&[SCRIPT]) || !has_time() {
        return;
    }
    let stage = Stage::bare(Settings::default());
    stage.write(".aws/config", &format!("{CORP}{}", stage.services()));
    stage.start_daemon();
    stage.wait_for_state("corp", "signed_out");
    slow(&stage, Operation::ListAccounts);
    stage.write(
        // The file in which readers look for the token of a session that is called `corp`.
        ".aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json",
        r#"{"startUrl": "https://corp.awsapps.com/start", "region": "eu-west-1", "accessToken": "aoaLIVE",
            "expiresAt": "9999-01-01T00:00:00Z"}"#,
    );
    let screen = stage.finish(on_terminal(&stage, 100, &[("TERM", "xterm")], &stage.ssoctl(["import"]))).stdout;
    assert!(screen.contains("\r\x1b[KTaking over sign-ins ("), "{screen:?}");
}
