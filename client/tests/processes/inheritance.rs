//! A daemon inherits nothing from the process that happened to start it.

#![cfg(target_os = "linux")]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use test_support::part::within;
use test_support::speed::{has_programs, python_with};
use test_support::stage::CORP;
use test_support::{Stage, daemon};

/// A caller that has everything that a daemon could inherit, and then becomes its arguments.
const CALLER: &str = r#"
import fcntl, os, resource, signal, sys
lock = os.open("caller.lock", os.O_CREAT | os.O_RDWR, 0o600)
fcntl.flock(lock, fcntl.LOCK_EX)
_, pipe = os.pipe()
for number in [*range(3, 12), 99, 250]:
    if number not in (lock, pipe):
        os.dup2(lock if number % 2 else pipe, number, inheritable=True)
every = set(signal.valid_signals())
for number in every - {signal.SIGKILL, signal.SIGSTOP, signal.SIGILL, signal.SIGFPE, signal.SIGSEGV, signal.SIGCHLD}:
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_SETMASK, every)
os.umask(0o002)
for limit in (resource.RLIMIT_CPU, resource.RLIMIT_FSIZE):
    resource.setrlimit(limit, (600, resource.getrlimit(limit)[1]))
os.execvp(sys.argv[1], sys.argv[1:])
"#;

fn stage() -> Stage {
    Stage::without_daemon(test_support::service::preauthorised(), CORP)
}

fn running(stage: &Stage) -> PathBuf {
    let pid = daemon::holder(&stage.state_directory()).expect("a daemon runs");
    Path::new("/proc").join(pid.as_raw_nonzero().to_string())
}

fn field(process: &Path, name: &str) -> String {
    let status = fs::read_to_string(process.join("status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no {name} in {status}")).trim().to_owned()
}

#[test]
fn a_daemon_has_no_descriptor_signal_umask_or_limit_of_its_caller() {
    let Some(python) = python_with("fcntl") else { return };
    let stage = stage();
    let client = stage.ssoctl(["status", "--json"]);
    stage.finish(within(&client, &python.to_string_lossy(), &["-c", CALLER])).exits(0);
    let process = running(&stage);
    assert_eq!((field(&process, "SigBlk"), field(&process, "Umask")), ("0".repeat(16), "0077".to_owned()));
    // Rust's runtime ignores SIGPIPE in each program, and the C library 32, which is its own, in each that it spawns.
    let ignored = u64::from_str_radix(&field(&process, "SigIgn"), 16).unwrap() & !(1 << 31);
    assert_eq!(ignored, 1 << 12, "{ignored:x}");
    let open: Vec<String> = fs::read_dir(process.join("fd"))
        .unwrap()
        .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
        .map(|target| target.display().to_string())
        .collect();
    let foreign: Vec<_> =
        open.iter().filter(|open| open.contains("caller.lock") || open.starts_with("pipe:")).collect();
    assert_eq!(foreign, Vec::<&String>::new(), "of {open:?}");
    let limits = fs::read_to_string(process.join("limits")).unwrap();
    for limit in ["Max cpu time", "Max file size"] {
        let line = limits.lines().find(|line| line.starts_with(limit)).unwrap();
        assert!(!line.contains(" 600 "), "{line}");
    }
    assert_eq!(fs::read_link(process.join("cwd")).unwrap(), Path::new("/"));
}

#[test]
fn a_command_that_waits_for_all_its_children_finds_none() {
    let Some(python) = python_with("os") else { return };
    let stage = stage();
    stage.sign_in("corp");
    stage.end_daemons();
    // It raises ChildProcessError at once where there is none, and blocks where there is one that lives.
    let waits = "import os\ntry:\n    print(os.wait())\nexcept ChildProcessError:\n    print('none')";
    let python = python.to_string_lossy();
    let command = ["exec", "--account", "111122223333", "--role", "ReadOnlyAccess", "--", &python, "-c", waits];
    let said = stage.run(command).exits(0).stdout;
    assert_eq!(said, "none\n");
    assert_ne!(field(&running(&stage), "PPid"), std::process::id().to_string());
}

#[test]
fn a_test_of_bats_ends_while_the_daemon_that_it_started_runs() {
    if !has_programs(&["bats"]) {
        return;
    }
    let stage = stage();
    stage.write("first.bats", "@test \"first\" { \"$SSOCTL\" status; }\n@test \"second\" { true; }\n");
    let client = stage.ssoctl(["status"]);
    let mut bats = Command::new("bats");
    bats.arg("--tap").arg(stage.home().join("first.bats")).env_clear().env("SSOCTL", client.get_program());
    bats.envs(client.get_envs().filter_map(|(name, value)| Some((name, value?)))).current_dir(stage.home());
    // Its standard output is a pipe here, which it would hold open as well.
    let said = stage.finish(bats).exits(0).stdout;
    assert!(said.contains("ok 1 first\nok 2 second"), "{said}");
    running(&stage);
}

/// A service manager that takes connections and never answers.
fn silent_manager(stage: &Stage) -> UnixListener {
    fs::create_dir(stage.home().join("run/systemd")).unwrap();
    UnixListener::bind(stage.home().join("run/systemd/private")).unwrap()
}

#[test]
fn a_service_manager_that_hangs_keeps_no_daemon_from_starting() {
    if !has_programs(&["systemctl", "systemd-run"]) {
        return;
    }
    for unit in ["installed", "none"] {
        let stage = stage();
        let _silent = silent_manager(&stage);
        if unit == "installed" {
            stage.write(".config/systemd/user/ssoctld.socket", "[Socket]\nListenStream=/nowhere\n");
        }
        stage.run(["status"]).exits(0);
        assert_ne!(field(&running(&stage), "Name"), "systemd-run", "{unit}");
        let left = children_named(&["systemctl", "systemd-run"], &stage);
        assert_eq!(left, BTreeSet::new(), "{unit}: what hung is gone");
    }
}

/// Processes of this stage with one of these names.
fn children_named(names: &[&str], stage: &Stage) -> BTreeSet<String> {
    let home = format!("HOME={}\0", stage.home().display());
    let processes = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let of_stage = processes.filter(|process| {
        fs::read(process.join("environ")).is_ok_and(|it| String::from_utf8_lossy(&it).contains(&home))
    });
    let name = |process: PathBuf| Some(fs::read_to_string(process.join("comm")).ok()?.trim().to_owned());
    of_stage.filter_map(name).filter(|name| names.contains(&name.as_str())).collect()
}
