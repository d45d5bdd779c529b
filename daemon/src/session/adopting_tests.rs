//! Sign-ins and sign-outs that happened elsewhere.

use super::*;
use crate::session::found::{Found, Proof, Reception};

/// A sign-in of another program: access token `theirs` for that long, renewed with `their-refresh` if at all.
fn theirs(t: &Timeline, lifetime: Duration, is_refreshable: bool) -> Found {
    Found {
        access_token: "theirs".into(),
        expires_at: t.now.wall + lifetime,
        renewal: is_refreshable.then(|| Renewal {
            refresh_token: "their-refresh".into(),
            registration: registration("their-client", t.now),
        }),
        issuer: crate::issuer::Issuer::aws("eu-west-1"),
        file: std::path::Path::new("/cache/a.json").into(),
        proof: Proof::Given,
    }
}

impl Timeline {
    fn finds(&mut self, found: Found) -> Reception {
        let (reply, mut reception) = tokio::sync::oneshot::channel();
        self.on(Event::Found(found, reply.into()));
        reception.try_recv().expect("an answer at once")
    }
}

#[test]
fn token_refresh_token_and_registration_move_as_one_and_are_stored() {
    let mut t = Timeline::signed_out();
    let found = t.finds(theirs(&t, hours(1), true));
    assert_eq!(found, Reception::TakenOver);
    let record = t.record.clone().unwrap();
    assert_eq!(record.registration, None, "theirs may be one that no flow can use");
    assert_eq!(record.token.unwrap().access.value.expose(), "theirs");
    assert_eq!(t.served(), "theirs");
    t.advance(mins(45));
    assert_eq!(t.refresh_token_sent(), ("their-refresh", "their-client"));
    t.refreshes(Ok(issued(2, hours(1))));
    assert_eq!(t.served(), "access-2");
}

#[test]
fn nothing_is_taken_over_without_proof_and_nothing_is_lost_by_asking_for_it() {
    for signed_in in [false, true] {
        let mut t = if signed_in { Timeline::signed_in(hours(1)) } else { Timeline::signed_out() };
        let before = t.snapshot();
        let (better, worse) = (theirs(&t, hours(2), true), theirs(&t, mins(5), false));
        let found = t.finds(Found { proof: Proof::Missing, ..better.clone() });
        assert_eq!(found, Reception::ToBeProved);
        assert_eq!(t.snapshot(), before);
        if signed_in {
            let found = t.finds(Found { proof: Proof::Missing, ..worse });
            assert_eq!(found, Reception::OursIsBetter, "that needs no proof");
        }
        let found = t.finds(better);
        assert_eq!(found, Reception::TakenOver);
        assert_eq!(t.snapshot().token.unwrap().found_in.as_deref(), Some(std::path::Path::new("/cache/a.json")));
        t.advance(mins(105));
        t.refreshes(Ok(issued(2, hours(1))));
        assert!(t.snapshot().token.unwrap().found_in.is_some(), "it still is the sign-in of that file");
    }
}

#[test]
fn one_that_has_expired_is_renewed_at_once() {
    let mut t = Timeline::signed_out();
    let mut expired = theirs(&t, NOW, true);
    expired.expires_at -= hours(9);
    let found = t.finds(expired);
    assert_eq!(found, Reception::TakenOver);
    assert_eq!(t.refresh_token_sent(), ("their-refresh", "their-client"));
}

#[test]
fn it_is_stored_before_it_is_handed_out() {
    let mut t = Timeline::signed_out();
    t.store = Store::Hanging;
    let found = t.finds(theirs(&t, hours(1), true));
    assert_eq!(found, Reception::TakenOver);
    assert!(t.snapshot().token.is_none() && !t.snapshot().is_durable());
    t.stored(Ok(()));
    assert!(t.snapshot().token.is_some() && t.snapshot().is_durable());
}

#[test]
fn callers_that_wait_for_a_flow_get_a_token_that_was_found() {
    let mut t = Timeline::with_open_flow();
    let waiting = t.ask(Want::LoginEnd { flow: 1, wait: hours(1) });
    let token = t.ask_token(NOW, hours(1));
    t.finds(theirs(&t, hours(1), true));
    assert!(matches!(t.told(waiting), Answer::SignedIn(_)));
    assert_eq!(t.token(token), "theirs");
    assert_eq!(t.snapshot().flow, None);
}

#[test]
fn a_flow_that_is_still_registering_is_over_too() {
    let mut t = Timeline::signed_out();
    let caller = t.ask(Want::Login { need: Need::Always });
    t.finds(theirs(&t, hours(1), true));
    assert!(matches!(t.told(caller), Answer::SignedIn(_)));
    t.registers(Ok(registration("client", t.now)));
    assert_eq!(t.begun("AuthorizeDevice"), 0);
}

#[test]
fn a_notice_is_taken_back() {
    let mut t = Timeline::signed_out_with(noticed());
    t.sign_in(issued_alone(1, hours(1)));
    t.advance(mins(46));
    t.authorizes(Ok(authorization()));
    t.on(Event::Tick);
    assert!(matches!(t.screen, Some(Notice::Approve { .. })), "{:?}", t.screen);
    t.finds(theirs(&t, hours(1), true));
    assert_eq!(t.screen, None);
}

#[test]
fn nothing_is_taken_over_before_the_store_has_answered() {
    let mut t = Timeline::loading();
    let early = t.finds(theirs(&t, hours(8), true));
    assert_eq!(early, Reception::NotNow);
    t.loaded(Ok(None));
    let later = t.finds(theirs(&t, hours(8), true));
    assert_eq!(later, Reception::TakenOver);
}

#[test]
fn nothing_is_taken_over_during_a_sign_out() {
    let mut t = Timeline::signed_in(hours(1));
    t.ask(Want::Logout(Forgotten::Token));
    let found = t.finds(theirs(&t, hours(8), true));
    assert_eq!(found, Reception::NotNow);
}

#[test]
fn a_token_that_is_being_stored_counts_as_ours() {
    let mut t = Timeline::signed_out();
    t.store = Store::Hanging;
    t.sign_in(issued(1, hours(2)));
    let found = t.finds(theirs(&t, hours(1), true));
    assert_eq!(found, Reception::OursIsBetter);
}

#[test]
fn the_answer_to_a_refresh_from_before_is_void() {
    let mut t = Timeline::refreshing();
    assert!(t.is_under_way("Refresh"));
    t.finds(theirs(&t, hours(1), true));
    t.refreshes(Ok(issued(2, hours(1))));
    assert_eq!(t.served(), "theirs");
}

#[test]
fn a_token_that_the_portal_does_not_know_any_more_is_forgotten_unless_there_is_a_newer_one() {
    let access = |t: &Timeline| Arc::clone(&t.snapshot().token.unwrap().access);
    let mut t = Timeline::signed_in(hours(1));
    let old = access(&t);
    t.on(Event::EndedElsewhere(Arc::clone(&old)));
    assert_eq!(t.snapshot().token, None);
    assert_eq!(t.record.as_ref().unwrap().token, None);
    assert!(t.record.as_ref().unwrap().registration.is_some());

    t.sign_in(issued(2, hours(1)));
    t.on(Event::EndedElsewhere(old));
    assert!(t.snapshot().token.is_some());
}
