//! The portal's adapter against the simulated portal.

use std::sync::Arc;

use identity_center_simulator::{Account, Fault, Operation, Settings, Times};
use ssoctl_protocol::Secret;
use ssoctld::clock::Clock;
use ssoctld::issuer::{Endpoint, Setting};
use ssoctld::portal::{AccountId, Assignment, Portal, PortalError, PortalErrorName, RoleName};
use ssoctld::token::AccessToken;
use ssoctld::transport::{Patience, Transport};
use url::Url;

use crate::harness::{Harness, mins, secs};

/// The adapter, the portal's address and a token that the portal accepts.
async fn bench(t: &Harness) -> (Transport, Endpoint, AccessToken) {
    let transport = Transport::new(None, Patience::default(), Arc::clone(&t.clock) as Arc<dyn Clock>);
    let url = Url::parse(&t.simulator.url()).expect("a URL");
    let at = Endpoint::configured(url, Setting::Variable("AWS_ENDPOINT_URL_SSO"));
    let token = token_of(t.access_token().await, &at);
    (transport, at, token)
}

fn token_of(value: impl Into<Secret<String>>, at: &Endpoint) -> AccessToken {
    AccessToken { value: value.into(), token_type: "Bearer".to_owned(), issuer: at.issuer().clone() }
}

fn account(id: &str) -> AccountId {
    AccountId::new(id).expect("an account's id")
}

fn assignment(id: &str, role: &str) -> Assignment {
    Assignment { account: account(id), role: RoleName::new(role).expect("a role's name") }
}

#[tokio::test]
async fn credentials_of_an_assigned_role_are_given_and_expire_by_the_services_clock() {
    let t = Harness::signed_in(Settings::default()).await;
    let (portal, at, token) = bench(&t).await;
    let credentials =
        portal.role_credentials(&at, &token, &assignment("111122223333", "ReadOnlyAccess")).await.expect("credentials");
    assert_eq!(credentials.expiration, t.clock.now().wall + mins(60));
    assert!(t.simulator.secrets().contains(credentials.keys.secret_access_key.expose()));
    assert!(t.simulator.secrets().contains(credentials.keys.session_token.expose()));
    assert!(!format!("{credentials:?}").contains(credentials.keys.session_token.expose()));
}

#[tokio::test]
async fn each_refusal_of_the_portal_has_its_name() {
    let t = Harness::signed_in(Settings::default()).await;
    let (portal, at, token) = bench(&t).await;
    let name = |result: Result<_, PortalError>| result.err().and_then(|error| error.name());
    let no_access = portal.role_credentials(&at, &token, &assignment("111122223333", "Nobody")).await;
    assert_eq!(name(no_access.map(drop)), Some(PortalErrorName::Forbidden));
    let no_account = portal.roles(&at, &token, &account("999999999999"), None).await;
    assert_eq!(name(no_account.map(drop)), Some(PortalErrorName::ResourceNotFound));
    let stranger = portal.accounts(&at, &token_of("stranger", &at), None).await;
    assert_eq!(name(stranger.map(drop)), Some(PortalErrorName::Unauthorized));
    t.simulator.inject(Operation::ListAccounts, Fault::error("InvalidRequestException"), Times::Next(1));
    assert_eq!(name(portal.accounts(&at, &token, None).await.map(drop)), Some(PortalErrorName::InvalidRequest));
    t.simulator.inject(Operation::ListAccounts, Fault::TooManyRequests { retry_after: secs(3) }, Times::Next(1));
    let throttled = portal.accounts(&at, &token, None).await.expect_err("too many requests");
    assert!(throttled.is_throttling() && throttled.retry_after() == Some(secs(3)), "{throttled:?}");
}

#[tokio::test]
async fn a_long_list_is_read_page_by_page() {
    let roles: Vec<String> = (0..150).map(|number| format!("Role{number}")).collect();
    let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
    let accounts: Vec<Account> =
        (0..250).map(|number| Account::new(&format!("{number:012}"), &format!("Account {number}"), &roles)).collect();
    let t = Harness::signed_in(Settings { accounts, ..Settings::default() }).await;
    let (portal, at, token) = bench(&t).await;
    let (mut lengths, mut next) = (Vec::new(), None);
    loop {
        let page = portal.accounts(&at, &token, next.as_ref()).await.expect("a page");
        lengths.push((page.items.len(), page.items[0].id.as_str().to_owned()));
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    let first = |number: u32| format!("{number:012}");
    assert_eq!(lengths, [(100, first(0)), (100, first(100)), (50, first(200))]);
    let first = portal.roles(&at, &token, &account("000000000007"), None).await.expect("a page");
    let second = portal.roles(&at, &token, &account("000000000007"), first.next.as_ref()).await.expect("a page");
    assert_eq!((second.items[0].as_str(), second.items.len(), second.next), ("Role100", 50, None));
}

#[tokio::test]
async fn foreign_answers_in_the_place_of_the_portal_are_described() {
    let t = Harness::signed_in(Settings { portal_rate: None, ..Settings::default() }).await;
    let (portal, at, token) = bench(&t).await;
    let mut spoiled = vec![
        (Fault::NotJson, "unusable: it is not JSON"),
        (Fault::Html, "unusable: it is not JSON"),
        (Fault::Oversized { bytes: 2 << 20 }, "unusable: it is longer than"),
        (Fault::Reset, "cannot be reached"),
        (Fault::Truncated, "cannot be reached"),
        (Fault::LostAnswer, "cannot be reached"),
        (Fault::Status { status: 302 }, "unusable: it is a redirect"),
        (Fault::Status { status: 503 }, "answered with status 503"),
        (Fault::error("SomethingNewException"), "SomethingNewException"),
        (Fault::replaced("expiration", "soon"), "unusable: its expiration is a string"),
        (Fault::replaced("expiration", -1), "unusable: its expiration is -1"),
    ];
    for member in ["accessKeyId", "secretAccessKey", "sessionToken", "expiration", "roleCredentials"] {
        spoiled.push((Fault::missing(member), "unusable: it has no"));
    }
    for (fault, complaint) in spoiled {
        t.simulator.inject(Operation::GetRoleCredentials, fault.clone(), Times::Next(1));
        let wanted = assignment("111122223333", "ReadOnlyAccess");
        let error = portal.role_credentials(&at, &token, &wanted).await.expect_err("no credentials").to_string();
        assert!(error.contains(complaint), "{fault:?}: {error}");
        for secret in t.simulator.secrets() {
            assert!(!error.contains(&secret), "{fault:?}");
        }
    }
}
