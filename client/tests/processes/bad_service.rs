//! A service that behaves badly: it hangs, or never stops answering.

use std::time::Duration;

use identity_center_simulator::{Fault, Operation, Settings, Times};

use test_support::stage::CORP;
use test_support::{Stage, until};

/// Tokens that are soon over.
fn short_lived() -> Settings {
    Settings { token_lifetime: Duration::from_secs(3), ..Settings::default() }
}

#[test]
fn a_hanging_service_keeps_a_caller_until_its_deadline_and_no_caller_of_another_session() {
    let stage = Stage::configured(Settings::default(), &format!("{CORP}\n{}", CORP.replace("corp", "other")));
    stage.sign_in("other");
    // From now on no token of `corp` lives longer, however often it is renewed before the service hangs.
    stage.identity_center.settings(|settings| settings.token_lifetime = short_lived().token_lifetime);
    stage.sign_in("corp");
    stage.identity_center.inject(Operation::CreateToken, Fault::Hang, Times::UntilCleared);
    stage.wait_for_state("corp", "expired");

    let mut caller = stage.start(stage.ssoctl(["token", "corp"]));
    stage.run(["token", "other"]).exits(0);
    assert!(caller.is_running(), "the other session was served meanwhile");
    caller.finish().exits(1).prints_nothing().says("corp");
    stage.run(["token", "other"]).exits(0);
}

#[cfg(target_os = "linux")]
#[test]
fn an_answer_of_256_mib_to_a_refresh_does_not_grow_the_daemon() {
    let stage = Stage::signed_in(short_lived());
    let peak = || {
        let path = format!("/proc/{}/status", stage.daemon_pid().as_raw_nonzero());
        let status = std::fs::read_to_string(path).expect("the daemon lives");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number")
    };
    let before = peak();
    stage.identity_center.inject(Operation::CreateToken, Fault::Oversized { bytes: 256 << 20 }, Times::UntilCleared);
    let error =
        until("a refresh has failed", || Some(stage.status("corp")["last_error"].clone()).filter(|it| !it.is_null()));
    assert_eq!(error["code"], "unusable_answer");
    stage.wait_for_state("corp", "expired");
    stage.run(["token"]).exits(1).prints_nothing().says("corp");
    assert!(peak() < before + 16_384, "from {before} kB to {} kB", peak());

    stage.identity_center.settings(|settings| settings.token_lifetime = Duration::from_secs(3600));
    stage.identity_center.clear_faults();
    stage.run(["token"]).exits(0);
}
