//! `ssoctl ssh` with a real sshd on loopback.

#![cfg(target_os = "linux")]

mod hosts;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use identity_center_simulator::Operation;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use test_support::binaries::binaries;
use test_support::part::{path, within};
use test_support::speed::has_programs;
use test_support::{executable, until};

use self::hosts::{Hosts, USERS};
use crate::documents;
use crate::terminal::SCRIPT;

#[test]
fn a_command_on_the_host_has_the_role_and_its_exit_code_counts() {
    let Some(hosts) = Hosts::new() else { return };
    let script = "echo $SSOCTL_SOCKET; stat -c '%a %U' $SSOCTL_SOCKET ${SSOCTL_SOCKET%/*}; bin/ssoctl whoami; bin/ssoctl token; \
                  bin/ssoctl exec --refreshable -- sh -c 'echo $AWS_CONTAINER_CREDENTIALS_FULL_URI'; \
                  curl --silent --unix-socket $SSOCTL_SOCKET 'http://localhost/v1/credentials?format=credential_process'; exit 7";
    let ran = hosts.run(&["builder", script]).exits(7);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    let socket = Path::new(lines[0]);
    assert!(lines[0].starts_with("/tmp/ssoctl.") && lines[0].ends_with("/s.sock"), "{lines:?}");
    assert_eq!(lines[1..3], ["600 builder", "700 builder"]);
    assert!(ran.stdout.contains("AdministratorAccess") && ran.stdout.contains("\nhttp://127.0.0.1:"), "{lines:?}");
    let process: Value = serde_json::from_str(lines.last().unwrap()).unwrap();
    assert_eq!(process["Version"], 1, "{process}");
    assert!(ran.stderr.contains("gives credentials of its roles and nothing else"), "{}", ran.stderr);
    assert!(ran.stderr.contains("gives AdministratorAccess in 111122223333 for 1 h on builder"), "{}", ran.stderr);
    assert_eq!(hosts.authenticated(), 1);
    assert!(!socket.parent().unwrap().exists(), "what was made there is removed");
    until("no grant is left", || hosts.grants().is_empty().then_some(()));
    assert_eq!(hosts.stage.identity_center.calls(Operation::GetRoleCredentials), 1);
}

/// The second block is typed into the login shell of the first one.
#[test]
fn the_commands_of_the_documents_work_on_a_host() {
    const TEST: &str = "the_commands_of_the_documents_work_on_a_host";
    let Some(hosts) = Hosts::new() else { return };
    let blocks = documents::run_by(TEST);
    let [here, there] = &blocks[..] else { panic!("two blocks: {blocks:?}") };
    let programs = hosts.stage.home().join("bin");
    fs::create_dir(&programs).unwrap();
    executable::script(&programs.join("ssh"), &format!("#!/bin/sh\nexec /usr/bin/ssh -F {} \"$@\"\n", hosts.config()));
    let path = [programs.as_path(), binaries().ssoctl.parent().unwrap(), Path::new("/usr/bin:/bin")];
    let mut shell = within(&hosts.stage.ssoctl([""; 0]), "sh", &["-ec", here]);
    shell.env("PATH", path.map(|place| place.display().to_string()).join(":")).env("AWS_PROFILE", "dev");
    let mut shell = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    shell.stdin.take().unwrap().write_all(there.as_bytes()).unwrap();
    let output = shell.wait_with_output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{printed}");
    assert!(
        printed.contains("AdministratorAccess") && printed.contains("\nterraform apply http://127.0.0.1:"),
        "{printed}"
    );
    assert!(printed.ends_with("\nmake deploy \n"), "{printed}");
}

#[test]
fn the_aws_cli_on_the_host_needs_nothing_of_ssoctl() {
    const AWS: &str = "/usr/bin/aws";
    if !has_programs(&[AWS]) {
        return;
    }
    let Some(hosts) = Hosts::new() else { return };
    let ran = hosts.run(&["builder", AWS, "configure", "export-credentials", "--profile", "granted"]).exits(0);
    assert_eq!(ran.json()["AccessKeyId"], hosts.stage.credentials_of_dev()["access_key_id"]);
    let refused = hosts.plain(&["builder", AWS, "configure", "export-credentials", "--profile", "granted"]);
    assert_ne!(refused.code, Some(0), "without a grant");
}

#[test]
fn every_argument_reaches_the_host_as_ssh_would_bring_it_whatever_shell_is_there() {
    let Some(hosts) = Hosts::new() else { return };
    for (user, ..) in &USERS[..4] {
        for words in [
            &["printf", "'<%s>'", "\"it's\"", "'\"'", "'a  b'", "a\\ b"][..],
            &["printf %s\\\\n '\\\\' '\\n' '!x' \"$HOME\" '$HOME' '*'"],
            &["cat /dev/null | cat; echo $SHELL; exit 3"],
            &["echo one\necho two"],
            &["--", "echo", "-p", "22"],
        ] {
            let (ours, theirs) = (hosts.run(&[&[*user], words].concat()), hosts.plain(&[&[*user], words].concat()));
            assert_eq!((ours.code, &ours.stdout), (theirs.code, &theirs.stdout), "{user} {words:?} {}", ours.stderr);
        }
    }
}

#[test]
fn options_of_ssh_count_before_and_behind_the_host() {
    let Some(hosts) = Hosts::new() else { return };
    let (port, key) = (hosts.port.to_string(), hosts.directory.join("key").display().to_string());
    let known = format!("UserKnownHostsFile={}", hosts.directory.join("known_hosts_2").display());
    let alone = ["ssh", "--profile", "dev", "-F", "none", "-p", &port, "-vi", &key, "builder@127.0.0.1", "-o", &known];
    let more = ["-oStrictHostKeyChecking=accept-new", "echo", "$USER", "-p"];
    let outcome = hosts.stage.run([&alone[..], &more].concat()).exits(0);
    assert_eq!(outcome.stdout, "builder -p\n");
    let jump = hosts.run(&["-J", "posix", "builder", "echo", "$USER"]);
    // ssh gives the jump its configuration file.
    assert_eq!((jump.code, jump.stdout.as_str()), (Some(0), "builder\n"), "{}", jump.stderr);
    let terminal = hosts.run(&["builder", "-tt", "test -t 1 && echo terminal"]).exits(0);
    assert_eq!(terminal.stdout.trim(), "terminal");
    let forwarded = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let forwarding = format!("{forwarded}:127.0.0.1:{port}");
    let script = format!("exec 3<>/dev/tcp/127.0.0.1/{forwarded}; head -c 4 <&3");
    assert_eq!(hosts.run(&["-L", &forwarding, "builder", &script]).exits(0).stdout, "SSH-");
    let configured = hosts.run(&["-o", "RemoteCommand=echo configured", "builder"]).exits(0);
    assert_eq!(configured.stdout, "configured\n");
    for refused in [&["-N", "builder"][..], &["builder", "-f", "true"], &["-W", "a:1", "builder"], &["-p", "1"]] {
        hosts.run(refused).exits(125).prints_nothing();
    }
    until("no grant is left", || hosts.grants().is_empty().then_some(()));
}

#[test]
fn a_connection_that_the_person_has_is_shared_and_stays() {
    let Some(hosts) = Hosts::new() else { return };
    let control = format!("ControlPath={}", hosts.directory.join("mine-%C").display());
    hosts.plain(&["-o", &control, "-M", "-f", "-N", "builder"]).exits(0);
    assert_eq!(hosts.authenticated(), 1);
    let socket =
        hosts.run(&["-o", &control, "builder", "bin/ssoctl whoami > /dev/null && echo $SSOCTL_SOCKET"]).exits(0).stdout;
    assert_eq!(hosts.authenticated(), 1);
    assert!(!Path::new(socket.trim()).exists());
    hosts.plain(&["-o", &control, "-O", "check", "builder"]).exits(0);
    hosts.plain(&["-o", &control, "-O", "exit", "builder"]).exits(0);
}

#[test]
fn several_hosts_have_grants_of_their_own_which_end_with_their_connections() {
    let Some(hosts) = Hosts::new() else { return };
    let start = |user: &str, name: &str| {
        let mut command = hosts.stage.ssoctl(["ssh", "--profile", "dev", "--name", name, "-F", &hosts.config(), user]);
        command.arg("echo $SSOCTL_SOCKET; while read line; do bin/ssoctl whoami > said 2>&1; echo $?; done");
        Session::start(command)
    };
    let (mut first, mut second) = (start("builder", "one"), start("posix", "two"));
    let (one, two) = (first.line(), second.line());
    assert_ne!(one, two);
    assert_eq!(hosts.grants().len(), 2);
    assert_eq!((first.ask(), second.ask()), ("0".to_owned(), "0".to_owned()));

    // Other users of the host do not reach it.
    let mut other = Command::new("test");
    other.arg("-e").arg(&one);
    let other = within(&other, "setpriv", &["--reuid", "64402", "--regid", "64402", "--clear-groups"]);
    hosts.stage.finish(other).exits(1);

    hosts.stage.run(["revoke", "one"]).exits(0);
    assert_eq!((first.ask(), second.ask()), ("7".to_owned(), "0".to_owned()));
    assert_eq!(first.finish().code(), Some(0));

    second.send(Signal::KILL);
    until("the grant has ended", || hosts.grants().iter().all(|grant| grant["name"] == "one").then_some(()));
    assert_eq!(second.finish().signal(), Some(Signal::KILL.as_raw()));
    // Nobody removes that, and nothing is in it but the socket.
    let left = Path::new(&two).parent().unwrap();
    let names: Vec<_> = fs::read_dir(left).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["s.sock"]);
    fs::remove_dir_all(left).unwrap();
}

#[test]
fn a_login_shell_on_a_terminal_has_it_and_ends_as_it_does() {
    if !has_programs(&[SCRIPT]) {
        return;
    }
    let Some(hosts) = Hosts::new() else { return };
    for (user, proof) in [
        ("builder", "shopt -q login_shell && echo log''in"),
        ("zed", "[[ -o login ]] && echo log''in"),
        ("fisher", "status is-login; and echo log''in"),
    ] {
        let shell = hosts.ssoctl_ssh(&[user]);
        let words: Vec<String> = std::iter::once(shell.get_program())
            .chain(shell.get_args())
            .map(|word| format!("'{}'", word.to_str().unwrap()))
            .collect();
        let mut terminal = Command::new(SCRIPT);
        terminal.args([
            "--quiet",
            "--return",
            "--flush",
            "--command",
            &format!("exec {}", words.join(" ")),
            "/dev/null",
        ]);
        terminal.env_clear().envs(shell.get_envs().filter_map(|(name, value)| Some((name, value?))));
        terminal.env("SHELL", "/bin/sh").env("TERM", "dumb").env("PATH", path()).current_dir(hosts.stage.home());
        let mut terminal = terminal.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut keyboard = terminal.stdin.take().unwrap();
        let screen = BufReader::new(terminal.stdout.take().unwrap()).lines();
        writeln!(keyboard, "{proof}; bin/ssoctl whoami; test -t 0 && exit 5").unwrap();
        let seen: Vec<String> = screen.map_while(Result::ok).collect();
        assert_eq!(terminal.wait().unwrap().code(), Some(5), "{user}: {seen:?}");
        assert!(seen.iter().any(|line| line.trim().ends_with("login")), "{user}: {seen:?}");
        assert!(seen.iter().any(|line| line.contains("AdministratorAccess  -")), "{user}: {seen:?}");
        drop(keyboard);
    }
}

#[test]
fn where_there_is_no_connection_or_no_forwarding_no_grant_is_left() {
    let Some(hosts) = Hosts::new() else { return };
    hosts.run(&["-l", "stranger", "builder", "true"]).exits(255).prints_nothing().says("Permission denied");
    hosts.run(&["-p", "1", "builder", "true"]).exits(255).prints_nothing().says("Connection refused");
    hosts.run(&["closed", "echo started"]).exits(125).prints_nothing().says("AllowStreamLocalForwarding");
    let mut command = hosts.ssoctl_ssh(&["builder", "true"]);
    command.env("PATH", "/nowhere");
    hosts.stage.finish(command).exits(125).says("there is no ssh on PATH");
    hosts.stage.run(["logout", "corp"]).exits(0);
    hosts.run(&["builder", "echo started"]).exits(125).prints_nothing().says("ssoctl login corp");
    until("no grant is left", || hosts.grants().is_empty().then_some(()));
}

/// A connection with a command that answers each line.
struct Session {
    child: Child,
    answers: BufReader<ChildStdout>,
}

impl Session {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Self { child, answers }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    fn ask(&mut self) -> String {
        writeln!(self.child.stdin.as_mut().unwrap()).unwrap();
        self.line()
    }

    fn send(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn finish(mut self) -> ExitStatus {
        drop(self.child.stdin.take());
        self.child.wait().unwrap()
    }
}
