//! The socket, the runtime directory or the state directory is removed while the real binary runs.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use identity_center_simulator::{Operation, Simulator};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::process::Signal;

use test_support::part::{within, without_locks};
use test_support::service::{preauthorised, simulator};
use test_support::speed::{has_programs, has_superuser};
use test_support::waiting::until_so;

use crate::harness::{Process, exchange};

/// A daemon whose socket is in a separate directory.
fn in_runtime_directory(home: &Path, simulator: &Simulator) -> Command {
    let mut command = Process::command(home, simulator);
    command.env("SSOCTL_SOCKET", home.join("run/ssoctl/socket"));
    fs::create_dir_all(home.join("run/ssoctl")).unwrap();
    // The harness asks at the usual place.
    let _ = std::os::unix::fs::symlink("run/ssoctl/socket", home.join("socket"));
    command
}

/// Removes a directory in which the daemon makes files at the same time.
async fn remove(directory: &Path) {
    until_so("it is removed", async || fs::remove_dir_all(directory).is_ok()).await;
}

async fn until_it_answers(home: &Path) {
    let answers = async || exchange(&home.join("socket"), "GET /v1/health", "", b"").await.is_ok();
    until_so("the daemon answers", answers).await;
}

#[tokio::test]
async fn a_socket_that_is_removed_with_its_directories_is_made_again_and_the_daemon_goes_on() {
    let (home, simulator) = (tempfile::tempdir().unwrap(), simulator(preauthorised()));
    let daemon = Process::run(home.path(), &mut in_runtime_directory(home.path(), &simulator)).await;
    let token = daemon.sign_in().await;
    for gone in ["run/ssoctl/socket", "run/ssoctl", "run"] {
        let path = home.path().join(gone);
        if path.is_dir() {
            remove(&path).await;
        } else {
            fs::remove_file(path).unwrap()
        }
        until_it_answers(home.path()).await;
        assert_eq!(daemon.access_token().await, token, "{gone}");
    }
    let ended = daemon.stop().await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
    assert!(!home.path().join("run/ssoctl/socket").exists(), "the new one goes with it, too");
}

/// Nothing in that directory is watched, and there was no problem before, so only the rename itself can lead to a check.
#[tokio::test]
async fn a_directory_far_above_the_socket_that_is_renamed_is_noticed() {
    let (home, simulator) = (tempfile::tempdir().unwrap(), simulator(preauthorised()));
    let daemon = Process::run(home.path(), &mut in_runtime_directory(home.path(), &simulator)).await;
    let token = daemon.sign_in().await;
    fs::rename(home.path().join("run"), home.path().join("away")).unwrap();
    until_it_answers(home.path()).await;
    assert_eq!(daemon.access_token().await, token);
}

#[tokio::test]
async fn a_daemon_whose_socket_cannot_be_made_again_ends_and_says_why() {
    let (home, simulator) = (tempfile::tempdir().unwrap(), simulator(preauthorised()));
    let daemon = Process::run(home.path(), &mut in_runtime_directory(home.path(), &simulator)).await;
    let (run, obstacle) = (home.path().join("run"), home.path().join("obstacle"));
    fs::write(&obstacle, "in the way").unwrap();
    // In one step: the daemon would make a new directory in between.
    renameat_with(CWD, &run, CWD, &obstacle, RenameFlags::EXCHANGE).unwrap();
    let ended = daemon.ended().await;
    assert_eq!(ended.status.code(), Some(1), "{}", ended.log);
    assert!(ended.log.contains("the socket is gone, and cannot be made again"), "{}", ended.log);
}

#[tokio::test]
async fn a_state_directory_that_is_removed_is_made_again_with_lock_and_records() {
    let (home, simulator) = (tempfile::tempdir().unwrap(), simulator(preauthorised()));
    let daemon = Process::start(home.path(), &simulator).await;
    let token = daemon.sign_in().await;
    let records = home.path().join("state/records");
    let has_records = async || fs::read_dir(&records).is_ok_and(|records| records.count() > 0);
    until_so("there is a record", has_records).await;
    remove(&home.path().join("state")).await;
    until_so("there is a record again", has_records).await;
    let mut second = Process::command(home.path(), &simulator);
    let ended = Process::run_to_end(home.path(), second.env("SSOCTL_SOCKET", home.path().join("another"))).await;
    assert!(ended.log.contains(&format!("pid {}", daemon.id())), "{}", ended.log);
    daemon.kill().await;
    let daemon = Process::start(home.path(), &simulator).await;
    assert_eq!(daemon.access_token().await, token);
    assert_eq!(simulator.calls(Operation::CreateToken), 1);
}

/// As a login manager does it: the file system goes, and takes its files along without a word.
#[tokio::test]
async fn a_runtime_directory_that_is_unmounted_is_noticed() {
    if !has_superuser() || !has_programs(&["unshare"]) {
        return;
    }
    let (home, simulator) = (tempfile::tempdir().unwrap(), simulator(preauthorised()));
    let command = in_runtime_directory(home.path(), &simulator);
    let script = "mount -t tmpfs -o mode=700 tmpfs \"$1\" && \"$2\" & sleep 0.1; \
                  while [ ! -S \"$1/ssoctl/socket\" ]; do sleep 0.05; done; umount -l \"$1\"; wait $!";
    let run = home.path().join("run").display().to_string();
    let words = ["--mount", "--propagation", "private", "sh", "-c", script, "sh", &run];
    let mut inside = Process::logged(home.path(), within(&command, "unshare", &words));
    inside.process_group(0);
    let daemon = Process::run(home.path(), &mut inside).await;
    until_it_answers(home.path()).await;
    until_so("it is told", async || daemon.log().contains("the socket was removed, and made again")).await;
    let _ = rustix::process::kill_process_group(
        rustix::process::Pid::from_raw(daemon.id().cast_signed()).expect("a process"),
        Signal::KILL,
    );
}

/// `flock` fails like this if the file system has no locks.
#[tokio::test]
async fn a_file_system_without_locks_is_told_with_a_remedy_and_a_second_daemon_is_still_kept_away() {
    if !has_programs(&["python3"]) {
        return;
    }
    let (home, simulator) = (tempfile::tempdir().unwrap(), simulator(preauthorised()));
    let filtered = |command: &Command| Process::logged(home.path(), without_locks(command));
    let daemon = Process::run(home.path(), &mut filtered(&Process::command(home.path(), &simulator))).await;
    let problems = async || daemon.report().await.daemon.machine_problems;
    until_so("a problem is shown", async || !problems().await.is_empty()).await;
    let problem = &problems().await[0];
    assert!(problem.message.contains("knows no locks") && problem.remedy.contains("rpc.statd"), "{problem:?}");
    let mut second = Process::command(home.path(), &simulator);
    second.env("SSOCTL_SOCKET", home.path().join("another"));
    let ended = Process::run_to_end(home.path(), &mut filtered(&second)).await;
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.log.contains(&format!("pid {}", daemon.id())), "{}", ended.log);
}

/// A user namespace has its own limit, which does not concern other processes.
#[tokio::test]
async fn used_up_inotify_instances_are_told_with_a_remedy_and_tried_again() {
    if !has_programs(&["unshare", "nsenter"]) {
        return;
    }
    let (home, simulator) = (tempfile::tempdir().unwrap(), simulator(preauthorised()));
    let limit = "/proc/sys/user/max_inotify_instances";
    let session = crate::harness::session("corp", crate::harness::START_URL);
    fs::write(home.path().join("config.toml"), format!("quiet_hours = \"20:00-08:00\"\n{session}")).unwrap();
    let mut command = Process::command(home.path(), &simulator);
    command.env("TZ", format!(":{}", home.path().join("zone").display()));
    let script = format!("echo 0 > {limit}; exec \"$0\"");
    let inside = within(&command, "unshare", &["--user", "--map-root-user", "sh", "-c", &script]);
    let mut inside = Process::logged(home.path(), inside);
    let daemon = Process::run(home.path(), &mut inside).await;
    let problems = async || daemon.report().await.daemon.machine_problems;
    for file in ["config.toml", "ssoctld.lock", "zone"] {
        let file = format!("/{file}");
        let is_shown = async || problems().await.iter().any(|problem| problem.message.contains(&file));
        until_so("the problem is shown", is_shown).await;
    }
    for problem in problems().await {
        assert!(problem.message.contains("inotify instances are used up"), "{problem:?}");
        assert!(problem.remedy.contains("fs.inotify.max_user_instances"), "{problem:?}");
    }
    let raised = Command::new("nsenter")
        .args(["--user", "--preserve-credentials", "--target", &daemon.id().to_string()])
        .args(["sh", "-c", &format!("echo 100 > {limit}")])
        .status();
    assert!(raised.is_ok_and(|raised| raised.success()));
    until_so("no problem is shown", async || problems().await.is_empty()).await;
}
