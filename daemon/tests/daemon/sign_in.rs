//! Signing in and out, through the API.

use identity_center_simulator::{Approval, ErrorStatuses, Operation, Settings, UnsetMembers};
use ssoctl_protocol::{Login, SessionState};

use crate::harness::{Harness, START_URL, Store, hours, join_all, mins, secs, session};

#[tokio::test]
async fn a_person_signs_in_and_everybody_gets_the_token() {
    let t = Harness::start(Settings::default()).await;
    assert_eq!(t.refusal("").await, "sign_in_required");
    let login = t.open_flow("corp").await;
    let status = t.status("corp").await;
    assert_eq!((status.state, status.login.as_ref()), (SessionState::SignedOut, Some(&login)));
    assert_eq!(t.token("").await.unwrap_err().login, Some(login.clone()));
    t.simulator.approve(&login.user_code).unwrap();
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
async fn a_denial_is_told_to_everybody_and_shown() {
    let t = Harness::start(Settings::default()).await;
    let login = t.open_flow("corp").await;
    t.simulator.deny(&login.user_code).unwrap();
    let (end, token, ()) = tokio::join!(t.end_of("corp", login.flow), t.token("wait=60"), async {
        // Both wait by now: each has had a turn.
        t.report().await;
        t.clock.advance(secs(1));
    });
    assert_eq!(end.code(), "access_denied");
    let refusal = token.unwrap_err().code;
    assert!(["access_denied", "wait_timeout"].contains(&refusal.as_str()), "{refusal}");
    assert_eq!(t.status("corp").await.last_error.map(|error| error.code).as_deref(), Some("access_denied"));
}

#[tokio::test]
async fn a_code_that_nobody_answers_dies_and_is_not_replaced() {
    let t = Harness::start(Settings::default()).await;
    let login = t.open_flow("corp").await;
    let (end, ()) = tokio::join!(t.end_of("corp", login.flow), async {
        t.report().await;
        t.clock.advance(mins(10));
    });
    assert_eq!(end.code(), "wait_timeout");
    assert_eq!(t.status("corp").await.last_error.map(|error| error.code).as_deref(), Some("flow_expired"));
    t.clock.advance(hours(24));
    assert_eq!(t.status("corp").await.login, None);
    assert_eq!(t.simulator.calls(Operation::StartDeviceAuthorization), 1);
    t.sign_in("corp").await;
    assert_eq!(t.simulator.calls(Operation::RegisterClient), 1, "the registration is reused");
}

#[tokio::test]
async fn a_code_that_the_service_lets_die_ends_the_flow() {
    let t = Harness::start(Settings::default()).await;
    let login = t.open_flow("corp").await;
    t.simulator.expire(&login.user_code).unwrap();
    t.clock.advance(secs(1));
    assert_eq!(t.end_of("corp", login.flow).await.code(), "wait_timeout");
}

#[tokio::test]
async fn fifty_callers_that_wait_cause_one_flow_and_get_one_token() {
    let t = Harness::start(Settings::default()).await;
    let callers = (0..50).map(|_| t.token("wait=600")).collect();
    let (tokens, ()) = tokio::join!(join_all(callers), async {
        let pending = t.simulator.next_pending().await;
        t.until(|status| status.login.is_some()).await;
        t.simulator.approve(&pending.user_code).unwrap();
        t.clock.advance(secs(1));
    });
    let tokens: Vec<String> = tokens.into_iter().map(|token| token.unwrap().access_token.expose().clone()).collect();
    assert_eq!(tokens.len(), 50);
    assert!(tokens.iter().all(|token| *token == t.simulator.issued_access_tokens()[0]));
    assert_eq!(
        (t.simulator.calls(Operation::RegisterClient), t.simulator.calls(Operation::StartDeviceAuthorization)),
        (1, 1)
    );
}

#[tokio::test]
async fn a_flow_that_was_given_up_is_gone_from_the_status_at_once() {
    let t = Harness::start(Settings::default()).await;
    let login = t.open_flow("corp").await;
    let cancelled: ssoctl_protocol::SessionStatus = t.request("DELETE /v1/sessions/corp/login").await.json();
    assert_eq!(cancelled.login, None);
    assert_eq!(t.status("corp").await.login, None);
    assert_eq!(t.end_of("corp", login.flow).await.code(), "login_cancelled");
    let polls = t.simulator.calls(Operation::CreateToken);
    t.clock.advance(mins(5));
    t.sign_in("corp").await;
    assert_eq!(t.simulator.calls(Operation::CreateToken), polls + 2, "of the second flow");
}

#[tokio::test]
async fn a_client_that_is_approved_already_signs_in_without_a_code() {
    let t = Harness::start(Settings { approval: Approval::Preauthorised, ..Settings::default() }).await;
    let login = t.request("POST /v1/sessions/corp/login").await;
    assert!(matches!(login.json(), Login::SignedIn { .. }), "{login:?}");
    let again = t.request("POST /v1/sessions/corp/login?if_needed=true").await;
    assert!(matches!(again.json(), Login::SignedIn { .. }), "{again:?}");
    assert_eq!(t.simulator.calls(Operation::StartDeviceAuthorization), 1);
}

#[tokio::test]
async fn signing_out_ends_both_sides_and_keeps_the_registration() {
    let t = Harness::signed_in(Settings::default()).await;
    let logout = t.request("POST /v1/sessions/corp/logout").await;
    assert!(logout.body.contains("\"portal\":\"ended\""), "{logout:?}");
    assert_eq!(t.refusal("").await, "sign_in_required");
    assert_eq!(t.status("corp").await.state, SessionState::SignedOut);
    let again = t.request("POST /v1/sessions/corp/logout").await;
    assert!(again.body.contains("\"portal\":\"nothing_to_end\""), "{again:?}");
    t.sign_in("corp").await;
    assert_eq!(t.simulator.calls(Operation::RegisterClient), 1);
}

#[tokio::test]
async fn a_token_that_the_portal_no_longer_knows_counts_as_signed_out() {
    let t = Harness::signed_in(Settings::default()).await;
    t.simulator.revoke_access_tokens();
    let logout = t.request("POST /v1/sessions/corp/logout").await;
    assert!(logout.body.contains("\"portal\":\"ended\""), "{logout:?}");
}

#[tokio::test]
async fn statuses_of_the_older_model_and_members_that_are_null_change_nothing() {
    let settings =
        Settings { error_statuses: ErrorStatuses::Seed, unset_members: UnsetMembers::Null, ..Settings::default() };
    let t = Harness::start(settings).await;
    let login = t.open_flow("corp").await;
    t.simulator.deny(&login.user_code).unwrap();
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
