//! `ssoctl login` without any configuration: on a terminal it asks for start URL and region.

#![cfg(target_os = "linux")]

use std::fs;
use std::io::Write;
use std::process::{Child, ChildStdin, Command, Stdio};

use identity_center_simulator::Settings;

use test_support::part::{ask_python, within};
use test_support::speed::{has_programs, python_with_botocore};
use test_support::{Stage, until};

use super::terminal::{SCRIPT, on_terminal};

const START_URL: &str = "Start URL of your AWS access portal";
const REGION: &str = "Region of its Identity Center";

/// A command on a terminal, and the keyboard of that.
struct Typing<'a> {
    stage: &'a Stage,
    child: Child,
    keyboard: ChildStdin,
    /// How many bytes of the screen were waited for.
    read: usize,
}

impl<'a> Typing<'a> {
    /// Starts `ssoctl login`, between two looks at the state of the terminal.
    fn start(stage: &'a Stage) -> Self {
        let script = "stty -g >before; \"$@\"; code=$?; stty -g >after; exit $code";
        Self::run(stage, &within(&stage.ssoctl(["login", "--no-browser"]), "sh", &["-c", script, "sh"]))
    }

    fn run(stage: &'a Stage, command: &Command) -> Self {
        let _ = fs::remove_file(stage.home().join("screen"));
        let mut terminal = on_terminal(stage, 100, &[("TERM", "xterm")], command);
        let mut child = terminal.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let keyboard = child.stdin.take().unwrap();
        Self { stage, child, keyboard, read: 0 }
    }

    fn screen(&self) -> String {
        fs::read_to_string(self.stage.home().join("screen")).unwrap_or_default()
    }

    /// Waits until these words are on the screen, after those that were waited for before.
    fn shows(&mut self, words: &str) {
        let end = until(&format!("{words:?} is shown"), || {
            let at = self.screen().get(self.read..)?.find(words)?;
            Some(self.read + at + words.len())
        });
        self.read = end;
    }

    fn types(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Approves the code on the screen, as the person does who reads it. Another one was made to ask for the region.
    fn is_approved(&mut self) {
        self.shows("Waiting for");
        let screen = self.screen();
        let pending = self.stage.identity_center.pending().into_iter().find(|it| screen.contains(&it.user_code));
        self.stage.identity_center.approve(&pending.expect("it is pending").user_code).unwrap();
    }

    /// Waits for the end, and returns the exit code.
    fn ends(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Typing<'_> {
    fn drop(&mut self) {
        // Most have ended by themselves.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The daemon's own configuration; `None` if nothing was saved.
fn saved(stage: &Stage) -> Option<String> {
    fs::read_to_string(stage.home().join(".config/ssoctl/config.toml")).ok()
}

fn terminal_is_as_before(stage: &Stage) {
    let state = |name: &str| fs::read_to_string(stage.home().join(name)).unwrap();
    assert_eq!(state("before"), state("after"));
}

#[test]
fn what_is_answered_is_saved_as_by_the_options_and_wrong_answers_are_asked_for_again() {
    if !has_programs(&[SCRIPT]) {
        return;
    }
    let stage = Stage::bare(Settings::default());
    let mut login = Typing::start(&stage);
    login.shows("No session is configured yet.");
    login.shows(START_URL);
    for (answer, why) in [
        ("\r", "It is in the invitation from your administrator"),
        ("corp\r", "\"corp\" is no start URL"),
        ("ftp://new.awsapps.com\r", "is no start URL"),
        ("http://new.awsapps.com/start\r", "has to begin with https://"),
        ("https:///start\r", "is no start URL"),
    ] {
        login.types(answer);
        login.shows(why);
        login.shows(START_URL);
    }
    // Another page of AWS, which the daemon knows.
    login.types("https://new.awsapps.com/console\r");
    login.shows(REGION);
    login.types("eu-west-1\r");
    login.shows("is not a start URL but another page");
    login.shows("(Enter: https://new.awsapps.com/console): ");
    assert_eq!(saved(&stage), None);
    login.types("new.awsapps.com/starr\x7ft\r");
    login.shows("Enter: ssoctl finds it out");
    login.types("?\r");
    login.shows("us-gov-west-1");
    login.shows(REGION);
    login.types("west\r");
    login.shows("\"west\" is no region; choose one of these.");
    login.shows(REGION);
    login.types("eu-west-9\r");
    login.shows("ssoctl does not know eu-west-9");
    login.shows(REGION);
    login.types("EU-west-1\r");
    login.shows("Session new is in ");
    login.shows("config.toml; its start URL can be corrected there.");
    login.is_approved();
    login.shows("Signed in to new;");
    assert_eq!(login.ends(), Some(0));
    terminal_is_as_before(&stage);

    let other = Stage::bare(Settings::default());
    let options = ["login", "--no-browser", "--start-url", "https://new.awsapps.com/start", "--region", "eu-west-1"];
    let by_options = other.start(other.ssoctl(options));
    other.approve_shown_by(&by_options);
    by_options.finish().exits(0);
    assert_eq!(saved(&stage), saved(&other));
    assert!(saved(&stage).is_some_and(|text| text.contains("eu-west-1")));
}

#[test]
fn a_region_that_the_url_names_needs_only_enter() {
    if !has_programs(&[SCRIPT]) {
        return;
    }
    let stage = Stage::bare(Settings::default());
    let mut login = Typing::start(&stage);
    login.shows(START_URL);
    // Both answers at once, as they may be pasted.
    login.types("https://ssoins-1.portal.eu-central-1.app.aws\r\r");
    login.shows("Enter: eu-central-1");
    login.is_approved();
    assert_eq!(login.ends(), Some(0));
    assert!(saved(&stage).is_some_and(|text| text.contains("region = \"eu-central-1\"")), "{:?}", saved(&stage));
}

#[test]
fn a_region_that_nobody_tells_is_asked_for_with_the_reason() {
    if !has_programs(&[SCRIPT]) {
        return;
    }
    let stage =
        Stage::bare(Settings { start_urls: vec!["https://new.awsapps.com/start".to_owned()], ..Settings::default() });
    let mut login = Typing::start(&stage);
    login.shows(START_URL);
    login.types("https://old.awsapps.com/start\r");
    login.shows(REGION);
    login.types("\r");
    login.shows("did not tell it");
    login.shows(START_URL);
    login.types("https://new.awsapps.com/start\r");
    login.shows(REGION);
    assert_eq!(saved(&stage), None);
    login.types("\r");
    login.is_approved();
    assert_eq!(login.ends(), Some(0));
}

#[test]
fn who_leaves_has_saved_nothing_and_gets_the_terminal_back() {
    if !has_programs(&[SCRIPT]) {
        return;
    }
    for (first, second) in [("\x1b", None), ("\x03", None), ("\x04", None), ("new.awsapps.com/start\r", Some("\x1b"))] {
        let stage = Stage::bare(Settings::default());
        let mut login = Typing::start(&stage);
        login.shows(START_URL);
        login.types(first);
        if let Some(second) = second {
            login.shows(REGION);
            login.types(second);
        }
        login.shows("ssoctl: nothing was saved");
        assert_eq!((login.ends(), saved(&stage)), (Some(130), None), "{first:?} {second:?}");
        terminal_is_as_before(&stage);
        assert_eq!(stage.identity_center.call_log(), []);
    }
}

#[test]
fn a_question_that_is_ended_by_a_signal_leaves_the_terminal_as_it_was() {
    if !has_programs(&[SCRIPT]) {
        return;
    }
    let stage = Stage::bare(Settings::default());
    fs::write(stage.home().join("noted"), "echo $$ >pid; exec \"$@\"\n").unwrap();
    let script = "stty -g >before; sh noted \"$@\"; code=$?; stty -g >after; exit $code";
    let login = within(&stage.ssoctl(["login", "--no-browser"]), "sh", &["-c", script, "sh"]);
    let mut login = Typing::run(&stage, &login);
    login.shows(START_URL);
    login.types("new.awsapps.com/start\r");
    login.shows(REGION);
    let pid = fs::read_to_string(stage.home().join("pid")).unwrap();
    assert!(Command::new("kill").arg(pid.trim()).status().unwrap().success());
    assert_eq!((login.ends(), saved(&stage)), (Some(143), None));
    terminal_is_as_before(&stage);
}

#[test]
fn nobody_is_asked_who_does_not_want_it_or_cannot_answer() {
    if !has_programs(&[SCRIPT]) {
        return;
    }
    let stage = Stage::bare(Settings::default());
    stage.run(["login"]).exits(6).says("ssoctl login --start-url URL --region REGION");
    for (variables, arguments) in [
        (&[("TERM", "xterm")][..], &["login", "--no-input"][..]),
        (&[("TERM", "xterm"), ("SSOCTL_NO_INPUT", "1")], &["login"]),
        (&[("TERM", "xterm")], &["login", "--if-needed"]),
        (&[("TERM", "xterm")], &["login", "--cancel"]),
        (&[("TERM", "xterm"), ("AWS_PROFILE", "dev")], &["login"]),
        (&[("TERM", "dumb")], &["login"]),
    ] {
        let outcome = stage.finish(on_terminal(&stage, 100, variables, &stage.ssoctl(arguments)));
        assert!(!outcome.stdout.contains(START_URL), "{outcome:?}");
        assert_eq!(outcome.code, Some(6), "{variables:?} {arguments:?}: {}", outcome.stdout);
    }
    // Where there are sessions, they are what one chooses from.
    stage.write(".aws/config", test_support::stage::CORP);
    let unknown = on_terminal(&stage, 100, &[("TERM", "xterm")], &stage.ssoctl(["login", "nowhere"]));
    assert!(!stage.finish(unknown).exits(6).stdout.contains(START_URL));
    assert_eq!(saved(&stage), None);
}

#[test]
fn the_regions_that_are_offered_are_those_of_botocore() {
    if !has_programs(&[SCRIPT]) {
        return;
    }
    let Some(python) = python_with_botocore() else { return };
    let script = "import json, botocore.session\n\
                  session = botocore.session.get_session()\n\
                  partitions = session.get_available_partitions()\n\
                  print(json.dumps(sorted(sum((session.get_available_regions('sso-oidc', p) for p in partitions), []))))";
    let regions = ask_python(&mut Command::new(python), script, &serde_json::Value::Null);
    let regions: Vec<String> = serde_json::from_value(regions).unwrap();

    let stage = Stage::bare(Settings::default());
    let mut login = Typing::start(&stage);
    login.shows(START_URL);
    login.types("new.awsapps.com/start\r");
    login.shows("a list): ");
    let begin = login.read;
    login.types("?\r");
    login.shows(REGION);
    let screen = login.screen();
    let mut offered: Vec<&str> = screen[begin..login.read]
        .split_whitespace()
        .filter(|word| word.bytes().any(|byte| byte.is_ascii_digit()))
        .collect();
    offered.sort_unstable();
    assert_eq!(offered, regions);
    login.types("\x1b");
    assert_eq!(login.ends(), Some(130));
}
