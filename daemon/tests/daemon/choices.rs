//! What a person can choose from, and that nobody is asked for it.

use identity_center_simulator::{Operation, Settings};
use ssoctl_protocol::{Choices, SessionState};

use crate::harness::Harness;

const ACCOUNT: &str = "111122223333";

async fn choices(t: &Harness) -> Choices {
    let answer = t.request("GET /v1/choices").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn calls(t: &Harness) -> usize {
    t.simulator.calls(Operation::ListAccounts) + t.simulator.calls(Operation::ListAccountRoles)
}

#[tokio::test]
async fn choices_are_what_the_portal_has_listed_last_until_the_sign_out() {
    let t = Harness::signed_in(Settings::default()).await;
    let first = choices(&t).await;
    assert_eq!((first.sessions, first.accounts, calls(&t)), (vec!["corp".to_owned()], vec![], 0));
    assert_eq!(t.request(&format!("GET /v1/sessions/corp/accounts/{ACCOUNT}/roles")).await.status, 200);
    let known = choices(&t).await.accounts;
    assert_eq!((known.len(), known[0].id.as_str(), &known[0].name), (1, ACCOUNT, &None));
    assert!(known[0].roles.contains(&"ReadOnlyAccess".to_owned()), "{known:?}");
    assert_eq!(t.request("GET /v1/sessions/corp/accounts").await.status, 200);
    let asked = calls(&t);
    let known = choices(&t).await.accounts;
    let listed = known.iter().find(|account| account.id == ACCOUNT).expect("it is listed");
    assert!(listed.name.is_some() && !listed.roles.is_empty(), "the roles stay: {listed:?}");
    assert_eq!((listed.session.as_str(), calls(&t)), ("corp", asked));
    assert_eq!(t.request("POST /v1/sessions/corp/logout").await.status, 200);
    assert_eq!(choices(&t).await.accounts, []);
}

#[tokio::test]
async fn what_was_listed_is_forgotten_with_its_sign_in_whoever_ends_it() {
    let list = async |t: &Harness| {
        assert_eq!(t.request("GET /v1/sessions/corp/accounts").await.status, 200);
        assert!(!choices(t).await.accounts.is_empty());
    };
    let t = Harness::signed_in(Settings::default()).await;
    list(&t).await;
    // As an administrator does.
    t.simulator.end_portal_sessions();
    assert_eq!(t.request("GET /v1/sessions/corp/accounts").await.code().as_str(), "sign_in_required");
    assert_eq!(choices(&t).await.accounts, []);
    // Perhaps as somebody else.
    t.sign_in("corp").await;
    assert_eq!(choices(&t).await.accounts, []);
    list(&t).await;

    let (t, _) = Harness::published().await;
    list(&t).await;
    // Like `aws sso logout`.
    t.simulator.end_portal_sessions();
    std::fs::remove_file(t.token_file("corp")).unwrap();
    t.while_time_passes(t.until_state(SessionState::SignedOut)).await;
    assert_eq!(choices(&t).await.accounts, []);
}

#[tokio::test]
async fn choices_have_the_profiles_of_the_files_that_are_named_and_the_grants_that_live() {
    let t = Harness::signed_in(Settings::default()).await;
    let file = t.home.path().join("named");
    std::fs::write(&file, "[profile dev]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = Admin\n[profile plain]\n[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\n").unwrap();
    let named: Choices = t.request(&format!("GET /v1/choices?config={}", file.display())).await.json();
    assert_eq!(named.profiles.len(), 1, "{named:?}");
    let profile = &named.profiles[0];
    assert_eq!((profile.name.as_str(), profile.session.as_str()), ("dev", "corp"));
    assert_eq!((profile.account.as_deref(), profile.role.as_deref()), (Some(ACCOUNT), Some("Admin")));
    let new =
        format!(r#"{{"name":"ci","roles":[{{"session":"corp","account":"{ACCOUNT}","role":"ReadOnlyAccess"}}]}}"#);
    assert_eq!(t.request_with("POST /v1/grants", "", new.as_bytes()).await.status, 200);
    assert_eq!(choices(&t).await.grants, ["ci"]);
    assert_eq!(t.request("DELETE /v1/grants/ci").await.status, 200);
    assert_eq!(choices(&t).await.grants, Vec::<String>::new());
    assert_eq!(t.request_with("POST /v1/choices", "", br#"{"profile":"dev"}"#).await.status, 200);
    assert_eq!(choices(&t).await.picked[0].profile.as_deref(), Some("dev"));
    let long = format!(r#"{{"profile":"{}"}}"#, "x".repeat(600));
    for wrong in ["", "{}", "no JSON", r#"{"profile":1}"#, &long] {
        assert_eq!(t.request_with("POST /v1/choices", "", wrong.as_bytes()).await.status, 400, "{wrong}");
    }
    let missing = t.request("GET /v1/choices?config=/nowhere/at/all&config=/twice").await;
    assert_eq!((missing.status, missing.code().as_str()), (400, "invalid_request"));
}
