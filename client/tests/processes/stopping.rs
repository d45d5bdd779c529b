//! `ssoctl stop`, and the advice about a daemon of another version.

#![cfg(target_os = "linux")]

use identity_center_simulator::Settings;

use test_support::stage::CORP;
use test_support::{Stage, daemon};

#[test]
fn a_daemon_that_ssoctl_started_is_ended_and_the_next_call_starts_one_with_the_same_sign_in() {
    let stage = Stage::without_daemon(test_support::service::preauthorised(), CORP);
    assert_eq!(stage.run(["stop"]).exits(0).stdout, "no daemon runs\n");
    stage.sign_in("corp");
    let token = stage.run(["token"]).exits(0).stdout;
    let first = daemon::holder(&stage.state_directory()).expect("a daemon runs");
    let said = stage.run(["stop"]).exits(0).stdout;
    assert!(said.contains(&format!("stopped ssoctld (process {})", first.as_raw_nonzero())), "{said}");
    assert_eq!(daemon::holder(&stage.state_directory()), None, "it is over when that is said");
    assert_eq!(stage.run(["token"]).exits(0).stdout, token);
    assert_ne!(daemon::holder(&stage.state_directory()), Some(first));
}

#[test]
fn a_process_that_is_no_daemon_is_not_ended() {
    let stage = Stage::bare(Settings::default());
    std::fs::create_dir_all(stage.socket().parent().unwrap()).unwrap();
    // This test's own process listens.
    let _listener = std::os::unix::net::UnixListener::bind(stage.socket()).unwrap();
    stage.run(["stop"]).exits(1).says("stop it where it runs");
}
