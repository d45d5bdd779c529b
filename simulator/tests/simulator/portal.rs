//! The portal's lists and credentials.

use std::time::Duration;

use crate::support::Bench;
use identity_center_simulator::Account;
use serde_json::json;

#[test]
fn the_accounts_and_roles_of_the_settings_are_listed() {
    let bench = Bench::with(|settings| {
        settings.accounts = vec![Account::new("123456789012", "Data Lake", &["Reader", "Writer"])];
    });
    let token = bench.access_token();
    assert_eq!(
        bench.portal("GET", "/assignment/accounts", &token).json(),
        json!({ "accountList": [
            { "accountId": "123456789012", "accountName": "Data Lake", "emailAddress": "data-lake@example.com" }
        ]})
    );
    assert_eq!(
        bench.portal("GET", "/assignment/roles?account_id=123456789012", &token).json(),
        json!({ "roleList": [
            { "roleName": "Reader", "accountId": "123456789012" },
            { "roleName": "Writer", "accountId": "123456789012" }
        ]})
    );
}

#[test]
fn long_lists_come_in_pages() {
    let roles: Vec<String> = (0..250).map(|number| format!("Role{number:03}")).collect();
    let bench = Bench::with(|settings| {
        let named: Vec<&str> = roles.iter().map(String::as_str).collect();
        settings.accounts = vec![Account::new("123456789012", "Many", &named)];
    });
    let token = bench.access_token();
    for (size, pages) in [("", 13), ("&max_result=100", 3), ("&max_result=50", 5)] {
        bench.clock.advance(Duration::from_secs(1));
        let mut seen = Vec::new();
        let mut next = String::new();
        for page in 1..=pages {
            let target = format!("/assignment/roles?account_id=123456789012{size}{next}");
            let body = bench.portal("GET", &target, &token).json();
            let entries = body["roleList"].as_array().expect("a list");
            seen.extend(entries.iter().map(|entry| entry["roleName"].as_str().expect("a name").to_owned()));
            assert_eq!(body.get("nextToken").is_some(), page < pages, "page {page} of {pages}");
            next = format!("&next_token={}", body["nextToken"].as_str().unwrap_or_default());
        }
        assert_eq!(seen, roles);
    }
}

#[test]
fn role_credentials_are_new_each_time_and_known_as_secrets() {
    let bench = Bench::new();
    let token = bench.access_token();
    let target = "/federation/credentials?role_name=ReadOnlyAccess&account_id=444455556666";
    let [one, other] = [(); 2].map(|()| bench.portal("GET", target, &token).json()["roleCredentials"].clone());
    assert_ne!(one["sessionToken"], other["sessionToken"]);
    assert!(one["accessKeyId"].as_str().is_some_and(|id| id.starts_with("ASIA") && id.len() == 20));
    for secret in ["secretAccessKey", "sessionToken"] {
        let secret = one[secret].as_str().expect("a secret").to_owned();
        assert!(bench.simulator.secrets().contains(&secret));
    }
}

#[test]
fn the_rate_limit_can_be_lifted() {
    let bench = Bench::with(|settings| settings.portal_rate = None);
    let token = bench.access_token();
    for _ in 0..50 {
        assert_eq!(bench.portal("GET", "/assignment/accounts", &token).status, 200);
    }
}

#[test]
fn by_default_the_twenty_first_request_of_a_second_is_one_too_many() {
    let bench = Bench::new();
    let token = bench.access_token();
    let statuses = [(); 21].map(|()| bench.portal("GET", "/assignment/accounts", &token).status);
    assert_eq!((&statuses[..20], statuses[20]), ([200; 20].as_slice(), 429));
}
