//! Output on a terminal: colours and counting lines, unless the terminal has none or the person does not want them.

#![cfg(target_os = "linux")]

use std::fs;
use std::process::Command;

use identity_center_simulator::Settings;
use rustix::process::{Pid, Signal, kill_process};

use test_support::canned::{Canned, ok, pending, signed_in};
use test_support::speed::has_programs;
use test_support::stage::CORP;
use test_support::{Stage, until};

/// script(1), which makes terminals.
pub(crate) const SCRIPT: &str = "/usr/bin/script";

/// The same command on a new terminal with so many columns, whose screen is its standard output. The files `tty` and `pid` name the terminal
/// and the process.
pub(crate) fn on_terminal(stage: &Stage, columns: u16, variables: &[(&str, &str)], command: &Command) -> Command {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<String> = words.map(|word| format!("'{}'", word.to_str().unwrap())).collect();
    let line = format!("stty cols {columns}; tty >tty; echo $$ >pid; exec {}", words.join(" "));
    let mut terminal = Command::new(SCRIPT);
    terminal.args(["--quiet", "--return", "--echo", "never", "--flush", "--command", &line, "screen"]);
    terminal.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    terminal.env("SHELL", "/bin/sh").envs(variables.iter().copied()).current_dir(stage.home());
    terminal
}

/// The lines that were drawn last on a screen that is redrawn, without colours.
fn drawn(screen: &str) -> Vec<String> {
    let Some((whole, _)) = screen.rsplit_once("\x1b[J") else { return Vec::new() };
    let (_, last) = whole.rsplit_once("\x1b[H").expect("it begins at the top");
    let plain = |line: &str| {
        ["\r", "\x1b[K", "\x1b[0m", "\x1b[31m", "\x1b[32m", "\x1b[33m"]
            .iter()
            .fold(line.to_owned(), |line, sequence| line.replace(sequence, ""))
    };
    last.split('\n').map(plain).collect()
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

/// The output to a terminal of a login that is cancelled once it waits.
fn cancelled(stage: &Stage, columns: u16, variables: &[(&str, &str)], arguments: &[&str]) -> String {
    // What the last one has written is not waited for.
    let _ = fs::remove_file(stage.home().join("screen"));
    let running = stage.start(on_terminal(stage, columns, variables, &stage.ssoctl([&["login"], arguments].concat())));
    let screen = || fs::read_to_string(stage.home().join("screen")).unwrap_or_default();
    until("it waits", || screen().contains("Waiting for").then_some(()));
    stage.run(["login", "--cancel"]).exits(0);
    running.finish().exits(7).stdout
}

#[test]
fn a_qr_code_is_shown_where_it_helps_and_fits_and_otherwise_who_asks_is_told_why_not() {
    if !has_programs(&[SCRIPT]) {
        return;
    }
    let stage = Stage::with_corp(Settings::default());
    let (term, remote) = (("TERM", "xterm"), ("SSH_CONNECTION", "192.0.2.1 50000 192.0.2.7 22"));
    for (shown, columns, variables, arguments) in [
        (true, 80, &[term, remote][..], &["--no-browser"][..]),
        (true, 80, &[term], &["--no-browser"]),
        (true, 80, &[term, ("DISPLAY", ":7")], &["--qr"]),
        // Who asks wants it in spite of that.
        (true, 80, &[term, ("NO_COLOR", "1")], &["--qr"]),
        (false, 80, &[term, remote, ("NO_COLOR", "1")], &["--no-browser"]),
        (false, 80, &[term, ("DISPLAY", ":7")], &["--no-browser"]),
        (false, 36, &[term, remote], &["--no-browser"]),
        (false, 80, &[("TERM", "dumb"), remote], &["--no-browser"]),
        (false, 80, &[term, remote], &["--flow", "browser", "--no-browser"]),
    ] {
        let screen = cancelled(&stage, columns, variables, arguments);
        let what = format!("{columns} {variables:?} {arguments:?}");
        assert_eq!(screen.contains("\x1b[38;5;16;48;5;231m▄"), shown, "{what}");
        assert_eq!(screen.contains("Or scan this with a phone; its page has to show "), shown, "{what}");
        assert!(!screen.contains("no QR code"), "{what}");
    }
    for (why, columns, variables) in [
        ("the terminal has 36 columns", 36, &[term][..]),
        ("standard error is no terminal with colours", 80, &[("TERM", "dumb")]),
    ] {
        let screen = cancelled(&stage, columns, variables, &["--qr"]);
        assert!(screen.contains(&format!("ssoctl: no QR code is shown, because {why}")), "{screen:?}");
    }
    let piped = stage.start(stage.ssoctl(["login", "--qr"]));
    stage.approve_shown_by(&piped);
    piped.finish().exits(0).says("because standard error is no terminal");
    stage.run(["login", "--qr", "--flow", "browser"]).exits(2).says("--qr is for --flow device");
}

#[test]
fn a_page_that_would_not_be_opened_has_no_qr_code() {
    if !has_programs(&[SCRIPT]) {
        return;
    }
    let stage = Stage::without_daemon(Settings::default(), CORP);
    let shown = |page: &str| {
        let canned = Canned::answers([ok(&pending(page, true)), ok(&signed_in())]);
        let mut login = stage.ssoctl(["login", "corp", "--qr"]);
        login.env("SSOCTL_SOCKET", canned.socket());
        stage.finish(on_terminal(&stage, 100, &[("TERM", "xterm")], &login)).exits(0).stdout
    };
    for (page, why) in [
        ("https://device.sso.eu-west-1.amazonaws.com.evil.example/", "it is not on a host of AWS"),
        // Another region's.
        ("https://device.sso.us-east-1.amazonaws.com/", "it is not on a host of AWS"),
        ("https://device.sso.eu-west-1.amazonaws.com@evil.example/", "its address is not a plain web address"),
        ("http://device.sso.eu-west-1.amazonaws.com/", "it is not an https page"),
        ("tel:0900", "its address is not a plain web address"),
        ("WIFI:S:x;;", "its address is not a plain web address"),
    ] {
        let screen = shown(page);
        assert!(screen.contains(&format!("ssoctl: no QR code is shown, because {why}")), "{screen:?}");
        assert!(!screen.contains('▄'), "{screen:?}");
    }
    assert!(shown("https://device.sso.eu-west-1.amazonaws.com/").contains('▄'));
}

#[test]
fn a_pending_sign_in_at_a_browser_has_no_qr_code() {
    if !has_programs(&[SCRIPT]) {
        return;
    }
    let stage = Stage::with_corp(Settings::default());
    let browser = stage.start(stage.ssoctl(["login", "--flow", "browser", "--no-browser"]));
    until("it waits", || browser.said().contains("Waiting for").then_some(()));
    let screen = cancelled(&stage, 80, &[("TERM", "xterm")], &["--qr"]);
    assert!(
        screen.contains("because the browser has to come back to this machine") && !screen.contains('▄'),
        "{screen:?}"
    );
    browser.finish().exits(7);
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

#[test]
fn watch_keeps_its_table_up_to_date_fits_it_to_the_terminal_and_leaves_the_screen_as_it_was() {
    if !has_programs(&[SCRIPT]) {
        return;
    }
    let stage = Stage::with_corp(Settings::default());
    let watching = stage.start(on_terminal(&stage, 120, &[("TERM", "xterm")], &stage.ssoctl(["watch"])));
    let file = |name: &str| fs::read_to_string(stage.home().join(name)).unwrap_or_default();
    let until_drawn = |what: &str, is_it: &dyn Fn(&[String]) -> bool| {
        until(what, || Some(drawn(&file("screen"))).filter(|lines| is_it(lines)))
    };
    let says = |words: &'static str| move |lines: &[String]| lines.join(" ").contains(words);
    let lines = until_drawn("the table is drawn", &says("signed out"));
    let status = stage.run(["status"]).exits(0).stdout;
    assert_eq!(lines[..2], status.lines().take(2).collect::<Vec<_>>());
    stage.sign_in("corp");
    until_drawn("the sign-in is drawn", &says("signed in"));

    let resized = Command::new("stty").args(["-F", file("tty").trim(), "cols", "30"]).status();
    assert!(resized.unwrap().success());
    let is_narrow = |lines: &[String]| lines.iter().all(|line| line.chars().count() <= 30);
    until_drawn("the table is narrow", &|lines| is_narrow(lines) && says("signed in")(lines));
    // Too low for all of it.
    Command::new("stty").args(["-F", file("tty").trim(), "rows", "3"]).status().unwrap();
    until_drawn("the table is low", &|lines| lines.len() == 3 && lines[2].ends_with(" more lines"));
    Command::new("stty").args(["-F", file("tty").trim(), "rows", "40", "cols", "120"]).status().unwrap();

    stage.end_daemon(Signal::TERM);
    until_drawn("the loss is drawn", &says("no daemon answers since"));
    stage.start_daemon();
    until_drawn("the next daemon is there", &|lines| says("signed in")(lines) && !says("no daemon")(lines));

    let pid = Pid::from_raw(file("pid").trim().parse().unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    let outcome = watching.finish().exits(130);
    let screen = outcome.stdout;
    assert_eq!((screen.matches("\x1b[?1049h").count(), screen.matches("\x1b[?1049l").count()), (1, 1));
    let after = screen.split("\x1b[?1049l").nth(1).unwrap();
    assert!(after.contains("signed in") && screen.contains("\x1b[?25h"), "{after:?}");
    assert_eq!(outcome.stderr, "");
}

#[test]
fn watch_writes_lines_where_the_terminal_cannot_be_drawn_on() {
    if !has_programs(&[SCRIPT]) {
        return;
    }
    let stage = Stage::with_corp(Settings::default());
    for (variables, arguments) in
        [(&[("TERM", "dumb")][..], &["watch"][..]), (&[("TERM", "xterm")], &["watch", "--kind", "session"])]
    {
        let watching = stage.start(on_terminal(&stage, 80, variables, &stage.ssoctl(arguments)));
        let screen = || fs::read_to_string(stage.home().join("screen")).unwrap_or_default();
        until("a line is written", || screen().contains("Z corp: signed out").then_some(()));
        assert!(!screen().contains('\x1b'), "{:?}", screen());
        let pid = fs::read_to_string(stage.home().join("pid")).unwrap();
        kill_process(Pid::from_raw(pid.trim().parse().unwrap()).unwrap(), Signal::INT).unwrap();
        watching.finish().exits(130);
        fs::remove_file(stage.home().join("screen")).unwrap();
    }
}
