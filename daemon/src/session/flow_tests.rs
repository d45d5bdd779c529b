//! The device flow: the table in `flow.rs`, row by row and column by column, and the rules of polling.

use super::*;

/// The meaning of an error for the flow, in the words of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Meaning {
    TriedAgain,
    RegistersAnew,
    Refused,
    Expired,
    Denied,
    PollsOn,
    Slower,
    BacksOff,
}

/// Every error with its meaning for RegisterClient, StartDeviceAuthorization and CreateToken.
fn table() -> Vec<(CallError, [Meaning; 3])> {
    use ErrorName as E;
    use Meaning::*;
    let rows = vec![
        (service(E::AuthorizationPending), [TriedAgain, TriedAgain, PollsOn]),
        (service(E::SlowDown), [TriedAgain, TriedAgain, Slower]),
        (service(E::ExpiredToken), [Refused, Refused, Expired]),
        (service(E::AccessDenied), [Refused, Refused, Denied]),
        (service(E::InvalidClient), [Refused, RegistersAnew, RegistersAnew]),
        (service(E::InternalServer), [TriedAgain, TriedAgain, BacksOff]),
        (service(E::InvalidGrant), [Refused; 3]),
        (service(E::UnauthorizedClient), [Refused; 3]),
        (service(E::UnsupportedGrantType), [Refused; 3]),
        (service(E::InvalidScope), [Refused; 3]),
        (service(E::InvalidRequest), [Refused; 3]),
        (service(E::InvalidClientMetadata), [Refused; 3]),
        (service(E::InvalidRedirectUri), [Refused; 3]),
        (key_trouble(), [TriedAgain, TriedAgain, BacksOff]),
        (unnamed(), [TriedAgain, TriedAgain, BacksOff]),
        (too_many(secs(5)), [TriedAgain, TriedAgain, BacksOff]),
        (network(), [TriedAgain, TriedAgain, BacksOff]),
        (unusable(), [TriedAgain, TriedAgain, BacksOff]),
        (configuration(), [Refused; 3]),
    ];
    let named: Vec<E> = rows.iter().filter_map(|(error, _)| error.name()).collect();
    assert!(E::SPELLINGS.iter().all(|(name, _)| named.contains(name)), "a row for every name");
    rows
}

/// A call that has failed is tried twice more while its caller waits, and fails.
fn fails_twice_more(t: &mut Timeline, caller: AskId, effect: &str, fail: impl Fn(&mut Timeline)) {
    for attempt in 2..=3 {
        assert!(t.is_waiting(caller), "{effect}");
        t.advance(secs(8));
        assert_eq!(t.begun(effect), attempt, "{effect}");
        fail(t);
    }
}

#[test]
fn every_error_of_register_client_means_what_the_table_says() {
    for (error, [meaning, ..]) in table() {
        let mut t = Timeline::signed_out();
        let caller = t.ask(Want::Login { need: Need::Always });
        t.registers(Err(error.clone()));
        if meaning == Meaning::TriedAgain {
            fails_twice_more(&mut t, caller, "Register", |t| t.registers(Err(error.clone())));
        }
        assert_eq!(t.refusal(caller), &Refusal::Service(error.clone()));
        assert_eq!(t.trouble(), error.code());
        t.advance(hours(1));
        assert_eq!(t.begun("Register"), if meaning == Meaning::TriedAgain { 3 } else { 1 }, "{error:?}");
    }
}

#[test]
fn every_error_of_start_device_authorization_means_what_the_table_says() {
    for (error, [_, meaning, _]) in table() {
        let mut t = Timeline::signed_out();
        let caller = t.ask(Want::Login { need: Need::Always });
        t.registers(Ok(registration("first", t.now)));
        t.authorizes(Err(error.clone()));
        match meaning {
            Meaning::TriedAgain => {
                fails_twice_more(&mut t, caller, "AuthorizeDevice", |t| t.authorizes(Err(error.clone())));
                assert_eq!(t.begun("Register"), 1, "{error:?}");
            }
            Meaning::RegistersAnew => {
                t.registers(Ok(registration("second", t.now)));
                t.authorizes(Err(error.clone()));
            }
            _ => {}
        }
        assert_eq!(t.refusal(caller), &Refusal::Service(error.clone()));
        assert_eq!(t.trouble(), error.code());
        let calls = (t.begun("Register"), t.begun("AuthorizeDevice"));
        t.advance(hours(1));
        assert_eq!(
            (t.begun("Register"), t.begun("AuthorizeDevice")),
            calls,
            "{error:?}: a flow that ended stays ended"
        );
    }
}

#[test]
fn every_error_of_create_token_means_what_the_table_says() {
    for (error, [_, _, meaning]) in table() {
        let mut t = Timeline::with_open_flow();
        let caller = t.ask_token(NOW, mins(5));
        t.polls = Polls::Unanswered;
        t.advance(SECOND);
        t.polls(Err(error.clone()));
        match meaning {
            Meaning::Refused => assert_eq!(t.refusal(caller), &Refusal::Service(error.clone())),
            Meaning::Expired => assert_eq!(t.refusal(caller), &Refusal::WaitTimeout { flow: None }),
            Meaning::Denied => assert_eq!(t.refusal(caller), &Refusal::Denied),
            Meaning::RegistersAnew => {
                assert!(t.is_waiting(caller));
                t.registers(Ok(registration("second", t.now)));
                t.authorizes(Ok(authorization()));
                t.polls(Err(error.clone()));
                assert_eq!(t.refusal(caller), &Refusal::Service(error.clone()), "a second time ends it");
            }
            Meaning::PollsOn | Meaning::Slower | Meaning::BacksOff => {
                let pause = match (meaning, error.retry_after()) {
                    (Meaning::PollsOn, _) => SECOND,
                    (Meaning::Slower, _) => secs(6),
                    (_, asked) => asked.unwrap_or(secs(2)),
                };
                assert_eq!(t.wakes_in(), Some(pause), "{error:?}");
                t.advance(pause);
                t.polls(Ok(issued(1, hours(1))));
                assert_eq!(t.token(caller), "access-1");
            }
            Meaning::TriedAgain => unreachable!(),
        }
        if meaning == Meaning::Refused {
            assert_eq!(t.trouble(), error.code());
        }
    }
}

#[test]
fn a_service_that_asks_for_more_patience_than_a_prompt_has_ends_the_flow() {
    let mut t = Timeline::signed_out();
    let caller = t.ask(Want::Login { need: Need::Always });
    t.registers(Err(too_many(mins(5))));
    assert_eq!(t.refusal(caller), &Refusal::Service(too_many(mins(5))));
}

#[test]
fn a_registration_that_the_service_has_disowned_is_not_used_again_while_the_next_one_is_being_had() {
    let mut t = Timeline::signed_out();
    let caller = t.ask(Want::Login { need: Need::Always });
    t.registers(Ok(registration("disowned", t.now)));
    t.authorizes(Err(service(ErrorName::InvalidClient)));
    t.registers(Err(network()));
    t.advance(secs(2));
    t.registers(Ok(registration("next", t.now)));
    t.authorizes(Ok(authorization()));
    assert!(matches!(t.told(caller), Answer::Pending { .. }), "{:?}", t.told(caller));
}

/// A flow whose first poll is under way, and the caller that has opened it.
fn with_first_poll() -> (Timeline, AskId) {
    let mut t = Timeline::signed_out();
    t.polls = Polls::Unanswered;
    let caller = t.ask(Want::Login { need: Need::Always });
    t.gets_code();
    (t, caller)
}

#[test]
fn a_code_is_shown_after_one_early_attempt() {
    let (mut t, caller) = with_first_poll();
    assert_eq!(t.begun("CreateToken"), 1, "at once");
    assert!(t.is_waiting(caller) && t.snapshot().flow.is_none());
    t.polls(Err(service(ErrorName::AuthorizationPending)));
    let Answer::Pending { started: true, flow } = t.told(caller) else { panic!("{:?}", t.told(caller)) };
    assert_eq!((flow.user_code().unwrap(), flow.expires), ("ABCD-EFGH", t.now.boot + CODE_LIFETIME));
    assert_eq!(t.snapshot().flow.as_ref(), Some(flow));
}

#[test]
fn a_client_that_is_authorised_already_shows_no_code() {
    let (mut t, caller) = with_first_poll();
    t.polls(Ok(issued(1, hours(1))));
    assert_eq!(t.told(caller), &Answer::SignedIn(t.now.boot + hours(1)));
}

#[test]
fn slow_down_counts_for_the_rest_of_the_flow() {
    let mut t = Timeline::with_open_flow();
    t.polls = Polls::Unanswered;
    for (error, pause) in [
        (service(ErrorName::SlowDown), 6),
        (service(ErrorName::AuthorizationPending), 6),
        (service(ErrorName::SlowDown), 11),
        (network(), 22),
        (network(), 44),
        (service(ErrorName::AuthorizationPending), 11),
    ] {
        t.advance(t.wakes_in().expect("a poll to come"));
        t.polls(Err(error.clone()));
        assert_eq!(t.wakes_in(), Some(secs(pause)), "{error:?}");
    }
}

#[test]
fn a_service_that_cannot_be_reached_is_polled_less_and_less_and_does_not_end_the_flow() {
    let mut t = Timeline::with_open_flow();
    t.polls = Polls::Unanswered;
    let mut pauses = Vec::new();
    for _ in 0..8 {
        t.advance(t.wakes_in().expect("a poll to come"));
        t.polls(Err(network()));
        pauses.push(t.wakes_in().expect("a poll to come").as_secs());
    }
    assert_eq!(pauses, [2, 4, 8, 16, 32, 60, 60, 60]);
    assert!(t.snapshot().flow.is_some());
}

#[test]
fn a_code_dies_by_our_own_clock_even_if_the_service_never_says_so() {
    let mut t = Timeline::with_open_flow();
    let waiting = t.ask_token(NOW, hours(2));
    t.polls = Polls::Unanswered;
    t.advance(CODE_LIFETIME - SECOND);
    assert!(t.is_waiting(waiting), "a poll that hangs changes nothing");
    t.advance(SECOND);
    assert_eq!(t.refusal(waiting), &Refusal::WaitTimeout { flow: None });
    assert_eq!((t.snapshot().flow, t.trouble()), (None, "flow_expired"));
    t.advance(hours(24));
    assert_eq!(t.begun("AuthorizeDevice"), 1, "an unattended flow is not restarted by itself");
}

#[test]
fn a_token_that_comes_just_after_its_code_has_died_is_kept() {
    let mut t = Timeline::with_open_flow();
    t.polls = Polls::Unanswered;
    t.advance(CODE_LIFETIME);
    assert_eq!(t.trouble(), "flow_expired");
    t.polls(Ok(issued(1, hours(1))));
    assert_eq!(t.served(), "access-1");
}

#[test]
fn a_sign_in_that_was_granted_cannot_be_given_up_any_more() {
    let mut t = Timeline::with_open_flow();
    t.store = Store::Hanging;
    let waiting = t.ask_token(NOW, mins(1));
    t.sign_in(issued(1, hours(1)));
    t.ask(Want::CancelLogin);
    t.advance(secs(2));
    assert_eq!(t.token(waiting), "access-1");
}

#[test]
fn a_flow_whose_code_expired_during_a_suspend_is_not_joined() {
    let mut t = Timeline::with_open_flow();
    t.jump(hours(9));
    let caller = t.ask(Want::Login { need: Need::Always });
    t.authorizes(Ok(authorization()));
    let Answer::Pending { started: true, flow } = t.told(caller) else { panic!("{:?}", t.told(caller)) };
    assert_eq!(flow.expires, t.now.boot + CODE_LIFETIME);
}

#[test]
fn a_registration_is_reused_and_renewed_before_it_ends() {
    let mut t = Timeline::with_open_flow();
    t.ask(Want::CancelLogin);
    t.open_flow();
    t.ask(Want::CancelLogin);
    assert_eq!((t.begun("Register"), t.begun("AuthorizeDevice")), (1, 2));
    t.advance(hours(24 * 89));
    t.open_flow();
    assert_eq!((t.begun("Register"), t.begun("AuthorizeDevice")), (2, 3), "within a day of its end");
}

#[test]
fn a_registration_outlives_the_restart_of_the_daemon() {
    let mut before = Timeline::signed_out();
    before.open_flow();
    let mut t = Timeline::loading();
    t.loaded(Ok(before.record));
    t.open_flow();
    assert_eq!(t.begun("Register"), 0);
}

#[test]
fn a_flow_that_was_given_up_takes_no_answers_any_more() {
    let mut t = Timeline::signed_out();
    let caller = t.ask(Want::Login { need: Need::Always });
    let canceller = t.ask(Want::CancelLogin);
    assert_eq!((t.told(canceller), t.refusal(caller)), (&Answer::NoFlow, &Refusal::Cancelled));
    t.registers(Ok(registration("client", t.now)));
    assert_eq!(t.begun("AuthorizeDevice"), 0);
    assert!(
        t.record.as_ref().is_some_and(|record| record.registration.is_some()),
        "the registration is kept all the same"
    );

    t.polls = Polls::Unanswered;
    t.open_flow();
    t.ask(Want::CancelLogin);
    t.polls(Ok(issued(1, hours(1))));
    assert_eq!(t.snapshot().token, None);
}

#[test]
fn a_flow_whose_code_an_unreadable_answer_used_up_fails_with_that_answer() {
    let (mut t, caller) = with_first_poll();
    t.polls(Err(unusable()));
    assert!(matches!(t.told(caller), Answer::Pending { .. }), "it is tried again");
    let number = t.snapshot().flow.expect("an open flow").number;
    let waiting = t.ask(Want::LoginEnd { flow: number, wait: hours(1) });
    while !t.is_under_way("CreateToken") {
        t.advance(SECOND);
    }
    t.polls(Err(service(ErrorName::InvalidGrant)));
    assert_eq!(t.refusal(waiting), &Refusal::Service(unusable()));
}

#[test]
fn a_change_of_the_network_ends_the_pauses_of_a_flow_and_still_keeps_to_the_interval() {
    let mut t = Timeline::signed_out();
    t.ask(Want::Login { need: Need::Always });
    t.registers(Err(network()));
    assert_eq!(t.begun("Register"), 1);
    t.on(Event::ConnectivityChanged);
    assert_eq!(t.begun("Register"), 2, "at once");
    t.registers(Ok(registration("client", t.now)));
    t.polls = Polls::Unanswered;
    t.authorizes(Ok(authorization()));
    for _ in 0..8 {
        while !t.is_under_way("CreateToken") {
            t.advance(SECOND);
        }
        t.polls(Err(network()));
    }
    assert!(t.wakes_in() > Some(secs(30)), "the service could not be reached for long");
    t.on(Event::ConnectivityChanged);
    assert_eq!(t.wakes_in(), Some(authorization().interval), "no faster than the service allows");
    t.advance(SECOND);
    t.polls(Ok(issued(1, hours(1))));
    assert!(t.snapshot().token.is_some());
}
