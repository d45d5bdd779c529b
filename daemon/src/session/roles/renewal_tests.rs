//! Renewing ahead of the end, while somebody uses what is renewed.

use super::*;

#[test]
fn credentials_in_use_are_renewed_ahead_of_their_end_and_nobody_waits() {
    let mut t = Timeline::renewing("Admin");
    assert_eq!(t.calls, 2, "twenty minutes before the end");
    t.gives("second", mins(60));
    let caller = t.ask("Admin", mins(45));
    assert_eq!(t.key(caller), "second");
}

#[test]
fn credentials_that_nobody_used_since_the_last_renewal_are_left_alone_and_nothing_wakes() {
    let mut t = Timeline::renewing("Admin");
    t.gives("second", mins(60));
    assert_eq!(t.wakes_in(), None);
    t.advance(mins(600));
    assert_eq!(t.calls, 2);
    let caller = t.ask("Admin", NOW);
    assert!(t.is_waiting(caller) && t.calls == 3, "they have expired");
}

#[test]
fn one_use_is_enough_for_the_next_renewal() {
    let mut t = Timeline::renewing("Admin");
    t.gives("second", mins(60));
    t.advance(mins(10));
    t.ask("Admin", NOW);
    t.advance(mins(31));
    assert_eq!(t.calls, 3);
}

#[test]
fn a_caller_waits_briefly_for_a_renewal_that_is_due_and_is_served_all_the_same() {
    let mut t = Timeline::renewing("Admin");
    let caller = t.ask("Admin", NOW);
    assert!(t.is_waiting(caller));
    t.advance(policy::RENEWAL_PATIENCE);
    assert_eq!(t.key(caller), "first");
    let quick = t.ask("Admin", NOW);
    t.gives("second", mins(60));
    assert_eq!((t.key(quick), t.calls), ("second", 2));
}

#[test]
fn a_caller_after_the_time_of_unused_credentials_gets_new_ones() {
    let mut t = Timeline::renewing("Admin");
    t.gives("second", mins(60));
    t.advance(mins(50));
    let caller = t.ask("Admin", NOW);
    assert_eq!(t.calls, 3);
    t.gives("third", mins(60));
    assert_eq!(t.key(caller), "third");
}

#[test]
fn short_lives_are_renewed_at_a_third_and_long_ones_twenty_minutes_early() {
    for (life, latest) in [(mins(15), mins(10)), (mins(60), mins(40)), (mins(720), mins(700))] {
        let mut t = Timeline::start();
        t.ask("Admin", NOW);
        t.gives("first", life);
        let due_in = t.wakes_in().expect("a renewal");
        assert!(due_in <= latest && due_in >= latest - mins(3), "{life:?}: {due_in:?}");
    }
}

#[test]
fn a_caller_that_asks_for_longer_credentials_than_the_portal_gives_is_told_the_best_expiry() {
    let mut t = Timeline::holding("Admin");
    let greedy = t.ask("Admin", mins(61));
    assert_eq!(t.refusal(greedy), &RoleRefusal::ValidityUnattainable { best: t.now() + mins(60) });
    t.advance(mins(5));
    let caller = t.ask("Admin", mins(58));
    assert!(t.is_waiting(caller) && t.calls == 2, "new ones live that long");
    t.gives("second", mins(60));
    assert_eq!(t.key(caller), "second");
    let new = t.ask("Reader", mins(120));
    t.gives("of reader", mins(60));
    assert_eq!(t.refusal(new), &RoleRefusal::ValidityUnattainable { best: t.now() + mins(60) });
}
