use std::time::SystemTime;

use super::*;
use crate::clock::BootTime;
use crate::config::{self, Paths};
use crate::notice::{FlowView, Way};

fn at(minutes: u64) -> BootTime {
    BootTime::from_boot(Duration::from_secs(100_000 + minutes * MINUTE))
}

fn now() -> Now {
    Now { boot: at(0), wall: SystemTime::UNIX_EPOCH }
}

/// The session "corp" of this portal.
pub(in crate::desktop) fn configured(start_url: &str, region: &str) -> SessionConfig {
    let own = format!("[session.corp]\nstart_url = {start_url:?}\nregion = {region:?}\n");
    let paths = Paths { own: "/config.toml".into(), aws: "/aws".into(), aws_credentials: "/credentials".into() };
    config::parse(&paths, &own, "", "", &config::Environment::from_vars(|_| None)).sessions.remove(0)
}

fn session(name: &str) -> SessionConfig {
    SessionConfig { name: name.to_owned(), ..configured("https://corp.awsapps.com/start", "eu-west-1") }
}

fn flow(user_code: &str, page: &str) -> FlowView {
    FlowView {
        number: 1,
        page: page.to_owned(),
        way: Way::Code { user_code: user_code.to_owned(), verification_uri: page.to_owned() },
        expires: at(10),
        no_browser: None,
    }
}

const PAGE: &str = "https://device.sso.eu-west-1.amazonaws.com/?user_code=ABCD-EFGH";

#[test]
fn every_notice_says_whose_sign_in_it_is_how_long_it_lasts_and_what_to_do() {
    let rows = [
        (
            Notice::Approve { flow: flow("ABCD-EFGH", PAGE), ends: at(15) },
            "Ends in 15 min\nCompare the code:\nABCD-EFGH\nApprove it on device.sso.eu-west-1.amazonaws.com",
            "Run: ssoctl login corp",
            &[(Action::SignIn, "Open the page"), (Action::PutOff, "Later")][..],
            false,
        ),
        (
            Notice::Approve { flow: flow("ABCD-EFGH", PAGE), ends: at(0) },
            "Has expired\nCompare the code:\nABCD-EFGH\nApprove it on device.sso.eu-west-1.amazonaws.com",
            "Run: ssoctl login corp",
            &[(Action::SignIn, "Open the page")],
            true,
        ),
        (
            Notice::SignIn { ends: at(5) },
            "Ends in 5 min\nSigning in opens a page.",
            "Run: ssoctl login corp",
            &[(Action::SignIn, "Sign in"), (Action::PutOff, "Later")],
            false,
        ),
        (
            Notice::RenewNow { ends: at(75) },
            "Ends in 1 h 15 min\nThe portal session ends at the same time. Signing in again does not change \
             that.\nRenewing starts a new portal session and ends this token: running jobs lose it. Role credentials that were \
             issued already stay valid.",
            "Run: ssoctl login --fresh corp",
            &[(Action::Renew, "Renew now"), (Action::PutOff, "Later")],
            false,
        ),
        (
            Notice::Expired { ended: BootTime::from_boot(Duration::from_secs(100_000 - 12 * MINUTE)) },
            "Has expired 12 min ago",
            "Run: ssoctl login corp",
            &[(Action::SignIn, "Sign in")],
            true,
        ),
    ];
    for (notice, body, remedy, actions, has_expired) in rows {
        let written = write(&notice, &session("corp"), now());
        assert_eq!(written.title, "AWS sign-in for corp");
        assert_eq!(written.body(Buttons::Shown, Markup::Plain), body);
        assert_eq!(written.body(Buttons::Missing, Markup::Plain), format!("{body}\n{remedy}"));
        assert_eq!((written.actions.as_slice(), written.is_urgent), (actions, has_expired), "{body}");
    }
}

#[test]
fn only_notices_before_the_end_can_be_put_off() {
    let refused = "https://corp.awsapps.com.attacker.example/";
    for (notice, can_wait) in [
        (Notice::Approve { flow: flow("ABCD-EFGH", PAGE), ends: at(15) }, true),
        (Notice::SignIn { ends: at(5) }, true),
        (Notice::RenewNow { ends: at(5) }, true),
        (Notice::Approve { flow: flow("ABCD-EFGH", PAGE), ends: at(0) }, false),
        (Notice::Approve { flow: flow("ABCD-EFGH", refused), ends: at(15) }, false),
        (Notice::Expired { ended: at(0) }, false),
    ] {
        let actions = write(&notice, &session("corp"), now()).actions;
        assert_eq!(actions.contains(&(Action::PutOff, "Later")), can_wait, "{notice:?}");
    }
}

#[test]
fn an_end_that_has_just_come_is_not_reckoned_in_minutes() {
    let written = write(&Notice::Expired { ended: at(0) }, &session("corp"), now());
    assert_eq!(written.body(Buttons::Shown, Markup::Plain), "Has expired");
}

#[test]
fn a_page_that_may_not_be_opened_is_shown_as_such_and_offers_nothing_to_click_on() {
    let notice =
        Notice::Approve { flow: flow("ABCD-EFGH", "https://corp.awsapps.com.attacker.example/"), ends: at(15) };
    let written = write(&notice, &session("corp"), now());
    assert_eq!(written.actions, []);
    assert_eq!(
        written.body(Buttons::Shown, Markup::Plain),
        "Ends in 15 min\nCompare the code:\nABCD-EFGH\nThe page is not opened: it is not on a host of AWS or of the start URL \
         (corp.awsapps.com.attacker.example)\nRun: ssoctl login corp"
    );
}

#[test]
fn foreign_text_is_neither_markup_nor_long_nor_invisible() {
    let code = "<img src='x'>&\u{202e}\u{1b}[31m\nB\"";
    let notice = Notice::Approve { flow: flow(code, PAGE), ends: at(15) };
    let body = write(&notice, &session("corp"), now()).body(Buttons::Shown, Markup::Rendered);
    assert_eq!(body.lines().nth(2), Some(r"&lt;img src=&#39;x&#39;&gt;&amp;\u{202e}\u{1b}[31…"));

    let long = write(&Notice::SignIn { ends: at(15) }, &session(&"x".repeat(1000)), now());
    assert_eq!(long.title, format!("AWS sign-in for {}…", "x".repeat(63)));
    let notice = Notice::Approve { flow: flow(&"9".repeat(1 << 20), PAGE), ends: at(15) };
    assert!(write(&notice, &session("corp"), now()).body(Buttons::Missing, Markup::Rendered).len() < 400);
}

#[test]
fn a_question_names_the_program_as_foreign_text_and_offers_the_harmless_answer_first() {
    let who = Who { pid: Some(4711), program: Some("<b>\u{1b}[1m".to_owned()), grant: Some("ci".to_owned()) };
    let about = About::Credentials { role: "ReadOnlyAccess in account 111122223333".to_owned() };
    let question = Question { who, about };
    let written = write_question(&question);
    assert_eq!(written.title, "AWS credentials for ci?");
    assert_eq!(
        written.body(Buttons::Shown, Markup::Rendered),
        "&lt;b&gt;\\u{1b}[1m (pid 4711) asks for ReadOnlyAccess in account 111122223333\n\
         A program gives itself its name; it proves nothing."
    );
    assert_eq!(written.actions, [(Choice::Deny, "Deny"), (Choice::Allow, "Allow")]);
    let sign_in = About::SignIn { session: "corp".to_owned(), code: Some("ABCD-EFGH".to_owned()) };
    let unknown = write_question(&Question { who: Who::default(), about: sign_in });
    assert_eq!(unknown.actions[1].1, "Open the page");
    assert!(unknown.body(Buttons::Shown, Markup::Plain).starts_with(
        "A program (in a container or on another machine) asks you to sign in to corp\nCompare the code:\nABCD-EFGH\n"
    ));
}

#[test]
fn a_notice_says_who_waits_for_it() {
    let who = Who { pid: Some(4711), program: Some("terraform".to_owned()), grant: None };
    let waits = |who: &Who| {
        let written = write(&Notice::SignIn { ends: at(15) }, &session("corp"), now()).asked_by(Some(who));
        written.body(Buttons::Shown, Markup::Plain).lines().last().map(str::to_owned)
    };
    assert_eq!(waits(&who).as_deref(), Some("terraform (pid 4711) waits for this"));
    let granted = Who { grant: Some("ci".to_owned()), ..who };
    assert_eq!(waits(&granted).as_deref(), Some("terraform (pid 4711), by the grant ci, waits for this"));
}

#[test]
fn names_stand_in_commands_as_a_shell_reads_them() {
    for (name, command) in [
        ("corp@eu-west-1", "Run: ssoctl login corp@eu-west-1"),
        ("two words", "Run: ssoctl login 'two words'"),
        ("it's; rm -r", r"Run: ssoctl login 'it'\''s; rm -r'"),
        ("ünï", "Run: ssoctl login 'ünï'"),
    ] {
        let written = write(&Notice::SignIn { ends: at(15) }, &session(name), now());
        let body = written.body(Buttons::Missing, Markup::Plain);
        assert_eq!(body.lines().last(), Some(command));
    }
}

#[test]
fn durations_are_rounded_up_to_whole_minutes() {
    for (millis, words) in
        [(1, "1 min"), (60_000, "1 min"), (60_001, "2 min"), (3_540_001, "1 h"), (5_400_000, "1 h 30 min")]
    {
        assert_eq!(in_minutes(Duration::from_millis(millis)), words, "{millis} ms");
    }
}
