//! A command that is isolated: what it gets, how it ends, how it is signalled, and when it is not started. What it cannot reach is
//! shown by `ways_out` in the daemon's tests, which has a whole desktop around it.

#![cfg(target_os = "linux")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use identity_center_simulator::Settings;
use rustix::process::Signal;
use serde_json::Value;
use test_support::attended::Attended;
use test_support::binaries::binaries;
use test_support::part::{path, within};
use test_support::speed::{has_programs, python_with_botocore};
use test_support::{Stage, until};

use crate::terminal::SCRIPT;

/// A person with the directory `project`, if bubblewrap is there.
fn stage() -> Option<Stage> {
    has_programs(&["bwrap"]).then(|| {
        let stage = Stage::with_roles(Settings::default());
        stage.write("project/README", "a file\n");
        stage
    })
}

/// `ssoctl grant --isolate` in the directory `project`.
fn isolate(stage: &Stage, more: &[&str]) -> Command {
    let mut command = stage.ssoctl([&["grant", "--profile", "dev", "--name", "agent", "--isolate"], more].concat());
    command.current_dir(stage.home().join("project")).env("SSOCTL", &binaries().ssoctl);
    command
}

fn grants(stage: &Stage) -> Vec<Value> {
    stage.run(["grants", "--json"]).exits(0).json()["grants"].as_array().expect("grants").clone()
}

#[test]
fn the_command_has_its_role_and_changes_its_directory_and_nothing_else() {
    let Some(stage) = stage() else { return };
    stage.write("notes/mine", "mine\n");
    stage.write("cache/kept", "");
    let script = "\
        echo \"$SSOCTL_SOCKET\"; $SSOCTL whoami; $SSOCTL exec -- sh -c 'echo $AWS_ACCESS_KEY_ID'; $SSOCTL token
        echo made > here; cat ~/notes/mine; echo made > ~/cache/there; echo x > ~/notes/mine; echo x > ~/new
        cat ~/.aws/config | head -n 1; ls -A ~/.aws ~/.local/state/ssoctl; echo made > /tmp/private; pwd; exit 7";
    let cache = stage.home().join("cache");
    let cache = cache.to_str().unwrap();
    let ran = stage.finish(isolate(&stage, &["--writable", cache, "--", "sh", "-c", script])).exits(7);
    let ran = ran.says("is isolated and may change only").says("gives credentials of its roles and nothing else");
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert!(lines[0].ends_with("/grants/agent/s.sock"), "{lines:?}");
    assert!(ran.stdout.contains("AdministratorAccess") && ran.stdout.contains("\nASIA"), "{lines:?}");
    assert!(ran.stdout.contains("\nmine\n[sso-session corp]\n"), "{lines:?}");
    // Of its own there is nothing in these directories but the configuration file.
    assert!(ran.stdout.contains("/.aws:\nconfig\n") && ran.stdout.contains("/.local/state/ssoctl:\n/"), "{lines:?}");
    assert_eq!(*lines.last().unwrap(), stage.home().join("project").to_str().unwrap());
    let text = |path: &str| fs::read_to_string(stage.home().join(path)).ok();
    assert_eq!((text("project/here"), text("cache/there")), (Some("made\n".into()), Some("made\n".into())));
    assert_eq!((text("notes/mine"), text("new")), (Some("mine\n".into()), None));
    assert_eq!(ran.stderr.matches("Read-only file system").count(), 2, "{}", ran.stderr);
    until("it ends with the command", || grants(&stage).is_empty().then_some(()));
    assert!(!fs::exists("/tmp/private").unwrap());
}

#[test]
fn botocore_finds_the_role_and_renews_it_in_there() {
    let Some(python) = python_with_botocore() else { return };
    let Some(stage) = stage() else { return };
    let script = "import botocore.session as s; c = s.get_session().get_credentials(); print(c.method, c.get_frozen_credentials()[0])";
    let ran = stage.finish(isolate(&stage, &["--", python.to_str().unwrap(), "-c", script])).exits(0);
    assert!(ran.stdout.starts_with("container-role ASIA"), "{}", ran.stdout);
}

#[test]
fn exit_codes_are_those_of_exec() {
    let Some(stage) = stage() else { return };
    let code = |words: &[&str]| stage.finish(isolate(&stage, &[&["--"], words].concat())).code;
    assert_eq!(code(&["true"]), Some(0));
    assert_eq!(code(&["sh", "-c", "exit 125"]), Some(125));
    assert_eq!(code(&["sh", "-c", "exit 1"]), Some(1));
    assert_eq!(code(&["sh", "-c", "kill -9 $$"]), Some(137));
    assert_eq!(code(&["./README"]), Some(126));
    assert_eq!(code(&["nowhere-to-be-found"]), Some(127));
}

#[test]
fn without_bubblewrap_or_where_it_fails_nothing_is_started() {
    let Some(stage) = stage() else { return };
    let mut command = isolate(&stage, &["--", "/bin/touch", "started"]);
    command.env("PATH", "/nowhere");
    stage.finish(command).exits(125).prints_nothing().says("there is no bwrap on PATH");

    // In there, no further namespace for users can be made.
    let around = ["--dev-bind", "/", "/", "--unshare-user", "--disable-userns"];
    let mut command = isolate(&stage, &["--", "/bin/touch", "started"]);
    command.env("PATH", path());
    stage
        .finish(within(&command, "bwrap", &around))
        .exits(125)
        .prints_nothing()
        .says("bwrap: ")
        .says("nothing was started");
    assert!(!stage.home().join("project/started").exists());
    until("no grant is left", || grants(&stage).is_empty().then_some(()));
}

#[test]
fn where_isolation_would_be_none_it_is_refused() {
    let Some(stage) = stage() else { return };
    stage.write(".ssh/id", "");
    for (directory, writable, why) in [
        ("", None, "is your home directory"),
        (".ssh", None, "which is hidden from it"),
        (".aws", None, "which is hidden from it"),
        ("run", None, "hidden from it"),
        ("project", Some(".."), "--writable: "),
        ("project", Some("/"), "--writable: "),
        ("project", Some("../nowhere"), "cannot be found"),
    ] {
        let more = writable.map_or_else(Vec::new, |writable| vec!["--writable", writable]);
        let mut command = isolate(&stage, &[&more[..], &["--", "/bin/touch", "started"]].concat());
        command.current_dir(stage.home().join(directory));
        stage.finish(command).exits(125).prints_nothing().says(why);
        assert!(!stage.home().join(directory).join("started").exists());
    }
    let home = fs::File::open(stage.home()).unwrap();
    let output = isolate(&stage, &["--", "/bin/touch", "started"]).stdin(home).output().unwrap();
    assert_eq!(output.status.code(), Some(125));
    assert!(String::from_utf8_lossy(&output.stderr).contains("standard input is a directory"), "{output:?}");
    stage.run(["grant", "--profile", "dev", "--isolate"]).exits(2);
    stage.run(["grant", "--profile", "dev", "--writable", "/x", "--", "true"]).exits(125);
    until("no grant is left", || grants(&stage).is_empty().then_some(()));
}

#[test]
fn a_socket_or_a_home_behind_links_is_hidden_as_well() {
    let Some(stage) = stage() else { return };
    // The tokens and the home are elsewhere, and links lead to them.
    stage.write("elsewhere/cache/token.json", "a token");
    std::os::unix::fs::symlink(stage.home().join("elsewhere"), stage.home().join(".aws/sso")).unwrap();
    let home = stage.home().join("me");
    std::os::unix::fs::symlink(stage.home(), &home).unwrap();
    let script = "cat ~/.aws/sso/cache/token.json ~/elsewhere/cache/token.json ~/.local/state/ssoctl/*; ls $XDG_RUNTIME_DIR/ssoctl; \
                  $SSOCTL whoami";
    let mut command = isolate(&stage, &["--", "sh", "-c", script]);
    command.env("HOME", &home).env("XDG_RUNTIME_DIR", home.join("run")).current_dir(home.join("project"));
    let ran = stage.finish(command).exits(0);
    assert!(ran.stdout.starts_with("grants\n") && !ran.stdout.contains("a token"), "{}", ran.stdout);
    assert!(ran.stdout.contains("AdministratorAccess"), "{}", ran.stdout);
    assert_eq!(ran.stderr.matches("No such file").count(), 3, "{}", ran.stderr);
}

#[test]
fn signals_reach_the_command_and_the_end_of_ssoctl_is_its_end() {
    let Some(stage) = stage() else { return };
    // As in the contract's test of signals.
    let script = "exec 3<&0; trap 'echo TERM' TERM; trap 'echo HUP' HUP; trap 'echo INT' INT; cat <&3 > /dev/null & \
                  echo ready; while kill -0 $! 2> /dev/null; do wait $!; done";
    let mut agent = Attended::start(isolate(&stage, &[]), script);
    assert_eq!(agent.line(), "ready");
    for (signal, name) in [(Signal::TERM, "TERM"), (Signal::HUP, "HUP"), (Signal::INT, "INT")] {
        agent.send(signal);
        assert_eq!(agent.line(), name);
    }
    assert_eq!(agent.ask().0, 200, "its endpoint can be reached from out here, too");
    agent.send(Signal::KILL);
    assert_eq!(agent.line(), "", "its output is closed, because it has ended");
    until("the grant has ended", || grants(&stage).is_empty().then_some(()));
    assert_eq!(agent.wait().signal(), Some(Signal::KILL.as_raw()));

    // One that comes before anything in there can take it ends the command nevertheless.
    let running = stage.start(isolate(&stage, &["--", "sleep", "1000"]));
    until("it is about to start", || running.said().contains("is isolated").then_some(()));
    running.send(Signal::TERM);
    let ended = running.finish();
    assert_eq!((ended.code, ended.signal), (Some(143), None), "{ended:?}");
}

#[test]
fn the_terminal_is_the_commands_and_takes_no_input_from_it() {
    if !has_programs(&[SCRIPT, "python3", "bash"]) {
        return;
    }
    let Some(stage) = stage() else { return };
    let script = "\
import fcntl, os, signal, sys, termios
for request in (termios.TIOCSTI, 0x541c, termios.TIOCSTI | 1 << 33):
    try:
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        result = libc.ioctl(0, ctypes.c_ulong(request), b'x')
        print('typed' if result == 0 else os.strerror(ctypes.get_errno()))
    except OSError as error:
        print(error)
signal.signal(signal.SIGINT, lambda *_: os.write(1, b'INT\\n'))
print(os.isatty(0), open('/dev/tty').isatty(), os.tcgetpgrp(0) == os.getpgrp(), 'ready', flush=True)
print(sys.stdin.readline().strip(), flush=True)
os.execvp('bash', ['bash', '--norc', '-i'])
";
    stage.write("project/terminal.py", script);
    let line = format!("exec '{}' grant --profile dev --isolate -- python3 terminal.py", binaries().ssoctl.display());
    let mut terminal = Command::new(SCRIPT);
    let shell = isolate(&stage, &[]);
    terminal.args(["--quiet", "--return", "--echo", "never", "--flush", "--command", &line, "/dev/null"]);
    terminal.env_clear().envs(shell.get_envs().filter_map(|(name, value)| Some((name, value?))));
    terminal.env("SHELL", "/bin/sh").env("PS1", "prompt> ").current_dir(stage.home().join("project"));
    let mut terminal = terminal.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut keyboard = terminal.stdin.take().unwrap();
    let mut screen = BufReader::new(terminal.stdout.take().unwrap()).lines();
    let mut line = || screen.next().unwrap().unwrap().trim().replace("^C", "");
    assert!(line().contains("is isolated"));
    for _ in 0..3 {
        assert_eq!(line(), "Operation not permitted");
    }
    assert_eq!(line(), "True True True ready");
    keyboard.write_all(b"\x03").unwrap();
    let said = line();
    assert!(said == "INT", "{said}: {:?}", [line(), line(), line(), line()]);
    keyboard.write_all(b"typed here\n").unwrap();
    assert_eq!(line(), "typed here");
    // A shell with job control: a job is stopped by a key and goes on.
    keyboard.write_all(b"sleep 100\n").unwrap();
    let job = || {
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let is_ours = |pid: &std::path::Path| {
            fs::read(pid.join("cmdline")).is_ok_and(|words| words == b"sleep\x00100\0")
                && fs::read_link(pid.join("cwd")).is_ok_and(|cwd| cwd == stage.home().join("project"))
        };
        processes.map(|entry| entry.path()).find(|pid| is_ours(pid))
    };
    let job = until("the job runs", job);
    let state = || fs::read_to_string(job.join("stat")).unwrap().rsplit(") ").next().unwrap()[..1].to_owned();
    keyboard.write_all(b"\x1a").unwrap();
    until("the job is stopped", || (state() == "T").then_some(()));
    keyboard.write_all(b"fg\n").unwrap();
    until("the job runs again", || (state() == "S").then_some(()));
    keyboard.write_all(b"\x03exit 9\n").unwrap();
    let status = terminal.wait().unwrap();
    assert_eq!(status.code(), Some(9), "{:?}", screen.collect::<Vec<_>>());
}

#[test]
fn nothing_that_ssoctl_inherited_is_inherited_and_as_the_first_process_it_isolates_as_well() {
    if !has_programs(&["unshare", "bash"]) {
        return;
    }
    let Some(stage) = stage() else { return };
    // The directory that lists the descriptors is the fourth.
    let script = "ls /proc/self/fd | wc -l; ls -d /proc/[0-9]* | wc -l; cat /proc/1/comm
                  grep -E '^(CapEff|CapBnd|NoNewPrivs|SigBlk)' /proc/self/status";
    let command = isolate(&stage, &["--", "bash", "-c", script]);
    let keeping = within(&command, "bash", &["-c", "exec 7</ 8<>\"$HOME/notes\"; exec \"$@\"", "bash"]);
    let mut cases = vec![keeping];
    if rustix::process::geteuid().is_root() {
        // The daemon follows the process with which the grant ends, and sees it by its id out here.
        cases.push(within(&command, "unshare", &["--pid", "--fork", "--mount-proc", "--kill-child"]));
    }
    for case in cases {
        let said = stage.finish(case).exits(0).stdout;
        let lines: Vec<&str> = said.split_whitespace().collect();
        // Those of ssoctl, bash, ls and wc.
        assert_eq!(lines[..3], ["4", "5", "ssoctl"], "{said}");
        let status = ["CapEff:", "0000000000000000", "CapBnd:", "0000000000000000", "NoNewPrivs:", "1"];
        assert!(status.iter().all(|word| lines.contains(word)), "{said}");
    }
}
