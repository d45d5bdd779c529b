//! Pages: what is opened, with which command, and what is only shown. Both binaries are real; where a daemon lies, it is a socket
//! with canned answers.

use identity_center_simulator::Settings;
use serde_json::json;
use test_support::browser::Browser;
use test_support::canned::{Canned, ok, pending, signed_in};
use test_support::client::Outcome;
use test_support::stage::CORP;
use test_support::{Stage, until};

const AWS_PAGE: &str = "https://device.sso.eu-west-1.amazonaws.com/?user_code=ABCD-EFGH";

/// A home with a browser that writes down how it was called, in front of a display.
struct Desk {
    stage: Stage,
    browser: Browser,
}

impl Desk {
    fn new() -> Self {
        let stage = Stage::without_daemon(Settings::default(), CORP);
        let browser = Browser::on(&stage);
        Self { stage, browser }
    }

    fn browser(&self, words: &str) -> String {
        format!("{} {words}", self.browser.program().display())
    }

    /// Runs `ssoctl` with this daemon, and no browser besides `$BROWSER`, in a shell with these variables.
    fn run(&self, canned: &Canned, words: &[&str], set: &[(&str, &str)]) -> Outcome {
        let mut command = self.stage.ssoctl(words);
        command.env("SSOCTL_SOCKET", canned.socket()).env("BROWSER", self.browser("variable"));
        command.envs(set.iter().copied());
        self.stage.finish(command)
    }

    fn login(&self, page: &str, words: &[&str], set: &[(&str, &str)]) -> Outcome {
        let canned = Canned::answers([ok(&pending(page, true)), ok(&signed_in())]);
        self.run(&canned, &[&["login", "corp"], words].concat(), set).exits(0)
    }
}

const DISPLAY: [(&str, &str); 1] = [("DISPLAY", ":7")];

#[test]
fn nothing_in_an_answer_is_executed_and_a_page_on_a_strange_host_is_shown_with_its_host_and_why() {
    let desk = Desk::new();
    for host in [
        "device.sso.us-east-1.amazonaws.com.evil.example",
        "xn--wsapps-9cd.com:8443",
        "169.254.169.254",
        // Another region's.
        "device.sso.us-east-1.amazonaws.com",
    ] {
        let page = format!("https://{host}/?user_code=ABCD-EFGH");
        let name = host.split(':').next().unwrap();
        let outcome = desk.login(&page, &["--browser"], &DISPLAY).says(&page);
        outcome.says(&format!("no browser was opened: it is not on a host of AWS or of the start URL ({name})"));
    }
    for page in [
        "http://corp.awsapps.com/",
        "https://corp.awsapps.com/ --x",
        "file:///etc/passwd",
        "https://corp.awsapps.com/${HOME}",
    ] {
        desk.login(page, &["--browser"], &DISPLAY).says("no browser was opened: it");
    }
    desk.login(AWS_PAGE, &[], &DISPLAY);
    until("the page is open", || (!desk.browser.pages().is_empty()).then_some(()));
    assert_eq!(desk.browser.pages(), [format!("variable {AWS_PAGE}")], "nothing else was");
    assert!(!desk.stage.home().join("was-here").exists());
}

#[test]
fn the_persons_own_configuration_says_how_a_page_is_opened_and_where_one_may_be() {
    let desk = Desk::new();
    desk.stage.write_own_config(&format!(
        "[session.corp]\nbrowser = \"{}\"\nverification_hosts = [\"login.corp.example\"]\n",
        desk.browser("configured --app={url}")
    ));
    let page = "https://login.corp.example/?a=$HOME&b='x'&c=(1);d";
    desk.login(page, &[], &DISPLAY);
    until("the page is open", || (!desk.browser.pages().is_empty()).then_some(()));
    assert_eq!(desk.browser.pages(), ["configured --app=https://login.corp.example/?a=%24HOME&b=%27x%27&c=(1);d"]);

    let assignment = json!({
        "session": "corp", "start_url": "https://corp.awsapps.com/start#/", "sso_region": "eu-west-1",
        "account": "111122223333", "role": "Admin", "region": null, "browser": "touch was-here {url}",
    });
    let canned = Canned::answers([ok(&assignment)]);
    desk.run(&canned, &["console"], &DISPLAY).exits(0);
    until("the console is open", || (desk.browser.pages().len() == 2).then_some(()));
    let link = "https://corp.awsapps.com/start/#/console?account_id=111122223333&role_name=Admin";
    assert_eq!(desk.browser.pages()[1], format!("configured --app={link}"));

    // A daemon that gives another start URL does not choose what is opened.
    let mut lie = assignment;
    lie["start_url"] = "https://evil.example/start".into();
    let canned = Canned::answers([ok(&lie)]);
    desk.run(&canned, &["console"], &DISPLAY).exits(1).prints_nothing().says("(evil.example)");
    assert!(!desk.stage.home().join("was-here").exists());
}

#[test]
fn a_command_in_which_a_shell_would_read_the_page_is_reported_with_its_line_and_the_right_form() {
    let desk = Desk::new();
    desk.stage.write_own_config("[session.corp]\nbrowser = \"sh -c 'firefox {url}'\"\n");
    desk.stage.start_daemon();
    let status = desk.stage.run(["status", "--json"]).exits(0).stdout;
    assert!(status.contains("config.toml\",\"line\":2,") && status.contains("- {url}"), "{status}");
    let canned = Canned::answers([ok(&pending(AWS_PAGE, true)), ok(&signed_in())]);
    let set = [("BROWSER", "sh -c 'touch was-here; firefox %s'"), ("DISPLAY", ":7")];
    desk.run(&canned, &["login", "corp"], &set).exits(0).says("no browser was opened: BROWSER must be").says("- %s");
    assert!(!desk.stage.home().join("was-here").exists());
}

#[test]
fn in_a_remote_session_the_variables_browser_is_tried_and_two_options_force_and_forbid() {
    let desk = Desk::new();
    desk.stage.write_own_config(&format!("[session.corp]\nbrowser = \"{}\"\n", desk.browser("configured {url}")));
    let ssh = [("DISPLAY", ":7"), ("SSH_TTY", "/dev/pts/1")];
    let unset = [("SSH_TTY", "/dev/pts/1"), ("BROWSER", "")];
    for (words, set, expected) in [
        (&[][..], &ssh[..], Some("variable")),
        (&[], &[], Some("variable")),
        (&["--browser"], &ssh, Some("configured")),
        (&["--browser"], &unset, Some("configured")),
        (&["--no-browser"], &DISPLAY, None),
        (&["--no-browser"], &ssh, None),
        (&[], &unset, None),
    ] {
        desk.browser.forget();
        let outcome = desk.login(AWS_PAGE, words, set);
        match expected {
            Some(first) => {
                until("the page is open", || (!desk.browser.pages().is_empty()).then_some(()));
                assert_eq!(desk.browser.pages(), [format!("{first} {AWS_PAGE}")], "{words:?} {set:?}");
            }
            None => assert_eq!(outcome.stderr.contains("this is a session over SSH"), words.is_empty(), "{outcome:?}"),
        }
    }
    assert_eq!(desk.browser.pages(), Vec::<String>::new());

    let joined = Canned::answers([ok(&pending(AWS_PAGE, false)), ok(&signed_in())]);
    desk.run(&joined, &["login", "corp"], &DISPLAY).exits(0);
    assert_eq!(desk.browser.pages(), Vec::<String>::new(), "whoever joins opens no second page");
}

#[test]
fn a_browser_that_is_missing_or_fails_is_told() {
    let desk = Desk::new();
    desk.login(AWS_PAGE, &[], &[("DISPLAY", ":7"), ("BROWSER", "/nonexistent/browser")])
        .says("no browser was opened: /nonexistent/browser: ");
}
