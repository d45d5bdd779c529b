//! The real binary: starting, stopping, being killed, and what is in its way.

use std::os::unix::net::UnixListener;

use identity_center_simulator::{Operation, Settings};
use rustix::process::Signal;

use test_support::service::{preauthorised, simulator};
use test_support::speed::{has_programs, has_superuser};

use crate::harness::{Process, START_URL, exchange, session};

#[tokio::test]
async fn a_second_daemon_says_who_is_there_whatever_its_socket() {
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
async fn a_daemon_that_was_killed_serves_its_token_again() {
    let (home, simulator) = (tempfile::tempdir().unwrap(), simulator(preauthorised()));
    let daemon = Process::start(home.path(), &simulator).await;
    daemon.sign_in().await;
    let token = daemon.access_token().await;
    daemon.signal(Signal::KILL);
    assert_eq!(daemon.ended().await.status.code(), None);
    assert!(home.path().join("socket").exists(), "left behind, as a crash does");
    let daemon = Process::start(home.path(), &simulator).await;
    assert_eq!(daemon.access_token().await, token);
    assert_eq!((simulator.calls(Operation::RegisterClient), simulator.calls(Operation::CreateToken)), (1, 1));
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
        // Whoever was accepted by then is waiting, and so is whoever connects before the signal arrives.
        while daemon.request("GET /v1/session").await.json::<ssoctl_protocol::SessionStatus>().login.is_none() {}
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
async fn sighup_makes_it_read_its_configuration_and_keeps_the_token() {
    let (home, simulator) = (tempfile::tempdir().unwrap(), simulator(preauthorised()));
    let daemon = Process::start(home.path(), &simulator).await;
    daemon.sign_in().await;
    let token = daemon.access_token().await;
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
async fn what_is_in_the_way_is_named_and_ends_it() {
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

#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_endless_answer_does_not_grow_the_daemon() {
    use identity_center_simulator::{Fault, Times};
    let (home, simulator) = (tempfile::tempdir().unwrap(), simulator(preauthorised()));
    let daemon = Process::start(home.path(), &simulator).await;
    daemon.sign_in().await;
    let peak = || {
        let status = daemon.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number")
    };
    let before = peak();
    for operation in [Operation::RegisterClient, Operation::StartDeviceAuthorization, Operation::CreateToken] {
        simulator.revoke_registrations();
        simulator.inject(operation, Fault::Oversized { bytes: 1 << 32 }, Times::Next(1));
        let login = daemon.request("POST /v1/sessions/corp/login").await;
        assert_eq!(login.status, 200, "{operation}: {login:?}");
        daemon.request("DELETE /v1/sessions/corp/login").await;
    }
    assert!(peak() < before + 16_384, "from {before} kB to {} kB", peak());
}

/// Needs the superuser, who can act as somebody else, and curl, which speaks HTTP over Unix sockets.
#[tokio::test]
async fn another_user_gets_no_token_even_from_a_socket_that_lets_everybody_in() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    const NOBODY: u32 = 65_534;
    if !has_superuser() || !has_programs(&["curl"]) {
        return;
    }
    let (home, simulator) = (tempfile::tempdir().unwrap(), simulator(preauthorised()));
    let daemon = Process::start(home.path(), &simulator).await;
    daemon.sign_in().await;
    let socket = home.path().join("socket");
    for (path, mode) in [(home.path(), 0o755), (&socket, 0o666)] {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }
    let ask = |uid: u32| {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--unix-socket"]).arg(&socket).arg("http://localhost/v1/token");
        let curl = curl.current_dir("/").uid(uid).gid(uid).spawn_captured();
        async move { tokio::task::spawn_blocking(move || curl.wait_with_output()).await.unwrap().unwrap() }
    };
    let stranger = ask(NOBODY).await;
    let answer: serde_json::Value = serde_json::from_slice(&stranger.stdout).unwrap();
    assert_eq!((&answer["status"], &answer["code"]), (&403.into(), &"forbidden".into()), "{answer}");
    assert!(daemon.log().contains("a connection of another user was refused"), "{}", daemon.log());
    let owner = ask(0).await;
    assert!(String::from_utf8_lossy(&owner.stdout).contains("access_token"));
}

/// Starts a command whose output is kept.
trait SpawnCaptured {
    fn spawn_captured(&mut self) -> std::process::Child;
}

impl SpawnCaptured for std::process::Command {
    fn spawn_captured(&mut self) -> std::process::Child {
        self.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().expect("curl")
    }
}
