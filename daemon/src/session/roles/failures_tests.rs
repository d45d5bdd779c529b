//! Errors of portal and session.

use super::*;

fn sign_in_required() -> Refusal {
    Refusal::SignInRequired { flow: None, expired: None }
}

#[test]
fn one_failed_call_refuses_all_waiting_callers() {
    let unavailable = PortalError::Unnamed { status: 500, description: String::new(), retry_after: None };
    for error in [network(), unavailable, PortalError::Unusable("x".into()), named(PortalErrorName::InvalidRequest)] {
        let mut t = Timeline::start();
        let callers: Vec<usize> = (0..50).map(|_| t.ask("Admin", NOW)).collect();
        t.fails(error.clone());
        assert_eq!(t.calls, 1);
        assert!(callers.iter().all(|caller| t.refusal(*caller) == &RoleRefusal::Portal(error.clone())));
    }
}

#[test]
fn callers_during_a_pause_wait_for_its_end_and_share_the_next_call() {
    let mut t = Timeline::start();
    t.ask("Admin", NOW);
    t.fails(network());
    let callers = [t.ask("Admin", NOW), t.ask("Admin", NOW)];
    assert_eq!(t.calls, 1);
    t.advance(secs(2));
    assert_eq!(t.calls, 2);
    t.gives("first", mins(60));
    assert!(callers.iter().all(|caller| t.key(*caller) == "first"));
}

#[test]
fn a_waiting_caller_sees_an_attempt_after_any_number_of_failures() {
    let mut t = Timeline::start();
    for calls in 1..20 {
        let caller = t.ask("Admin", NOW);
        t.advance(secs(9));
        assert_eq!(t.calls, calls);
        t.fails(network());
        assert_eq!(t.refusal(caller), &RoleRefusal::Portal(network()));
    }
}

#[test]
fn a_pause_beyond_a_callers_patience_is_told_at_once() {
    let mut t = Timeline::start();
    t.ask("Admin", NOW);
    t.fails(PortalError::Unnamed { status: 503, description: String::new(), retry_after: Some(mins(5)) });
    let caller = t.ask("Admin", NOW);
    assert!(matches!(t.refusal(caller), RoleRefusal::Portal(_)));
    assert_eq!((t.calls, t.wakes_in()), (1, None));
}

#[test]
fn old_credentials_are_served_to_their_end_and_a_renewal_is_tried_again_meanwhile() {
    let mut t = Timeline::renewing("Admin");
    for minute in 41..60 {
        while !t.under_way.is_empty() {
            t.fails(network());
        }
        assert_eq!(t.served("Admin"), "first", "minute {minute}");
        t.advance(mins(1));
    }
    assert!(t.calls >= 15 && t.calls < 40, "{}", t.calls);
    while !t.under_way.is_empty() {
        t.fails(network());
    }
    t.advance(mins(1));
    let calls = t.calls;
    t.advance(mins(600));
    assert_eq!(t.calls, calls, "nobody asks, and there is nothing left to renew");
}

#[test]
fn a_first_denial_is_asked_about_again_soon_and_a_second_in_a_row_is_remembered_for_a_minute() {
    let denied =
        |remembered| RoleRefusal::NotAssigned { subject: Subject::Credentials(assignment("Nobody")), remembered };
    for name in [PortalErrorName::Forbidden, PortalErrorName::ResourceNotFound] {
        let mut t = Timeline::start();
        let caller = t.ask("Nobody", NOW);
        t.fails(named(name));
        assert_eq!(t.refusal(caller), &denied(None));
        t.advance(secs(2));
        let soon = t.ask("Nobody", NOW);
        assert_eq!((t.refusal(soon), t.calls, t.wakes_in()), (&denied(None), 1, None));
        t.advance(secs(1));
        let again = t.ask("Nobody", NOW);
        t.fails(named(name));
        let until = t.now() + secs(60);
        assert_eq!((t.refusal(again), t.calls), (&denied(Some(until)), 2));
        t.advance(secs(59));
        let remembered = t.ask("Nobody", NOW);
        assert_eq!((t.refusal(remembered), t.calls, t.wakes_in()), (&denied(Some(until)), 2, None));
        t.advance(secs(1));
        t.ask("Nobody", NOW);
        t.fails(named(name));
        assert_eq!(t.calls, 3);
        t.advance(secs(59));
        t.ask("Nobody", NOW);
        assert_eq!(t.calls, 3, "the third in a row is remembered as well");
        t.another_sign_in();
        let signed_in = t.ask("Nobody", NOW);
        assert!(t.is_waiting(signed_in) && t.calls == 4);
        t.fails(named(name));
        assert_eq!(t.refusal(signed_in), &denied(None));
    }
}

#[test]
fn denials_with_a_success_or_minutes_between_them_are_not_in_a_row() {
    let mut t = Timeline::start();
    t.ask("Admin", NOW);
    t.fails(named(PortalErrorName::Forbidden));
    t.advance(secs(3));
    let granted = t.ask("Admin", NOW);
    t.gives("first", mins(60));
    assert_eq!(t.key(granted), "first");
    t.advance(mins(60));
    for calls in 3..5 {
        t.ask("Admin", NOW);
        t.fails(named(PortalErrorName::Forbidden));
        t.advance(secs(3));
        let soon = t.ask("Admin", NOW);
        assert!(t.is_waiting(soon), "call {calls}");
        t.fails(network());
        t.advance(mins(3));
    }
}

#[test]
fn an_assignment_that_is_taken_away_takes_its_credentials_along() {
    let mut t = Timeline::renewing("Admin");
    t.fails(named(PortalErrorName::Forbidden));
    let caller = t.ask("Admin", NOW);
    assert!(matches!(t.refusal(caller), RoleRefusal::NotAssigned { .. }));
}

#[test]
fn a_rejected_token_is_reported_and_the_portal_asked_again_with_another() {
    let mut t = Timeline::start();
    let caller = t.ask("Admin", NOW);
    t.fails(named(PortalErrorName::Unauthorized));
    assert_eq!((t.rejected, t.calls), (1, 2));
    t.gives("first", mins(60));
    assert_eq!(t.key(caller), "first");
}

#[test]
fn when_the_replacement_is_rejected_too_the_session_has_the_last_word() {
    let mut t = Timeline::start();
    let caller = t.ask("Admin", NOW);
    t.fails(named(PortalErrorName::Unauthorized));
    t.token = None;
    t.fails(named(PortalErrorName::Unauthorized));
    t.token_refused(&sign_in_required());
    assert_eq!(t.refusal(caller), &RoleRefusal::Session(sign_in_required()));
    assert_eq!((t.rejected, t.calls), (2, 2));
}

#[test]
fn tokens_that_are_rejected_without_end_end_the_attempt() {
    let mut t = Timeline::start();
    let caller = t.ask("Admin", NOW);
    for _ in 0..3 {
        t.fails(named(PortalErrorName::Unauthorized));
    }
    assert_eq!(t.refusal(caller), &RoleRefusal::Portal(named(PortalErrorName::Unauthorized)));
    assert_eq!((t.calls, t.under_way.len()), (3, 0));
}

#[test]
fn without_a_sign_in_each_caller_is_refused_and_held_credentials_are_served() {
    let mut t = Timeline::holding("Admin");
    t.token = None;
    t.advance(mins(41));
    t.token_refused(&sign_in_required());
    assert_eq!(t.served("Admin"), "first");
    assert_eq!(t.wakes_in(), None, "only a person or a caller changes that");
    let greedy = t.ask("Admin", mins(30));
    t.token_refused(&sign_in_required());
    assert_eq!(t.refusal(greedy), &RoleRefusal::Session(sign_in_required()));
    let other = t.ask("Reader", NOW);
    t.token_refused(&sign_in_required());
    assert_eq!(t.refusal(other), &RoleRefusal::Session(sign_in_required()));
    let again = t.ask("Reader", NOW);
    assert!(t.is_waiting(again) && t.roles.needs_token(t.now()), "the session is asked again at once");
}

#[test]
fn a_portal_that_says_nothing_is_waited_for_no_longer_than_agreed() {
    let mut t = Timeline::start();
    let caller = t.ask("Admin", NOW);
    t.advance(secs(10));
    assert_eq!(t.refusal(caller), &RoleRefusal::PortalSilent);
    let next = t.ask("Admin", NOW);
    assert_eq!(t.calls, 1, "the call is still under way");
    t.gives("first", mins(60));
    assert_eq!(t.key(next), "first");
}

#[test]
fn a_change_of_the_network_ends_pauses() {
    let mut t = Timeline::start();
    t.ask("Admin", NOW);
    t.fails(network());
    let caller = t.ask("Admin", NOW);
    let now = t.now();
    t.roles.connectivity_changed(now);
    t.drive();
    t.gives("first", mins(60));
    assert_eq!(t.key(caller), "first");
}

#[test]
fn a_caller_that_comes_after_the_session_was_asked_for_a_token_is_not_refused_with_the_first() {
    let mut t = Timeline::start();
    t.token = None;
    let first = t.ask("Admin", NOW);
    t.roles.asks_for_token();
    let second = t.ask("Reader", NOW);
    t.roles.token_refused(&Refusal::ServiceSilent, &mut t.cx);
    t.drive();
    assert_eq!(t.refusal(first), &RoleRefusal::Session(Refusal::ServiceSilent));
    assert!(t.is_waiting(second) && t.roles.needs_token(t.now()));
    assert_eq!(t.roles.wake_at(false, t.now()), Some(t.now()), "the session is to be asked again");
}
