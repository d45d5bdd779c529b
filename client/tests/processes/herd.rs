//! Many clients at once: one flow, one page, one refresh.

use std::time::Duration;

use identity_center_simulator::{Fault, Grant, Operation, RefreshTokens, Settings, Times};
use rustix::process::{Signal, kill_process};

use test_support::client::Outcome;
use test_support::{Running, Stage, until};

fn many(stage: &Stage, count: usize, arguments: &[&str]) -> Vec<Running> {
    (0..count).map(|_| stage.start(stage.ssoctl(arguments))).collect()
}

fn the_one_token(outcomes: impl IntoIterator<Item = Outcome>) -> String {
    let mut tokens: Vec<String> = outcomes.into_iter().map(|outcome| outcome.exits(0).stdout).collect();
    tokens.dedup();
    assert_eq!(tokens.len(), 1, "all tokens are equal");
    tokens.remove(0).trim_end().to_owned()
}

/// The number of connections to the daemon's socket (proc_net(5), "unix"): one line each, beside the listener's. The name is the one
/// that the daemon has bound, before it moved the socket to its place.
#[cfg(target_os = "linux")]
fn connections(stage: &Stage) -> usize {
    let sockets = std::fs::read_to_string("/proc/net/unix").unwrap();
    let home = stage.home().display().to_string();
    sockets.lines().filter(|line| line.contains(&home)).count().saturating_sub(1)
}

#[test]
fn fifty_clients_that_wait_for_a_token_cause_one_flow_and_get_one_token() {
    let stage = Stage::with_corp(Settings::default());
    let clients = many(&stage, 50, &["token", "--wait", "5m"]);
    let code = stage.identity_center.wait_for_pending().user_code;
    until("all show the code", || clients.iter().all(|client| client.said().contains(&code)).then_some(()));
    stage.identity_center.approve(&code).unwrap();

    let token = the_one_token(clients.into_iter().map(Running::finish));
    assert_eq!(stage.identity_center.issued_access_tokens(), [token]);
    assert_eq!(stage.identity_center.calls(Operation::StartDeviceAuthorization), 1);
    assert_eq!(stage.identity_center.calls(Operation::RegisterClient), 1);
}

#[test]
fn five_logins_open_one_page() {
    let stage = Stage::with_corp(Settings::default());
    let browser = test_support::browser::Browser::on(&stage);
    let logins: Vec<Running> =
        (0..5).map(|_| stage.start(browser.command(&stage, ["login", "--flow", "device"]))).collect();
    let pending = stage.identity_center.wait_for_pending();
    until("all show the code", || logins.iter().all(|login| login.said().contains(&pending.user_code)).then_some(()));
    until("the page is open", || (!browser.pages().is_empty()).then_some(()));
    stage.identity_center.approve(&pending.user_code).unwrap();

    for login in logins {
        login.finish().exits(0).says("Signed in to corp");
    }
    assert_eq!(browser.pages(), [pending.verification_uri_complete]);
    assert_eq!(stage.identity_center.calls(Operation::StartDeviceAuthorization), 1);
}

#[test]
fn fifty_clients_that_find_an_expired_token_cause_one_refresh_although_refresh_tokens_work_once() {
    let stage = Stage::signed_in(Settings {
        token_lifetime: Duration::from_secs(3),
        refresh_tokens: RefreshTokens::Rotated,
        ..Settings::default()
    });
    let first = stage.request("GET", "/v1/token").1;
    // After an outage that outlasts its token, the daemon asks the service again when a client asks it, and not before.
    stage.identity_center.inject(Operation::CreateToken, Fault::Status { status: 503 }, Times::UntilCleared);
    stage.wait_for_state("corp", "expired");
    stage.identity_center.clear_faults();
    stage.identity_center.settings(|settings| settings.token_lifetime = Duration::from_secs(3600));
    let refreshes = stage.identity_center.token_calls(Grant::RefreshToken);

    // The daemon stands still until all have come.
    kill_process(stage.daemon_pid(), Signal::STOP).unwrap();
    let clients = many(&stage, 50, &["token"]);
    #[cfg(target_os = "linux")]
    until("all are connected", || (connections(&stage) >= clients.len()).then_some(()));
    kill_process(stage.daemon_pid(), Signal::CONT).unwrap();
    let token = the_one_token(clients.into_iter().map(Running::finish));
    assert_ne!(first["access_token"], token.as_str());
    assert_eq!(stage.identity_center.issued_access_tokens().last(), Some(&token));
    assert_eq!(stage.identity_center.token_calls(Grant::RefreshToken), refreshes + 1);
    assert_eq!(stage.identity_center.calls(Operation::StartDeviceAuthorization), 1);
}
