//! `ssoctl exec --refreshable` stays between its command and its caller, and passes on signals and exit codes.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::{attend, credentials};
use test_support::canned::{Canned, ok};
use test_support::speed::has_programs;

/// A script that says which signals it gets, until its input ends. (A signal right before `read` would be seen only when there is something to
/// read; `wait` misses none.)
const TELLTALE: &str = "\
exec 3<&0
for signal in INT TERM HUP QUIT USR1 USR2 WINCH; do trap \"echo $signal\" $signal; done
cat <&3 > /dev/null &
echo ready
while kill -0 $! 2> /dev/null; do wait $!; done";

#[test]
fn the_exit_code_is_the_commands() {
    for code in [0, 1, 3, 126, 255] {
        let canned = Canned::answers([ok(&credentials())]);
        let attended = attend(&canned, &format!("cat > /dev/null; exit {code}"));
        assert_eq!(attended.finish().code(), Some(code));
    }
}

#[test]
fn a_command_that_a_signal_ends_gives_128_and_its_number() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129), (Signal::USR1, 138)] {
        let canned = Canned::answers([ok(&credentials())]);
        let attended = attend(&canned, "exec cat");
        attended.send(signal);
        let status = attended.wait();
        assert_eq!((status.code(), status.signal()), (Some(code), None), "{signal:?}");
    }
    let canned = Canned::answers([ok(&credentials())]);
    let attended = attend(&canned, "kill -KILL $$");
    assert_eq!(attended.wait().code(), Some(137));
}

#[test]
fn every_signal_reaches_the_command_and_ends_no_process_that_handles_it() {
    let canned = Canned::answers(vec![ok(&credentials()); 2]);
    let mut attended = attend(&canned, TELLTALE);
    assert_eq!(attended.line(), "ready");
    for (signal, name) in [
        (Signal::INT, "INT"),
        (Signal::TERM, "TERM"),
        (Signal::HUP, "HUP"),
        (Signal::QUIT, "QUIT"),
        (Signal::USR1, "USR1"),
        (Signal::USR2, "USR2"),
        (Signal::WINCH, "WINCH"),
    ] {
        attended.send(signal);
        assert_eq!(attended.line(), name);
    }
    assert_eq!(attended.ask().0, 200, "the endpoint lives as long as the command");
    assert_eq!(attended.finish().code(), Some(0));
}

#[test]
fn a_signal_that_was_ignored_stays_ignored_for_the_command() {
    if !cfg!(target_os = "linux") {
        return;
    }
    let canned = Canned::answers([ok(&credentials())]);
    let script = "kill -HUP $PPID; kill -HUP $$; echo alive";
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' HUP; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_ssoctl")]);
    shell.args(["exec", "--refreshable", "--", "sh", "-c", script]);
    let output = alone(&mut shell, &canned).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "alive\n", "{output:?}");
}

#[test]
fn a_broken_pipe_is_ignored_by_the_command_if_the_caller_ignores_it() {
    if !cfg!(target_os = "linux") {
        return;
    }
    for (trap, ignored) in [("trap '' PIPE; ", true), ("", false)] {
        for mode in [&["exec"][..], &["exec", "--refreshable"]] {
            let canned = Canned::answers([ok(&credentials())]);
            let mut shell = Command::new("sh");
            shell.args(["-c", &format!("{trap}exec \"$@\""), "sh", env!("CARGO_BIN_EXE_ssoctl")]).args(mode);
            shell.args(["--", "grep", "SigIgn", "/proc/self/status"]);
            let output = alone(&mut shell, &canned).output().unwrap();
            let mask = String::from_utf8(output.stdout).unwrap();
            let mask = u64::from_str_radix(mask.trim_start_matches("SigIgn:").trim(), 16).unwrap();
            assert_eq!(mask & (1 << (Signal::PIPE.as_raw() - 1)) != 0, ignored, "{trap}{mode:?}: {mask:x}");
        }
    }
}

#[test]
fn as_the_first_process_it_reaps_what_others_leave_behind_and_ends_as_the_command_does() {
    let namespace = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"];
    if !has_programs(&["unshare"]) {
        return;
    }
    let canned = Canned::answers([ok(&credentials())]);
    // Each subshell ends before its child, which is then given to the first process of the namespace.
    let script = "\
for orphan in 1 2 3 4 5; do (sleep 0.1 & echo $! >> \"$1\"); done
left() { for orphan in $(cat \"$1\"); do [ ! -e /proc/$orphan ] || echo $orphan; done; }
for look in $(seq 200); do [ -n \"$(left \"$1\")\" ] || break; sleep 0.05; done
cat /proc/1/comm
grep -c . \"$1\"
left \"$1\"
exit 7";
    let directory = tempfile::tempdir().unwrap();
    let mut inside = Command::new(namespace[0]);
    inside.args(&namespace[1..]).args([env!("CARGO_BIN_EXE_ssoctl"), "exec", "--refreshable", "--"]);
    inside.args(["sh", "-c", script, "sh"]).arg(directory.path().join("orphans"));
    let output = alone(&mut inside, &canned).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "ssoctl\n5\n", "{output:?}");
    assert_eq!(output.status.code(), Some(7), "{output:?}");
}

#[test]
fn ctrl_c_in_a_terminal_reaches_the_command_once() {
    if !has_programs(&["/usr/bin/script"]) {
        return;
    }
    let canned = Canned::answers([ok(&credentials())]);
    let mut terminal = Command::new("/usr/bin/script");
    let line = format!("exec '{}' exec --refreshable -- sh -c 'echo $PPID\n{TELLTALE}'", env!("CARGO_BIN_EXE_ssoctl"));
    terminal.args(["--quiet", "--return", "--echo", "never", "--command", &line, "/dev/null"]);
    let mut terminal = alone(&mut terminal, &canned)
        .env("SHELL", "/bin/sh")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut keyboard = terminal.stdin.take().unwrap();
    let mut screen = BufReader::new(terminal.stdout.take().unwrap()).lines();
    let mut line = || screen.next().unwrap().unwrap().trim().replace("^C", "");
    let parent = Pid::from_raw(line().parse().unwrap()).unwrap();
    assert_eq!(line(), "ready");
    keyboard.write_all(b"\x03").unwrap();
    assert_eq!(line(), "INT");
    // Signals arrive in the order of sending, so a second one would be seen first.
    kill_process(parent, Signal::USR1).unwrap();
    assert_eq!(line(), "USR1");
    keyboard.write_all(b"\x04").unwrap();
    let status = terminal.wait().unwrap();
    assert!(status.success(), "{status:?} {:?}", screen.collect::<Vec<_>>());
}

/// A command with nothing of this process's environment that `ssoctl` looks at.
fn alone<'a>(command: &'a mut Command, canned: &Canned) -> &'a mut Command {
    command
        .env_clear()
        .env("SSOCTL_SOCKET", canned.socket())
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", "/nowhere")
        .stdin(Stdio::null())
}
