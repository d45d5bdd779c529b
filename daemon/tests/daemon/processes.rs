//! The real binary: starting, stopping, being killed, and what is in its way.

use std::io::{ErrorKind, Read as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};

use identity_center_simulator::Settings;
use rustix::process::Signal;

use test_support::service::{preauthorised, simulator};
use test_support::speed::{has_programs, has_superuser};

use crate::harness::{Answer, Process, START_URL, exchange, session};

#[tokio::test]
async fn a_second_daemon_with_any_socket_names_the_first() {
    let (home, simulator) = (tempfile::tempdir().unwrap(), simulator(preauthorised()));
    let first = Process::start(home.path(), &simulator).await;
    for socket in ["socket", "another"] {
        let mut second = Process::command(home.path(), &simulator);
        let ended = Process::run_to_end(home.path(), second.env("SSOCTL_SOCKET", home.path().join(socket))).await;
        assert_eq!(ended.status.code(), Some(1));
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let holder = format!("pid {}, host {host}, socket {}", first.id(), home.path().join("socket").display());
        assert!(ended.log.contains(&holder), "{}", ended.log);
    }
    assert_eq!(first.request("GET /v1/health").await.status, 200);
}

#[tokio::test]
async fn a_stale_socket_is_taken_over() {
    let (home, simulator) = (tempfile::tempdir().unwrap(), simulator(preauthorised()));
    drop(UnixListener::bind(home.path().join("socket")).unwrap());
    Process::start(home.path(), &simulator).await;
}

#[tokio::test]
async fn a_signal_to_stop_answers_those_who_wait_and_ends_well() {
    for signal in [Signal::TERM, Signal::INT] {
        let (home, simulator) = (tempfile::tempdir().unwrap(), simulator(Settings::default()));
        let daemon = Process::start(home.path(), &simulator).await;
        let callers: Vec<_> = (0..5)
            .map(|_| {
                let socket = home.path().join("socket");
                tokio::spawn(async move { exchange(&socket, "GET /v1/token?wait=600", "", b"").await })
            })
            .collect();
        simulator.next_pending().await;
        // Callers that were accepted by then are waiting, and so are those that connect before the signal arrives.
        daemon.until("a sign-in is pending", |status| status.login.is_some()).await;
        daemon.signal(signal);
        for caller in callers {
            let answer = caller.await.unwrap().expect("an answer");
            assert_eq!(answer.code(), "shutting_down");
        }
        let ended = daemon.ended().await;
        assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
        assert!(!home.path().join("socket").exists());
    }
}

#[tokio::test]
async fn whoever_connects_while_it_stops_is_told_so() {
    let (home, simulator) = (tempfile::tempdir().unwrap(), simulator(preauthorised()));
    let daemon = Process::start(home.path(), &simulator).await;
    let socket = home.path().join("socket");
    // A client that has sent no request yet is given time for it. Meanwhile no other one is accepted.
    let silent = UnixStream::connect(&socket).unwrap();
    assert_eq!(daemon.request("GET /v1/health").await.status, 200);
    daemon.signal(Signal::TERM);
    let mut answers = Vec::new();
    let gone = loop {
        match exchange(&socket, "GET /v1/health", "", b"").await {
            Ok(answer) => answers.push(answer),
            Err(error) => break error,
        }
    };
    assert_eq!(gone.kind(), ErrorKind::NotFound, "no connection is broken: {gone}");
    let refused = answers.iter().filter(|answer| answer.status != 200).map(Answer::code).collect::<Vec<_>>();
    // The daemon takes a second for that, in which a busy machine may let nobody come.
    assert!(refused.is_empty() || refused == ["shutting_down"], "{refused:?}");
    let ended = daemon.ended().await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
    drop(silent);
}

#[tokio::test]
async fn it_ends_although_its_state_directory_hangs() {
    if !has_superuser() || !has_programs(&["mount", "umount"]) || !Path::new("/dev/fuse").exists() {
        return;
    }
    let (home, simulator) = (tempfile::tempdir().unwrap(), simulator(preauthorised()));
    let daemon = Process::start(home.path(), &simulator).await;
    // What is given out has to be written to the audit.
    daemon.sign_in().await;
    daemon.access_token().await;
    // A mount at which nobody ever answers.
    let script = "exec 3<>/dev/fuse && mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 hanging state && echo && read -r _; umount -l state";
    let mut mount = Command::new("sh");
    mount.args(["-c", script]).current_dir(home.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut mount = mount.spawn().unwrap();
    mount.stdout.take().unwrap().read_exact(&mut [0]).expect("it is mounted");
    daemon.signal(Signal::TERM);
    let ended = daemon.ended().await;
    drop(mount.stdin.take());
    mount.wait().unwrap();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
}

#[tokio::test]
async fn sighup_makes_it_read_its_configuration_and_keeps_the_token() {
    let (home, simulator) = (tempfile::tempdir().unwrap(), simulator(preauthorised()));
    let daemon = Process::start(home.path(), &simulator).await;
    let token = daemon.sign_in().await;
    daemon.signal(Signal::HUP);
    while !daemon.log().contains("it was asked for") {
        assert_eq!(daemon.access_token().await, token);
    }
    std::fs::write(
        home.path().join("config.toml"),
        session("corp", START_URL) + &session("new", "https://new.awsapps.com/start"),
    )
    .unwrap();
    while daemon.request("GET /v1/sessions/new").await.status != 200 {}
    let kept: ssoctl_protocol::Token = daemon.request("GET /v1/sessions/corp/token").await.json();
    assert_eq!(*kept.access_token.expose(), token);
}

#[tokio::test]
async fn an_obstacle_at_the_start_is_named_and_ends_the_daemon() {
    let simulator = simulator(preauthorised());
    for (variable, path, complaint) in [
        ("SSOCTL_STATE_DIR", "file", "cannot be used"),
        ("SSOCTL_STATE_DIR", "file/state", "cannot be used"),
        ("SSOCTL_SOCKET", "file", "not a socket; move it away"),
        ("SSOCTL_SOCKET", "file/socket", "failed to listen on"),
        ("SSOCTL_SOCKET", &"long/".repeat(40), "name a shorter one with SSOCTL_SOCKET"),
    ] {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("file"), "precious").unwrap();
        let mut command = Process::command(home.path(), &simulator);
        let ended = Process::run_to_end(home.path(), command.env(variable, home.path().join(path))).await;
        assert_eq!(ended.status.code(), Some(1), "{variable}={path}");
        assert!(ended.log.contains(complaint), "{variable}={path}: {}", ended.log);
        assert_eq!(std::fs::read(home.path().join("file")).unwrap(), b"precious");
    }
}
