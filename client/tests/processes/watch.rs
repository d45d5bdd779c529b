//! `ssoctl watch`: what it tells, when it ends, and that it outlives the daemon.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use identity_center_simulator::Settings;
use rustix::process::Signal;
use serde_json::Value;

use crate::documents::{block, is_like};
use test_support::client::Running;
use test_support::{Stage, document, until};

/// A command whose output can be read while it runs.
struct Told {
    running: Running,
    output: PathBuf,
}

impl Told {
    fn lines(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.output).unwrap_or_default();
        // The last line may not be whole.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(str::to_owned).collect()
    }

    /// Waits until it has read what the daemon has sent, and sleeps until more comes. Linux alone tells that.
    fn until_it_sleeps(&self) {
        let stat = format!("/proc/{}/stat", self.running.pid().as_raw_nonzero());
        let sleeps = || fs::read_to_string(&stat).ok()?.rsplit_once(") ")?.1.starts_with('S').then_some(());
        if cfg!(target_os = "linux") {
            until("it sleeps", sleeps);
        }
    }

    /// Waits until a line is like this.
    fn until_line(&self, what: &str, is_it: impl Fn(&str) -> bool) -> String {
        until(what, || self.lines().into_iter().find(|line| is_it(line)))
    }
}

/// The same command with a file for its output.
pub(super) fn into_file(stage: &Stage, command: &Command, name: &str) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &format!("exec \"$0\" \"$@\" >{name}")]).arg(command.get_program()).args(command.get_args());
    shell.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.current_dir(stage.home());
    shell
}

fn watch<A: AsRef<OsStr>>(stage: &Stage, arguments: impl IntoIterator<Item = A>) -> Told {
    let mut command = stage.ssoctl(["watch"]);
    command.args(arguments);
    let running = stage.start(into_file(stage, &command, "watched"));
    Told { running, output: stage.home().join("watched") }
}

/// `ssoctl watch --until` this state, once it has been told what there is. One that comes later would find, and start, another daemon than is
/// meant.
fn until_with_news(stage: &Stage, state: &str) -> Running {
    let (command, told) = (["--exec", "touch"], stage.home().join(format!("{state}.told")));
    let mut watch = stage.ssoctl(["watch", "--until", state]);
    watch.args(command).arg(&told);
    let running = stage.start(watch);
    until("it is told what there is", || told.exists().then_some(()));
    running
}

/// Has a sign-in opened that nobody waits for, and returns its code.
fn open_sign_in(stage: &Stage) -> String {
    let (_, login) = stage.request("POST", "/v1/sessions/corp/login");
    login["user_code"].as_str().expect("a code").to_owned()
}

#[test]
fn the_lines_are_those_that_the_documentation_shows() {
    let block = block("docs/events.md", "console");
    let shown: Vec<&str> = block.strip_prefix("$ ssoctl watch | cat\n").expect("an example").lines().collect();
    let stage = Stage::with_corp(Settings::default());
    let told = watch(&stage, [""; 0]);
    told.until_line("it says that nobody is signed in", |line| line.ends_with(" corp: signed out"));
    let code = open_sign_in(&stage);
    told.until_line("it says what to confirm", |line| line.contains(&code));
    stage.identity_center.approve(&code).unwrap();
    told.until_line("it says until when", |line| line.contains("signed in") && line.contains("renewed by itself at"));
    stage.run(["logout"]).exits(0);
    until("it says that nobody is signed in any more", || {
        told.lines().last()?.ends_with(" corp: signed out").then_some(())
    });
    // Times, codes and pages are others each time.
    let alike = |line: &str| {
        let words = line.split(' ').map(|word| if word.contains("://") { "PAGE" } else { word });
        let words = words.map(|word| if word == code || word == "WDJB-MJHT" { "CODE" } else { word });
        let text = words.collect::<Vec<_>>().join(" ");
        text.chars().map(|letter| if letter.is_ascii_digit() { '0' } else { letter }).collect::<String>()
    };
    let mut lines: Vec<String> = told.lines().iter().map(|line| alike(line)).collect();
    // Where storing the token takes long, there is no flow any more and no token yet.
    if lines.len() > shown.len() {
        assert!(lines.remove(2).ends_with("corp: signed out"));
    }
    assert_eq!(lines, shown.into_iter().map(alike).collect::<Vec<_>>());
}

#[test]
fn json_is_what_the_daemon_sends_and_goes_on_after_a_restart_which_is_said_once() {
    let stage = Stage::with_corp(Settings::default());
    let told = watch(&stage, ["--json"]);
    let events = || -> Vec<Value> {
        told.lines()
            .iter()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
            .collect()
    };
    let current = |count: usize| {
        let is_there = || events().iter().filter(|event| event["kind"] == "current").count() == count;
        until("everything is told", || is_there().then_some(()));
    };
    current(1);
    stage.end_daemon(Signal::TERM);
    until("it says that the daemon stops", || (events().last()?["kind"] == "stopping").then_some(()));
    until("it is said", || told.running.said().contains("goes on when one runs again").then_some(()));
    stage.start_daemon();
    current(2);
    stage.end_daemon(Signal::KILL);
    until("it is said again", || (told.running.said().lines().count() == 2).then_some(()));
    stage.start_daemon();
    current(3);
    for event in events() {
        document::check("Event", &event).unwrap_or_else(|why| panic!("{why}: {event}"));
    }
    let mut epochs: Vec<Value> = events().iter().map(|event| event["epoch"].clone()).collect();
    epochs.dedup();
    assert_eq!(epochs.len(), 3, "each daemon has its own");
    assert_eq!(told.running.said().lines().count(), 2);
}

#[test]
fn the_documented_events_are_like_real_ones() {
    let stage = Stage::signed_in(Settings::default());
    let told = watch(&stage, ["--json"]);
    told.until_line("everything is told", |line| line.contains("\"current\""));
    stage.run(["logout"]).exits(0);
    told.until_line("it says that nobody is signed in", |line| line.contains("\"signed_out\""));
    stage.write(".aws/config", "");
    told.until_line("it says that there is no session", |line| line.contains("session_gone"));
    stage.end_daemon(Signal::TERM);
    told.until_line("it says that the daemon stops", |line| line.contains("\"stopping\""));
    let real: Vec<Value> = told.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    for line in block("docs/events.md", "json").lines() {
        let shown: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let is_it =
            |real: &&Value| real["kind"] == shown["kind"] && real["session"]["state"] == shown["session"]["state"];
        let real = real.iter().find(is_it).unwrap_or_else(|| panic!("nothing real is like {line}"));
        assert!(is_like(&shown, real), "{line}\nis not like\n{real}");
    }
}

#[test]
fn a_daemon_is_started_at_first_and_not_again_for_a_watcher() {
    let stage = Stage::without_daemon(Settings::default(), test_support::stage::CORP);
    stage.run(["--no-start", "watch", "--json"]).exits(4).prints_nothing();
    let told = watch(&stage, ["--json"]);
    told.until_line("everything is told", |line| line.contains("\"current\""));
    stage.run(["stop"]).exits(0);
    until("it is said", || told.running.said().contains("goes on when one runs again").then_some(()));
    stage.start_daemon();
    until("it goes on", || {
        (told.lines().iter().filter(|line| line.contains("\"current\"")).count() == 2).then_some(())
    });
    // A daemon that the watcher had started would have kept this one from its lock.
    let log = fs::read_to_string(stage.log()).unwrap_or_default();
    assert_eq!(log.matches("ssoctld is ready").count(), 2, "{log}");
}

#[test]
fn until_waits_for_a_state_and_its_exit_code_says_how_it_ended() {
    let stage = Stage::with_corp(Settings::default());
    stage.run(["watch", "--until", "signed_out"]).exits(0).prints_nothing();
    stage.run(["watch", "--until", "expired,signed_out", "corp"]).exits(0);
    stage
        .run(["watch", "--until", "signed_in", "--wait", "1s"])
        .exits(5)
        .says("the session was not signed in within 1 s");
    stage.run(["watch", "--until", "signed_in", "other"]).exits(6).says("other");
    stage.run(["watch", "--until", "asleep"]).exits(2);
    let other = "[sso-session other]\nsso_start_url = https://other.awsapps.com/start\nsso_region = eu-west-1\n";
    stage.run_with(stage.write("client-config", other), &["watch", "--until", "signed_out", "other"]).exits(0);
    stage.run(["watch", "--wait", "1s"]).exits(2);
    stage.run_in(&[("SSOCTL_SESSION", "other")], &["watch", "--until", "signed_in"]).exits(6);
    let pending = stage.start(stage.ssoctl(["watch", "--until", "pending"]));
    let signed_in = until_with_news(&stage, "signed_in");
    let code = open_sign_in(&stage);
    pending.finish().exits(0);
    // It waits through a restart, too.
    stage.end_daemon(Signal::TERM);
    stage.start_daemon();
    stage.wait_for_state("corp", "signed_out");
    let second = open_sign_in(&stage);
    assert_ne!(second, code);
    stage.identity_center.approve(&second).unwrap();
    signed_in.finish().exits(0).prints_nothing();
    let gone = until_with_news(&stage, "expired");
    stage.write(".aws/config", "");
    gone.finish().exits(6).says("not configured any more");
}

#[test]
fn a_command_is_run_on_each_change_one_at_a_time_with_the_latest_state_in_its_environment() {
    let stage = Stage::without_daemon(Settings::default(), test_support::stage::CORP);
    let name = "a; touch pwned; $(touch pwned) `touch pwned`";
    stage.write_own_config(&format!(
        "[session.\"{name}\"]\nstart_url = \"https://b.awsapps.com/start\"\nregion = \"eu-west-1\"\n"
    ));
    let stage = stage.started().signed_out();
    stage.wait_for_state(name, "signed_out");
    let gate = stage.home().join("gate");
    assert!(Command::new("mkfifo").arg(&gate).status().unwrap().success());
    let script = "printf '%s|%s|%s|%s|%s\\n' \"$SSOCTL_EVENT_KIND\" \"$SSOCTL_EVENT_NAME\" \"$SSOCTL_EVENT_PREVIOUS_STATE\" \
                  \"$SSOCTL_EVENT_STATE\" \"$SSOCTL_EVENT_LOGIN_CODE\"; read go <gate";
    let told = watch(&stage, ["--kind", "session", "--exec", "sh", "-c", script]);
    let open = || fs::write(&gate, "go\n").unwrap();
    let ran = |count: usize| {
        until("the command has run", || (told.lines().len() >= count).then_some(()));
        told.lines()[count - 1].clone()
    };
    let mut first = vec![ran(1)];
    open();
    first.push(ran(2));
    first.sort_unstable();
    assert_eq!(first, [format!("session|{name}||signed_out|"), "session|corp||signed_out|".to_owned()]);
    // While the second one runs, a sign-in is asked for and finished.
    let code = open_sign_in(&stage);
    stage.identity_center.approve(&code).unwrap();
    stage.wait_for_state("corp", "signed_in");
    until("all is saved", || (stage.status("corp")["unsaved"] == false).then_some(()));
    told.until_it_sleeps();
    open();
    assert_eq!(ran(3), "session|corp|signed_out|signed_in|");
    open();
    stage.write_own_config("");
    assert_eq!(ran(4), format!("session_gone|{name}|signed_out||"));
    open();
    assert!(!stage.home().join("pwned").exists());
    assert_eq!(told.running.said(), "");
    stage.run(["watch", "--exec", "/nowhere/at-all"]).exits(127).says("/nowhere/at-all: not found");
}

#[test]
fn the_line_that_a_command_gets_is_the_one_that_json_prints() {
    let stage = Stage::with_corp(Settings::default());
    let arguments = ["watch", "--until", "signed_out", "--exec", "printenv", "SSOCTL_EVENT_JSON"];
    let printed = stage.run(arguments).exits(0).json();
    assert_eq!(printed["session"], stage.status("corp"));
}

#[test]
fn a_reader_that_goes_away_ends_it_though_nothing_happens() {
    let stage = Stage::with_corp(Settings::default());
    let mut shell = stage.ssoctl(["watch", "--json"]);
    let program = shell.get_program().to_owned();
    shell = {
        let mut piped = Command::new("/bin/sh");
        piped.args(["-c", "\"$0\" watch --json | head -n 1"]).arg(program);
        piped.env_clear().envs(shell.get_envs().filter_map(|(name, value)| Some((name, value?))));
        piped.current_dir(stage.home());
        piped
    };
    let outcome = stage.finish(shell).exits(0);
    assert_eq!((outcome.stdout.lines().count(), outcome.stderr.as_str()), (1, ""));
}

#[test]
fn ctrl_c_ends_it_as_it_ends_any_program() {
    let stage = Stage::with_corp(Settings::default());
    let told = watch(&stage, ["--json"]);
    told.until_line("everything is told", |line| line.contains("\"current\""));
    told.running.send(Signal::INT);
    let outcome = told.running.finish();
    assert_eq!((outcome.signal, outcome.stderr.as_str()), (Some(Signal::INT.as_raw()), ""));
}

#[test]
fn no_secret_is_in_any_line() {
    let stage = Stage::with_roles(Settings::default());
    let told = watch(&stage, ["--json"]);
    told.until_line("everything is told", |line| line.contains("\"current\""));
    stage.run(["credential-process", "--profile", "dev"]).exits(0);
    stage.run(["logout"]).exits(0);
    told.until_line("the sign-out is told", |line| line.contains("\"signed_out\""));
    let text = fs::read_to_string(&told.output).unwrap();
    let secrets = stage.identity_center.secrets();
    assert!(secrets.len() > 4 && secrets.iter().all(|secret| !text.contains(secret.as_str())));
}
