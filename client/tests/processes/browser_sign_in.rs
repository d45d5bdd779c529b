//! Signing in at the browser, which comes back to the daemon (the authorization code grant): allowed, denied, joined, given up, and
//! where it is not possible.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;

use identity_center_simulator::{Fault, Grant, Operation, Settings, Times};
use rustix::process::Signal;

use crate::documents::block;
use test_support::browser::Browser;
use test_support::visit::{Page, allow, visit};
use test_support::{Running, Stage, until};

/// A person in front of a browser.
struct Desk {
    stage: Stage,
    browser: Browser,
}

impl Desk {
    fn new() -> Self {
        Self::with(Settings::default())
    }

    fn with(settings: Settings) -> Self {
        let stage = Stage::with_corp(settings);
        let browser = Browser::on(&stage);
        Self { stage, browser }
    }

    /// `ssoctl login --flow browser` with these further arguments.
    fn login(&self, arguments: &[&str]) -> Running {
        let arguments = [&["login", "--flow", "browser"], arguments].concat();
        self.stage.start(self.browser.command(&self.stage, arguments))
    }

    fn allow(&self, page: &str) -> Page {
        allow(&self.stage.identity_center, page)
    }

    /// Where this machine listens for the browser.
    fn callback(&self) -> String {
        let port = self.stage.status("corp")["login"]["callback_port"].as_u64().expect("a browser is waited for");
        format!("http://127.0.0.1:{port}/oauth/callback")
    }

    fn calls(&self, operation: Operation) -> usize {
        self.stage.identity_center.calls(operation)
    }
}

/// A port on which nobody listens.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A parameter of a page's address.
fn parameter(page: &str, name: &str) -> String {
    let mut parameters = page.split(['?', '&']).filter_map(|part| part.split_once('='));
    parameters.find(|(known, _)| *known == name).unwrap_or_else(|| panic!("no {name} in {page}")).1.to_owned()
}

#[test]
fn a_request_that_is_allowed_in_the_browser_signs_in_and_token_prints_the_token() {
    let desk = Desk::new();
    let login = desk.login(&[]);
    let page = desk.browser.page();
    assert!(page.starts_with(&format!("{}/authorize?", desk.stage.identity_center.url())), "{page}");
    assert_eq!(parameter(&page, "code_challenge_method"), "S256");

    let shown = desk.allow(&page).shows("<h1>Signed in</h1>").shows("<strong>corp</strong>");
    assert!(!shown.url.contains("code="), "the code stays in no address bar: {}", shown.url);
    login
        .finish()
        .exits(0)
        .prints_nothing()
        .says(&format!("\n\n    {page}\n\n    Host: 127.0.0.1:"))
        .says("Signed in to corp");
    let token = desk.stage.run(["token"]).exits(0);
    assert_eq!(desk.stage.identity_center.issued_access_tokens(), [token.stdout.trim_end()]);
    assert_eq!(desk.stage.identity_center.token_calls(Grant::AuthorizationCode), 1);
    assert_eq!(desk.calls(Operation::StartDeviceAuthorization), 0);
    assert_eq!(desk.stage.status("corp")["refreshable"], true);
}

#[test]
fn a_person_who_is_signed_in_at_the_portal_is_not_asked_again() {
    let desk = Desk::new();
    let login = desk.login(&[]);
    desk.allow(&desk.browser.page());
    login.finish().exits(0);

    desk.stage
        .identity_center
        .settings(|settings| settings.consent = identity_center_simulator::Consent::OncePerPortalSession);
    desk.browser.forget();
    let login = desk.login(&[]);
    // The service redirects at once.
    visit(&desk.browser.page()).unwrap().shows("<h1>Signed in</h1>");
    login.finish().exits(0);
}

#[test]
fn ctrl_c_leaves_the_sign_in_open_and_the_next_login_joins_it_without_a_second_page() {
    let desk = Desk::new();
    let first = desk.login(&[]);
    let page = desk.browser.page();
    first.send(Signal::INT);
    assert_eq!(first.finish().signal, Some(Signal::INT.as_raw()));
    let pending = &desk.stage.status("corp")["login"];
    assert_eq!((&pending["kind"], &pending["user_code"]), (&"browser".into(), &().into()));
    let session = desk.stage.run(["status", "corp"]).exits(0).stdout;
    assert!(session.contains("in the browser") && session.contains(&page), "{session}");

    let second = desk.login(&[]);
    let third = desk.stage.start(desk.stage.ssoctl(["token", "--wait", "5m"]));
    let refused = desk.stage.run(["token"]).exits(3).says("finish the pending sign-in in the browser").stderr;
    assert!(!refused.contains("state="), "scripts keep errors in logs: {refused}");
    for caller in [&second, &third] {
        until("the page is shown", || caller.said().contains(&page).then_some(()));
    }
    desk.allow(&page);
    second.finish().exits(0);
    assert_eq!(desk.stage.identity_center.issued_access_tokens(), [third.finish().exits(0).stdout.trim_end()]);
    assert_eq!((desk.browser.pages(), desk.calls(Operation::RegisterClient)), (vec![page], 1));
}

#[test]
fn who_wants_a_code_and_meets_a_sign_in_at_the_browser_is_told_how_to_start_anew() {
    let desk = Desk::new();
    let first = desk.login(&[]);
    let page = desk.browser.page();
    let second = desk.stage.start(desk.stage.ssoctl(["login", "--flow", "device", "--no-browser"]));
    until("the page is shown", || second.said().contains(&page).then_some(()));
    desk.stage.run(["login", "--cancel"]).exits(0);
    second.finish().exits(7).says("ssoctl login --cancel corp");
    first.finish().exits(7);
}

#[test]
fn cancel_closes_the_port() {
    let desk = Desk::new();
    let login = desk.login(&[]);
    let page = desk.browser.page();
    let callback = desk.callback();
    visit(&callback).unwrap().shows("Nothing to see here");
    desk.stage.run(["login", "--cancel"]).exits(0);
    login.finish().exits(7).prints_nothing().says("cancelled");
    until("nobody listens", || {
        visit(&callback).err().filter(|error| error.kind() == std::io::ErrorKind::ConnectionRefused)
    });
    // Whoever allows the request now is sent nowhere, and no token comes of it.
    let request = visit(&page).unwrap().request();
    assert!(visit(&desk.stage.identity_center.allow_request(&request).unwrap()).is_err());
    assert_eq!(desk.stage.identity_center.issued_access_tokens(), Vec::<String>::new());
}

#[test]
fn a_request_that_is_denied_in_the_browser_exits_7_as_a_denied_code_does() {
    let desk = Desk::new();
    let login = desk.login(&[]);
    let request = visit(&desk.browser.page()).unwrap().request();
    let location = desk.stage.identity_center.deny_request(&request).unwrap();
    visit(&location).unwrap().shows("<h1>Not signed in</h1>").shows("denied").shows("ssoctl login corp");
    login.finish().exits(7).prints_nothing().says("denied").says("ssoctl login corp");
    let session = desk.stage.status("corp");
    assert_eq!((&session["state"], &session["last_error"]["code"]), (&"signed_out".into(), &"access_denied".into()));
}

#[test]
fn a_browser_that_was_closed_can_be_opened_again() {
    let desk = Desk::new();
    let first = desk.login(&[]);
    let page = desk.browser.page();
    // The person opens the page, and closes it without a decision.
    visit(&page).unwrap().shows("Allow this request?");
    let second = desk.login(&["--browser"]);
    until("the page is opened again", || (desk.browser.pages().len() == 2).then_some(()));
    assert_eq!(desk.browser.pages(), [page.as_str(), page.as_str()]);
    desk.allow(&page).shows("<h1>Signed in</h1>");
    first.finish().exits(0);
    second.finish().exits(0);
    assert_eq!(desk.stage.identity_center.issued_access_tokens().len(), 1);
}

#[test]
fn a_code_that_gives_no_token_is_told_in_the_browser_and_on_the_terminal() {
    let desk = Desk::new();
    desk.stage.identity_center.inject(Operation::CreateToken, Fault::error("InvalidGrantException"), Times::Next(1));
    let login = desk.login(&[]);
    desk.allow(&desk.browser.page()).shows("<h1>Not signed in</h1>").shows("ssoctl login corp --flow device");
    login.finish().exits(7).prints_nothing().says("InvalidGrant");
    let again = desk.login(&[]);
    let page = until("a new page is opened", || desk.browser.pages().into_iter().nth(1));
    desk.allow(&page).shows("<h1>Signed in</h1>");
    again.finish().exits(0);
}

/// The one line that says why it is a device flow.
#[track_caller]
fn says_why_it_is_a_code(stage: &Stage, login: Running, why: &str) {
    stage.approve_shown_by(&login);
    let said = login.finish().exits(0).prints_nothing().stderr;
    let lines: Vec<_> = said.lines().filter(|line| line.starts_with("ssoctl: ")).collect();
    assert!(lines.len() == 1 && lines[0].contains("signing in by a code, because") && lines[0].contains(why), "{said}");
}

#[test]
fn where_the_service_refuses_the_registration_the_person_signs_in_by_a_code_and_is_told_why() {
    let desk = Desk::new();
    desk.stage.identity_center.settings(|settings| settings.grants.retain(|grant| *grant != Grant::AuthorizationCode));
    let login = desk.login(&["--no-browser"]);
    says_why_it_is_a_code(&desk.stage, login, "the service refuses a registration for the browser");
}

#[test]
fn where_the_port_is_taken_the_person_signs_in_by_a_code_and_is_told_why() {
    let desk = Desk::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let login = desk.login(&["--no-browser", "--callback-port", &port]);
    says_why_it_is_a_code(&desk.stage, login, &format!("port {port} cannot be listened on: "));
}

#[test]
fn a_daemon_that_ends_during_a_sign_in_says_so_and_the_next_login_works() {
    let desk = Desk::new();
    for (signal, code, said) in [
        (Signal::TERM, 1, "the sign-in ends with it; to start over, run: ssoctl login corp"),
        (Signal::KILL, 4, "lost the connection to ssoctld"),
    ] {
        desk.browser.forget();
        let login = desk.login(&[]);
        let page = desk.browser.page();
        desk.stage.wait_for_waiters("corp", 1);
        desk.stage.end_daemon(signal);
        login.finish().exits(code).prints_nothing().says(said);
        // The page of the old sign-in leads nowhere.
        let request = visit(&page).unwrap().request();
        assert!(visit(&desk.stage.identity_center.allow_request(&request).unwrap()).is_err());

        desk.stage.start_daemon();
        desk.browser.forget();
        let login = desk.login(&[]);
        desk.allow(&desk.browser.page()).shows("<h1>Signed in</h1>");
        login.finish().exits(0);
    }
}

#[test]
fn over_ssh_it_is_a_code_and_with_a_port_the_tunnel_that_fits_is_shown() {
    let desk = Desk::new();
    let over_ssh = |arguments: &[&str]| {
        let mut command = desk.browser.command(&desk.stage, [&["login", "--no-browser"], arguments].concat());
        command.env("SSH_CONNECTION", "192.0.2.1 50000 192.0.2.7 2222").env("USER", "ada");
        desk.stage.start(command)
    };
    let login = over_ssh(&[]);
    desk.stage.approve_shown_by(&login);
    login.finish().exits(0);

    let port = free_port().to_string();
    let login = over_ssh(&["--callback-port", &port]);
    let page = until("the page is shown", || {
        login.said().lines().find_map(|line| line.strip_prefix("    http")).map(|rest| format!("http{rest}"))
    });
    assert!(page.contains(&format!("127.0.0.1%3A{port}%2F")), "{page}");
    desk.allow(&page).shows("<h1>Signed in</h1>");
    let shown = block("docs/sign-in.md", "console").replace("8400", &port).replace("ada@", "-p 2222 ada@");
    let (_, shown) = shown.split_once('\n').expect("the answer to a command");
    login.finish().exits(0).says(shown);
}

#[test]
fn the_setting_decides_for_all_sessions_or_for_one() {
    let kind = |settings: &str, arguments: &[&str]| {
        let stage = Stage::without_daemon(Settings::default(), test_support::stage::CORP);
        stage.write_own_config(settings);
        let stage = stage.started().signed_out();
        let login = stage.start(stage.ssoctl([&["login", "--no-browser"], arguments].concat()));
        let kind = until("a sign-in is pending", || stage.status("corp")["login"]["kind"].as_str().map(str::to_owned));
        stage.run(["login", "--cancel"]).exits(0);
        login.finish().exits(7);
        kind
    };
    for (settings, arguments, expected) in [
        ("", &[][..], "device"),
        ("sign_in = \"browser\"\n", &[], "browser"),
        ("sign_in = \"browser\"\n[session.corp]\nsign_in = \"device\"\n", &[], "device"),
        ("sign_in = \"device\"\n[session.corp]\nsign_in = \"browser\"\n", &[], "browser"),
        ("sign_in = \"device\"\n", &["--flow", "browser"], "browser"),
        ("sign_in = \"browser\"\n", &["--flow", "device"], "device"),
    ] {
        assert_eq!(kind(settings, arguments), expected, "{settings} {arguments:?}");
    }
}

#[test]
fn neither_state_nor_code_nor_verifier_is_in_the_log_or_in_a_file_of_the_daemon() {
    let desk = Desk::new();
    let mut states = Vec::new();
    for fault in [Some(Fault::Truncated), Some(Fault::error("InvalidGrantException")), None] {
        let login = desk.login(&[]);
        let page = desk.browser.page();
        states.push(parameter(&page, "state"));
        if let Some(fault) = fault {
            desk.stage.identity_center.inject(Operation::CreateToken, fault, Times::Next(1));
        }
        // Somebody guesses.
        visit(&format!("{}?code=a&state={}", desk.callback(), "b".repeat(43))).unwrap().shows("Nothing to see here");
        desk.allow(&page);
        login.finish();
        desk.browser.forget();
    }
    let issued = desk.stage.identity_center.secrets();
    let kept = [desk.stage.identity_center.issued_access_tokens(), desk.stage.identity_center.issued_refresh_tokens()]
        .concat();
    // The registration that a refresh token belongs to is stored with it.
    let mut secrets: Vec<_> = issued.into_iter().filter(|secret| !kept.contains(secret)).collect();
    secrets.extend(states);
    assert!(secrets.len() >= 3 * 3, "three states, codes and verifiers: {}", secrets.len());
    for file in [desk.stage.log(), record(&desk.stage)] {
        let text = fs::read_to_string(&file).unwrap();
        let found: Vec<_> = secrets.iter().filter(|secret| text.contains(*secret)).collect();
        let expected = usize::from(file != desk.stage.log());
        assert_eq!(found.len(), expected, "the client secret in the record, and nothing else: {}", file.display());
    }
}

/// The one record.
fn record(stage: &Stage) -> PathBuf {
    let mut records = fs::read_dir(stage.state_directory().join("records")).unwrap();
    records.next().unwrap().unwrap().path()
}
