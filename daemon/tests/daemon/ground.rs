//! What is removed under the real binary while it runs: its socket, its runtime directory, its state directory.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use identity_center_simulator::{Approval, Operation, Settings, Simulator};
use rustix::process::Signal;
use ssoctl_protocol::StatusReport;

use crate::harness::{Process, exchange};
use crate::part::without_locks;
use crate::skipping::skip;

fn simulator() -> Simulator {
    Simulator::start(Settings { approval: Approval::Preauthorised, ..Settings::default() }).expect("a port")
}

/// A daemon whose socket is in a directory of its own.
fn in_runtime_directory(home: &Path, simulator: &Simulator) -> Command {
    let mut command = Process::command(home, simulator);
    command.env("SSOCTL_SOCKET", home.join("run/ssoctl/socket"));
    fs::create_dir_all(home.join("run/ssoctl")).unwrap();
    // The harness asks at the usual place.
    let _ = std::os::unix::fs::symlink("run/ssoctl/socket", home.join("socket"));
    command
}

async fn until_it_answers(home: &Path) {
    let mut pace = tokio::time::interval(std::time::Duration::from_millis(20));
    let answers = async {
        while exchange(&home.join("socket"), "GET /v1/health", "", b"").await.is_err() {
            pace.tick().await;
        }
    };
    tokio::time::timeout(crate::harness::REAL_PATIENCE, answers).await.expect("an answer");
}

#[tokio::test]
async fn a_socket_that_is_removed_with_its_directories_is_made_again_and_the_daemon_goes_on() {
    let (home, simulator) = (tempfile::tempdir().unwrap(), simulator());
    let daemon = Process::run(home.path(), &mut in_runtime_directory(home.path(), &simulator)).await;
    daemon.sign_in().await;
    let token = daemon.access_token().await;
    for gone in ["run/ssoctl/socket", "run/ssoctl", "run"] {
        let path = home.path().join(gone);
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap()
        } else {
            fs::remove_file(path).unwrap()
        }
        until_it_answers(home.path()).await;
        assert_eq!(daemon.access_token().await, token, "{gone}");
    }
    daemon.signal(Signal::TERM);
    let ended = daemon.ended().await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
    assert!(!home.path().join("run/ssoctl/socket").exists(), "the new one goes with it, too");
}

/// Nobody watches what is in there, and nothing was wrong before, so that nobody looks again for that.
#[tokio::test]
async fn a_directory_far_above_the_socket_that_is_renamed_is_noticed() {
    let (home, simulator) = (tempfile::tempdir().unwrap(), simulator());
    let daemon = Process::run(home.path(), &mut in_runtime_directory(home.path(), &simulator)).await;
    daemon.sign_in().await;
    let token = daemon.access_token().await;
    fs::rename(home.path().join("run"), home.path().join("away")).unwrap();
    until_it_answers(home.path()).await;
    assert_eq!(daemon.access_token().await, token);
}

#[tokio::test]
async fn a_daemon_whose_socket_cannot_be_made_again_ends_and_says_why() {
    let (home, simulator) = (tempfile::tempdir().unwrap(), simulator());
    let daemon = Process::run(home.path(), &mut in_runtime_directory(home.path(), &simulator)).await;
    fs::remove_dir_all(home.path().join("run")).unwrap();
    fs::write(home.path().join("run"), "in the way").unwrap();
    let ended = daemon.ended().await;
    assert_eq!(ended.status.code(), Some(1), "{}", ended.log);
    assert!(ended.log.contains("the socket is gone, and cannot be made again"), "{}", ended.log);
}

#[tokio::test]
async fn a_state_directory_that_is_removed_is_made_again_with_lock_and_records() {
    let (home, simulator) = (tempfile::tempdir().unwrap(), simulator());
    let daemon = Process::start(home.path(), &simulator).await;
    daemon.sign_in().await;
    let token = daemon.access_token().await;
    let records = home.path().join("state/records");
    let mut pace = tokio::time::interval(std::time::Duration::from_millis(20));
    while fs::read_dir(&records).map_or(0, Iterator::count) == 0 {
        pace.tick().await;
    }
    fs::remove_dir_all(home.path().join("state")).unwrap();
    while fs::read_dir(&records).map_or(0, Iterator::count) == 0 {
        pace.tick().await;
    }
    let mut second = Process::command(home.path(), &simulator);
    let ended = Process::run_to_end(home.path(), second.env("SSOCTL_SOCKET", home.path().join("another"))).await;
    assert!(ended.log.contains(&format!("pid {}", daemon.id())), "{}", ended.log);
    daemon.signal(Signal::KILL);
    daemon.ended().await;
    let daemon = Process::start(home.path(), &simulator).await;
    assert_eq!(daemon.access_token().await, token);
    assert_eq!(simulator.calls(Operation::CreateToken), 1);
}

/// As a login manager does it: the file system goes, and takes its files along without a word.
#[tokio::test]
async fn a_runtime_directory_that_is_unmounted_is_noticed() {
    if !rustix::process::geteuid().is_root() || Command::new("unshare").arg("--version").output().is_err() {
        return skip("unmounting", "it takes the superuser and unshare");
    }
    let (home, simulator) = (tempfile::tempdir().unwrap(), simulator());
    let command = in_runtime_directory(home.path(), &simulator);
    let program = command.get_program().to_owned();
    let mut inside = Command::new("unshare");
    let script = "mount -t tmpfs -o mode=700 tmpfs \"$1\" && \"$2\" & sleep 0.1; \
                  while [ ! -S \"$1/ssoctl/socket\" ]; do sleep 0.05; done; umount -l \"$1\"; wait $!";
    inside.args(["--mount", "--propagation", "private", "sh", "-c", script, "sh"]).arg(home.path().join("run"));
    inside.arg(program).env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    inside.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    inside.stderr(fs::File::options().append(true).open(home.path().join("log")).unwrap()).process_group(0);
    let daemon = Process::run(home.path(), &mut inside).await;
    until_it_answers(home.path()).await;
    assert!(daemon.log().contains("the socket was removed, and made again"), "{}", daemon.log());
    let _ = rustix::process::kill_process_group(
        rustix::process::Pid::from_raw(daemon.id().cast_signed()).expect("a process"),
        Signal::KILL,
    );
}

/// Where the file system knows no locks, `flock` fails so.
#[tokio::test]
async fn a_file_system_without_locks_is_told_with_a_remedy_and_a_second_daemon_is_still_kept_away() {
    if !cfg!(target_os = "linux") || Command::new("python3").arg("--version").output().is_err() {
        return skip("a file system without locks", "python3 missing");
    }
    let (home, simulator) = (tempfile::tempdir().unwrap(), simulator());
    let filtered = |command: &Command| {
        let mut python = without_locks(command);
        python.stderr(fs::File::options().append(true).open(home.path().join("log")).unwrap());
        python
    };
    let daemon = Process::run(home.path(), &mut filtered(&Process::command(home.path(), &simulator))).await;
    let problems = async || daemon.request("GET /v1/sessions").await.json::<StatusReport>().daemon.machine_problems;
    while problems().await.is_empty() {}
    let problem = &problems().await[0];
    assert!(problem.message.contains("knows no locks") && problem.remedy.contains("rpc.statd"), "{problem:?}");
    let mut second = Process::command(home.path(), &simulator);
    second.env("SSOCTL_SOCKET", home.path().join("another"));
    let ended = Process::run_to_end(home.path(), &mut filtered(&second)).await;
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.log.contains(&format!("pid {}", daemon.id())), "{}", ended.log);
}

/// A user namespace has a limit of its own, which concerns nobody else.
#[tokio::test]
async fn used_up_inotify_instances_are_told_with_a_remedy_and_tried_again() {
    let (home, simulator) = (tempfile::tempdir().unwrap(), simulator());
    let limit = "/proc/sys/user/max_inotify_instances";
    let test = format!("echo 0 > {limit}");
    let tried = Command::new("unshare").args(["--user", "--map-root-user", "sh", "-c", &test]).output();
    if !tried.is_ok_and(|tried| tried.status.success()) {
        return skip("used-up inotify instances", "user namespaces missing");
    }
    let session = crate::harness::session("corp", crate::harness::START_URL);
    fs::write(home.path().join("config.toml"), format!("quiet_hours = \"20:00-08:00\"\n{session}")).unwrap();
    let mut command = Process::command(home.path(), &simulator);
    command.env("TZ", format!(":{}", home.path().join("zone").display()));
    let mut inside = Command::new("unshare");
    let script = format!("echo 0 > {limit}; exec \"$0\"");
    inside.args(["--user", "--map-root-user", "sh", "-c", &script]).arg(command.get_program()).env_clear();
    inside.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    inside.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    inside.stderr(fs::File::options().append(true).open(home.path().join("log")).unwrap());
    let daemon = Process::run(home.path(), &mut inside).await;
    let problems = async || daemon.request("GET /v1/sessions").await.json::<StatusReport>().daemon.machine_problems;
    for file in ["config.toml", "ssoctld.lock", "zone"] {
        let file = format!("/{file}");
        while !problems().await.iter().any(|problem| problem.message.contains(&file)) {}
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
    while !problems().await.is_empty() {}
}
