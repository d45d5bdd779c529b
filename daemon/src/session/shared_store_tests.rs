//! A store that another daemon writes to as well, or that changes: what is newer counts, and nothing is lost.

use super::*;

/// Two sessions of two daemons with one record: what one stores, the other may find.
struct Pair {
    first: Timeline,
    second: Timeline,
}

impl Pair {
    fn signed_in() -> Self {
        let first = Timeline::signed_in(hours(1));
        let mut second = Timeline::loading();
        second.now = first.now;
        second.loaded(Ok(first.record.clone()));
        second.record.clone_from(&first.record);
        Self { first, second }
    }

    /// The first one refreshes, and stores what it was given.
    fn first_refreshes(&mut self, number: u32) {
        self.first.advance(mins(55));
        self.first.refreshes(Ok(issued(number, hours(1))));
        self.second.jump(self.first.now.boot.since(self.second.now.boot));
        self.second.record.clone_from(&self.first.record);
    }
}

fn turned_down() -> CallError {
    service(ErrorName::InvalidGrant)
}

#[test]
fn a_refresh_token_that_another_daemon_has_spent_costs_no_sign_in() {
    let mut pair = Pair::signed_in();
    for number in 2..6 {
        pair.first_refreshes(number);
        let second = &mut pair.second;
        second.on(Event::Tick);
        assert!(second.is_under_way("Refresh"), "it knows nothing yet");
        second.refreshes(Err(turned_down()));
        assert_eq!(second.served(), format!("access-{number}"));
        assert_eq!(second.trouble(), "");
        assert_eq!(second.record, pair.first.record, "what the other one has stored stays");
    }
    pair.second.advance(mins(55));
    assert_eq!(pair.second.refresh_token_sent(), ("refresh-5", "client"));
}

#[test]
fn a_refusal_is_believed_where_the_store_has_nothing_newer_or_cannot_be_read() {
    for store in [Store::Prompt, Store::Failing, Store::Hanging] {
        let mut t = Timeline::signed_in(hours(1));
        let loads = t.begun("Load");
        t.store = store;
        t.advance(mins(55));
        t.refreshes(Err(turned_down()));
        assert_eq!(t.begun("Load"), loads + 1);
        t.advance(policy::REFUSAL_PATIENCE);
        assert!(t.snapshot().token.expect("it lives on").renewal.is_none());
        t.advance(mins(5));
        assert_eq!(t.begun("Refresh"), 1);
        assert!(matches!(t.refused(NOW, NOW), Refusal::SignInRequired { .. }));
    }
}

#[test]
fn an_older_record_never_takes_the_place_of_a_newer_token() {
    let mut t = Timeline::signed_in(hours(1));
    let old = t.record.clone();
    t.advance(mins(55));
    t.refreshes(Ok(issued(2, hours(1))));
    t.record = old;
    t.on(Event::StoreChanged);
    let stored = t.record.clone().and_then(|record| record.token).expect("a token");
    assert_eq!(stored.access.value.expose(), "access-2", "ours is put there");
    assert_eq!(t.served(), "access-2");
}

#[test]
fn a_second_read_takes_a_missing_token_and_writes_one_that_the_store_lacks() {
    let had = Timeline::signed_in(hours(1));
    let mut empty = Timeline::signed_out();
    empty.now = had.now;
    empty.record.clone_from(&had.record);
    empty.on(Event::StoreChanged);
    assert_eq!(empty.served(), "access-1");

    let mut has = Timeline::signed_in(hours(1));
    has.record = None;
    has.on(Event::StoreChanged);
    assert!(has.record.is_some_and(|record| record.token.is_some()), "the store gets it");
}

#[test]
fn a_record_that_could_not_be_removed_does_not_undo_a_sign_out() {
    let mut t = Timeline::signed_in(hours(1));
    t.store = Store::Failing;
    t.sign_out();
    t.store = Store::Prompt;
    t.on(Event::StoreChanged);
    assert_eq!(t.snapshot().token, None);
    t.advance(mins(2));
    assert_eq!(t.record.and_then(|record| record.token), None);
}

#[test]
fn a_new_token_that_is_on_its_way_is_not_displaced() {
    let mut t = Timeline::signed_in(hours(1));
    t.advance(mins(55));
    assert!(t.is_under_way("Refresh"));
    t.on(Event::StoreChanged);
    t.refreshes(Ok(issued(2, hours(1))));
    assert_eq!(t.served(), "access-2");
}
