//! Refreshing against the simulator.

use identity_center_simulator::{Fault, Grant, Operation, RefreshTokens, Settings, Times};
use ssoctl_protocol::{SessionState, Timestamp};
use ssoctld::clock::Clock;

use crate::harness::{Harness, hours, mins, secs};

impl Harness {
    /// Waits until the service has issued this many tokens and the daemon serves the newest.
    async fn until_served(&self, count: usize) {
        self.until(|_| self.simulator.issued_access_tokens().len() == count).await;
        let newest = self.simulator.issued_access_tokens().pop().expect("a token");
        self.while_time_stands(async || self.access_token().await != newest).await;
    }
}

/// A person who stays signed in at the portal for a month.
fn patient_portal(refresh_tokens: RefreshTokens) -> Settings {
    Settings { portal_session: hours(24 * 30), refresh_tokens, ..Settings::default() }
}

#[tokio::test]
async fn a_token_is_refreshed_again_and_again_with_each_kind_of_refresh_token() {
    for refresh_tokens in [RefreshTokens::Repeated, RefreshTokens::Rotated, RefreshTokens::Omitted] {
        let t = Harness::signed_in(patient_portal(refresh_tokens)).await;
        for _ in 0..5 {
            let before = t.status("corp").await.expires_at;
            t.clock.advance(mins(45));
            t.until(|status| status.expires_at > before).await;
        }
        assert_eq!(t.simulator.token_calls(Grant::RefreshToken), 5, "{refresh_tokens:?}");
        assert_eq!(t.simulator.calls(Operation::StartDeviceAuthorization), 1, "{refresh_tokens:?}");
    }
}

#[tokio::test]
async fn a_token_that_expires_during_suspend_is_refreshed_on_waking() {
    let t = Harness::signed_in(patient_portal(RefreshTokens::Rotated)).await;
    t.clock.advance(hours(9));
    t.until_state(SessionState::SignedIn).await;
    assert_eq!(t.simulator.token_calls(Grant::RefreshToken), 1);
}

#[tokio::test]
async fn a_successor_that_was_lost_on_its_way_costs_one_sign_in_and_no_loop() {
    let t = Harness::signed_in(patient_portal(RefreshTokens::Rotated)).await;
    let first = t.access_token().await;
    t.simulator.inject(Operation::CreateToken, Fault::LostAnswer, Times::Next(1));
    t.clock.advance(mins(45));
    t.until(|status| status.last_error.as_ref().is_some_and(|error| error.code == "network")).await;
    assert_eq!(t.access_token().await, first, "what there is is served");
    t.clock.advance(secs(5));
    let status = t.until(|status| !status.refreshable).await;
    assert_eq!(status.last_error.map(|error| error.code).as_deref(), Some("invalid_grant"));
    assert_eq!(t.access_token().await, first, "to its end");
    t.clock.advance(hours(5));
    assert_eq!(t.refusal("").await, "sign_in_required");
    assert_eq!(t.simulator.token_calls(Grant::RefreshToken), 2);
    t.sign_in("corp").await;
    assert_eq!(t.simulator.calls(Operation::RegisterClient), 1);
}

#[tokio::test]
async fn a_registration_that_the_service_has_forgotten_is_replaced_at_the_next_sign_in() {
    let t = Harness::signed_in(patient_portal(RefreshTokens::Repeated)).await;
    t.simulator.revoke_registrations();
    t.clock.advance(mins(45));
    t.until(|status| !status.refreshable).await;
    t.sign_in("corp").await;
    assert_eq!(t.simulator.calls(Operation::RegisterClient), 2);
}

#[tokio::test]
async fn a_session_that_reaches_its_cap_is_served_to_the_end_without_a_loop() {
    let t = Harness::signed_in(Settings { portal_session: hours(3), ..Settings::default() }).await;
    let end = loop {
        let status = t.status("corp").await;
        let next = status.next.as_ref().unwrap();
        if next.action != "refresh" {
            assert_eq!((next.action.as_str(), status.session_ends_at), ("tell_person", status.expires_at));
            break status.expires_at.unwrap();
        }
        let now = Timestamp::from(t.clock.now().wall);
        let issued = t.simulator.issued_access_tokens().len();
        t.clock.advance(next.at.duration_since(now) + secs(1));
        t.until_served(issued + 1).await;
    };
    let refreshes = t.simulator.token_calls(Grant::RefreshToken);
    assert!((4..10).contains(&refreshes), "{refreshes}");
    let refusal = t.token("min_valid=3600").await.unwrap_err();
    assert_eq!((refusal.code.as_str(), refusal.expires_at), ("validity_unattainable", Some(end)));
    assert_eq!(t.simulator.token_calls(Grant::RefreshToken), refreshes);
    t.clock.advance(hours(1));
    assert_eq!(t.refusal("").await, "sign_in_required");
    t.sign_in("corp").await;
}

#[tokio::test]
async fn a_wall_clock_that_steps_neither_delays_a_refresh_nor_repeats_it() {
    let t = Harness::signed_in(patient_portal(RefreshTokens::Repeated)).await;
    let before = t.clock.now().wall;
    t.clock.step_wall(before + hours(5));
    t.access_token().await;
    assert_eq!(t.simulator.token_calls(Grant::RefreshToken), 0);
    t.clock.step_wall(before);
    let expiry = t.status("corp").await.expires_at;
    t.clock.advance(mins(45));
    t.until(|status| status.expires_at > expiry).await;
    assert_eq!(t.simulator.token_calls(Grant::RefreshToken), 1);
}
