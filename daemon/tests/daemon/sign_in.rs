//! Signing in, through the API.

use identity_center_simulator::{ErrorStatuses, Operation, Settings, UnsetMembers};
use ssoctl_protocol::{Login, SessionState};

use crate::harness::{Harness, START_URL, Store, code_of, hours, mins, secs, session};

#[tokio::test]
async fn a_person_signs_in_and_all_callers_get_the_token() {
    let t = Harness::start(Settings::default()).await;
    assert_eq!(t.refusal("").await, "sign_in_required");
    let login = t.open_flow("corp").await;
    let status = t.status("corp").await;
    assert_eq!((status.state, status.login.as_ref()), (SessionState::SignedOut, Some(&login)));
    assert_eq!(t.token("").await.unwrap_err().login, Some(login.clone()));
    t.simulator.approve(code_of(&login)).unwrap();
    t.clock.advance(secs(1));
    assert!(matches!(t.end_of("corp", login.flow).await.json(), Login::SignedIn { .. }));
    let token = t.token("min_valid=3000").await.unwrap();
    assert_eq!(t.simulator.issued_access_tokens(), [token.access_token.expose().clone()]);
    assert_eq!(
        (token.start_url.as_str(), token.region.as_str(), token.token_type.as_str()),
        (START_URL, "eu-west-1", "Bearer")
    );
    let status = t.status("corp").await;
    assert_eq!((status.state, status.login, status.last_error), (SessionState::SignedIn, None, None));
    assert_eq!((status.expires_at, status.refreshable), (Some(token.expires_at), true));
}

#[tokio::test]
async fn a_code_that_the_service_lets_die_ends_the_flow() {
    let t = Harness::start(Settings::default()).await;
    let login = t.open_flow("corp").await;
    t.simulator.expire(code_of(&login)).unwrap();
    t.clock.advance(secs(1));
    assert_eq!(t.end_of("corp", login.flow).await.code(), "wait_timeout");
}

#[tokio::test]
async fn statuses_of_the_older_model_and_members_that_are_null_change_nothing() {
    let settings =
        Settings { error_statuses: ErrorStatuses::Seed, unset_members: UnsetMembers::Null, ..Settings::default() };
    let t = Harness::start(settings).await;
    let login = t.open_flow("corp").await;
    t.simulator.deny(code_of(&login)).unwrap();
    t.clock.advance(secs(1));
    assert_eq!(t.end_of("corp", login.flow).await.code(), "access_denied");
    t.simulator.revoke_registrations();
    t.sign_in("corp").await;
    assert_eq!(t.simulator.calls(Operation::RegisterClient), 2);
    let before = t.status("corp").await.expires_at;
    t.clock.advance(mins(45));
    t.until(|status| status.expires_at > before).await;
    t.simulator.revoke_refresh_tokens();
    t.clock.advance(hours(2));
    assert_eq!(t.refusal("").await, "sign_in_required");
}

#[tokio::test]
async fn a_session_without_scopes_lives_long_and_is_never_refreshed() {
    let configuration = session("corp", START_URL) + "scopes = []\n";
    let t = Harness::start_with(Settings::default(), Store::Memory, &configuration).await;
    t.sign_in("corp").await;
    let status = t.status("corp").await;
    assert!(!status.refreshable && status.next.as_ref().is_some_and(|next| next.action == "ask_person"));
    t.clock.advance(hours(7));
    assert!(t.token("").await.is_ok());
    t.clock.advance(hours(2));
    let refusal = t.token("").await.unwrap_err();
    assert_eq!((refusal.code.as_str(), refusal.expires_at), ("sign_in_required", status.expires_at));
    assert_eq!(t.status("corp").await.state, SessionState::Expired);
}
