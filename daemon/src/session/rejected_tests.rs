//! Tokens that the portal does not accept although their time has not come.

use super::*;

impl Timeline {
    /// The portal does not accept the token that is served.
    fn reject(&mut self) {
        let token = self.snapshot().token.expect("a token").access;
        self.portal_rejects(&token);
    }
}

#[test]
fn a_rejected_token_is_replaced_at_once_and_served_to_nobody_meanwhile() {
    let mut t = Timeline::signed_in(hours(1));
    t.reject();
    assert!(t.is_under_way("Refresh"));
    let caller = t.ask_token(NOW, NOW);
    assert!(t.is_waiting(caller));
    t.refreshes(Ok(issued(2, hours(1))));
    assert_eq!(t.token(caller), "access-2");
}

#[test]
fn a_replacement_that_is_rejected_too_ends_the_sign_in() {
    let mut t = Timeline::signed_in(hours(1));
    t.reject();
    t.refreshes(Ok(issued(2, hours(1))));
    t.reject();
    assert_eq!(t.begun("Refresh"), 1);
    assert!(matches!(t.refused(NOW, NOW), Refusal::SignInRequired { expired: Some(_), .. }));
    assert!(t.record.as_ref().is_some_and(|record| record.token.as_ref().is_some_and(|token| token.renewal.is_none())));
}

#[test]
fn a_successor_that_had_come_before_the_rejection_is_renewed_if_it_is_rejected_too() {
    let mut t = Timeline::signed_in(hours(1));
    t.advance(t.wakes_in().expect("a refresh"));
    t.store = Store::Hanging;
    t.refreshes(Ok(issued(2, hours(1))));
    t.reject();
    t.advance(secs(2));
    assert_eq!(t.served(), "access-2");
    t.reject();
    assert_eq!(t.begun("Refresh"), 2);
}

#[test]
fn a_replacement_that_has_served_its_time_earns_its_successor_another_chance() {
    let mut t = Timeline::signed_in(hours(1));
    t.reject();
    t.refreshes(Ok(issued(2, hours(1))));
    t.advance(mins(45));
    t.refreshes(Ok(issued(3, hours(1))));
    t.reject();
    assert_eq!(t.begun("Refresh"), 3);
}

#[test]
fn a_new_sign_in_after_a_rejection_is_renewed_when_it_is_rejected() {
    let mut t = Timeline::signed_in(hours(1));
    t.reject();
    t.refreshes(Err(service(ErrorName::InvalidGrant)));
    t.sign_in(issued(2, hours(1)));
    t.reject();
    assert_eq!(t.begun("Refresh"), 2);
    t.refreshes(Ok(issued(3, hours(1))));
    assert_eq!(t.served(), "access-3");
}

#[test]
fn a_rejected_token_without_a_refresh_token_is_over_until_somebody_signs_in() {
    let mut t = Timeline::signed_out();
    t.sign_in(Issued { refresh_token: None, ..issued(1, hours(8)) });
    t.reject();
    assert!(matches!(t.refused(NOW, NOW), Refusal::SignInRequired { expired: Some(_), .. }));
    t.sign_in(issued(2, hours(8)));
    assert_eq!(t.served(), "access-2");
}

#[test]
fn a_complaint_about_a_token_that_is_replaced_already_changes_nothing() {
    let mut t = Timeline::signed_in(hours(1));
    let old = t.snapshot().token.expect("a token").access;
    t.advance(mins(45));
    t.refreshes(Ok(issued(2, hours(1))));
    t.portal_rejects(&old);
    assert_eq!((t.served().as_str(), t.begun("Refresh")), ("access-2", 1));
}

#[test]
fn the_epoch_changes_with_the_person_and_not_with_a_renewal() {
    let mut t = Timeline::signed_in(hours(1));
    let first = t.snapshot().epoch;
    t.advance(mins(45));
    t.refreshes(Ok(issued(2, hours(1))));
    assert_eq!(t.snapshot().epoch, first);
    t.sign_in(issued(3, hours(1)));
    let second = t.snapshot().epoch;
    t.ask(Want::Logout(Forgotten::Token));
    assert!(first != second && second != t.snapshot().epoch);
}

#[test]
fn a_rejection_while_the_session_stops_begins_no_refresh() {
    let mut t = Timeline::signed_in(hours(1));
    t.on(Event::Stop);
    t.reject();
    assert_eq!(t.begun("Refresh"), 0);
    assert!(t.state.may_end());
}
