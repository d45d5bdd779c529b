//! Signing out: the token is gone at once, whatever portal and store say.

use super::*;

#[test]
fn the_token_is_gone_before_the_portal_has_answered() {
    let mut t = Timeline::signed_in(hours(1));
    let caller = t.ask(Want::Logout(Forgotten::Token));
    assert!(t.is_waiting(caller) && t.snapshot().token.is_none());
    assert!(t.record.as_ref().is_some_and(|record| record.token.is_none() && record.registration.is_some()));
    assert!(matches!(t.refused(NOW, NOW), Refusal::SignInRequired { expired: None, .. }));
    t.portal_answers(Ok(()));
    assert_eq!(t.told(caller), &Answer::LoggedOut(PortalOutcome::Ended));
    t.open_flow();
    assert_eq!(t.begun("Register"), 1, "the registration is kept");
}

#[test]
fn a_portal_that_could_not_be_told_is_said_so() {
    let mut t = Timeline::signed_in(hours(1));
    let callers = [t.ask(Want::Logout(Forgotten::Token)), t.ask(Want::Logout(Forgotten::Token))];
    t.portal_answers(Err(network()));
    for caller in callers {
        assert_eq!(t.told(caller), &Answer::LoggedOut(PortalOutcome::NotTold(network())));
    }
    assert_eq!((t.begun("EndPortalSession"), t.snapshot().token), (1, None));
}

#[test]
fn without_a_token_there_is_nothing_to_end() {
    let mut t = Timeline::signed_out();
    let caller = t.ask(Want::Logout(Forgotten::Token));
    assert_eq!(t.told(caller), &Answer::LoggedOut(PortalOutcome::NothingToEnd));
    assert_eq!(t.begun("EndPortalSession"), 0);
}

#[test]
fn an_expired_token_is_still_good_for_telling_the_portal() {
    let mut t = Timeline::signed_in(hours(1));
    t.jump(hours(2));
    t.ask(Want::Logout(Forgotten::Token));
    assert!(t.is_under_way("EndPortalSession"));
}

#[test]
fn the_open_flow_is_given_up_and_its_callers_are_told() {
    let mut t = Timeline::with_open_flow();
    let waiting = t.ask_token(NOW, mins(10));
    t.ask(Want::Logout(Forgotten::Token));
    assert_eq!((t.refusal(waiting), t.snapshot().flow), (&Refusal::Cancelled, None));
}

#[test]
fn a_sign_in_waits_until_the_portal_session_is_over() {
    let mut t = Timeline::signed_in(hours(1));
    let leaving = t.ask(Want::Logout(Forgotten::Token));
    let login = t.ask(Want::Login { need: Need::Always });
    assert_eq!(t.begun("AuthorizeDevice"), 1, "a flow begun now would inherit the session that is being ended");
    t.portal_answers(Ok(()));
    assert!(!t.is_waiting(leaving));
    t.authorizes(Ok(authorization()));
    assert!(matches!(t.told(login), Answer::Pending { started: true, .. }));
}

#[test]
fn a_token_that_is_still_being_stored_is_ended_too() {
    let mut t = Timeline::with_open_flow();
    t.store = Store::Hanging;
    t.sign_in(issued(1, hours(1)));
    t.ask(Want::Logout(Forgotten::Token));
    assert!(t.is_under_way("EndPortalSession"));
    t.stored(Ok(()));
    t.stored(Ok(()));
    assert!(t.record.as_ref().is_some_and(|record| record.token.is_none()));
    t.advance(mins(1));
    assert_eq!(t.snapshot().token, None);
}

#[test]
fn a_fresh_sign_in_hands_out_no_token_that_is_still_being_stored() {
    let mut t = Timeline::signed_in(hours(1));
    t.advance(mins(41));
    t.store = Store::Hanging;
    t.refreshes(Ok(issued(2, hours(1))));
    let caller = t.ask_token(mins(57), hours(1));
    t.ask(Want::Login { need: Need::Fresh });
    assert!(t.is_under_way("EndPortalSession") && t.is_waiting(caller), "the new token is not stored yet");
    t.stored(Ok(()));
    assert!(matches!(t.told(caller), Answer::Token(..)));
}

#[test]
fn it_is_answered_once_the_store_has_forgotten() {
    let mut t = Timeline::signed_in(hours(1));
    t.store = Store::Hanging;
    let caller = t.sign_out();
    assert!(t.is_waiting(caller));
    t.stored(Ok(()));
    assert_eq!(t.told(caller), &Answer::LoggedOut(PortalOutcome::Ended));
}

#[test]
fn a_store_that_fails_or_hangs_keeps_nobody_waiting_for_ever() {
    for store in [Store::Failing, Store::Hanging] {
        let mut t = Timeline::signed_in(hours(1));
        t.store = store;
        let caller = t.sign_out();
        t.advance(secs(30));
        assert_eq!(t.told(caller), &Answer::LoggedOut(PortalOutcome::Ended));
        assert!(t.snapshot().unsaved && t.snapshot().token.is_none());
    }
}

#[test]
fn a_portal_that_never_answers_keeps_nobody_waiting_for_ever() {
    let mut t = Timeline::signed_in(hours(1));
    let caller = t.ask(Want::Logout(Forgotten::Token));
    t.advance(secs(30));
    assert!(matches!(t.told(caller), Answer::LoggedOut(PortalOutcome::NotTold(_))), "{:?}", t.told(caller));
}

#[test]
fn while_loading_it_waits_for_the_store() {
    let (mut t, kept) = Timeline::restarted();
    let caller = t.ask(Want::Logout(Forgotten::Token));
    t.loaded(Ok(kept));
    assert!(t.is_under_way("EndPortalSession"));
    t.portal_answers(Ok(()));
    assert_eq!(t.told(caller), &Answer::LoggedOut(PortalOutcome::Ended));
}

#[test]
fn a_logout_that_the_store_keeps_waiting_is_carried_out_as_soon_as_it_answers() {
    let (mut t, kept) = Timeline::restarted();
    let caller = t.ask(Want::Logout(Forgotten::Token));
    t.loaded(Err("the keyring is locked".to_owned()));
    t.advance(secs(2));
    let why = Some("the keyring is locked".to_owned());
    assert_eq!(t.told(caller), &Answer::LoggedOut(PortalOutcome::Deferred(why)));
    t.loaded(Ok(kept));
    assert!(t.is_under_way("EndPortalSession"));
    assert!(matches!(t.refused(NOW, NOW), Refusal::SignInRequired { expired: None, .. }));
    assert!(t.record.as_ref().is_some_and(|record| record.token.is_none()), "and the store has forgotten it");
}

#[test]
fn a_sign_in_after_a_deferred_logout_stays() {
    let (mut t, kept) = Timeline::restarted();
    t.ask(Want::Logout(Forgotten::Token));
    t.sign_in(issued(2, hours(1)));
    t.loaded(Ok(kept));
    assert_eq!((t.served().as_str(), t.begun("EndPortalSession")), ("access-2", 0));
}

#[test]
fn a_logout_before_the_store_answers_ends_a_newer_sign_in_at_once() {
    let (mut t, kept) = Timeline::restarted();
    t.sign_in(issued(2, hours(1)));
    t.advance(secs(2));
    let caller = t.ask(Want::Logout(Forgotten::Token));
    assert!(t.is_under_way("EndPortalSession") && t.snapshot().token.is_none());
    t.portal_answers(Ok(()));
    t.loaded(Ok(kept));
    assert!(matches!(t.refused(NOW, NOW), Refusal::SignInRequired { .. }), "nor is what the store had restored");
    t.portal_answers(Ok(()));
    assert_eq!(t.told(caller), &Answer::LoggedOut(PortalOutcome::Ended));
}

#[test]
fn a_logout_that_forgets_everything_empties_the_store_and_the_next_flow_registers_anew() {
    let mut t = Timeline::signed_in(hours(1));
    let caller = t.ask(Want::Logout(Forgotten::Everything));
    t.portal_answers(Ok(()));
    assert_eq!(t.told(caller), &Answer::LoggedOut(PortalOutcome::Ended));
    assert_eq!(t.record, Some(Record::default()));
    t.open_flow();
    assert_eq!(t.begun("Register"), 2);
}

#[test]
fn without_a_token_the_registration_is_forgotten_all_the_same() {
    let mut t = Timeline::signed_in(hours(1));
    t.sign_out();
    let caller = t.ask(Want::Logout(Forgotten::Everything));
    assert_eq!(t.told(caller), &Answer::LoggedOut(PortalOutcome::NothingToEnd));
    assert_eq!(t.record, Some(Record::default()));
}

#[test]
fn a_record_is_forgotten_with_its_registration_once_the_store_answers() {
    let (mut t, kept) = Timeline::restarted();
    t.ask(Want::Logout(Forgotten::Everything));
    t.ask(Want::Logout(Forgotten::Token));
    t.loaded(Ok(kept));
    assert!(t.is_under_way("EndPortalSession"));
    assert_eq!(t.record, Some(Record::default()));
}

#[test]
fn a_registration_that_comes_after_everything_was_forgotten_is_not_kept() {
    let mut t = Timeline::signed_out();
    t.ask(Want::Login { need: Need::Always });
    assert!(t.is_under_way("Register"));
    t.ask(Want::Logout(Forgotten::Everything));
    t.registers(Ok(registration("late", t.now)));
    assert_eq!(t.record, Some(Record::default()));
}

#[test]
fn a_token_that_comes_while_a_fresh_login_ends_the_portal_session_is_kept() {
    for store in [Store::Prompt, Store::Hanging] {
        let mut t = Timeline::signed_in(hours(8));
        t.open_flow();
        t.polls = Polls::Unanswered;
        t.advance(CODE_LIFETIME);
        t.store = store;
        let fresh = t.ask(Want::Login { need: Need::Fresh });
        t.polls(Ok(issued(2, hours(8))));
        t.polls = Polls::Pending;
        t.portal_answers(Ok(()));
        t.advance(secs(3));
        let caller = t.ask_token(NOW, NOW);
        assert_eq!(t.token(caller), "access-2", "it belongs to a sign-in that nobody has ended");
        t.store = Store::Prompt;
        if t.is_under_way("Store") {
            t.stored(Ok(()));
        }
        let stored = t.record.as_ref().and_then(|record| record.token.as_ref());
        assert_eq!(stored.map(|token| token.access.value.expose().as_str()), Some("access-2"));
        t.advance(secs(3));
        t.authorizes(Ok(authorization()));
        assert!(matches!(t.told(fresh), Answer::Pending { started: true, .. }));
    }
}

#[test]
fn a_token_whose_sign_out_has_failed_while_it_was_stored_is_refreshed_as_any_other() {
    let mut t = Timeline::signed_out();
    t.open_flow();
    t.store = Store::Hanging;
    t.sign_in(issued(1, hours(1)));
    let fresh = t.ask(Want::Login { need: Need::Fresh });
    t.portal_answers(Err(network()));
    t.advance(secs(30));
    assert_eq!(t.refusal(fresh), &Refusal::Service(network()));
    assert!(matches!(t.snapshot().next, Some((Next::Refresh, _))), "{:?}", t.snapshot().next);
}
