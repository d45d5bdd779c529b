//! Flows at the browser: the last column of the table in `flow.rs`, row by row, and what a browser may do to a flow.

use super::*;
use crate::notice::{FlowKind, Way};

const PAGE: &str = "https://oidc.eu-west-1.amazonaws.com/authorize?state=s";

fn page() -> CallbackPage {
    CallbackPage { page: PAGE.to_owned(), port: 8400 }
}

fn code(code: &str) -> Grant {
    Grant::AuthorizationCode {
        code: code.into(),
        redirect_uri: "http://127.0.0.1:8400/oauth/callback".to_owned(),
        verifier: "verifier".into(),
    }
}

fn setting(sign_in: SignInSetting) -> Terms {
    Terms { sign_in, ..quiet() }
}

fn signed_out() -> Timeline {
    Timeline::signed_out_with(setting(SignInSetting::Auto))
}

/// A session whose flow waits for the browser, and the caller that it was opened for.
fn waiting_for_the_browser() -> (Timeline, AskId) {
    let mut t = signed_out();
    t.polls = Polls::Unanswered;
    let caller = t.ask(Want::LoginAtBrowser);
    t.registers(Ok(registration("for-browser", t.now)));
    t.opens_callback(Ok(page()));
    (t, caller)
}

/// What the service was asked last for the token.
fn asked_for(t: &mut Timeline) -> Grant {
    let Effect::CreateToken(_, registration, grant) = t.end("CreateToken") else { unreachable!() };
    assert_eq!(registration.client_id, "for-browser");
    grant
}

#[test]
fn the_page_is_shown_once_the_browser_can_come_back_and_its_code_gives_the_token() {
    let mut t = signed_out();
    t.polls = Polls::Unanswered;
    let caller = t.ask(Want::LoginAtBrowser);
    t.registers(Ok(registration("for-browser", t.now)));
    assert!(t.is_waiting(caller), "nobody listens yet");
    t.opens_callback(Ok(page()));
    let Answer::Pending { started: true, flow } = t.told(caller).clone() else { panic!("{:?}", t.told(caller)) };
    assert_eq!((flow.page.as_str(), flow.way), (PAGE, Way::Browser { callback_port: 8400 }));
    assert_eq!(flow.expires, t.now.boot + mins(10));
    let waits = t.ask_token(NOW, hours(1));
    t.comes_back(Ok(code("c1")));
    assert!(t.callback_ends.is_empty(), "the browser is told after CreateToken has answered");
    t.polls(Ok(issued(1, hours(1))));
    assert_eq!(t.token(waits), "access-1");
    assert_eq!(t.callback_ends, [FlowEnd::Granted]);
    let renewal = t.record.as_ref().and_then(|record| record.token.as_ref()?.renewal.as_ref());
    assert_eq!(renewal.map(|renewal| renewal.registration.client_id.as_str()), Some("for-browser"));
    assert_eq!(t.record.as_ref().and_then(|record| record.registration.as_ref()), None, "it is for one sign-in");
}

#[test]
fn a_flow_is_of_the_kind_that_was_asked_for_or_else_set_or_else_fits_the_caller() {
    use SignInSetting::{Auto, Browser, Device};
    let anybody = How::default();
    let here = How::at_this_browser();
    let wants = |kind| How { kind: Some(kind), ..anybody };
    for (setting, how, kind) in [
        (Auto, anybody, FlowKind::Device),
        (Auto, here, FlowKind::Browser),
        (Browser, anybody, FlowKind::Browser),
        (Device, here, FlowKind::Device),
        (Device, wants(FlowKind::Browser), FlowKind::Browser),
        (Browser, wants(FlowKind::Device), FlowKind::Device),
    ] {
        assert_eq!(how.kind(setting), kind, "{setting:?} {how:?}");
    }
    let mut t = Timeline::signed_out_with(setting(SignInSetting::Browser));
    t.ask_token(NOW, hours(1));
    assert!(matches!(t.end("Register"), Effect::Register(_, FlowKind::Browser, _)), "a program waits for a token");
}

#[test]
fn everybody_joins_the_open_flow_whatever_its_kind() {
    let (mut t, _) = waiting_for_the_browser();
    let second = t.ask(Want::Login { need: Need::Always });
    assert!(matches!(t.told(second), Answer::Pending { started: false, flow } if flow.page == PAGE));
    let mut t = signed_out();
    t.open_flow();
    let second = t.ask(Want::LoginAtBrowser);
    assert!(matches!(t.told(second), Answer::Pending { started: false, flow } if flow.user_code().is_some()));
    assert_eq!(t.begun("OpenCallback"), 0);
}

#[test]
fn without_a_listener_or_a_registration_it_goes_on_as_a_device_flow_and_says_why() {
    for refuses in [true, false] {
        let mut t = signed_out();
        let caller = t.ask(Want::LoginAtBrowser);
        if refuses {
            t.registers(Err(service(ErrorName::InvalidScope)));
        } else {
            t.registers(Ok(registration("for-browser", t.now)));
            t.opens_callback(Err("port 8400 is in use".to_owned()));
        }
        t.registers(Ok(registration("for-codes", t.now)));
        t.authorizes(Ok(authorization()));
        t.settle_polls();
        let Answer::Pending { started: true, flow } = t.told(caller) else { panic!("{:?}", t.told(caller)) };
        assert_eq!(flow.user_code(), Some("ABCD-EFGH"));
        let why = flow.no_browser.as_deref().unwrap_or_default();
        assert!(why.contains(if refuses { "InvalidScopeException" } else { "port 8400 is in use" }), "{why}");
    }
}

#[test]
fn a_service_that_has_no_name_for_its_refusal_is_tried_again_before_the_device_flow() {
    let mut t = signed_out();
    t.ask(Want::LoginAtBrowser);
    for _ in 0..3 {
        t.registers(Err(unnamed()));
        t.advance(secs(8));
    }
    assert!(matches!(t.end("Register"), Effect::Register(_, FlowKind::Device, _)));
}

#[test]
fn a_registration_for_the_browser_is_not_refused_by_trouble_that_may_pass() {
    let mut t = signed_out();
    let caller = t.ask(Want::LoginAtBrowser);
    for _ in 0..3 {
        t.registers(Err(network()));
        t.advance(secs(8));
    }
    assert_eq!(t.refusal(caller), &Refusal::Service(network()));
    assert_eq!((t.begun("Register"), t.begun("AuthorizeDevice")), (3, 0));
}

#[test]
fn every_error_of_create_token_means_what_the_table_says() {
    let ends = |end: fn(CallError) -> FlowEnd| Some(end);
    for (error, end) in [
        (service(ErrorName::AuthorizationPending), None),
        (service(ErrorName::SlowDown), None),
        (service(ErrorName::InternalServer), None),
        (key_trouble(), None),
        (unnamed(), None),
        (network(), None),
        (unusable(), None),
        (service(ErrorName::ExpiredToken), ends(|_| FlowEnd::Expired)),
        (service(ErrorName::AccessDenied), ends(|_| FlowEnd::Denied)),
        (service(ErrorName::InvalidGrant), ends(FlowEnd::Failed)),
        (service(ErrorName::InvalidClient), ends(FlowEnd::Failed)),
        (service(ErrorName::UnauthorizedClient), ends(FlowEnd::Failed)),
        (service(ErrorName::UnsupportedGrantType), ends(FlowEnd::Failed)),
        (service(ErrorName::InvalidScope), ends(FlowEnd::Failed)),
        (service(ErrorName::InvalidRequest), ends(FlowEnd::Failed)),
        (service(ErrorName::InvalidClientMetadata), ends(FlowEnd::Failed)),
        (service(ErrorName::InvalidRedirectUri), ends(FlowEnd::Failed)),
        (CallError::Senseless { operation: "CreateToken", reason: "no accessToken".to_owned() }, ends(FlowEnd::Failed)),
        (configuration(), ends(FlowEnd::Failed)),
    ] {
        let (mut t, _) = waiting_for_the_browser();
        let waits = t.ask_token(NOW, hours(1));
        t.comes_back(Ok(code("c1")));
        t.polls(Err(error.clone()));
        match end {
            Some(end) => {
                assert_eq!(t.callback_ends, [end(error.clone())], "{error:?}");
                assert!(!t.is_waiting(waits), "{error:?}");
                t.advance(mins(1));
                assert_eq!(t.begun("CreateToken"), 1, "{error:?}");
            }
            None => {
                t.advance(secs(8));
                assert_eq!(asked_for(&mut t), code("c1"), "{error:?}");
                let flow = t.listening.unwrap();
                t.on(Event::TokenCreated(flow, Ok(issued(1, hours(1)))));
                assert_eq!(t.token(waits), "access-1", "{error:?}");
            }
        }
    }
}

#[test]
fn a_code_that_may_be_used_up_is_tried_three_times_and_the_lost_answer_is_told() {
    let (mut t, _) = waiting_for_the_browser();
    t.comes_back(Ok(code("c1")));
    t.polls(Err(network()));
    t.advance(secs(8));
    t.polls(Err(service(ErrorName::InvalidGrant)));
    assert_eq!(t.callback_ends, [FlowEnd::Failed(network())], "\"already used\" would say less");
    let (mut t, _) = waiting_for_the_browser();
    t.comes_back(Ok(code("c1")));
    for _ in 0..3 {
        t.polls(Err(network()));
        t.advance(secs(8));
    }
    assert_eq!((t.begun("CreateToken"), t.callback_ends.len()), (3, 1));
}

#[test]
fn what_the_browser_brings_first_counts() {
    let (mut t, _) = waiting_for_the_browser();
    t.comes_back(Ok(code("c1")));
    t.comes_back(Ok(code("c2")));
    assert_eq!(asked_for(&mut t), code("c1"));
    assert_eq!(t.begun("CreateToken"), 1);
}

#[test]
fn an_error_that_the_browser_brings_ends_the_flow() {
    for (error, end) in [
        (service(ErrorName::AccessDenied), FlowEnd::Denied),
        (service(ErrorName::InvalidScope), FlowEnd::Failed(service(ErrorName::InvalidScope))),
        (service(ErrorName::InternalServer), FlowEnd::Failed(service(ErrorName::InternalServer))),
    ] {
        let (mut t, _) = waiting_for_the_browser();
        t.comes_back(Err(error));
        assert_eq!((t.callback_ends, t.listening), (vec![end], None));
    }
}

#[test]
fn a_browser_that_never_comes_back_is_waited_for_ten_minutes_and_each_click_opens_the_page_again() {
    let (mut t, _) = waiting_for_the_browser();
    for clicks in 1..=2 {
        t.on(Event::Acted(Action::SignIn));
        assert_eq!(t.opened, vec![PAGE; clicks]);
    }
    t.advance(mins(9));
    assert!(t.snapshot().flow.is_some());
    t.advance(mins(1));
    assert_eq!((t.snapshot().flow, t.callback_ends.as_slice()), (None, &[FlowEnd::Expired][..]));
    assert_eq!(t.trouble(), "flow_expired");
}

#[test]
fn a_code_that_came_in_time_is_used_after_the_ten_minutes() {
    let (mut t, _) = waiting_for_the_browser();
    t.advance(mins(10) - SECOND);
    t.comes_back(Ok(code("c1")));
    t.advance(mins(1));
    t.polls(Ok(issued(1, hours(1))));
    assert_eq!(t.callback_ends, [FlowEnd::Granted]);
}

#[test]
fn a_flow_that_is_given_up_closes_its_listener_and_drops_a_late_token() {
    for want in [Want::CancelLogin, Want::Logout(Forgotten::Token)] {
        let (mut t, _) = waiting_for_the_browser();
        t.comes_back(Ok(code("c1")));
        let flow = t.listening.unwrap();
        t.ask(want);
        assert_eq!((t.callback_ends.as_slice(), t.listening), (&[FlowEnd::Cancelled][..], None));
        t.on(Event::TokenCreated(flow, Ok(issued(1, hours(1)))));
        assert_eq!(t.snapshot().token, None);
    }
}

#[test]
fn a_click_on_a_notice_without_a_code_opens_a_flow_at_the_browser() {
    let mut t = signed_out();
    t.on(Event::Acted(Action::SignIn));
    assert!(matches!(t.end("Register"), Effect::Register(_, FlowKind::Browser, _)));
}

#[test]
fn a_notice_without_a_code_leads_to_the_browser_and_none_with_one_does() {
    // Where people sign in at the browser, no code is fetched unasked.
    let mut t = Timeline::signed_out_with(Terms { sign_in: SignInSetting::Browser, ..noticed() });
    t.polls = Polls::Unanswered;
    t.ask(Want::LoginAtBrowser);
    t.registers(Ok(registration("for-browser", t.now)));
    t.opens_callback(Ok(page()));
    t.comes_back(Ok(code("c1")));
    t.polls(Ok(issued_alone(1, hours(8))));
    t.advance(hours(8) - mins(14));
    assert!(matches!(t.screen, Some(Notice::SignIn { .. })), "{:?}", t.screen);
    assert_eq!(t.begun("AuthorizeDevice"), 0);
    t.on(Event::Acted(Action::SignIn));
    t.registers(Ok(registration("for-browser", t.now)));
    t.opens_callback(Ok(page()));
    assert_eq!(t.opened, [PAGE]);
    assert!(matches!(&t.screen, Some(Notice::Approve { flow, .. }) if flow.user_code().is_none()), "{:?}", t.screen);
    t.comes_back(Ok(code("c2")));
    t.polls(Ok(issued_alone(2, hours(8))));
    assert_eq!(t.screen, None);
}
