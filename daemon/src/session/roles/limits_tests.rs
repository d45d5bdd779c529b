//! The rate of calls, and the number of roles.

use super::*;

fn too_many(retry_after: Duration) -> PortalError {
    PortalError::Service {
        name: PortalErrorName::TooManyRequests,
        description: String::new(),
        may_pass: true,
        retry_after: Some(retry_after),
    }
}

fn role(number: usize) -> String {
    format!("Role{number}")
}

#[test]
fn eighty_roles_at_once_are_asked_for_at_the_pace_that_the_portal_bears() {
    let mut t = Timeline::start();
    let callers: Vec<usize> = (0..80).map(|number| t.ask(&role(number), NOW)).collect();
    let mut begun = vec![t.calls];
    while t.calls < 80 {
        while !t.under_way.is_empty() {
            t.gives("some", mins(60));
        }
        let before = t.calls;
        t.advance(secs(1));
        begun.push(t.calls - before);
    }
    assert!(begun.iter().all(|calls| *calls <= policy::REQUESTS_PER_SECOND), "{begun:?}");
    while !t.under_way.is_empty() {
        t.gives("some", mins(60));
    }
    assert!(callers.iter().all(|caller| t.key(*caller) == "some"));
}

#[test]
fn after_too_many_requests_nothing_is_asked_for_as_long_as_the_portal_says() {
    let mut t = Timeline::start();
    let admin = t.ask("Admin", NOW);
    t.fails(too_many(secs(5)));
    let reader = t.ask("Reader", NOW);
    t.advance(Duration::from_millis(4900));
    assert_eq!(t.calls, 1);
    t.advance(Duration::from_millis(100));
    assert_eq!(t.calls, 3);
    t.gives("of admin", mins(60));
    t.gives("of reader", mins(60));
    assert_eq!((t.key(admin), t.key(reader)), ("of admin", "of reader"));
}

#[test]
fn a_pause_beyond_a_callers_patience_is_told_and_nothing_is_asked_for_nobody() {
    let mut t = Timeline::start();
    let caller = t.ask("Admin", NOW);
    t.fails(too_many(mins(2)));
    assert_eq!(t.refusal(caller), &RoleRefusal::Portal(too_many(mins(2))));
    t.advance(mins(10));
    assert_eq!((t.calls, t.wakes_in()), (1, None));
}

#[test]
fn held_credentials_are_served_while_the_portal_throttles() {
    let mut t = Timeline::renewing("Admin");
    t.fails(too_many(mins(3)));
    assert_eq!((t.served("Admin").as_str(), t.calls), ("first", 2));
    t.advance(mins(3));
    t.gives("second", mins(60));
    assert_eq!((t.served("Admin").as_str(), t.calls), ("second", 3));
}

#[test]
fn the_role_that_was_used_least_recently_makes_room() {
    let mut t = Timeline::start();
    for number in 0..policy::MOST_ROLES {
        t.ask(&role(number), NOW);
        t.gives("some", mins(60));
        t.advance(Duration::from_millis(120));
    }
    t.ask(&role(0), NOW);
    let calls = t.calls;
    t.ask("Another", NOW);
    t.gives("another", mins(60));
    assert_eq!((t.roles.jobs.len(), t.calls), (policy::MOST_ROLES, calls + 1));
    let kept = t.ask(&role(0), NOW);
    assert_eq!((t.key(kept), t.calls), ("some", calls + 1));
    let gone = t.ask(&role(1), NOW);
    assert!(t.is_waiting(gone));
}

#[test]
fn one_more_role_is_refused_when_all_places_are_in_use() {
    let mut t = Timeline::start();
    let waiting = t.ask(&role(0), NOW);
    for number in 1..policy::MOST_ROLES {
        t.ask(&role(number), NOW);
    }
    let one_more = t.ask("Another", NOW);
    assert_eq!(t.refusal(one_more), &RoleRefusal::TooManyRoles);
    assert!(t.is_waiting(waiting));
}
