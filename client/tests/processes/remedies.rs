//! An error of the operating system is reported once, with its remedy, by client or daemon.

use identity_center_simulator::Settings;

use test_support::Stage;
use test_support::client::Outcome;
use test_support::part::within;
use test_support::speed::{has_programs, has_superuser};
use test_support::stage::CORP;

fn stage() -> Stage {
    Stage::without_daemon(Settings::default(), CORP)
}

/// Insists that the last line on standard error has all of these, each once.
#[track_caller]
fn says_once(outcome: &Outcome, parts: &[&str]) {
    let line = outcome.stderr.lines().last().unwrap_or_default();
    for part in parts {
        assert_eq!(line.matches(part).count(), 1, "{part:?} in {outcome:?}");
    }
}

#[test]
fn a_path_that_is_too_long_for_a_socket() {
    let stage = stage();
    let path = stage.home().join("s".repeat(120));
    for mut command in [stage.ssoctl(["status"]), stage.ssoctl(["stop"]), stage.ssoctld()] {
        command.env("SSOCTL_SOCKET", &path);
        let outcome = stage.finish(command);
        assert_ne!(outcome.code, Some(0), "{outcome:?}");
        says_once(&outcome, &[path.to_str().unwrap(), "name a shorter one with SSOCTL_SOCKET"]);
        assert!(!outcome.stderr.contains("SUN_LEN"), "{outcome:?}");
    }
}

#[test]
fn a_name_or_path_that_no_request_can_hold_is_said_to_be_too_long() {
    let stage = Stage::with_corp(Settings::default());
    let long = "a".repeat(20_000);
    let mut named = stage.ssoctl(["token"]);
    named.env("AWS_CONFIG_FILE", format!("/{long}"));
    for command in [stage.ssoctl(["token", &long]), named] {
        stage.finish(command).exits(2).prints_nothing().says("is too long for ssoctld");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_read_only_file_system_where_socket_records_and_log_are_to_be() {
    if !has_superuser() || !has_programs(&["unshare"]) {
        return;
    }
    let stage = stage();
    std::fs::create_dir_all(stage.state_directory()).unwrap();
    for (place, command) in [
        ("run", stage.ssoctld()),
        (".local/state/ssoctl", stage.ssoctld()),
        (".local/state/ssoctl", stage.ssoctl(["status"])),
    ] {
        let place = stage.home().join(place);
        let place = place.display();
        let script = format!("set -e; mount --bind {place} {place}; mount -o remount,bind,ro {place}; exec \"$@\"");
        let inside = within(&command, "unshare", &["--mount", "--propagation", "private", "sh", "-c", &script, "sh"]);
        let outcome = stage.finish(inside);
        assert_ne!(outcome.code, Some(0), "{outcome:?}");
        says_once(&outcome, &["Read-only file system", "have its file system mounted read-write"]);
    }
}
