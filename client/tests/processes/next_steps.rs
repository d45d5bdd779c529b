//! `ssoctl` alone on a terminal, as a newcomer calls it.

#![cfg(target_os = "linux")]

use std::os::unix::net::UnixListener;

use identity_center_simulator::Settings;

use test_support::client::Outcome;
use test_support::speed::has_programs;
use test_support::stage::CORP;
use test_support::{Stage, until};

use super::terminal::{SCRIPT, on_terminal};

/// What `ssoctl` alone says on a terminal.
fn alone(stage: &Stage, variables: &[(&str, &str)]) -> Outcome {
    stage.finish(on_terminal(stage, 100, variables, &stage.ssoctl::<&str>([])))
}

/// The same, which succeeds and says so many lines at most.
#[track_caller]
fn lines(stage: &Stage) -> Vec<String> {
    let screen = alone(stage, &[]).exits(0).stdout;
    let lines: Vec<String> = screen.lines().map(|line| line.trim_end().to_owned()).collect();
    assert!(lines.len() <= 6, "{screen}");
    assert!(lines.last().is_some_and(|line| line.starts_with("  ssoctl --help ")), "{screen}");
    lines
}

#[test]
fn a_newcomer_is_led_from_nothing_to_a_role() {
    if !has_programs(&[SCRIPT]) {
        return;
    }
    let stage = Stage::bare(Settings::default());
    let nothing = lines(&stage);
    assert_eq!(nothing[0], "No session is configured yet.");
    assert!(nothing[2].starts_with("  ssoctl login "), "{nothing:?}");

    stage.write(".aws/config", CORP);
    let signed_out = until("the session is found", || Some(lines(&stage)).filter(|lines| lines[0] != nothing[0]));
    assert_eq!(signed_out[0], "Nobody is signed in to corp.");
    assert!(signed_out[2].starts_with("  ssoctl login corp "), "{signed_out:?}");

    stage.sign_in("corp");
    let without_profiles = lines(&stage);
    assert_eq!(without_profiles[0], "Signed in to corp. No AWS profile names a role yet.");
    assert!(without_profiles[2].starts_with("  ssoctl configure "), "{without_profiles:?}");

    stage.run(["configure", "--name", "{role}-{account_id}"]).exits(0);
    let is_other = |lines: &Vec<String>| lines[0] != without_profiles[0];
    let ready = until("the profiles are found", || Some(lines(&stage)).filter(is_other));
    assert_eq!(ready[0], "Signed in to corp.");
    // The picker's tests show how these two ask which role is meant.
    assert!(ready[2].starts_with("  ssoctl exec -- aws s3 ls "), "{ready:?}");
    assert!(ready[3].starts_with("  ssoctl console "), "{ready:?}");
}

#[test]
fn without_a_terminal_it_is_a_wrong_command_line() {
    let stage = Stage::bare(Settings::default());
    stage.run::<&str>([]).exits(2).prints_nothing().says("Usage:");
}

#[test]
fn a_daemon_that_does_not_answer_and_one_that_may_not_be_started_are_told_of() {
    if !has_programs(&[SCRIPT]) {
        return;
    }
    let stage = Stage::bare(Settings::default());
    let socket = stage.home().join("run/silent.sock");
    let _silent = UnixListener::bind(&socket).unwrap();
    for (variable, value, said) in [
        ("SSOCTL_SOCKET", socket.to_str().unwrap(), "did not answer within 3 s"),
        ("SSOCTL_NO_START", "1", "none may be started"),
    ] {
        let screen = alone(&stage, &[(variable, value)]).exits(4).stdout;
        assert!(screen.contains(said) && screen.contains("ssoctl doctor") && screen.contains("--help"), "{screen}");
    }
}
