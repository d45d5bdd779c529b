//! Notices.

use super::*;

const PATIENT: Want = Want::Token { min_valid: NOW, wait: hours(1) };

/// Signed in for eight hours with a token that nobody can refresh.
fn signed_in_alone() -> Timeline {
    let mut t = Timeline::signed_out_with(noticed());
    t.sign_in(issued_alone(1, hours(8)));
    t
}

/// The same fifteen minutes before the end, when a flow is opened and its code shown.
fn asked_to_approve() -> Timeline {
    let mut t = signed_in_alone();
    t.advance(hours(8) - mins(15));
    t.authorizes(Ok(authorization()));
    t
}

fn screen(t: &Timeline) -> &'static str {
    t.screen.as_ref().map_or("nothing", Notice::name)
}

#[test]
fn a_token_that_is_refreshed_needs_nobody() {
    let mut t = Timeline::signed_out_with(noticed());
    t.sign_in(issued(1, hours(1)));
    for number in 2..50 {
        t.advance(t.wakes_in().expect("a refresh"));
        t.refreshes(Ok(issued(number, hours(1))));
    }
    assert_eq!((t.shown.len(), t.begun("AuthorizeDevice")), (0, 1));
}

#[test]
fn fifteen_minutes_before_the_end_a_flow_is_opened_and_its_code_shown() {
    let mut t = signed_in_alone();
    t.advance(hours(8) - mins(15) - SECOND);
    assert_eq!((screen(&t), t.begun("AuthorizeDevice")), ("nothing", 1));
    t.advance(SECOND);
    t.authorizes(Ok(authorization()));
    let Some(Notice::Approve { flow, ends }) = &t.screen else { panic!("{:?}", t.screen) };
    assert_eq!((flow.user_code().unwrap(), ends.since(t.now.boot)), ("ABCD-EFGH", mins(15)));
    t.sign_in(issued_alone(2, hours(8)));
    assert_eq!((screen(&t), t.shown.len()), ("nothing", 1), "taken back");
}

#[test]
fn a_code_that_dies_unattended_becomes_an_invitation_and_opens_no_other_by_itself() {
    let mut t = asked_to_approve();
    t.advance(CODE_LIFETIME);
    assert_eq!(screen(&t), "sign in");
    t.advance(mins(5));
    assert_eq!(screen(&t), "expired");
    t.advance(hours(24 * 30));
    assert_eq!((t.shown.len(), t.begun("AuthorizeDevice")), (3, 2), "then there is silence");
    assert_eq!(t.wakes_in(), None);
}

#[test]
fn at_the_end_an_open_code_is_shown_once_more_and_says_both() {
    let mut t = signed_in_alone();
    t.advance(hours(8) - mins(1));
    t.authorizes(Ok(authorization()));
    assert_eq!(screen(&t), "approve");
    t.advance(mins(1));
    let names: Vec<&str> = t.shown.iter().map(Notice::name).collect();
    assert_eq!((names, t.shown[1].ends()), (vec!["approve"; 2], t.now.boot));
    t.advance(CODE_LIFETIME - mins(1));
    assert_eq!((screen(&t), t.shown.len()), ("expired", 3), "that code is dead");
}

#[test]
fn a_code_that_was_put_off_is_shown_at_the_end() {
    let mut t = signed_in_alone();
    t.advance(hours(8) - mins(2));
    t.authorizes(Ok(authorization()));
    t.on(Event::Acted(Action::PutOff));
    assert_eq!(screen(&t), "nothing");
    t.advance(mins(2));
    assert_eq!((screen(&t), t.shown.len()), ("approve", 2));
}

#[test]
fn a_notice_that_was_put_off_is_shown_at_once_when_the_portal_rejects_the_token() {
    let mut t = signed_in_alone();
    t.advance(hours(8) - mins(10));
    t.authorizes(Ok(authorization()));
    t.on(Event::Acted(Action::PutOff));
    t.advance(mins(1));
    let token = t.snapshot().token.expect("a token").access;
    t.portal_rejects(&token);
    assert_eq!((screen(&t), t.shown.len()), ("approve", 2));
    assert_eq!(t.shown[1].ends(), t.now.boot);
}

#[test]
fn a_click_on_the_invitation_opens_a_fresh_flow_and_its_page() {
    let mut t = asked_to_approve();
    t.advance(CODE_LIFETIME);
    t.on(Event::Acted(Action::SignIn));
    t.authorizes(Ok(authorization()));
    assert_eq!((t.begun("OpenPage"), screen(&t)), (1, "approve"));
    t.sign_in(issued_alone(2, hours(8)));
    assert_eq!((screen(&t), t.begun("AuthorizeDevice")), ("nothing", 3));
}

#[test]
fn a_click_on_the_code_opens_its_page_each_time() {
    let mut t = asked_to_approve();
    t.on(Event::Acted(Action::SignIn));
    t.on(Event::Acted(Action::SignIn));
    assert_eq!((t.begun("OpenPage"), t.begun("AuthorizeDevice")), (2, 2));
}

#[test]
fn a_waiting_client_opens_a_fresh_flow_whose_code_takes_the_place_of_the_invitation() {
    let mut t = signed_in_alone();
    t.advance(hours(8) - mins(1));
    t.authorizes(Ok(authorization()));
    t.advance(CODE_LIFETIME);
    assert_eq!(screen(&t), "expired");
    let caller = t.ask(PATIENT);
    t.authorizes(Ok(authorization()));
    assert_eq!(screen(&t), "approve");
    t.sign_in(issued_alone(2, hours(8)));
    assert_eq!((t.token(caller), screen(&t)), ("access-2", "nothing"));
}

#[test]
fn a_portal_that_caps_is_not_asked_for_a_flow_that_cannot_help() {
    let mut t = Timeline::capped_with(noticed());
    assert_eq!(t.snapshot().portal_session_ends.map(|ends| ends.since(t.now.boot)), Some(hours(3)));
    t.advance(hours(3) - mins(15));
    assert_eq!((screen(&t), t.begun("AuthorizeDevice")), ("renew now", 2));
    t.advance(mins(15));
    assert_eq!((screen(&t), t.shown.len()), ("expired", 2));
}

#[test]
fn renewing_ends_the_portal_session_first_and_then_signs_in() {
    let mut t = Timeline::capped_with(noticed());
    t.advance(hours(3) - mins(15));
    t.on(Event::Acted(Action::Renew));
    assert_eq!(t.served(), "access-2", "until the portal is told, the token stays");
    assert_eq!(t.begun("AuthorizeDevice"), 2);
    t.portal_answers(Ok(()));
    t.authorizes(Ok(authorization()));
    assert_eq!(t.begun("OpenPage"), 1);
    t.sign_in(issued_alone(3, hours(8)));
    let token = t.snapshot().token.expect("a token");
    assert_eq!((token.capped, token.remaining(t.now.boot), screen(&t)), (false, hours(8), "nothing"));
}

#[test]
fn renewing_keeps_the_token_if_the_portal_cannot_be_told() {
    let mut t = signed_in_alone();
    let caller = t.ask(Want::Login { need: Need::Fresh });
    t.portal_answers(Err(network()));
    assert_eq!(t.refusal(caller), &Refusal::Service(network()));
    assert_eq!(t.served(), "access-1");
}

#[test]
fn renewing_twice_at_once_ends_one_portal_session_and_opens_one_flow() {
    let mut t = signed_in_alone();
    let callers = [t.ask(Want::Login { need: Need::Fresh }), t.ask(Want::Login { need: Need::Fresh })];
    t.portal_answers(Ok(()));
    t.authorizes(Ok(authorization()));
    assert!(callers.iter().all(|caller| matches!(t.told(*caller), Answer::Pending { .. })));
    assert_eq!((t.begun("EndPortalSession"), t.begun("AuthorizeDevice")), (1, 2));
}

#[test]
fn a_portal_once_known_to_cap_is_remembered_across_sign_ins_and_restarts() {
    let mut t = Timeline::capped_with(noticed());
    t.ask(Want::Login { need: Need::Fresh });
    t.portal_answers(Ok(()));
    t.sign_in(issued_alone(3, hours(8)));
    let record = t.record.clone();
    for mut t in [t, Timeline::loading_with(noticed())] {
        if t.is_under_way("Load") {
            t.loaded(Ok(record.clone()));
        }
        let flows = t.begun("AuthorizeDevice");
        let remaining = t.snapshot().token.expect("a token").remaining(t.now.boot);
        t.advance(remaining - mins(15));
        assert_eq!((screen(&t), t.begun("AuthorizeDevice")), ("renew now", flows));
    }
}

#[test]
fn while_the_person_is_away_nothing_is_opened_or_shown_and_callers_are_served() {
    let mut t = signed_in_alone();
    t.on(Event::PresenceChanged(Presence::Away));
    t.advance(hours(9));
    assert_eq!((t.shown.len(), t.begun("AuthorizeDevice"), t.wakes_in()), (0, 1, None));
    let caller = t.ask(PATIENT);
    t.sign_in(issued_alone(2, hours(8)));
    assert_eq!((t.token(caller), t.shown.len()), ("access-2", 0));
}

#[test]
fn a_person_who_comes_back_finds_one_notice() {
    for (away, notice) in [(hours(7) + mins(50), "approve"), (hours(30), "expired")] {
        let mut t = signed_in_alone();
        t.on(Event::PresenceChanged(Presence::Away));
        t.advance(away);
        t.on(Event::PresenceChanged(Presence::Present));
        if t.is_under_way("AuthorizeDevice") {
            t.authorizes(Ok(authorization()));
        }
        assert_eq!((screen(&t), t.shown.len()), (notice, 1), "{away:?}");
    }
}

#[test]
fn nine_hours_of_suspend_end_in_one_notice() {
    let mut t = signed_in_alone();
    t.jump(hours(9));
    t.on(Event::Tick);
    assert_eq!((screen(&t), t.shown.len(), t.begun("AuthorizeDevice")), ("expired", 1, 1));
    t.advance(hours(24));
    assert_eq!(t.shown.len(), 1);
}

#[test]
fn an_end_that_was_over_before_the_daemon_started_is_no_news() {
    let mut t = signed_in_alone();
    let record = t.record.clone();
    t.jump(hours(9));
    let now = t.now;
    let mut t = Timeline::loading_with(noticed());
    t.now = now;
    t.loaded(Ok(record));
    t.advance(hours(24));
    assert_eq!((t.shown.len(), t.begun("AuthorizeDevice")), (0, 0));
}

#[test]
fn an_early_flow_that_does_not_move_the_end_is_not_followed_by_another() {
    let mut t = asked_to_approve();
    t.advance(mins(1));
    t.sign_in(issued_alone(2, mins(14)));
    assert_eq!(screen(&t), "renew now", "the only thing that helps");
    t.advance(mins(13));
    assert_eq!((t.shown.len(), t.begun("AuthorizeDevice")), (2, 2), "in the place of the first notice");
    t.advance(hours(1));
    assert_eq!((screen(&t), t.shown.len()), ("expired", 3));
}

#[test]
fn a_flow_that_a_client_opened_before_the_end_approached_is_the_one_that_is_shown() {
    let mut t = signed_in_alone();
    t.advance(hours(8) - mins(20));
    t.open_flow();
    assert_eq!(screen(&t), "nothing", "whoever opened it sees it anyway");
    t.advance(mins(5));
    assert_eq!((screen(&t), t.begun("AuthorizeDevice")), ("approve", 2));
}

#[test]
fn a_spent_refresh_token_leads_to_the_same_notices() {
    let mut t = Timeline::signed_out_with(noticed());
    t.sign_in(issued(1, hours(1)));
    t.advance(mins(40));
    t.refreshes(Err(service(ErrorName::InvalidGrant)));
    assert_eq!(screen(&t), "nothing", "the access token lives on");
    t.advance(mins(5));
    t.authorizes(Ok(authorization()));
    assert_eq!(screen(&t), "approve");
}

#[test]
fn a_sign_out_takes_everything_back() {
    let mut t = asked_to_approve();
    t.ask(Want::Logout(Forgotten::Token));
    assert_eq!(screen(&t), "nothing");
    t.portal_answers(Ok(()));
    t.advance(hours(24));
    assert_eq!((screen(&t), t.shown.len(), t.wakes_in()), ("nothing", 1, None));
}

#[test]
fn with_notices_off_no_flow_is_opened_unasked() {
    let mut t = Timeline::signed_in_alone(hours(8));
    t.advance(hours(48));
    assert_eq!((t.shown.len(), t.begun("AuthorizeDevice")), (0, 1));
}

#[test]
fn the_time_before_the_end_can_be_chosen_and_short_lives_are_told_later() {
    for (lifetime, chosen, told) in
        [(hours(8), Some(mins(30)), mins(30)), (mins(9), None, mins(3)), (mins(40), None, mins(15))]
    {
        let mut t = Timeline::signed_out_with(Terms { notify_before: chosen, ..noticed() });
        t.sign_in(issued_alone(1, lifetime));
        assert_eq!(t.snapshot().next, Some((Next::AskPerson, t.now.boot + lifetime - told)));
        t.advance(lifetime - told);
        assert_eq!(t.begun("AuthorizeDevice"), 2, "{lifetime:?}");
    }
}

#[test]
fn the_code_stays_on_the_screen_while_its_token_is_being_stored() {
    let mut t = asked_to_approve();
    t.advance(mins(15));
    t.on(Event::Acted(Action::SignIn));
    t.authorizes(Ok(authorization()));
    let shown = t.shown.len();
    t.store = Store::Hanging;
    t.sign_in(issued_alone(2, hours(8)));
    assert_eq!((screen(&t), t.shown.len()), ("approve", shown), "and no word of an end that is overcome");
}

/// A session after a restart with a wall clock that is an hour ahead. Its token seems to end in `remaining`.
fn restarted_with_a_fast_clock(remaining: Duration) -> Timeline {
    let record = signed_in_alone().record;
    let mut t = Timeline::loading_with(noticed());
    t.now.wall += hours(1);
    let mut record = record.expect("a record");
    let token = record.token.as_mut().expect("a token");
    let shift = hours(8) - remaining;
    (token.received, token.expires) = (token.received - shift, token.expires - shift);
    t.loaded(Ok(Some(record)));
    t
}

/// The service's clock becomes known to a session that was [`restarted_with_a_fast_clock`].
fn learns_the_time(t: &mut Timeline) {
    t.on(Event::ServiceClock(ServiceClock { ahead_seconds: Some(-3600) }));
}

#[test]
fn an_end_that_turns_out_to_be_later_takes_its_notice_back() {
    let mut t = restarted_with_a_fast_clock(hours(7));
    t.advance(hours(7) - mins(15));
    t.authorizes(Ok(authorization()));
    t.advance(mins(16));
    assert_eq!(screen(&t), "expired");
    learns_the_time(&mut t);
    assert_eq!(screen(&t), "nothing");
}

#[test]
fn a_notice_is_withdrawn_when_the_end_turns_out_to_be_far_also_while_the_person_is_away() {
    for presence in [Presence::Present, Presence::Away] {
        let mut t = restarted_with_a_fast_clock(mins(14));
        t.authorizes(Ok(authorization()));
        t.advance(CODE_LIFETIME);
        t.on(Event::PresenceChanged(presence));
        assert_eq!(screen(&t), "sign in");
        learns_the_time(&mut t);
        assert_eq!(screen(&t), "nothing", "{presence:?}");
        t.on(Event::PresenceChanged(Presence::Present));
        t.advance(mins(49) - SECOND);
        assert_eq!((screen(&t), t.begun("AuthorizeDevice")), ("nothing", 1));
        t.advance(SECOND);
        t.authorizes(Ok(authorization()));
        assert_eq!(screen(&t), "approve", "fifteen minutes before the true end");
    }
}

#[test]
fn an_end_that_turns_out_to_be_a_little_later_is_told_once() {
    let mut t = restarted_with_a_fast_clock(mins(15));
    t.authorizes(Ok(authorization()));
    t.on(Event::ServiceClock(ServiceClock { ahead_seconds: Some(-67) }));
    let Some(Notice::Approve { ends, .. }) = &t.screen else { panic!("{:?}", t.screen) };
    assert_eq!(ends.since(t.now.boot), mins(15) + secs(67));
    t.advance(mins(17));
    assert_eq!((screen(&t), t.begun("AuthorizeDevice")), ("expired", 1));
}

#[test]
fn a_word_of_the_end_does_not_stay_while_a_code_for_the_token_that_lives_after_all_is_on_its_way() {
    let mut t = restarted_with_a_fast_clock(mins(1));
    t.authorizes(Ok(authorization()));
    t.advance(hours(1) - mins(9));
    assert_eq!(screen(&t), "expired");
    t.ask(PATIENT);
    learns_the_time(&mut t);
    assert_eq!(screen(&t), "sign in");
    t.authorizes(Ok(authorization()));
    assert_eq!((screen(&t), t.begun("AuthorizeDevice")), ("approve", 2));
}

#[test]
fn a_notice_that_is_put_off_comes_back_after_five_minutes() {
    let mut t = asked_to_approve();
    t.on(Event::Acted(Action::PutOff));
    assert_eq!((screen(&t), t.begun("OpenPage")), ("nothing", 0));
    t.advance(mins(5) - SECOND);
    assert_eq!(screen(&t), "nothing");
    t.advance(SECOND);
    assert_eq!((screen(&t), t.shown.len()), ("approve", 2));
    t.on(Event::Acted(Action::PutOff));
    t.advance(mins(5));
    assert_eq!((screen(&t), t.begun("AuthorizeDevice")), ("sign in", 2), "its code died meanwhile");
}

#[test]
fn a_notice_is_not_put_off_beyond_the_end() {
    let mut t = asked_to_approve();
    t.advance(mins(12));
    assert_eq!(screen(&t), "sign in");
    t.on(Event::Acted(Action::PutOff));
    t.advance(mins(3) - SECOND);
    assert_eq!(screen(&t), "nothing");
    t.advance(SECOND);
    assert_eq!(screen(&t), "expired");
    t.on(Event::Acted(Action::PutOff));
    assert_eq!(screen(&t), "expired", "the end cannot wait");
}

#[test]
fn a_person_who_put_a_notice_off_and_comes_back_after_the_end_finds_one() {
    let mut t = signed_in_alone();
    t.on(Event::PresenceChanged(Presence::Away));
    t.advance(hours(8) - mins(4));
    t.on(Event::PresenceChanged(Presence::Present));
    t.authorizes(Ok(authorization()));
    t.on(Event::Acted(Action::PutOff));
    t.on(Event::PresenceChanged(Presence::Away));
    t.advance(mins(5));
    assert_eq!(screen(&t), "nothing");
    t.on(Event::PresenceChanged(Presence::Present));
    assert_eq!(screen(&t), "approve", "it has ended, and this code helps");
}

#[test]
fn a_sign_in_ends_the_putting_off() {
    let mut t = asked_to_approve();
    t.on(Event::Acted(Action::PutOff));
    t.sign_in(issued_alone(2, mins(60)));
    assert_eq!((screen(&t), t.shown.len()), ("nothing", 1));
}
