//! Another user of the machine. Becoming one takes the superuser, or `sudo` without a password.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use super::Victim;

/// `nobody`, a user on every system.
const UID: &str = "65534";

/// Runs this as another user, or tells that nobody may.
fn as_another(arguments: &[&str]) -> Option<Output> {
    let drop_privileges = ["setpriv", "--reuid", UID, "--regid", UID, "--clear-groups"];
    let mut command = if rustix::process::geteuid().is_root() {
        Command::new(drop_privileges[0])
    } else {
        let mut command = Command::new("sudo");
        command.args(["--non-interactive", drop_privileges[0]]);
        command
    };
    let ran = command.args(&drop_privileges[1..]).args(arguments).output().ok();
    let ran = ran.filter(|ran| !String::from_utf8_lossy(&ran.stderr).contains("sudo:"));
    if ran.is_none() {
        assert!(std::env::var_os("SSOCTL_TEST_REQUIRE").is_none(), "setpriv, or the right to use it, is missing");
        println!("skipped: nobody else can be asked to knock");
    }
    ran
}

fn knock(socket: &Path) -> Option<Output> {
    as_another(&[
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
    let refused = knock(&victim.socket()).unwrap();
    assert!(!refused.status.success() && refused.stdout.is_empty(), "{refused:?}");
    let log = victim.daemon.log();
    assert!(log.contains("a connection of another user was refused") && log.contains(UID), "{log}");
    victim.daemon.access_token().await;
}
