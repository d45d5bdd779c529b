//! Accounts, roles and role credentials, end to end.

use identity_center_simulator::{Account, Clock, Fault, Operation, RefreshTokens, Settings, Times};
use ssoctl_protocol::{Assignment, Problem, RoleCredentials, Timestamp};
use ssoctld::clock::Clock as _;

use crate::harness::{Harness, START_URL, Store, hours, join_all, mins, secs, session};

const ROLE: &str = "ReadOnlyAccess";

fn settings() -> Settings {
    Settings { portal_session: hours(24 * 30), ..Settings::default() }
}

fn calls(t: &Harness) -> usize {
    t.simulator.calls(Operation::GetRoleCredentials)
}

fn code(outcome: Result<RoleCredentials, Box<Problem>>) -> String {
    outcome.map_or_else(|problem| problem.code.as_str().to_owned(), |_| "credentials".to_owned())
}

#[tokio::test]
async fn credentials_say_what_they_are_for_and_when_they_end() {
    let t = Harness::signed_in(settings()).await;
    let credentials = t.credentials(ROLE, "").await.expect("credentials");
    let end = t.simulator.clock().now() + mins(60);
    assert_eq!(credentials.expires_at, end.into());
    assert_eq!((credentials.session.as_str(), credentials.account.as_str()), ("corp", "111122223333"));
    assert_eq!((credentials.role.as_str(), credentials.region), (ROLE, None));
    assert!(t.simulator.secrets().contains(credentials.secret_access_key.expose()));
    assert!(t.simulator.secrets().contains(credentials.session_token.expose()));
}

#[tokio::test]
async fn credentials_in_use_are_renewed_ahead_of_their_end_and_unused_ones_are_not() {
    let t = Harness::signed_in(settings()).await;
    let first = t.credentials(ROLE, "").await.expect("credentials");
    t.clock.advance(mins(41));
    t.simulator.calls_reached(Operation::GetRoleCredentials, 2).await;
    t.while_time_stands(async || {
        t.credentials(ROLE, "min_valid=3000").await.map_or(true, |new| new.access_key_id == first.access_key_id)
    })
    .await;
    let used = calls(&t);
    // Used again just now, so there is one more renewal, and then none.
    t.clock.advance(mins(41));
    t.simulator.calls_reached(Operation::GetRoleCredentials, used + 1).await;
    for _ in 0..20 {
        t.clock.advance(mins(30));
        t.status("corp").await;
    }
    assert_eq!(calls(&t), used + 1);
}

#[tokio::test]
async fn no_assignment_is_a_clear_answer_that_a_new_sign_in_forgets() {
    let t = Harness::signed_in(settings()).await;
    let problem = t.credentials("Nobody", "").await.expect_err("no such assignment");
    assert_eq!((problem.code.as_str(), problem.status), ("not_assigned", 403));
    assert!(problem.detail.contains("Nobody in account 111122223333"), "{}", problem.detail);
    assert_eq!(code(t.credentials("Nobody", "").await), "not_assigned");
    assert_eq!(calls(&t), 1);
    t.clock.advance(secs(3));
    let again = t.credentials("Nobody", "").await.expect_err("no such assignment");
    assert!(again.detail.contains("remembered until") && again.detail.contains("for 1 min"), "{}", again.detail);
    t.clock.advance(secs(59));
    let remembered = t.credentials("Nobody", "").await.expect_err("no such assignment");
    assert!(remembered.detail.contains("for 1 s, or until the next sign-in"), "{}", remembered.detail);
    assert_eq!(calls(&t), 2);
    t.access_token().await;
    t.simulator.settings(|settings| {
        settings.accounts = vec![Account::new("111122223333", "Development", &["Nobody"])];
    });
    t.sign_in("corp").await;
    assert_eq!(code(t.credentials("Nobody", "").await), "credentials");
}

#[tokio::test]
async fn a_signed_out_caller_is_told_so_and_a_sign_out_forgets_credentials() {
    let t = Harness::start(settings()).await;
    assert_eq!(code(t.credentials(ROLE, "").await), "sign_in_required");
    assert_eq!(calls(&t), 0);
    t.sign_in("corp").await;
    let before = t.credentials(ROLE, "").await.expect("credentials");
    t.request("POST /v1/sessions/corp/logout").await;
    assert_eq!(code(t.credentials(ROLE, "").await), "sign_in_required");
    t.sign_in("corp").await;
    let after = t.credentials(ROLE, "").await.expect("credentials");
    assert_ne!(before.access_key_id, after.access_key_id);
}

#[tokio::test]
async fn credentials_outlive_the_token_and_end_with_themselves() {
    let t = Harness::signed_in(Settings { portal_session: mins(30), ..Settings::default() }).await;
    let first = t.credentials(ROLE, "").await.expect("credentials");
    t.clock.advance(mins(35));
    t.token("").await.expect_err("the portal session is over");
    assert_eq!(t.credentials(ROLE, "").await.expect("credentials"), first);
    t.clock.advance(mins(26));
    assert_eq!(code(t.credentials(ROLE, "").await), "sign_in_required");
}

#[tokio::test]
async fn a_token_that_the_portal_no_longer_accepts_is_renewed_once_and_then_a_person_is_needed() {
    let t = Harness::signed_in(Settings { refresh_tokens: RefreshTokens::Rotated, ..settings() }).await;
    let before = t.access_token().await;
    t.simulator.revoke_access_tokens();
    assert_eq!(code(t.credentials(ROLE, "").await), "credentials");
    assert_ne!(t.access_token().await, before);
    assert_eq!(calls(&t), 2);
    t.simulator.end_portal_sessions();
    assert_eq!(code(t.credentials("AdministratorAccess", "").await), "sign_in_required");
    let status = t.status("corp").await;
    assert_eq!((status.state, status.refreshable), (ssoctl_protocol::SessionState::Expired, false));
}

#[tokio::test]
async fn too_many_requests_are_waited_for_as_long_as_the_portal_says() {
    let t = Harness::signed_in(settings()).await;
    let fault = Fault::TooManyRequests { retry_after: secs(3) };
    t.simulator.inject(Operation::GetRoleCredentials, fault, Times::Next(1));
    assert_eq!(code(t.while_time_passes(t.credentials(ROLE, "")).await), "credentials");
    let fault = Fault::TooManyRequests { retry_after: mins(5) };
    t.simulator.inject(Operation::GetRoleCredentials, fault, Times::Next(1));
    let problem = t.credentials("AdministratorAccess", "").await.expect_err("too late");
    assert_eq!(problem.code.as_str(), "service_unavailable");
}

#[tokio::test]
async fn a_herd_for_many_roles_stays_below_what_the_portal_bears() {
    let roles: Vec<String> = (0..45).map(|number| format!("Role{number}")).collect();
    let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
    let accounts = vec![Account::new("111122223333", "Development", &roles)];
    let t = Harness::signed_in(Settings { accounts, ..settings() }).await;
    let herd = join_all(roles.iter().map(|role| t.credentials(role, "")).collect());
    let outcomes = t.while_time_passes(herd).await;
    assert!(outcomes.into_iter().all(|outcome| code(outcome) == "credentials"));
    let log = t.simulator.call_log();
    assert!(log.iter().all(|call| call.outcome != "TooManyRequestsException"));
    assert_eq!(calls(&t), 45);
}

#[tokio::test]
async fn a_profile_says_which_role_is_meant_and_in_which_region() {
    let t = Harness::start_with(settings(), Store::Memory, &session("corp", START_URL)).await;
    t.sign_in("corp").await;
    let aws = "[profile dev]\nregion = eu-central-1\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = ReadOnlyAccess\n\
               [profile token]\nsso_session = corp\n\
               [profile broken]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = ReadOnlyAccess\n\
               [profile top]\nrole_arn = arn:aws:iam::111122223333:role/x\nsource_profile = dev\n";
    std::fs::write(t.home.path().join("aws-config"), aws).expect("a file");
    t.reload().await;
    t.while_time_stands(async || t.request("GET /v1/assignment?profile=dev").await.status != 200).await;
    let meant: Assignment = t.request("GET /v1/assignment?profile=dev").await.json();
    assert_eq!(
        (meant.session.as_str(), meant.start_url.as_str(), meant.sso_region.as_str()),
        ("corp", START_URL, "eu-west-1")
    );
    assert_eq!(
        (meant.account.as_str(), meant.role.as_str(), meant.region.as_deref()),
        ("111122223333", ROLE, Some("eu-central-1"))
    );
    assert_eq!(calls(&t), 0);
    let credentials: RoleCredentials = t.request("GET /v1/credentials?profile=dev").await.json();
    assert_eq!((credentials.role.as_str(), credentials.region.as_deref()), (ROLE, Some("eu-central-1")));
    let other: RoleCredentials = t.request("GET /v1/credentials?profile=dev&role=AdministratorAccess").await.json();
    assert_eq!((other.account.as_str(), other.role.as_str()), ("111122223333", "AdministratorAccess"));
    for (query, code, words) in [
        ("profile=token", "assignment_unnamed", "has neither sso_account_id nor sso_role_name"),
        ("profile=token&account=111122223333", "assignment_unnamed", "has neither"),
        ("profile=top", "assignment_unnamed", "with the credentials of profile \"dev\""),
        ("profile=broken", "invalid_configuration", "twelve digits"),
        ("profile=nobody", "unknown_session", "there is no profile \"nobody\""),
        ("session=corp", "assignment_unnamed", "neither an account nor a role"),
        ("session=corp&role=x", "assignment_unnamed", "no account is named"),
        ("session=corp&account=1&role=x", "invalid_request", "twelve digits"),
        ("session=corp&account=111122223333&role=a/b", "invalid_request", "role's name"),
    ] {
        for route in ["credentials", "assignment"] {
            let problem: Problem = t.request(&format!("GET /v1/{route}?{query}")).await.json();
            assert_eq!(problem.code.as_str(), code, "{route} {query}: {}", problem.detail);
            assert!(problem.detail.contains(words), "{query}: {}", problem.detail);
        }
    }
}

#[tokio::test]
async fn without_a_name_the_default_profile_is_used_like_in_the_sdks() {
    let t = Harness::start_with(settings(), Store::Memory, &session("corp", START_URL)).await;
    let problem: Problem = t.request("GET /v1/assignment").await.json();
    assert_eq!(problem.code.as_str(), "assignment_unnamed");

    let aws = "[default]\nregion = eu-central-1\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = ReadOnlyAccess\n\
               [sso-session other]\nsso_region = eu-west-1\nsso_start_url = https://other.awsapps.com/start\n";
    std::fs::write(t.home.path().join("aws-config"), aws).expect("a file");
    t.reload().await;
    t.while_time_stands(async || t.request("GET /v1/assignment?profile=default").await.status != 200).await;
    let meant: Assignment = t.request("GET /v1/assignment").await.json();
    assert_eq!((meant.session.as_str(), meant.role.as_str()), ("corp", ROLE));
    assert_eq!(meant.region.as_deref(), Some("eu-central-1"));
    t.sign_in("corp").await;
    let credentials: RoleCredentials = t.request("GET /v1/credentials?min_valid=60").await.json();
    assert_eq!((credentials.account.as_str(), credentials.role.as_str()), ("111122223333", ROLE));

    for named in ["session=corp", "account=111122223333&session=corp"] {
        let problem: Problem = t.request(&format!("GET /v1/credentials?{named}")).await.json();
        assert_eq!(problem.code.as_str(), "assignment_unnamed", "{named}");
    }
    let problem: Problem = t.request("GET /v1/token").await.json();
    assert_eq!(problem.code.as_str(), "ambiguous_session", "a token belongs to a session, not to a role");
}

#[tokio::test]
async fn the_end_of_credentials_is_reckoned_by_the_services_clock_and_told_by_this_machines() {
    for set in [Clock::set_wall_ahead, Clock::set_wall_behind] {
        let t = Harness::start(settings()).await;
        set(&t.simulator.clock(), hours(5));
        t.sign_in("corp").await;
        let credentials = t.credentials(ROLE, "min_valid=3500").await.expect("credentials");
        let end = Timestamp::from(t.clock.now().wall + mins(60));
        assert!(end.as_unix().abs_diff(credentials.expires_at.as_unix()) <= 1, "{}", credentials.expires_at);
        assert_eq!(code(t.credentials(ROLE, "min_valid=3700").await), "validity_unattainable");
        t.clock.step_wall(t.clock.now().wall - hours(2));
        let same = t.credentials(ROLE, "min_valid=3500").await.expect("credentials");
        assert_eq!((credentials.access_key_id, calls(&t)), (same.access_key_id, 1));
    }
}
