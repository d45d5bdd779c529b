//! The store: slow, broken or hanging, it delays nothing but durability.

use super::*;

#[test]
fn while_loading_token_calls_wait_two_seconds_and_start_nothing() {
    let mut t = Timeline::loading();
    let (hasty, patient) = (t.ask_token(NOW, NOW), t.ask_token(NOW, mins(1)));
    t.advance(secs(2));
    assert_eq!(t.refusal(hasty), &Refusal::StoreUnavailable(None));
    assert!(t.is_waiting(patient));
    t.advance(mins(1));
    assert_eq!(t.refusal(patient), &Refusal::StoreUnavailable(None));
    assert_eq!((t.begun("Register"), t.begun("Load")), (0, 1));
    assert!(t.snapshot().loading);
}

#[test]
fn a_caller_that_came_while_loading_gets_the_token_that_was_kept() {
    let (mut t, kept) = Timeline::restarted();
    let caller = t.ask_token(NOW, NOW);
    t.loaded(Ok(kept));
    assert_eq!(t.token(caller), "access-1");
}

#[test]
fn a_store_that_cannot_be_read_is_read_again_and_its_reason_is_told() {
    let mut t = Timeline::loading();
    t.loaded(Err("it is locked".to_owned()));
    assert_eq!(t.trouble(), "store");
    let caller = t.ask_token(NOW, NOW);
    t.advance(secs(2));
    assert_eq!(t.refusal(caller), &Refusal::StoreUnavailable(Some("it is locked".to_owned())));
    for _ in 0..10 {
        assert!(t.is_under_way("Load"));
        t.loaded(Err("it is locked".to_owned()));
        let pause = t.wakes_in().expect("another attempt");
        assert!(pause >= SECOND && pause <= mins(1));
        t.advance(pause);
    }
    t.loaded(Ok(None));
    assert_eq!((t.trouble(), t.snapshot().store_error, t.wakes_in()), ("", None, None));
    assert!(matches!(t.refused(NOW, NOW), Refusal::SignInRequired { flow: None, expired: None }));
}

#[test]
fn a_login_while_loading_is_not_replaced_by_the_record() {
    let (mut t, kept) = Timeline::restarted();
    t.sign_in(issued(7, hours(1)));
    let early = t.ask_token(NOW, NOW);
    assert!(t.is_waiting(early), "it waits for being stored");
    t.advance(secs(2));
    assert_eq!(t.token(early), "access-7");
    t.loaded(Ok(kept));
    assert_eq!(t.served(), "access-7");
    assert_eq!(t.stored_token(), "access-7", "and it is what is kept from now on");
}

#[test]
fn a_token_is_stored_before_it_is_handed_out() {
    let mut t = Timeline::signed_out();
    t.store = Store::Hanging;
    t.open_flow();
    t.stored(Ok(())); // the registration
    let caller = t.ask_token(NOW, mins(1));
    t.sign_in(issued(1, hours(1)));
    assert!(t.is_waiting(caller) && t.snapshot().unsaved && t.snapshot().token.is_none());
    t.stored(Ok(()));
    assert_eq!(t.token(caller), "access-1");
    assert!(!t.snapshot().unsaved);
}

#[test]
fn a_store_that_hangs_delays_a_token_by_two_seconds() {
    let mut t = Timeline::signed_out();
    t.store = Store::Hanging;
    t.open_flow();
    let caller = t.ask_token(NOW, mins(1));
    t.sign_in(issued(1, hours(1)));
    t.advance(secs(2) - Duration::from_millis(1));
    assert!(t.is_waiting(caller));
    t.advance(Duration::from_millis(1));
    assert_eq!(t.token(caller), "access-1");
    assert!(t.snapshot().unsaved, "and status says so");
    t.advance(mins(45));
    t.refreshes(Ok(issued(2, hours(1))));
    t.advance(secs(2));
    assert_eq!(t.served(), "access-2");
}

#[test]
fn a_store_that_fails_delays_nothing_and_is_tried_until_it_works() {
    let mut t = Timeline::signed_out();
    t.store = Store::Failing;
    t.sign_in(issued(1, hours(1)));
    assert_eq!(t.served(), "access-1");
    let snapshot = t.snapshot();
    assert_eq!((snapshot.unsaved, snapshot.store_error.as_deref()), (true, Some("the disk is full")));
    t.advance(mins(10));
    assert!((10..30).contains(&t.begun("Store")), "{}", t.begun("Store"));
    t.store = Store::Prompt;
    t.advance(mins(1));
    assert!(!t.snapshot().unsaved && t.snapshot().store_error.is_none() && t.trouble().is_empty());
    assert!(t.record.as_ref().is_some_and(|record| record.token.is_some()));
}

#[test]
fn a_token_that_could_not_be_stored_survives_its_refresh() {
    let mut t = Timeline::signed_in(hours(1));
    t.store = Store::Failing;
    t.advance(mins(45));
    t.refreshes(Ok(issued(2, hours(1))));
    assert_eq!(t.served(), "access-2");
    t.advance(mins(45));
    assert_eq!(t.refresh_token_sent().0, "refresh-2");
    t.refreshes(Ok(issued(3, hours(1))));
    t.store = Store::Prompt;
    t.advance(mins(2));
    assert_eq!(t.stored_token(), "access-3");
}

#[test]
fn a_session_that_stops_does_not_wait_for_a_store_that_fails() {
    let mut t = Timeline::signed_in(hours(1));
    t.store = Store::Failing;
    t.advance(mins(45));
    t.refreshes(Ok(issued(2, hours(1))));
    t.on(Event::Stop);
    assert!(t.state.may_end());
}

#[test]
fn an_idle_session_wants_to_be_woken_for_nothing() {
    let mut t = Timeline::signed_out();
    assert_eq!(t.wakes_in(), None);
    t.open_flow();
    t.ask(Want::CancelLogin);
    assert_eq!(t.wakes_in(), None);
    t.sign_in(issued(1, hours(1)));
    t.sign_out();
    assert_eq!(t.wakes_in(), None);
}

/// A session after a restart. Its token was received now and lives for an hour.
fn with_kept_token() -> Timeline {
    let (mut t, kept) = Timeline::restarted();
    t.loaded(Ok(kept));
    t
}

#[test]
fn an_end_read_off_a_wrong_clock_is_put_right_by_the_service() {
    for (ahead, remaining) in [(1800, mins(30)), (7200, mins(0)), (-1800, mins(60)), (30, mins(60))] {
        let mut t = with_kept_token();
        assert_eq!(t.snapshot().token.unwrap().remaining(t.now.boot), hours(1));
        t.on(Event::ServiceClock(ServiceClock { ahead_seconds: Some(ahead) }));
        assert_eq!(t.snapshot().token.unwrap().remaining(t.now.boot), remaining, "{ahead} s ahead");
    }
}

#[test]
fn a_service_clock_that_is_known_before_the_store_answers_counts_once() {
    let (mut t, kept) = Timeline::restarted();
    let clock = ServiceClock { ahead_seconds: Some(1800) };
    t.on(Event::ServiceClock(clock));
    t.loaded(Ok(kept));
    t.on(Event::ServiceClock(clock));
    assert_eq!(t.snapshot().token.unwrap().remaining(t.now.boot), mins(30));
}

#[test]
fn the_end_of_a_token_that_was_received_now_does_not_depend_on_any_wall_clock() {
    let mut t = Timeline::signed_in(hours(1));
    t.on(Event::ServiceClock(ServiceClock { ahead_seconds: Some(-100_000) }));
    t.now.wall += hours(1000);
    assert_eq!(t.snapshot().token.unwrap().remaining(t.now.boot), hours(1));
}

#[test]
fn a_wall_clock_that_is_set_while_an_end_is_doubtful_does_not_move_that_end() {
    for seconds in [-50_000, 50_000] {
        let mut t = with_kept_token();
        let forward = secs(50_000);
        if seconds > 0 {
            t.now.wall += forward
        } else {
            t.now.wall -= forward
        }
        t.on(Event::ServiceClock(ServiceClock { ahead_seconds: Some(-seconds) }));
        assert_eq!(t.snapshot().token.unwrap().remaining(t.now.boot), hours(1));
    }
}

#[test]
fn an_end_that_is_put_right_during_a_refresh_begins_no_second_one() {
    let mut t = with_kept_token();
    t.advance(mins(41));
    t.on(Event::ServiceClock(ServiceClock { ahead_seconds: Some(1200) }));
    assert_eq!(t.begun("Refresh"), 1);
}

#[test]
fn a_life_read_off_a_wrong_clock_does_not_pass_for_one_that_the_portal_cuts() {
    let clock = ServiceClock { ahead_seconds: Some(-6600) };
    for known in [true, false] {
        let (mut t, kept) = Timeline::restarted();
        t.now.wall += secs(6600 - 600);
        let mut record = kept.expect("a record");
        let token = record.token.as_mut().expect("a token");
        token.received = token.received - secs(6600);
        token.expires = token.expires - secs(6600);
        t.loaded(Ok(Some(record)));
        if known {
            t.on(Event::ServiceClock(clock));
        }
        t.refreshes(Ok(issued(2, hours(1))));
        assert!(!t.snapshot().token.unwrap().capped, "{known}");
    }
}

#[test]
fn a_wall_clock_that_was_set_back_neither_lengthens_a_life_nor_costs_it() {
    let (mut t, kept) = Timeline::restarted();
    let mut record = kept.expect("a record");
    let token = record.token.as_mut().expect("a token");
    (token.received, token.expires) = (token.received + hours(24) - mins(10), token.expires + hours(24) - mins(10));
    t.loaded(Ok(Some(record)));
    assert_eq!(t.snapshot().token.unwrap().remaining(t.now.boot), hours(1), "no longer than it was meant to live");
    t.on(Event::ServiceClock(ServiceClock { ahead_seconds: Some(86_400) }));
    let token = t.snapshot().token.unwrap();
    assert_eq!((token.remaining(t.now.boot), t.now.boot.since(token.received)), (mins(50), mins(10)));
}

/// A record of a token that the portal caps, and that ends in `remaining` by a wall clock that is an hour ahead.
fn kept_and_capped(remaining: Duration) -> Option<Record> {
    let mut record = Timeline::signed_in(hours(1)).record.expect("a record");
    let token = record.token.as_mut().expect("a token");
    (token.capped, token.lifetime) = (true, hours(2));
    token.expires = token.expires - (hours(1) - remaining);
    Some(record)
}

#[test]
fn a_capped_end_read_off_a_wrong_clock_is_found_out_by_a_refresh() {
    let mut t = Timeline::loading_with(noticed());
    t.loaded(Ok(kept_and_capped(mins(10))));
    assert_eq!((t.begun("Refresh"), t.shown.len()), (1, 0), "nobody is told what may be wrong");
    t.on(Event::ServiceClock(ServiceClock { ahead_seconds: Some(-3600) }));
    t.refreshes(Ok(issued(2, mins(70))));
    let token = t.snapshot().token.expect("a token");
    assert_eq!((token.remaining(t.now.boot), token.capped), (mins(70), true));
    t.advance(mins(50));
    t.refreshes(Ok(issued(3, mins(20))));
    assert_eq!(t.shown.len(), 0);
    t.advance(mins(14));
    assert_eq!((t.begun("Refresh"), t.shown.len()), (2, 1), "the cap is certain, so there is no other");
    assert_eq!(t.screen.as_ref().map(Notice::name), Some("renew now"));
}
