//! `ssoctl completion`: what a TAB completes in real shells with a real keyboard's bytes, and that it is silent and harmless.

use std::os::unix::net::UnixListener;
use std::path::Path;

use identity_center_simulator::{Account, Operation, Settings};
use test_support::binaries::binaries;
use test_support::speed::has_programs;
use test_support::terminal::Terminal;
use test_support::{Stage, executable, until};

/// The name of an account that shells would like to execute, expand, or take for several words.
const HOSTILE: &str = "h $(touch pwned) `touch pwned` 'a' \"b\" \\ ; > pwned & ! * ~ {x,y} %F \u{fc}";

/// One that would control the terminal. It is not offered.
const CONTROLLING: &str = "h\u{1b}]0;owned\u{7}\u{202e}";

/// A person who is signed in and has listed accounts and roles.
fn stage() -> Stage {
    let accounts = vec![
        Account::new("111122223333", "Development", &["ReadOnlyAccess", "Admin"]),
        Account::new("222233334444", "Prod East", &["ReadOnlyAccess"]),
        Account::new("333344445555", "Prod West", &["Auditor"]),
        Account::new("444455556666", HOSTILE, &["ReadOnlyAccess"]),
        Account::new("555566667777", CONTROLLING, &["ReadOnlyAccess"]),
    ];
    let stage = Stage::with_profiles(Settings { accounts, ..Settings::default() }).and_signed_in();
    stage.run(["roles"]).exits(0);
    stage
}

/// The lines that a script gets, without what the values mean. There are none where the daemon does not answer at once, as on a busy machine;
/// then it is asked again.
fn values(stage: &Stage, line: &[&str]) -> Vec<String> {
    let arguments = ["completion", "zsh", "--"].into_iter().chain(line.iter().copied()).collect::<Vec<_>>();
    let asked = until("the daemon answers at once", || {
        Some(stage.run(&arguments).exits(0)).filter(|asked| !asked.stdout.is_empty())
    });
    assert_eq!(asked.stderr, "");
    asked.stdout.lines().map(|line| line.split('\t').next().unwrap_or_default().to_owned()).collect()
}

/// The directory of an `ssoctl` for shells that asks again in the same way.
fn patient(stage: &Stage) -> String {
    let (directory, answer) = (stage.home().join("patient"), stage.home().join("answer"));
    std::fs::create_dir_all(&directory).expect("a directory");
    let script = format!(
        "#!/bin/sh\nfor attempt in 1 2 3 4 5 6 7 8 9; do\n'{}' \"$@\" >'{answer}' && [ -s '{answer}' ] && break\ndone\n\
         exec cat '{answer}'\n",
        binaries().ssoctl.display(),
        answer = answer.display()
    );
    executable::script(&directory.join("ssoctl"), &script);
    directory.display().to_string()
}

#[test]
fn names_come_from_the_daemons_memory_and_nobody_is_asked() {
    let stage = stage();
    let calls = || {
        let simulator = &stage.identity_center;
        simulator.calls(Operation::ListAccounts) + simulator.calls(Operation::ListAccountRoles)
    };
    let before = calls();
    assert_eq!(values(&stage, &["ssoctl", "token", ""]), ["corp"]);
    assert_eq!(values(&stage, &["ssoctl", "exec", "--profile=de"]), ["--profile=dev"]);
    assert_eq!(values(&stage, &["ssoctl", "exec", "--account", "prod w"]), ["333344445555"]);
    assert_eq!(values(&stage, &["ssoctl", "exec", "--account", "333344445555", "--role", ""]), ["Auditor"]);
    assert_eq!(values(&stage, &["ssoctl", "configure", "--account", "Pro"]), ["Prod East", "Prod West"]);
    assert_eq!(
        values(&stage, &["ssoctl", "configure", "--account", "h"]),
        [HOSTILE],
        "the controlling one is left out"
    );
    stage.run(["grant", "--profile", "dev", "--name", "ci"]).exits(0);
    assert_eq!(values(&stage, &["ssoctl", "revoke", ""]), ["ci"]);
    assert_eq!(calls(), before);
}

#[test]
fn without_a_daemon_a_tab_says_nothing_starts_none_and_still_knows_verbs() {
    let stage = Stage::without_daemon(Settings::default(), "");
    for socket in [stage.home().join("none"), stage.write("no-socket", "text"), stage.home().to_path_buf()] {
        let ask = |line: &[&str]| {
            let arguments: Vec<&str> = ["completion", "fish", "--"].into_iter().chain(line.iter().copied()).collect();
            let socket = socket.display().to_string();
            let asked = stage.run_in(&[("SSOCTL_SOCKET", socket.as_str())], &arguments).exits(0);
            assert_eq!(asked.stderr, "", "{socket}");
            asked.stdout
        };
        assert!(!ask(&["ssoctl", "token", ""]).contains("corp"));
        assert_eq!(ask(&["ssoctl", "exec", "--profile", ""]), "");
        assert!(ask(&["ssoctl", "tok"]).starts_with("token\t"));
    }
    // One that nobody serves.
    let hanging = stage.home().join("hanging");
    let _listener = UnixListener::bind(&hanging).expect("a socket");
    let mut command = stage.ssoctl(["completion", "zsh", "--", "ssoctl", "exec", "--profile", ""]);
    command.env("SSOCTL_SOCKET", hanging);
    let asked = stage.finish(command).exits(0).prints_nothing();
    assert_eq!(asked.stderr, "");
    let mut command = stage.ssoctl(["completion", "zsh", "--", "ssoctl", "exec", "--profile", ""]);
    command.env_remove("SSOCTL_SOCKET").env("XDG_RUNTIME_DIR", stage.home());
    stage.finish(command).exits(0).prints_nothing();
    assert!(!stage.home().join("ssoctl").exists(), "no daemon was started");
}

#[test]
fn each_shell_has_a_script_and_another_one_is_refused() {
    let stage = Stage::without_daemon(Settings::default(), "");
    for (shell, part) in [
        ("bash", "complete "),
        ("zsh", "#compdef ssoctl"),
        ("fish", "complete -c ssoctl"),
        ("pwsh", "Register-ArgumentCompleter"),
    ] {
        assert!(stage.run(["completion", shell]).exits(0).stdout.contains(part), "{shell}");
    }
    stage.run(["completion", "tcsh"]).exits(2);
    stage.run(["completion"]).exits(2);
}

/// A shell on a terminal of this name. `script` is what it reads at first.
fn open<'a>(stage: &'a Stage, shell: &str, name: &str, script: &str) -> Terminal<'a> {
    let file = stage.write(&format!("{name}-home/.{shell}rc"), script);
    let home = file.parent().expect("a directory").display();
    let line = match shell {
        "bash" => format!("bash --noprofile --rcfile {} -i", file.display()),
        "zsh" => format!("ZDOTDIR={home} zsh -d -i"),
        _ => format!(
            "XDG_CONFIG_HOME={home} XDG_DATA_HOME={home} fish --no-config -i --init-command 'source {}'",
            file.display()
        ),
    };
    let terminal = Terminal::open(stage, name, 220, &format!("PATH={}:$PATH {line}", patient(stage)));
    terminal.until_shown("READY");
    terminal
}

/// Types the beginning of a command, a TAB and the rest, and waits for what the command is given.
#[track_caller]
fn completes(terminal: &Terminal, typed: &str, rest: &str, given: &str) {
    terminal.types(typed, &["Tab"]);
    terminal.types(rest, &["Enter"]);
    terminal.until_shown(given);
}

/// What these shells read at first: a function in the place of ssoctl shows the words that it is given.
fn script(shell: &str) -> &'static str {
    match shell {
        "bash" => {
            "PS1='READY> '\neval \"$(command ssoctl completion bash)\"\n\
             ssoctl() { printf '<%s>' \"$@\"; printf '.\\n'; }\nbind 'set bell-style none'\n"
        }
        "zsh" => {
            "PROMPT='READY> '\nautoload -Uz compinit && compinit -u -D\neval \"$(command ssoctl completion zsh)\"\n\
             ssoctl() { printf '<%s>' \"$@\"; printf '.\\n'; }\nunsetopt beep\n"
        }
        _ => {
            "function fish_prompt; echo 'READY> '; end\nfunction fish_greeting; end\n\
             function ssoctl; printf '<%s>' $argv; echo .; end\ncommand ssoctl completion fish | source\n"
        }
    }
}

/// What all three of them do.
fn common(terminal: &Terminal, home: &Path) {
    completes(terminal, "ssoctl tok", "", "<token>.");
    completes(terminal, "ssoctl exec --prof", "dev", "<exec><--profile><dev>.");
    completes(terminal, "ssoctl login --flow d", "", "<login><--flow><device>.");
    completes(terminal, "ssoctl env --profile=de", "", "<env><--profile=dev>.");
    completes(terminal, "ssoctl exec --account 2", "--role Admin", "<exec><--account><222233334444><--role><Admin>.");
    completes(terminal, "ssoctl configure --dry", "", "<configure><--dry-run>.");
    completes(terminal, "ssoctl configure --account h", "", &format!("<configure><--account><{HOSTILE}>."));
    completes(terminal, "ssoctl configure --account 'h", "", &format!("<configure><--account><{HOSTILE}>."));
    completes(terminal, "ssoctl exec --profile dev -- printen", "", "<exec><--profile><dev><--><printenv>.");
    assert!(!home.join("pwned").exists(), "something was executed");
    terminal.types("clear", &["Enter"]);
    terminal.until("the screen is empty", |shown| !shown.contains('<'));
    // A second TAB shows the choices.
    terminal.types("ssoctl service ", &["Tab", "Tab"]);
    terminal.until_shown("uninstall");
    terminal.tmux(&["send-keys", "C-u"]);
}

#[test]
fn bash_completes() {
    if !has_programs(&["bash", "tmux"]) {
        return;
    }
    let stage = stage();
    let terminal = open(&stage, "bash", "bash", script("bash"));
    common(&terminal, stage.home());
    completes(&terminal, "ssoctl exec --account Dev", "", "<exec><--account><111122223333>.");
    completes(&terminal, "ssoctl exec --account \"Prod W", "", "<exec><--account><333344445555>.");
    terminal.types("ssoctl exec --account ", &["Tab", "Tab"]);
    terminal.until_shown("(Development)");
}

#[test]
fn zsh_completes() {
    if !has_programs(&["zsh", "tmux"]) {
        return;
    }
    let stage = stage();
    let terminal = open(&stage, "zsh", "zsh", script("zsh"));
    common(&terminal, stage.home());
    completes(&terminal, "ssoctl exec --account Dev", "", "<exec><--account><111122223333>.");
    completes(&terminal, "ssoctl exec --account Prod\\ W", "", "<exec><--account><333344445555>.");
    terminal.types("ssoctl exec --account ", &["Tab", "Tab"]);
    terminal.until_shown("-- Development");
    drop(terminal);
    // As a package installs it: zsh reads the file at the first TAB.
    let file = stage.write("functions/_ssoctl", &stage.run(["completion", "zsh"]).exits(0).stdout);
    let functions = file.parent().expect("a directory").display();
    let lines = script("zsh").lines().filter(|line| !line.starts_with("eval"));
    let lines = [format!("fpath=({functions} $fpath)")].into_iter().chain(lines.map(str::to_owned));
    let terminal = open(&stage, "zsh", "zsh-of-a-package", &lines.collect::<Vec<_>>().join("\n"));
    completes(&terminal, "ssoctl tok", "", "<token>.");
    completes(&terminal, "ssoctl exec --profile d", "", "<exec><--profile><dev>.");
}

#[test]
fn fish_completes() {
    if !has_programs(&["fish", "tmux"]) {
        return;
    }
    let stage = stage();
    let terminal = open(&stage, "fish", "fish", script("fish"));
    common(&terminal, stage.home());
    terminal.types("ssoctl exec --account ", &["Tab", "Tab"]);
    terminal.until_shown("Development");
}
