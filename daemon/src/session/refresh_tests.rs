//! Refreshing: the table in `state.rs`, when it happens, and what becomes of the refresh token.

use super::*;

/// What is left of the refresh token, in the words of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Left {
    Everything,
    Registration,
    Nothing,
}

fn table() -> Vec<(CallError, Left)> {
    use ErrorName as E;
    let rows = vec![
        (service(E::InvalidGrant), Left::Registration),
        (service(E::ExpiredToken), Left::Registration),
        (service(E::AccessDenied), Left::Registration),
        (service(E::UnsupportedGrantType), Left::Registration),
        (service(E::InvalidScope), Left::Registration),
        (service(E::InvalidClient), Left::Nothing),
        (service(E::UnauthorizedClient), Left::Nothing),
        (service(E::AuthorizationPending), Left::Everything),
        (service(E::SlowDown), Left::Everything),
        (service(E::InvalidRequest), Left::Everything),
        (service(E::InvalidClientMetadata), Left::Everything),
        (service(E::InvalidRedirectUri), Left::Everything),
        (service(E::InternalServer), Left::Everything),
        (key_trouble(), Left::Everything),
        (unnamed(), Left::Everything),
        (too_many(secs(30)), Left::Everything),
        (network(), Left::Everything),
        (unusable(), Left::Everything),
        (configuration(), Left::Everything),
    ];
    let named: Vec<E> = rows.iter().filter_map(|(error, _)| error.name()).collect();
    assert!(E::SPELLINGS.iter().all(|(name, _)| named.contains(name)), "a row for every name");
    rows
}

#[test]
fn every_error_of_a_refresh_means_what_the_table_says() {
    for (error, left) in table() {
        let mut t = Timeline::refreshing();
        assert_eq!(t.begun("Refresh"), 1, "{error:?}");
        t.refreshes(Err(error.clone()));
        assert_eq!(t.trouble(), error.code());
        assert_eq!(t.served(), "access-1", "{error:?}: the access token lives on");
        let pause = t.wakes_in();
        t.advance(mins(2));
        if left == Left::Everything {
            let pause = pause.expect("another attempt");
            assert!(pause >= error.retry_after().unwrap_or(SECOND) && pause <= secs(30), "{error:?} {pause:?}");
            assert_eq!(t.begun("Refresh"), 2, "{error:?}");
            assert_eq!(t.refresh_token_sent(), ("refresh-1", "client"));
        } else {
            t.advance(mins(20));
            assert!(
                matches!(t.refused(NOW, NOW), Refusal::SignInRequired { flow: None, expired: Some(_) }),
                "{error:?}"
            );
            assert_eq!(t.begun("Refresh"), 1, "{error:?}");
        }
        let record = t.record.as_ref().expect("a record");
        assert_eq!(record.registration.is_some(), left != Left::Nothing, "{error:?}");
        assert_eq!(
            record.token.as_ref().is_some_and(|token| token.renewal.is_some()),
            left == Left::Everything,
            "{error:?}"
        );
    }
}

#[test]
fn a_token_of_an_hour_is_refreshed_well_before_any_sdk_would_try() {
    let mut t = Timeline::signed_in(hours(1));
    let refresh_in = t.wakes_in().expect("a refresh to come");
    assert!((mins(6)..=mins(40)).contains(&refresh_in), "the first one at any time: {refresh_in:?}");
    t.advance(refresh_in);
    t.refreshes(Ok(issued(2, hours(1))));
    let refresh_in = t.wakes_in().expect("a refresh to come");
    assert!((mins(38)..=mins(40)).contains(&refresh_in), "{refresh_in:?}");
    assert_eq!(t.served(), "access-2");
    assert_eq!((t.begun("Register"), t.begun("AuthorizeDevice")), (1, 1), "without a person");
}

#[test]
fn a_new_configuration_does_not_move_a_refresh_that_it_does_not_change() {
    let mut t = Timeline::signed_in(hours(1));
    let refresh_in = t.wakes_in();
    t.on(Event::TermsChanged(quiet()));
    assert_eq!(t.wakes_in(), refresh_in);
}

#[test]
fn a_week_of_refreshes_asks_nobody() {
    let mut t = Timeline::signed_in(hours(1));
    let end = t.now.boot + hours(24 * 7);
    let mut number = 1;
    while t.now.boot < end {
        t.advance(t.wakes_in().expect("a refresh to come"));
        number += 1;
        t.refreshes(Ok(issued(number, hours(1))));
    }
    assert!((250..300).contains(&t.begun("Refresh")), "{}", t.begun("Refresh"));
    assert_eq!(t.begun("AuthorizeDevice"), 1);
}

#[test]
fn a_refresh_slept_through_comes_once_on_waking() {
    let mut t = Timeline::signed_in(hours(1));
    t.jump(hours(9));
    t.on(Event::Tick);
    t.advance(secs(20));
    assert_eq!(t.begun("Refresh"), 1);
    t.refreshes(Ok(issued(2, hours(1))));
    assert!(t.wakes_in().is_some_and(|next| next > mins(30)));
}

#[test]
fn an_answer_without_a_refresh_token_leaves_the_old_one_in_force() {
    let mut t = Timeline::refreshing();
    t.refreshes(Ok(issued_alone(2, hours(1))));
    t.advance(mins(45));
    assert_eq!(t.refresh_token_sent(), ("refresh-1", "client"));
}

#[test]
fn a_rotated_refresh_token_takes_the_place_of_its_predecessor() {
    let mut t = Timeline::signed_in(hours(1));
    for number in 2..6 {
        t.advance(mins(45));
        assert_eq!(t.refresh_token_sent().0, format!("refresh-{}", number - 1));
        t.refreshes(Ok(issued(number, hours(1))));
    }
}

#[test]
fn a_refresh_token_is_sent_with_the_registration_that_it_was_issued_to() {
    let mut t = Timeline::signed_in(hours(1));
    t.open_flow();
    t.polls = Polls::Unanswered;
    t.advance(SECOND);
    t.polls(Err(service(ErrorName::InvalidClient)));
    t.registers(Ok(registration("another", t.now)));
    t.ask(Want::CancelLogin);
    t.advance(mins(45));
    assert_eq!(t.refresh_token_sent(), ("refresh-1", "client"));
}

#[test]
fn a_failing_refresh_is_tried_again_within_seconds_and_at_most_a_minute_apart_while_the_token_lives() {
    let mut t = Timeline::signed_in(hours(1));
    t.advance(t.wakes_in().expect("a refresh to come"));
    let mut first = true;
    while t.snapshot().token.is_some_and(|token| token.remaining(t.now.boot) > mins(2)) {
        t.refreshes(Err(network()));
        let pause = t.wakes_in().expect("another attempt");
        assert!(pause >= SECOND && pause <= if first { secs(2) } else { mins(1) }, "{pause:?}");
        first = false;
        t.advance(pause);
    }
    t.refreshes(Err(network()));
    t.advance(mins(1));
    t.refreshes(Err(network()));
    t.advance(mins(2));
    if t.is_under_way("Refresh") {
        t.refreshes(Err(network()));
    }
    let attempts = t.begun("Refresh");
    t.advance(hours(24));
    assert_eq!((t.begun("Refresh"), t.wakes_in()), (attempts, None), "after its expiry nobody is bothered");
    let caller = t.ask_token(NOW, NOW);
    assert_eq!(t.begun("Refresh"), attempts + 1, "until somebody asks");
    t.refreshes(Ok(issued(2, hours(1))));
    assert_eq!(t.token(caller), "access-2");
    assert_eq!(t.trouble(), "");
}

#[test]
fn the_service_decides_how_long_it_is_left_alone_up_to_an_hour() {
    for (asked, pause) in [(secs(90), secs(90)), (hours(50), hours(1))] {
        let mut t = Timeline::signed_in(hours(8));
        t.advance(hours(7) + mins(45));
        t.refreshes(Err(too_many(asked)));
        let refresh_at = t.snapshot().next.expect("another attempt").1;
        assert_eq!(refresh_at.since(t.now.boot), pause);
    }
}

#[test]
fn the_answer_to_a_refresh_from_before_a_sign_in_is_void() {
    let mut t = Timeline::refreshing();
    t.sign_in(issued(7, hours(1)));
    t.refreshes(Ok(issued(2, hours(1))));
    assert_eq!(t.served(), "access-7");
    t.advance(mins(45));
    assert_eq!(t.refresh_token_sent().0, "refresh-7");
}

#[test]
fn the_failure_of_a_refresh_from_before_a_sign_in_is_void() {
    let mut t = Timeline::refreshing();
    t.sign_in(issued(7, hours(1)));
    t.refreshes(Err(service(ErrorName::InvalidGrant)));
    assert!(t.snapshot().token.is_some_and(|token| token.renewal.is_some()));
    assert_eq!(t.trouble(), "");
}

#[test]
fn the_answer_to_a_refresh_from_before_a_sign_out_is_void() {
    let mut t = Timeline::refreshing();
    t.sign_out();
    t.refreshes(Ok(issued(2, hours(1))));
    assert_eq!(t.snapshot().token, None);
    assert!(t.record.as_ref().is_some_and(|record| record.token.is_none()));
}

#[test]
fn a_token_loaded_after_its_expiry_is_refreshed_once() {
    let (mut t, kept) = Timeline::restarted();
    t.jump(hours(9));
    t.loaded(Ok(kept));
    assert_eq!(t.begun("Refresh"), 1);
    t.refreshes(Err(network()));
    t.advance(hours(9));
    assert_eq!(t.begun("Refresh"), 1);
}

#[test]
fn the_configuration_chooses_when_and_cannot_make_it_spin() {
    for (chosen, least, most) in
        [(mins(30), mins(27), mins(30)), (mins(59), mins(1), mins(20)), (hours(2), mins(38), mins(40))]
    {
        let mut t = Timeline::signed_out_with(Terms { refresh_before: Some(chosen), ..quiet() });
        t.sign_in(issued(1, hours(1)));
        for number in 2..20 {
            let refresh_in = t.wakes_in().expect("a refresh to come");
            assert!(refresh_in >= least && refresh_in <= most, "{chosen:?} before: in {refresh_in:?}");
            t.advance(refresh_in);
            t.refreshes(Ok(issued(number, hours(1))));
        }
    }
}

#[test]
fn changed_terms_count_at_once() {
    let mut t = Timeline::signed_in(hours(1));
    t.on(Event::TermsChanged(Terms { refresh_before: Some(mins(40)), ..quiet() }));
    let refresh_in = t.wakes_in().expect("a refresh to come");
    assert!(refresh_in <= mins(20) && refresh_in >= mins(16), "{refresh_in:?}");
}

#[test]
fn a_token_without_a_refresh_token_is_left_in_peace() {
    let mut t = Timeline::signed_in_alone(hours(8));
    assert_eq!(t.wakes_in(), None);
    t.advance(hours(24));
    assert_eq!((t.begun("Refresh"), t.begun("AuthorizeDevice")), (0, 1));
}

#[test]
fn a_life_is_reckoned_from_when_the_token_was_asked_for_and_not_from_a_late_answer() {
    let mut t = Timeline::signed_in(hours(1));
    t.advance(t.wakes_in().expect("a refresh"));
    t.jump(mins(50));
    t.refreshes(Ok(issued(2, hours(1))));
    assert_eq!(t.snapshot().token.map(|token| token.remaining(t.now.boot)), Some(mins(10)));
}
