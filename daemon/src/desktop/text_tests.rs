use std::time::SystemTime;

use super::*;
use crate::clock::BootTime;
use crate::notice::FlowView;

fn at(minutes: u64) -> BootTime {
    BootTime::from_boot(Duration::from_secs(100_000 + minutes * MINUTE))
}

fn now() -> Now {
    Now { boot: at(0), wall: SystemTime::UNIX_EPOCH }
}

fn subject(name: &str) -> Subject {
    Subject {
        key: "key".to_owned(),
        name: name.to_owned(),
        start_url: "https://corp.awsapps.com/start".to_owned(),
        region: "eu-west-1".to_owned(),
        browser: None,
        verification_hosts: Vec::new(),
    }
}

fn flow(user_code: &str, page: &str) -> FlowView {
    FlowView {
        number: 1,
        user_code: user_code.to_owned(),
        verification_uri: page.to_owned(),
        verification_uri_complete: page.to_owned(),
        expires: at(10),
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
            Some((Action::SignIn, "Open the page")),
            Urgency::Normal,
        ),
        (
            Notice::Approve { flow: flow("ABCD-EFGH", PAGE), ends: at(0) },
            "Has expired\nCompare the code:\nABCD-EFGH\nApprove it on device.sso.eu-west-1.amazonaws.com",
            "Run: ssoctl login corp",
            Some((Action::SignIn, "Open the page")),
            Urgency::Critical,
        ),
        (
            Notice::SignIn { ends: at(5) },
            "Ends in 5 min\nNobody approved in time. Signing in opens the page with a new code.",
            "Run: ssoctl login corp",
            Some((Action::SignIn, "Sign in")),
            Urgency::Normal,
        ),
        (
            Notice::RenewNow { ends: at(75) },
            "Ends in 1 h 15 min\nThe portal session ends with it, and signing in again would not move that.\nRenewing starts a new one and \
             ends the present token: running jobs lose it. Role credentials already issued live on.",
            "Run: ssoctl login --fresh corp",
            Some((Action::Renew, "Renew now")),
            Urgency::Normal,
        ),
        (
            Notice::Expired { ended: BootTime::from_boot(Duration::from_secs(100_000 - 12 * MINUTE)) },
            "Has expired 12 min ago",
            "Run: ssoctl login corp",
            Some((Action::SignIn, "Sign in")),
            Urgency::Critical,
        ),
    ];
    for (notice, body, remedy, action, urgency) in rows {
        let written = write(&notice, &subject("corp"), now());
        assert_eq!(written.title, "AWS sign-in for corp");
        assert_eq!(written.body(Buttons::Drawn, Markup::Shown), body);
        assert_eq!(written.body(Buttons::Missing, Markup::Shown), format!("{body}\n{remedy}"));
        assert_eq!((written.action, written.urgency), (action, urgency), "{body}");
    }
}

#[test]
fn what_comes_before_the_end_can_be_put_off_and_nothing_else() {
    let refused = "https://corp.awsapps.com.attacker.example/";
    for (notice, can_wait) in [
        (Notice::Approve { flow: flow("ABCD-EFGH", PAGE), ends: at(15) }, true),
        (Notice::SignIn { ends: at(5) }, true),
        (Notice::RenewNow { ends: at(5) }, true),
        (Notice::Approve { flow: flow("ABCD-EFGH", PAGE), ends: at(0) }, false),
        (Notice::Approve { flow: flow("ABCD-EFGH", refused), ends: at(15) }, false),
        (Notice::Expired { ended: at(0) }, false),
    ] {
        let second = write(&notice, &subject("corp"), now()).second;
        assert_eq!(second, can_wait.then_some((Action::PutOff, "Later")), "{notice:?}");
    }
}

#[test]
fn an_end_that_has_just_come_is_not_reckoned_in_minutes() {
    let written = write(&Notice::Expired { ended: at(0) }, &subject("corp"), now());
    assert_eq!(written.body(Buttons::Drawn, Markup::Shown), "Has expired");
}

#[test]
fn a_page_that_may_not_be_opened_is_shown_as_such_and_offers_nothing_to_click_on() {
    let notice =
        Notice::Approve { flow: flow("ABCD-EFGH", "https://corp.awsapps.com.attacker.example/"), ends: at(15) };
    let written = write(&notice, &subject("corp"), now());
    assert_eq!(written.action, None);
    assert_eq!(
        written.body(Buttons::Drawn, Markup::Shown),
        "Ends in 15 min\nCompare the code:\nABCD-EFGH\nThe page is not opened: it is not on a host of AWS or of the start URL \
         (corp.awsapps.com.attacker.example)\nRun: ssoctl login corp"
    );
}

#[test]
fn what_others_wrote_is_neither_markup_nor_long_nor_invisible() {
    let code = "<img src='x'>&\u{202e}\u{1b}[31m\nB\"";
    let notice = Notice::Approve { flow: flow(code, PAGE), ends: at(15) };
    let body = write(&notice, &subject("corp"), now()).body(Buttons::Drawn, Markup::Rendered);
    assert_eq!(body.lines().nth(2), Some(r"&lt;img src=&#39;x&#39;&gt;&amp;\u{202e}\u{1b}[31…"));

    let long = write(&Notice::SignIn { ends: at(15) }, &subject(&"x".repeat(1000)), now());
    assert_eq!(long.title, format!("AWS sign-in for {}…", "x".repeat(63)));
    let notice = Notice::Approve { flow: flow(&"9".repeat(1 << 20), PAGE), ends: at(15) };
    assert!(write(&notice, &subject("corp"), now()).body(Buttons::Missing, Markup::Rendered).len() < 400);
}

#[test]
fn names_stand_in_commands_as_a_shell_reads_them() {
    for (name, command) in [
        ("corp@eu-west-1", "Run: ssoctl login corp@eu-west-1"),
        ("two words", "Run: ssoctl login 'two words'"),
        ("it's; rm -r", r"Run: ssoctl login 'it'\''s; rm -r'"),
        ("ünï", "Run: ssoctl login 'ünï'"),
    ] {
        let written = write(&Notice::SignIn { ends: at(15) }, &subject(name), now());
        let body = written.body(Buttons::Missing, Markup::Shown);
        assert_eq!(body.lines().last(), Some(command));
    }
}

#[test]
fn durations_are_said_as_people_say_them_and_never_shorter_than_they_are() {
    for (seconds, words) in [
        (1, "less than a minute"),
        (59, "less than a minute"),
        (60, "1 min"),
        (61, "2 min"),
        (899, "15 min"),
        (900, "15 min"),
        (3_540, "59 min"),
        (3_541, "1 h"),
        (3_600, "1 h"),
        (5_400, "1 h 30 min"),
        (172_799, "2 days"),
        (7 * 86_400, "7 days"),
    ] {
        assert_eq!(in_words(Duration::from_secs(seconds)), words, "{seconds} s");
    }
}
