//! Another user of the machine knocks.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use super::{NOBODY, Victim, as_superuser};

fn knock(socket: &Path) -> Option<Output> {
    as_superuser(&[
        "setpriv",
        "--reuid",
        NOBODY,
        "--regid",
        NOBODY,
        "--clear-groups",
        "curl",
        "--silent",
        "--show-error",
        "--unix-socket",
        &socket.display().to_string(),
        "http://x/v1/token",
    ])
}

#[tokio::test]
async fn another_user_is_refused_by_the_mode_and_with_the_mode_loosened_by_the_peer_check() {
    let victim = Victim::start().await;
    let open = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    open(victim.home.path(), 0o711);
    let Some(refused) = knock(&victim.socket()) else { return };
    assert!(!refused.status.success() && refused.stdout.is_empty(), "{refused:?}");
    assert!(!victim.daemon.log().contains("another user"), "it did not even get to the daemon");

    open(&victim.socket(), 0o666);
    // Each is told why, and nothing is reset, however many come.
    for _ in 0..8 {
        let refused = knock(&victim.socket()).unwrap();
        let answer: serde_json::Value =
            serde_json::from_slice(&refused.stdout).unwrap_or_else(|_| panic!("{refused:?}"));
        assert_eq!((&answer["status"], &answer["code"]), (&403.into(), &"forbidden".into()), "{refused:?}");
    }
    let log = victim.daemon.log();
    assert!(log.contains("a connection of another user was refused") && log.contains(NOBODY), "{log}");
    victim.daemon.access_token().await;
}
