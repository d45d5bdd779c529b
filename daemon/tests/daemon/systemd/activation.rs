//! The first call starts the daemon.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::systemd::stage::Person;
use test_support::speed::has_programs;

#[test]
fn the_first_call_starts_it_through_the_socket() {
    let Some(person) = Person::new() else { return };
    person.ok("ssoctl", &["service", "install"]);
    person.ok("systemctl", &["--user", "stop", "ssoctld.service"]);
    assert_eq!(person.property("ActiveState"), "inactive");
    person.ok("ssoctl", &["--no-start", "status"]);
    person.until("it is ready", || person.property("ActiveState") == "active");
    let modes = person.ok("sh", &["-c", "stat -c %a $XDG_RUNTIME_DIR/ssoctl $XDG_RUNTIME_DIR/ssoctl/ssoctld.sock"]);
    assert_eq!(modes, "700\n600\n");
}

#[test]
fn where_the_sandbox_cannot_be_made_ssoctl_starts_the_daemon_itself_until_it_can() {
    let Some(person) = Person::new() else { return };
    person.ok("ssoctl", &["service", "install"]);
    let impossible = ".config/systemd/user/ssoctld.service.d/impossible.conf";
    person.write(impossible, "[Service]\nBindReadOnlyPaths=/does/not/exist\n");
    person.ok("systemctl", &["--user", "daemon-reload"]);
    person.ok("systemctl", &["--user", "stop", "ssoctld.socket", "ssoctld.service"]);

    person.ok("ssoctl", &["status"]);
    assert_eq!(person.property("ExecMainStatus"), "226", "EXIT_NAMESPACE");
    let is_active = || person.systemctl(&["is-active", "ssoctld.socket"]).status.success();
    assert!(!is_active(), "it would be in the way of the daemon's own");
    person.ok("ssoctl", &["--no-start", "status"]);

    person.ok("ssoctl", &["stop"]);
    person.ok("sh", &["-c", &format!("rm ~/{impossible}; systemctl --user daemon-reload")]);
    person.ok("ssoctl", &["status"]);
    person.until("it is ready", || person.property("ActiveState") == "active");
    assert!(is_active());
}

/// Starts `systemd-socket-activate`, and tells when it listens. `None` where tests of it do not run.
fn activate(home: &Path, kind: &[&str]) -> Option<(Child, Lines)> {
    if !has_programs(&["systemd-socket-activate"]) {
        return None;
    }
    let mut child = Command::new("systemd-socket-activate")
        .args(kind)
        .arg(format!("--listen={}", home.join("s").display()))
        .arg(format!("--setenv=HOME={}", home.display()))
        .arg(format!("--setenv=SSOCTL_SOCKET={}", home.join("s").display()))
        .arg(format!("--setenv=SSOCTL_STATE_DIR={}", home.join("state").display()))
        .arg(env!("CARGO_BIN_EXE_ssoctld"))
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    said(&mut lines, "Listening on");
    Some((child, lines))
}

type Lines = std::io::Lines<BufReader<ChildStderr>>;

/// Waits for a line with these words.
#[track_caller]
fn said(lines: &mut Lines, words: &str) -> String {
    lines.map_while(Result::ok).find(|line| line.contains(words)).unwrap_or_else(|| panic!("nobody said {words}"))
}

#[test]
fn a_call_that_came_first_is_answered_and_the_socket_outlives_the_daemon() {
    let home = tempfile::tempdir().unwrap();
    let Some((mut daemon, _lines)) = activate(home.path(), &[]) else { return };
    let socket = home.path().join("s");
    let mut call = UnixStream::connect(&socket).unwrap();
    call.write_all(b"GET /v1/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    call.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    kill_process(Pid::from_child(&daemon), Signal::TERM).unwrap();
    assert_eq!(daemon.wait().unwrap().code(), Some(0));
    assert!(socket.exists(), "it is its maker's");
}

#[test]
fn a_socket_that_cannot_be_served_is_refused_with_the_remedy() {
    let home = tempfile::tempdir().unwrap();
    let Some((mut daemon, mut lines)) = activate(home.path(), &["--datagram"]) else { return };
    UnixDatagram::unbound().unwrap().send_to(b"x", home.path().join("s")).unwrap();
    let refusal = said(&mut lines, "handed over");
    assert!(refusal.contains("should have ListenStream= with a path"), "{refusal}");
    assert_eq!(daemon.wait().unwrap().code(), Some(1));
}

#[test]
fn a_job_that_ends_leaves_the_daemon_that_it_started_running() {
    let Some(person) = Person::with(&["systemd-run"]) else { return };
    person.write(
        ".config/systemd/user/job.service",
        "[Service]\nType=oneshot\nExecStart=/home/person/bin/ssoctl status\n",
    );
    person.ok("systemctl", &["--user", "start", "job.service"]);
    let word = person.ok("sh", &["-c", "cat ~/.local/state/ssoctl/ssoctld.lock"]);
    let pid = word.strip_prefix("pid ").and_then(|word| word.split(',').next()).unwrap();
    let group = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    assert!(group.contains(".scope") && !group.contains("job.service"), "{group}");
    assert!(!person.systemctl(&["is-active", "job.service"]).status.success());
    person.ok("ssoctl", &["--no-start", "status"]);
    let environment = std::fs::read_to_string(format!("/proc/{pid}/environ")).unwrap();
    assert!(!environment.contains("INVOCATION_ID") && environment.contains("XDG_RUNTIME_DIR"), "{environment}");
}
