//! Another user of the machine knocks.

use std::path::Path;
use std::process::Output;

use test_support::set_mode;

use super::{NOBODY, Victim, as_superuser};

fn knock(socket: &Path) -> Option<Output> {
    let nobody = ["setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"];
    let curl = ["curl", "--silent", "--show-error", "http://x/v1/token", "--unix-socket"];
    as_superuser(&[&nobody[..], &curl, &[&socket.display().to_string()]].concat())
}

#[tokio::test]
async fn another_user_is_refused_by_the_mode_and_with_the_mode_loosened_by_the_peer_check() {
    let victim = Victim::start().await;
    set_mode(victim.home.path(), 0o711);
    let Some(refused) = knock(&victim.socket()) else { return };
    assert!(!refused.status.success() && refused.stdout.is_empty(), "{refused:?}");
    assert!(!victim.daemon.log().contains("another user"), "it did not even get to the daemon");

    set_mode(victim.socket(), 0o666);
    // Each is told why, and nothing is reset, however many come.
    for _ in 0..8 {
        let refused = knock(&victim.socket()).unwrap();
        let answer: serde_json::Value = serde_json::from_slice(&refused.stdout).expect("a problem");
        assert_eq!((&answer["status"], &answer["code"]), (&403.into(), &"forbidden".into()), "{refused:?}");
    }
    let log = victim.daemon.log();
    assert!(log.contains("a connection of another user was refused") && log.contains(NOBODY), "{log}");
    victim.daemon.access_token().await;
}
