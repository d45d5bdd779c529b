//! The session cap (observed): whatever is renewed ends with the portal session that it was obtained in.

use super::*;

/// A portal session that ends at some point, and gives tokens that do not outlive it.
struct Portal {
    ends: BootTime,
    lifetime: Duration,
    number: u32,
}

impl Portal {
    fn opened(t: &Timeline, session: Duration, lifetime: Duration) -> Self {
        Self { ends: t.now.boot + session, lifetime, number: 0 }
    }

    fn issue(&mut self, now: Now) -> Issued {
        self.number += 1;
        issued(self.number, self.lifetime.min(self.ends.since(now.boot)))
    }

    /// Answers refreshes for as long as this.
    fn serve(&mut self, t: &mut Timeline, duration: Duration) {
        let end = t.now.boot + duration;
        while let Some(wakes_in) = t.wakes_in().filter(|wakes_in| t.now.boot + *wakes_in <= end) {
            t.advance(wakes_in);
            if t.is_under_way("Refresh") {
                let answer =
                    if t.now.boot < self.ends { Ok(self.issue(t.now)) } else { Err(service(ErrorName::InvalidGrant)) };
                t.refreshes(answer);
            }
        }
        t.advance(end.since(t.now.boot));
    }
}

#[test]
fn refreshes_that_run_into_the_cap_stop_there() {
    for (session, lifetime) in
        [(hours(8), hours(1)), (hours(8), mins(15)), (hours(1), mins(45)), (hours(24 * 7), hours(1))]
    {
        let mut t = Timeline::signed_out();
        let mut portal = Portal::opened(&t, session, lifetime);
        let first = portal.issue(t.now);
        t.sign_in(first);
        portal.serve(&mut t, session - secs(1));
        let token = t.snapshot().token.expect("a token");
        assert!(token.is_live(t.now.boot), "{session:?} of {lifetime:?}: served to the end");
        assert!(token.capped && t.wakes_in().is_none(), "{session:?} of {lifetime:?}: the cap is known");
        let expected = session.as_secs() * 3 / (lifetime.as_secs() * 2);
        let refreshes = t.begun("Refresh") as u64;
        assert!(refreshes >= expected && refreshes <= expected + expected / 5 + 8, "{refreshes} for {expected}");
        portal.serve(&mut t, hours(24));
        assert_eq!(t.begun("Refresh") as u64, refreshes, "nothing is tried by itself after its end");
        let caller = t.ask_token(NOW, NOW);
        t.refreshes(Err(service(ErrorName::InvalidGrant)));
        assert!(matches!(t.refusal(caller), Refusal::SignInRequired { .. }));
    }
}

#[test]
fn an_early_login_that_moves_nothing_is_understood_as_the_cap() {
    let mut t = Timeline::capped_with(quiet());
    assert!(t.snapshot().token.is_some_and(|token| token.capped));
    for wait in [NOW, mins(10)] {
        let refusal = t.refused(hours(4), wait);
        assert!(matches!(refusal, Refusal::ValidityUnattainable { .. }), "{refusal:?}");
    }
    t.advance(hours(1));
    assert!(matches!(t.refused(mins(150), mins(10)), Refusal::ValidityUnattainable { .. }), "the cap stays known");
    assert_eq!(t.begun("AuthorizeDevice"), 2);
}

#[test]
fn a_caller_whose_sign_in_gave_a_short_token_is_told_the_best_expiry() {
    let mut t = Timeline::signed_in_alone(hours(8));
    t.advance(hours(5));
    let caller = t.ask_token(hours(4), mins(10));
    t.polls = Polls::Unanswered;
    t.authorizes(Ok(authorization()));
    t.polls(Ok(issued_alone(2, hours(3))));
    let best = t.now.boot + hours(3);
    assert_eq!(t.refusal(caller), &Refusal::ValidityUnattainable { best });
}

#[test]
fn a_capped_token_that_was_refreshable_is_not_refreshed_for_a_caller() {
    let mut t = Timeline::signed_in(hours(1));
    t.advance(t.wakes_in().expect("a refresh"));
    let remaining = t.snapshot().token.expect("a token").remaining(t.now.boot);
    t.refreshes(Ok(issued(2, remaining)));
    assert!(t.snapshot().token.is_some_and(|token| token.capped));
    for _ in 0..10 {
        t.advance(mins(1));
        assert!(matches!(t.refused(mins(55), mins(1)), Refusal::ValidityUnattainable { .. }));
    }
    assert_eq!((t.begun("Refresh"), t.begun("AuthorizeDevice")), (1, 1));
}

#[test]
fn a_fresh_login_after_a_logout_lifts_the_cap() {
    let mut t = Timeline::capped_with(quiet());
    t.sign_out();
    t.sign_in(issued_alone(3, hours(8)));
    assert!(t.snapshot().token.is_some_and(|token| !token.capped));
}

#[test]
fn a_login_that_moves_the_end_is_no_cap() {
    let mut t = Timeline::signed_in_alone(hours(8));
    t.advance(hours(5));
    t.sign_in(issued_alone(2, hours(8)));
    assert!(t.snapshot().token.is_some_and(|token| !token.capped));
}

#[test]
fn a_cap_is_looked_at_twice_before_anybody_is_told() {
    let mut t = Timeline::signed_out_with(noticed());
    t.sign_in(issued(1, hours(1)));
    let ends = t.now.boot + hours(1);
    for number in 2..4 {
        t.advance(t.wakes_in().expect("a refresh"));
        t.refreshes(Ok(issued(number, ends.since(t.now.boot))));
        assert_eq!(t.snapshot().portal_session_ends, Some(ends));
    }
    t.advance(ends.since(t.now.boot));
    let shown: Vec<_> = t.shown.iter().map(Notice::name).collect();
    assert_eq!((t.begun("Refresh"), shown), (2, vec!["renew now", "expired"]));
}

#[test]
fn a_sign_in_that_did_not_help_turns_its_notice_into_the_one_thing_that_does() {
    let mut t = Timeline::signed_out_with(noticed());
    t.sign_in(issued(1, hours(1)));
    let ends = t.now.boot + hours(1);
    t.advance(t.wakes_in().expect("a refresh"));
    t.refreshes(Err(service(ErrorName::InvalidGrant)));
    t.advance(t.wakes_in().expect("a flow"));
    t.authorizes(Ok(authorization()));
    t.sign_in(issued(2, ends.since(t.now.boot)));
    assert_eq!(t.screen.as_ref().map(Notice::name), Some("renew now"), "and nothing was taken back before");
    t.advance(t.wakes_in().expect("a second look"));
    t.refreshes(Ok(issued(3, ends.since(t.now.boot))));
    t.advance(ends.since(t.now.boot));
    let mut shown: Vec<_> = t.shown.iter().map(Notice::name).collect();
    shown.dedup();
    assert_eq!(shown, ["approve", "renew now", "expired"], "each in the place of the one before");
}

#[test]
fn a_service_that_gives_shorter_lives_does_not_pass_for_a_cap() {
    for (before, lifetime, chosen) in
        [(hours(1), mins(30), None), (hours(1), mins(10), None), (hours(4), hours(1), Some(mins(57)))]
    {
        let mut t = Timeline::signed_out_with(Terms { refresh_before: chosen, ..noticed() });
        t.sign_in(issued(1, before));
        for number in 2..20 {
            t.advance(t.wakes_in().expect("a refresh"));
            t.refreshes(Ok(issued(number, lifetime)));
        }
        assert!(t.snapshot().portal_session_ends.is_none());
        assert!(
            t.shown.is_empty() && !t.record.as_ref().is_some_and(|record| record.portal_caps),
            "nobody was told of a cap"
        );
    }
}
