//! Callers: who is answered from memory, who waits for what, and what each is told in the end.

use super::*;

fn expired() -> Timeline {
    let mut t = Timeline::signed_in_alone(hours(1));
    t.advance(hours(2));
    t
}

/// A token that has expired while the laptop slept, so that nobody has tried to refresh it.
fn expired_and_refreshable() -> Timeline {
    let mut t = Timeline::signed_in(hours(1));
    t.jump(hours(2));
    t
}

#[test]
fn a_live_token_is_answered_from_memory() {
    let mut t = Timeline::signed_in(hours(1));
    let caller = t.ask_token(mins(30), NOW);
    assert_eq!((t.token(caller), t.begun("Refresh")), ("access-1", 0));
}

#[test]
fn fifty_callers_cause_one_refresh_and_get_the_same_token() {
    let mut t = expired_and_refreshable();
    let callers: Vec<AskId> = (0..50).map(|n| t.ask_token(NOW, secs(n % 3))).collect();
    assert_eq!(t.begun("Refresh"), 1);
    t.refreshes(Ok(issued(2, hours(1))));
    assert!(callers.iter().all(|caller| t.token(*caller) == "access-2"));
}

#[test]
fn fifty_callers_that_meet_a_failing_refresh_cause_one_call_and_get_the_same_answer() {
    let mut t = expired_and_refreshable();
    let callers: Vec<AskId> = (0..50).map(|_| t.ask_token(NOW, NOW)).collect();
    t.refreshes(Err(network()));
    assert!(callers.iter().all(|caller| t.refusal(*caller) == &Refusal::Service(network())));
    assert_eq!(t.begun("Refresh"), 1);
}

#[test]
fn fifty_callers_that_wait_join_one_flow_and_get_the_same_token() {
    let mut t = expired();
    let callers: Vec<AskId> = (0..50).map(|_| t.ask_token(NOW, mins(10))).collect();
    t.polls = Polls::Unanswered;
    t.authorizes(Ok(authorization()));
    t.polls(Ok(issued(2, hours(1))));
    assert!(callers.iter().all(|caller| t.token(*caller) == "access-2"));
    assert_eq!(t.begun("AuthorizeDevice"), 2, "the first sign-in, and one for all of them");
}

#[test]
fn a_caller_that_does_not_wait_starts_no_flow_and_is_told_of_the_one_that_is_open() {
    let mut t = expired();
    let caller = t.ask_token(NOW, NOW);
    let Refusal::SignInRequired { flow: None, expired: Some(expired) } = t.refusal(caller) else { panic!() };
    assert_eq!(t.now.boot.since(*expired), hours(1));
    t.advance(hours(1));
    assert_eq!(t.begun("AuthorizeDevice"), 1);
    t.open_flow();
    assert!(matches!(t.refused(NOW, NOW), Refusal::SignInRequired { flow: Some(_), .. }));
}

#[test]
fn a_caller_that_does_not_wait_gives_a_refresh_ten_seconds() {
    let mut t = expired_and_refreshable();
    let caller = t.ask_token(NOW, NOW);
    t.advance(secs(10) - Duration::from_millis(1));
    assert!(t.is_waiting(caller));
    t.advance(Duration::from_millis(1));
    assert_eq!(t.refusal(caller), &Refusal::ServiceSilent);
    t.refreshes(Ok(issued(2, hours(1))));
    assert_eq!(t.served(), "access-2", "a late answer is not lost");
}

#[test]
fn a_caller_whose_patience_ends_before_the_next_attempt_is_told_the_last_failure() {
    let mut t = expired_and_refreshable();
    t.ask_token(NOW, NOW);
    t.refreshes(Err(too_many(mins(10))));
    t.advance(mins(1));
    for wait in [NOW, mins(5)] {
        let caller = t.ask_token(NOW, wait);
        assert_eq!(t.refusal(caller), &Refusal::Service(too_many(mins(10))), "{wait:?}");
    }
    assert_eq!(t.begun("Refresh"), 1);
    let patient = t.ask_token(NOW, mins(20));
    t.advance(mins(9));
    t.refreshes(Ok(issued(2, hours(1))));
    assert_eq!(t.token(patient), "access-2");
}

#[test]
fn a_caller_that_waits_sees_failures_through() {
    let mut t = expired_and_refreshable();
    let caller = t.ask_token(NOW, mins(10));
    for _ in 0..5 {
        t.refreshes(Err(network()));
        assert!(t.is_waiting(caller));
        t.advance(t.wakes_in().expect("another attempt"));
    }
    t.refreshes(Ok(issued(2, hours(1))));
    assert_eq!(t.token(caller), "access-2");
}

#[test]
fn a_caller_that_waits_is_taken_from_a_spent_refresh_token_to_a_flow() {
    let mut t = expired_and_refreshable();
    let patient = t.ask_token(NOW, mins(10));
    let hasty = t.ask_token(NOW, NOW);
    t.refreshes(Err(service(ErrorName::InvalidGrant)));
    assert!(matches!(t.refusal(hasty), Refusal::SignInRequired { .. }));
    assert!(t.is_waiting(patient) && t.is_under_way("AuthorizeDevice"));
}

#[test]
fn callers_are_refused_when_the_flow_ends_without_a_token() {
    let mut t = expired();
    t.ask_token(NOW, mins(2));
    t.authorizes(Ok(authorization()));
    let (short, long) = (t.ask_token(NOW, mins(1)), t.ask_token(NOW, hours(2)));
    t.advance(mins(1));
    assert!(matches!(t.refusal(short), Refusal::WaitTimeout { flow: Some(_) }));
    t.advance(CODE_LIFETIME);
    assert_eq!(t.refusal(long), &Refusal::WaitTimeout { flow: None });
    t.advance(hours(1));
    assert_eq!(t.begun("AuthorizeDevice"), 2, "one flow, though somebody was willing to wait longer");
}

#[test]
fn callers_are_told_that_a_flow_was_cancelled() {
    let mut t = expired();
    let caller = t.ask_token(NOW, mins(10));
    t.authorizes(Ok(authorization()));
    t.ask(Want::CancelLogin);
    assert_eq!(t.refusal(caller), &Refusal::Cancelled);
}

#[test]
fn a_validity_that_the_service_does_not_give_costs_neither_a_call_nor_a_flow() {
    for wait in [NOW, mins(10)] {
        let mut t = Timeline::signed_in(hours(1));
        t.advance(t.wakes_in().expect("a refresh"));
        t.refreshes(Ok(issued(2, hours(1))));
        for _ in 0..30 {
            let caller = t.ask_token(hours(2), wait);
            let Refusal::ValidityUnattainable { best } = t.refusal(caller) else { panic!("{:?}", t.refusal(caller)) };
            assert!(best.since(t.now.boot) <= hours(1));
            t.advance(mins(1));
        }
        assert_eq!((t.begun("Refresh"), t.begun("AuthorizeDevice")), (1, 1));
    }
}

#[test]
fn a_token_that_has_just_come_is_as_good_as_it_gets() {
    let mut t = Timeline::signed_in(hours(1));
    t.advance(secs(29));
    assert!(matches!(t.refused(hours(1), NOW), Refusal::ValidityUnattainable { .. }));
    t.advance(secs(1));
    let caller = t.ask_token(hours(1), NOW);
    t.refreshes(Ok(issued(2, hours(1))));
    assert_eq!(t.token(caller), "access-2");
}

#[test]
fn a_validity_that_a_refresh_gives_is_refreshed_for() {
    let mut t = Timeline::signed_in(hours(1));
    t.advance(mins(10));
    let caller = t.ask_token(mins(55), NOW);
    t.refreshes(Ok(issued(2, hours(1))));
    assert_eq!((t.token(caller), t.begun("Refresh")), ("access-2", 1));
}

#[test]
fn a_refresh_that_gives_less_than_was_asked_for_is_not_repeated() {
    let mut t = Timeline::signed_in(hours(1));
    t.advance(mins(10));
    let caller = t.ask_token(mins(55), mins(5));
    t.refreshes(Ok(issued(2, mins(30))));
    assert!(matches!(t.refusal(caller), Refusal::ValidityUnattainable { .. }));
    assert_eq!((t.begun("Refresh"), t.begun("AuthorizeDevice")), (1, 1));
}

#[test]
fn a_caller_that_left_is_not_answered() {
    let mut t = expired();
    let caller = t.ask_token(NOW, mins(10));
    t.leaves(caller);
    t.authorizes(Ok(authorization()));
    t.advance(hours(1));
    assert!(t.is_waiting(caller));
}

#[test]
fn a_login_if_needed_asks_nobody_while_there_is_a_token_or_one_can_be_had_silently() {
    let need = Want::Login { need: Need::Below { min_valid: NOW } };
    let mut t = Timeline::signed_in(hours(1));
    let caller = t.ask(need);
    assert_eq!(t.told(caller), &Answer::SignedIn(t.now.boot + hours(1)));
    t.jump(hours(2));
    let caller = t.ask(need);
    t.refreshes(Ok(issued(2, hours(1))));
    assert_eq!(t.told(caller), &Answer::SignedIn(t.now.boot + hours(1)));
    t.jump(hours(2));
    let caller = t.ask(need);
    t.refreshes(Err(network()));
    t.authorizes(Ok(authorization()));
    assert!(matches!(t.told(caller), Answer::Pending { started: true, .. }), "{:?}", t.told(caller));
}

#[test]
fn a_login_for_a_token_that_lives_long_enough_asks_only_where_a_person_can_help() {
    let need = |min_valid| Want::Login { need: Need::Below { min_valid } };
    let mut t = Timeline::signed_in_alone(hours(8));
    t.jump(hours(6));
    let caller = t.ask(need(hours(2)));
    assert_eq!(t.told(caller), &Answer::SignedIn(t.now.boot + hours(2)));
    // No token of this service has lived that long.
    let caller = t.ask(need(hours(9)));
    assert_eq!(t.refusal(caller), &Refusal::ValidityUnattainable { best: t.now.boot + hours(2) });
    assert_eq!(t.begun("AuthorizeDevice"), 1);
    let caller = t.ask(need(hours(3)));
    t.authorizes(Ok(authorization()));
    assert!(matches!(t.told(caller), Answer::Pending { started: true, .. }), "{:?}", t.told(caller));
}

#[test]
fn five_logins_open_one_flow_and_one_of_them_is_told_that_it_did() {
    let mut t = Timeline::signed_out();
    let callers: Vec<AskId> = (0..5).map(|_| t.ask(Want::Login { need: Need::Always })).collect();
    t.gets_code();
    let started = callers.iter().filter(|caller| matches!(t.told(**caller), Answer::Pending { started: true, .. }));
    assert_eq!((started.count(), t.begun("AuthorizeDevice")), (1, 1));
}

#[test]
fn a_login_that_shows_no_code_in_time_is_told_so() {
    let mut t = Timeline::signed_out();
    let caller = t.ask(Want::Login { need: Need::Always });
    t.advance(secs(30));
    assert_eq!(t.refusal(caller), &Refusal::ServiceSilent);
}

#[test]
fn the_end_of_a_flow_can_be_awaited_in_turns() {
    let mut t = Timeline::with_open_flow();
    let impatient = t.ask(Want::LoginEnd { flow: 1, wait: secs(20) });
    t.advance(secs(20));
    assert!(matches!(t.told(impatient), Answer::Pending { started: false, .. }));
    let patient = t.ask(Want::LoginEnd { flow: 1, wait: mins(10) });
    t.sign_in(issued(1, hours(1)));
    assert_eq!(t.told(patient), &Answer::SignedIn(t.now.boot + hours(1)));
    let late = t.ask(Want::LoginEnd { flow: 1, wait: NOW });
    assert_eq!(t.told(late), &Answer::SignedIn(t.now.boot + hours(1)));
    let stranger = t.ask(Want::LoginEnd { flow: 9, wait: mins(1) });
    assert_eq!(t.refusal(stranger), &Refusal::UnknownFlow);
}

#[test]
fn awaiting_the_end_of_a_flow_that_shows_nothing_does_not_spin() {
    let mut t = Timeline::signed_out();
    t.ask(Want::Login { need: Need::Always });
    let caller = t.ask(Want::LoginEnd { flow: 1, wait: NOW });
    assert!(t.is_waiting(caller));
    t.advance(secs(29));
    t.gets_code();
    assert!(matches!(t.told(caller), Answer::Pending { started: false, .. }));
}

#[test]
fn awaiting_the_end_of_a_flow_whose_token_is_being_stored_does_not_spin() {
    let mut t = Timeline::with_open_flow();
    t.store = Store::Hanging;
    let caller = t.ask(Want::LoginEnd { flow: 1, wait: secs(2) });
    t.sign_in(issued(1, hours(1)));
    t.advance(secs(2));
    assert!(matches!(t.told(caller), Answer::SignedIn(_)), "{:?}", t.told(caller));
}

#[test]
fn stopping_answers_everybody_and_begins_nothing() {
    let mut t = expired();
    let callers = [
        t.ask_token(NOW, mins(10)),
        t.ask(Want::Login { need: Need::Always }),
        t.ask(Want::LoginEnd { flow: 2, wait: mins(1) }),
    ];
    t.on(Event::Stop);
    for caller in callers {
        assert!(matches!(t.refusal(caller), Refusal::ShuttingDown), "{:?}", t.refusal(caller));
    }
    let late = t.ask_token(NOW, mins(10));
    assert_eq!(t.refusal(late), &Refusal::ShuttingDown);
    t.advance(hours(24));
    assert_eq!(t.begun("CreateToken"), 1, "of the first sign-in");
    assert!(t.state.may_end());
}

#[test]
fn a_token_that_arrives_while_stopping_is_still_stored() {
    let mut t = Timeline::refreshing();
    t.on(Event::Stop);
    assert!(!t.state.may_end(), "a new token is on its way");
    t.refreshes(Ok(issued(2, hours(1))));
    assert_eq!(t.stored_token(), "access-2");
    assert!(t.state.may_end());
}
