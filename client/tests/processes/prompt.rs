//! `ssoctl prompt`: what it shows, and that it never keeps a shell waiting. The recipes of docs/prompt.md in real shells and a real tmux.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::documents;
use identity_center_simulator::Settings;
use serde_json::Value;
use test_support::binaries::binaries;
use test_support::speed::has_programs;
use test_support::{Stage, until};

/// The document's block in this language.
fn recipe(language: &str) -> String {
    documents::block("docs/prompt.md", language)
}

/// A shell or another program that finds `ssoctl`, in the person's surroundings.
fn program(stage: &Stage, name: &str) -> Command {
    let directory = binaries().ssoctl.parent().expect("a directory").display().to_string();
    let mut command = stage.tool(name.as_ref());
    command.env("PATH", format!("{directory}:/usr/local/bin:/usr/bin:/bin")).env("SSOCTL_SOCKET", stage.socket());
    command
}

fn said(stage: &Stage, command: Command) -> String {
    stage.finish(command).exits(0).stdout
}

/// What `ssoctl prompt` prints. It prints nothing where the daemon does not answer at once, as on a busy machine; then it is asked again.
fn prompt(stage: &Stage, variables: &[(&str, &str)], arguments: &[&str]) -> String {
    let arguments = [&["prompt"], arguments].concat();
    until("the daemon answers at once", || {
        Some(stage.run_in(variables, &arguments).exits(0).stdout).filter(|printed| !printed.is_empty())
    })
}

/// The name of a session that shells would like to execute.
const HOSTILE: &str = "$(touch${IFS}pwned)#(touch${IFS}pwned)`x`%F";

#[test]
fn it_shows_the_session_that_is_meant_and_when_a_person_is_needed() {
    let stage = Stage::with_profiles(Settings::default());
    assert_eq!(prompt(&stage, &[], &["corp"]), "corp ⚠\n");
    stage.sign_in("corp");
    assert_eq!(prompt(&stage, &[], &["corp"]), "corp\n");
    assert_eq!(prompt(&stage, &[("AWS_PROFILE", "dev")], &[]), "corp\n");
    assert_eq!(prompt(&stage, &[("SSOCTL_SESSION", "corp")], &[]), "corp\n");
    assert_eq!(prompt(&stage, &[], &["corp", "--format", "{name} {state}{sign}"]), "corp signed_in\n");
    let shown = recipe("text");
    for segment in ["corp ", "corp ⚠ "] {
        assert!(shown.lines().any(|line| line.starts_with(segment)), "the document shows {segment}");
    }
    let waybar = prompt(&stage, &[], &["corp", "--for", "waybar"]);
    let waybar: Value = serde_json::from_str(&waybar).expect("JSON");
    assert_eq!((&waybar["text"], &waybar["class"]), (&Value::from("corp"), &Value::from("ok")));
    for nothing in [&["prompt", "other"][..], &["prompt", "--profile", "absent"]] {
        let shown = stage.run(nothing).exits(0).prints_nothing();
        assert_eq!(shown.stderr, "");
    }
    stage.run(["prompt", "--format", "{"]).exits(2);
}

#[test]
fn where_no_daemon_answers_it_says_nothing_and_starts_none() {
    let stage = Stage::without_daemon(Settings::default(), "");
    let silent = |socket: &Path| {
        let socket = socket.display().to_string();
        let outcome = stage.run_in(&[("SSOCTL_SOCKET", socket.as_str())], &["prompt"]).exits(0).prints_nothing();
        assert_eq!(outcome.stderr, "", "{socket}");
    };
    silent(&stage.home().join("none"));
    silent(&stage.write("no-socket", "text"));
    silent(stage.home());
    // One that nobody serves, and that takes no more connections.
    let hanging = stage.home().join("hanging");
    let listener = UnixListener::bind(&hanging).expect("a socket");
    silent(&hanging);
    let address = rustix::net::listen(&listener, 0);
    address.expect("a shorter queue");
    let mut waiting = Vec::new();
    for _ in 0..4 {
        silent(&hanging);
        waiting.push(hanging.clone());
    }
    drop(listener);
    silent(&hanging);
    let mut command = stage.ssoctl(["prompt"]);
    command.env_remove("SSOCTL_SOCKET").env("XDG_RUNTIME_DIR", stage.home());
    stage.finish(command).exits(0).prints_nothing();
    assert!(!stage.home().join("ssoctl").exists(), "no daemon was started");
}

#[test]
fn an_answer_that_makes_no_sense_is_no_prompt() {
    let stage = Stage::without_daemon(Settings::default(), "");
    for answer in
        ["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nno!", "hello"]
    {
        let path = stage.home().join("odd");
        let _ = fs::remove_file(&path);
        let listener = UnixListener::bind(&path).expect("a socket");
        let server = std::thread::spawn(move || {
            use std::io::{Read, Write};
            let (mut stream, _) = listener.accept().expect("a client");
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(answer.as_bytes());
        });
        let socket = path.display().to_string();
        stage.run_in(&[("SSOCTL_SOCKET", socket.as_str())], &["prompt"]).exits(0).prints_nothing();
        server.join().expect("no panic");
    }
}

/// A person with one session of a hostile name, who is signed in.
fn hostile() -> Stage {
    let section = format!(
        "[sso-session {HOSTILE}]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\n\
         sso_registration_scopes = sso:account:access\n"
    );
    let stage = Stage::configured(Settings::default(), &section);
    stage.sign_in(HOSTILE);
    stage
}

#[test]
fn the_recipes_for_shells_show_a_hostile_name_and_execute_nothing() {
    if !has_programs(&["bash", "zsh", "fish"]) {
        return;
    }
    let stage = hostile();
    let plain = prompt(&stage, &[], &[]).trim_end().to_owned();
    for (shell, script) in [
        ("bash", format!("{}\neval \"$PROMPT_COMMAND\"; printf '%s\\n' \"${{PS1@P}}\"", recipe("bash"))),
        ("zsh", format!("{}\nprint -P -- \"$PROMPT\"", recipe("zsh"))),
        ("fish", format!("{}\nfish_right_prompt", recipe("fish"))),
    ] {
        let shown = until(&format!("{shell} shows {plain:?}"), || {
            let mut command = program(&stage, shell);
            command.args(["-c", &script]);
            Some(said(&stage, command)).filter(|shown| shown.contains(&plain))
        });
        assert!(shown.contains("\x1b["), "{shell}: in colour: {shown:?}");
    }
    assert!(!stage.home().join("pwned").exists(), "nothing was executed");
}

#[test]
fn the_recipe_for_tmux_shows_a_hostile_name_and_executes_nothing() {
    if !has_programs(&["tmux"]) {
        return;
    }
    let stage = hostile();
    let plain = prompt(&stage, &[], &[]).trim_end().to_owned();
    // The status line as a terminal shows it, which is a pane of another tmux.
    let configuration = stage.write("tmux.conf", &format!("{}\nset -g status-right-length 90\n", recipe("tmux")));
    let (outer, inner) = (stage.home().join("outer"), stage.home().join("inner"));
    let tmux = |socket: &Path, arguments: &[&str]| {
        let mut command = program(&stage, "tmux");
        command.arg("-S").arg(socket).args(["-f", "/dev/null"]).args(arguments).env("TERM", "xterm-256color");
        stage.finish(command)
    };
    let attached =
        format!("env -u TMUX TERM=screen tmux -S {} -f {} new-session cat", inner.display(), configuration.display());
    tmux(&outer, &["new-session", "-d", "-x", "120", "-y", "10", &attached]).exits(0);
    let shown = until("the status line has the segment", || {
        let shown = tmux(&outer, &["capture-pane", "-p"]).stdout;
        shown.contains("pwned").then_some(shown)
    });
    // Without a locale, tmux writes the ellipsis as another character.
    assert!(shown.contains(plain.trim_end_matches('…')), "{shown:?} instead of {plain:?}");
    tmux(&inner, &["kill-server"]);
    tmux(&outer, &["kill-server"]);
    assert!(!stage.home().join("pwned").exists(), "nothing was executed");
}

#[test]
fn the_recipes_for_bars_run_what_they_name() {
    let stage = Stage::signed_in(Settings::default());
    let waybar: Value = serde_json::from_str(&recipe("json")).expect("JSON");
    let waybar = waybar["custom/ssoctl"]["exec"].as_str().expect("a command").to_owned();
    let blocks = recipe("ini");
    let blocks = blocks.lines().find_map(|line| line.strip_prefix("command=")).expect("a command").to_owned();
    for (command, member) in [(waybar, "text"), (blocks, "full_text")] {
        let shown = until("the daemon answers at once", || {
            let mut shell = program(&stage, "sh");
            shell.args(["-c", &command]);
            Some(said(&stage, shell)).filter(|shown| !shown.is_empty())
        });
        let shown: Value = serde_json::from_str(&shown).expect("JSON");
        assert_eq!(shown[member], "corp", "{command}");
    }
}

#[test]
fn the_script_for_trays_prints_a_line_for_each_change() {
    let stage = Stage::with_corp(Settings::default());
    let script = stage.write("tray", &recipe("shell"));
    let mut tray = program(&stage, "sh");
    tray.arg(script);
    let mut tray = Lines::of(tray);
    assert_eq!(tray.next(), "security-low corp ");
    stage.sign_in("corp");
    let mut lines = vec![tray.next()];
    // The sign-in that waits for the person is a change, too, unless it is over before the command for it runs.
    while lines.last().is_some_and(|line| line != "security-high corp ") {
        lines.push(tray.next());
    }
    assert!(lines.iter().all(|line| line.ends_with(" corp ")), "{lines:?}");
}

/// A program that prints lines until it is dropped, and the programs that it has started.
struct Lines {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Lines {
    fn of(mut command: Command) -> Self {
        use std::os::unix::process::CommandExt;
        let mut child = command.stdout(Stdio::piped()).process_group(0).spawn().expect("it starts");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        Self { child, output }
    }

    fn next(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("a line");
        line.trim_end_matches('\n').to_owned()
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let group = rustix::process::Pid::from_child(&self.child);
        // It may have ended by itself.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        let _ = self.child.wait();
    }
}
