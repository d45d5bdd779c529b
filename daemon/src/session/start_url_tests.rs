//! Start URLs that are not AWS's own, and regions that only a host has named.

use super::*;
use crate::notice::FlowKind;

const TARGET: &str = "https://ssoins-1.portal.us-west-2.app.aws";

/// Terms of a session whose start URL has to be resolved.
fn vanity() -> Terms {
    Terms { target: None, ..quiet() }
}

fn leads_to(start_url: &str, region: &str) -> FlowTarget {
    let target = Target { issuer: Issuer::aws(region), resolved: Some(start_url.into()) };
    FlowTarget { target, may_move: true }
}

/// What a registration has there.
fn registered(client_id: &str, region: &str, resolved: Option<&str>, now: Now) -> Registration {
    let resolved = resolved.map(Into::into);
    Registration { issuer: Issuer::aws(region), resolved, ..registration(client_id, now) }
}

fn other_region(region: &str) -> CallError {
    CallError::OtherRegion { region: region.to_owned(), description: String::new() }
}

/// Where a client is to be registered.
#[track_caller]
fn target_of_register(t: &Timeline) -> (String, Option<String>) {
    let target = t.under_way.iter().find_map(|effect| match effect {
        Effect::Register(_, _, target) => Some(target),
        _ => None,
    });
    let Target { issuer, resolved } = target.expect("RegisterClient is under way").clone();
    (issuer.to_string(), resolved.map(|url| url.to_string()))
}

/// Signs in where the start URL leads.
fn signed_in_at(region: &str) -> Timeline {
    let mut t = Timeline::signed_out_with(vanity());
    t.polls = Polls::Unanswered;
    t.ask(Want::Login { need: Need::Always });
    t.resolves(Ok(leads_to(TARGET, region)));
    t.registers(Ok(registered("first", region, Some(TARGET), t.now)));
    t.authorizes(Ok(authorization()));
    t.polls(Ok(issued(1, hours(1))));
    t
}

#[test]
fn each_sign_in_asks_first_where_the_start_url_leads_and_goes_there() {
    let mut t = Timeline::signed_out_with(vanity());
    let caller = t.ask(Want::Login { need: Need::Always });
    assert!(!t.is_under_way("Register") && t.is_waiting(caller));
    t.resolves(Ok(leads_to(TARGET, "us-west-2")));
    assert_eq!(target_of_register(&t), ("aws:us-west-2".to_owned(), Some(TARGET.to_owned())));

    let mut t = signed_in_at("us-west-2");
    let target = t.snapshot().target.expect("a target");
    assert_eq!((target.issuer, target.resolved.as_deref()), (Issuer::aws("us-west-2"), Some(TARGET)));
    t.ask(Want::Login { need: Need::Always });
    t.resolves(Ok(leads_to(TARGET, "us-west-2")));
    assert_eq!(t.begun("Register"), 1, "the registration is of that portal");
    assert!(t.is_under_way("AuthorizeDevice"));
}

#[test]
fn a_flow_at_the_browser_begins_with_it_too() {
    let mut t = Timeline::signed_out_with(Terms { sign_in: SignInSetting::Browser, ..vanity() });
    t.ask(Want::Login { need: Need::Always });
    t.resolves(Ok(leads_to(TARGET, "us-west-2")));
    assert_eq!(target_of_register(&t), ("aws:us-west-2".to_owned(), Some(TARGET.to_owned())));
    assert!(matches!(t.end("Register"), Effect::Register(_, FlowKind::Browser, _)));
}

#[test]
fn nothing_that_one_issuer_has_issued_is_sent_to_the_next() {
    let elsewhere = "https://ssoins-2.portal.eu-west-1.app.aws";
    for (start_url, region) in [(elsewhere, "eu-west-1"), (TARGET, "eu-west-1"), (elsewhere, "us-west-2")] {
        let mut t = signed_in_at("us-west-2");
        t.ask(Want::Login { need: Need::Always });
        t.resolves(Ok(FlowTarget { may_move: false, ..leads_to(start_url, region) }));
        assert_eq!(target_of_register(&t), (format!("aws:{region}"), Some(start_url.to_owned())));
        assert_eq!(t.begun("AuthorizeDevice"), 1, "the old registration is not used");
        let now = t.now;
        t.registers(Ok(registered("second", region, Some(start_url), now)));
        // The sign-in so far is refreshed where it was made.
        t.advance(mins(45));
        let renewal = t.under_way.iter().find_map(|effect| match effect {
            Effect::Refresh(_, renewal) => Some(renewal.registration.clone()),
            _ => None,
        });
        let renewal = renewal.expect("a refresh");
        assert_eq!((renewal.client_id.as_str(), renewal.issuer), ("first", Issuer::aws("us-west-2")));
    }
}

#[test]
fn a_start_url_that_cannot_be_asked_is_asked_again_and_a_refused_target_ends_the_flow() {
    let late = CallError::StartUrl { reason: "no answer".to_owned(), may_pass: true };
    let refused = CallError::StartUrl { reason: "leads to https://evil.example".to_owned(), may_pass: false };
    let mut t = Timeline::signed_out_with(vanity());
    let caller = t.ask(Want::Login { need: Need::Always });
    t.resolves(Err(late.clone()));
    assert!(t.is_waiting(caller));
    t.advance(secs(8));
    t.resolves(Err(refused.clone()));
    assert_eq!(t.refusal(caller), &Refusal::Service(refused));
    assert_eq!((t.trouble(), t.begun("Register")), ("start_url", 0));
    let caller = t.ask(Want::Login { need: Need::Always });
    for _ in 0..3 {
        t.resolves(Err(late.clone()));
        t.advance(secs(8));
    }
    assert_eq!(t.refusal(caller), &Refusal::Service(late));
}

#[test]
fn an_answer_to_a_flow_that_was_cancelled_changes_nothing() {
    let mut t = Timeline::signed_out_with(vanity());
    t.ask(Want::Login { need: Need::Always });
    let Effect::ResolveStartUrl(flow) = t.end("ResolveStartUrl") else { unreachable!() };
    t.ask(Want::CancelLogin);
    t.on(Event::StartUrlResolved(flow, Ok(leads_to(TARGET, "us-west-2"))));
    assert_eq!((t.begun("Register"), t.snapshot().target), (0, None));
}

#[test]
fn a_region_that_only_a_host_has_named_gives_way_to_the_services_word_once_and_for_later_sign_ins() {
    let named_by_its_host =
        FlowTarget { target: Target { issuer: Issuer::aws("us-west-2"), resolved: None }, may_move: true };
    for target in [leads_to(TARGET, "us-west-2"), named_by_its_host] {
        let resolved = target.target.resolved.as_deref().map(str::to_owned);
        let terms = match &resolved {
            Some(_) => vanity(),
            None => Terms { target: Some(target.clone()), ..quiet() },
        };
        let begin = |t: &mut Timeline| {
            let caller = t.ask(Want::Login { need: Need::Always });
            if resolved.is_some() {
                t.resolves(Ok(target.clone()));
            }
            caller
        };
        let mut t = Timeline::signed_out_with(terms);
        t.polls = Polls::Unanswered;
        let caller = begin(&mut t);
        let now = t.now;
        t.registers(Ok(registered("wrong", "us-west-2", resolved.as_deref(), now)));
        t.authorizes(Err(other_region("eu-west-1")));
        assert!(t.is_waiting(caller));
        assert_eq!(target_of_register(&t), ("aws:eu-west-1".to_owned(), resolved.clone()));
        t.registers(Ok(registered("right", "eu-west-1", resolved.as_deref(), now)));
        t.authorizes(Ok(authorization()));
        t.polls(Ok(issued(1, hours(1))));
        assert_eq!(t.snapshot().target.map(|target| target.issuer), Some(Issuer::aws("eu-west-1")));

        begin(&mut t);
        assert_eq!(t.begun("Register"), 2, "the region is known from the record");
        t.authorizes(Err(other_region("ap-south-1")));
        t.registers(Err(other_region("eu-west-1")));
        assert_eq!(t.trouble(), "invalid_request_region", "a service that says this and that is not followed for ever");
    }
}

#[test]
fn a_region_that_is_configured_is_not_changed_and_the_error_names_the_right_one() {
    let mut t = Timeline::signed_out();
    let caller = t.ask(Want::Login { need: Need::Always });
    t.registers(Err(other_region("us-east-1")));
    let Refusal::Service(error) = t.refusal(caller) else { panic!("{:?}", t.refusal(caller)) };
    assert!(error.to_string().starts_with("this portal is in us-east-1: set sso_region = us-east-1"), "{error}");
    assert_eq!(t.begun("Register"), 1);
}

#[test]
fn a_browser_that_has_come_back_is_not_sent_away_again() {
    let mut t = Timeline::signed_out_with(Terms { sign_in: SignInSetting::Browser, ..vanity() });
    t.polls = Polls::Unanswered;
    t.ask(Want::Login { need: Need::Always });
    t.resolves(Ok(leads_to(TARGET, "us-west-2")));
    t.registers(Ok(registered("for-browser", "us-west-2", Some(TARGET), t.now)));
    let page = "https://oidc.us-west-2.api.aws/authorize?state=s".to_owned();
    t.opens_callback(Ok(CallbackPage { page, port: 8400 }));
    let (code, verifier) = ("c1".into(), "v".into());
    t.comes_back(Ok(Grant::AuthorizationCode { code, redirect_uri: "http://127.0.0.1:8400/x".to_owned(), verifier }));
    t.polls(Err(other_region("eu-west-1")));
    assert_eq!((t.begun("Register"), t.trouble()), (1, "invalid_request_region"));
    assert_eq!(t.callback_ends, [FlowEnd::Failed(other_region("eu-west-1"))]);
}

#[test]
fn a_record_leads_a_restarted_session_to_the_issuer_of_its_sign_in() {
    let mut before = signed_in_at("us-west-2");
    before.advance(SECOND);
    let record = before.record.clone().expect("a record");
    let mut t = Timeline::loading_with(vanity());
    t.now = before.now;
    t.loaded(Ok(Some(record)));
    assert_eq!(t.served(), "access-1");
    assert_eq!(t.begun("ResolveStartUrl"), 0, "no sign-in is needed");
    let target = t.snapshot().target.expect("a target");
    assert_eq!((target.issuer, target.resolved.as_deref()), (Issuer::aws("us-west-2"), Some(TARGET)));
}
