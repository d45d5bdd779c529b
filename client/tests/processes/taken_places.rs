//! Foreign files in the places of ssoctl's own files: client and daemon do not wait for them, write through them, or believe them.

use std::fs;
use std::os::unix::fs::{chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use identity_center_simulator::Settings;

use test_support::stage::CORP;
use test_support::{Stage, set_mode};

/// A home where no daemon runs, with a state directory.
fn stage() -> Stage {
    let stage = Stage::without_daemon(Settings::default(), CORP);
    fs::create_dir_all(stage.state_directory()).unwrap();
    set_mode(stage.state_directory(), 0o700);
    stage
}

/// A directory of the second user, or a bare directory if there is no second user.
fn of_another_user(path: &Path) {
    if rustix::process::geteuid().is_root() {
        chown(path, Some(65_534), Some(65_534)).unwrap();
    }
}

fn fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// Insists that no daemon was started, and that the client says why.
#[track_caller]
fn is_refused(stage: &Stage, place: &Path, words: &str) {
    let outcome = stage.run(["status"]).exits(4).prints_nothing();
    assert!(outcome.stderr.contains(&*place.to_string_lossy()), "{outcome:?}");
    assert!(outcome.stderr.contains(words), "{outcome:?}");
    assert!(!stage.socket().exists());
}

#[test]
fn a_state_directory_that_others_can_write_to_is_refused_with_what_to_do() {
    let stage = stage();
    for mode in [0o777, 0o770, 0o1777] {
        set_mode(stage.state_directory(), mode);
        is_refused(&stage, &stage.state_directory(), "chmod 700");
    }
    set_mode(stage.state_directory(), 0o700);
    stage.run(["status"]).exits(0);
}

#[test]
fn a_state_directory_that_is_a_link_is_where_it_leads_and_has_to_be_closed_there() {
    let stage = stage();
    let elsewhere = stage.home().join("elsewhere");
    fs::rename(stage.state_directory(), &elsewhere).unwrap();
    symlink(&elsewhere, stage.state_directory()).unwrap();
    set_mode(&elsewhere, 0o777);
    is_refused(&stage, &stage.state_directory(), "others may write to it");
    if rustix::process::geteuid().is_root() {
        set_mode(&elsewhere, 0o700);
        of_another_user(&elsewhere);
        is_refused(&stage, &stage.state_directory(), "belongs to");
        chown(&elsewhere, Some(0), Some(0)).unwrap();
    }
    set_mode(&elsewhere, 0o700);
    stage.run(["status"]).exits(0);
}

#[test]
fn nothing_is_appended_through_a_link_and_no_fifo_is_waited_for() {
    let stage = stage();
    let victim = stage.home().join("victim");
    fs::write(&victim, "precious").unwrap();
    of_another_user(&victim);
    type Put<'a> = (&'a str, &'a dyn Fn(&Path));
    let put: [Put<'_>; 4] = [
        ("a link to a file of another user", &|path| symlink(&victim, path).unwrap()),
        ("a second name of that file", &|path| fs::hard_link(&victim, path).unwrap()),
        ("a FIFO", &fifo),
        ("a directory", &|path| fs::create_dir(path).unwrap()),
    ];
    for (what, put) in put {
        // Files that the client opens itself, and files of the daemon that it starts.
        for name in ["ssoctld.log", "ssoctld.starting", "ssoctld.lock"] {
            let place: PathBuf = stage.state_directory().join(name);
            let _ = fs::remove_file(&place);
            put(&place);
            let outcome = stage.run(["status"]).exits(4).prints_nothing();
            assert!(outcome.stderr.contains(name), "{what}: {outcome:?}");
            assert_eq!(fs::read(&victim).unwrap(), b"precious", "{what} in place of {name}");
            assert!(!stage.socket().exists(), "{what} in place of {name}");
            let _ = fs::remove_file(&place).or_else(|_| fs::remove_dir(&place));
        }
    }
    stage.run(["status"]).exits(0);
}
