//! Output on a terminal: colours and counting lines, unless the terminal has none or the person does not want them.

#![cfg(target_os = "linux")]

use std::fs;
use std::process::Command;

use identity_center_simulator::Settings;

use test_support::speed::has_programs;
use test_support::{Stage, until};

/// script(1), which makes terminals.
pub(crate) const SCRIPT: &str = "/usr/bin/script";

/// The same command on a new terminal with so many columns, whose screen is its standard output.
fn on_terminal(stage: &Stage, columns: u16, variables: &[(&str, &str)], command: &Command) -> Command {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<String> = words.map(|word| format!("'{}'", word.to_str().unwrap())).collect();
    let line = format!("stty cols {columns}; exec {}", words.join(" "));
    let mut terminal = Command::new(SCRIPT);
    terminal.args(["--quiet", "--return", "--echo", "never", "--flush", "--command", &line, "screen"]);
    terminal.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    terminal.env("SHELL", "/bin/sh").envs(variables.iter().copied()).current_dir(stage.home());
    terminal
}

/// The output of a login to a terminal until the sign-in.
fn login(stage: &Stage, columns: u16, variables: &[(&str, &str)]) -> String {
    let terminal = on_terminal(stage, columns, variables, &stage.ssoctl(["login", "--no-browser", "corp"]));
    let running = stage.start(terminal);
    // An approval that comes earlier may be found before any code has to be shown.
    let screen = || fs::read_to_string(stage.home().join("screen")).unwrap_or_default();
    let shown = |code: &String| screen().contains(&format!("Code: {code}")) && screen().contains("Waiting for");
    let code = until("the code is on the screen", || {
        stage.identity_center.pending().into_iter().map(|pending| pending.user_code).find(shown)
    });
    stage.identity_center.approve(&code).unwrap();
    running.finish().exits(0).stdout
}

#[test]
fn a_login_draws_its_counter_on_one_short_line_and_only_where_the_terminal_can() {
    if !has_programs(&[SCRIPT]) {
        return;
    }
    let stage = Stage::with_corp(Settings::default());
    let screen = login(&stage, 20, &[("TERM", "xterm")]);
    let drawn: Vec<&str> =
        screen.split("\r\x1b[K").skip(1).map(|rest| rest.split(['\r', '\n']).next().unwrap_or_default()).collect();
    assert!(drawn.iter().any(|line| line.ends_with(" left")), "{screen:?}");
    // The last one is followed by what is said next.
    let counters = drawn.iter().filter(|line| line.ends_with(" left"));
    counters.for_each(|line| assert!(line.len() < 20, "the terminal would break it: {line:?}"));
    for variables in [&[("TERM", "dumb")][..], &[]] {
        let screen = login(&stage, 20, variables);
        assert!(screen.contains("Code:") && screen.contains("Signed in"), "{screen:?}");
        assert!(!screen.contains('\x1b') && !screen.contains(" left"), "{variables:?}: {screen:?}");
    }
}

#[test]
fn colours_are_for_terminals_that_take_them_and_people_who_want_them() {
    if !has_programs(&[SCRIPT]) {
        return;
    }
    let stage = Stage::with_corp(Settings::default());
    // A daemon that ends at once, and says why in its log.
    let mut daemon = stage.ssoctld();
    daemon.env("SSOCTL_STATE_DIR", "/dev/null/state").env("SSOCTL_SOCKET", stage.home().join("other.sock"));
    for (variables, coloured) in [
        (&[("TERM", "xterm")][..], true),
        (&[("TERM", "xterm"), ("NO_COLOR", "1")], false),
        (&[("TERM", "dumb")], false),
        (&[], false),
    ] {
        let screen = |command: &Command| stage.finish(on_terminal(&stage, 80, variables, command)).stdout;
        for (what, screen) in [
            ("status", screen(&stage.ssoctl(["status"]))),
            ("doctor", screen(&stage.ssoctl(["doctor"]))),
            ("the log", screen(&daemon)),
        ] {
            assert!(!screen.is_empty(), "{what}");
            assert_eq!(screen.contains('\x1b'), coloured, "{what} with {variables:?}: {screen:?}");
        }
    }
    let mut elsewhere = daemon;
    elsewhere.env("TERM", "xterm");
    let log = stage.finish(elsewhere).exits(1).stderr;
    assert!(log.contains("/dev/null/state") && !log.contains('\x1b'), "{log:?}");
}
