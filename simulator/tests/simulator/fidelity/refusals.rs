//! One row per rule by which the service refuses, each provoked as a client would.

use std::time::Duration;

use Operation::{CreateToken, GetRoleCredentials, ListAccountRoles, ListAccounts, Logout, StartDeviceAuthorization};
use identity_center_simulator::Operation;
use serde_json::{Value, json};

use crate::code_flow::code_registration;
use crate::support::{Answer, Bench, Client, Codes, DEVICE_GRANT, SCOPED, START_URL, with};

/// Rule, members of the RegisterClient request besides the client's name and type, exception.
pub(crate) fn registrations() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        ("only public clients", json!({ "clientType": "confidential" }), "InvalidClientMetadataException"),
        ("an unknown grant type", json!({ "grantTypes": ["password"] }), "UnsupportedGrantTypeException"),
        ("an invalid scope", json!({ "scopes": ["two words"] }), "InvalidScopeException"),
        (
            "device and code grant together (observed)",
            json!({ "grantTypes": [DEVICE_GRANT, "authorization_code"] }),
            "InvalidScopeException",
        ),
        ("an invalid redirect URI", json!({ "redirectUris": ["/callback"] }), "InvalidRedirectUriException"),
        (
            "a redirect URI on [::1] (observed)",
            with(code_registration(), "redirectUris", json!(["http://[::1]/callback"])),
            "InvalidRedirectUriException",
        ),
        (
            "the code grant without a redirect URI",
            with(code_registration(), "redirectUris", json!([])),
            "InvalidRequestException",
        ),
        (
            "the code grant without an issuer",
            with(code_registration(), "issuerUrl", json!(null)),
            "InvalidRequestException",
        ),
    ]
}

/// Rule, members of the CreateToken request besides the client's id and secret, exception.
pub(crate) fn token_requests() -> Vec<(&'static str, Value, &'static str)> {
    let device_code = json!({ "grantType": DEVICE_GRANT, "deviceCode": "made-up" });
    let refresh_token = json!({ "grantType": "refresh_token", "refreshToken": "made-up" });
    vec![
        ("an unknown grant type", json!({ "grantType": "password" }), "UnsupportedGrantTypeException"),
        ("the device grant without a code", json!({ "grantType": DEVICE_GRANT }), "InvalidRequestException"),
        ("the refresh grant without a token", json!({ "grantType": "refresh_token" }), "InvalidRequestException"),
        ("a device code that was never issued", device_code, "InvalidGrantException"),
        ("a refresh token that was never issued", refresh_token, "InvalidGrantException"),
    ]
}

/// Operation, rule, target of a request with a good access token, exception.
pub(crate) const PORTAL_REQUESTS: &[(Operation, &str, &str, &str)] = &[
    (ListAccounts, "a page of no entries", "/assignment/accounts?max_result=0", "InvalidRequestException"),
    (ListAccounts, "more than 100 entries", "/assignment/accounts?max_result=101", "InvalidRequestException"),
    (ListAccountRoles, "no account", "/assignment/roles", "InvalidRequestException"),
    (GetRoleCredentials, "no role", "/federation/credentials?account_id=111122223333", "InvalidRequestException"),
    (GetRoleCredentials, "no account", "/federation/credentials?role_name=ReadOnlyAccess", "InvalidRequestException"),
];

pub(crate) struct Refusal {
    pub(crate) rule: &'static str,
    pub(crate) operation: Operation,
    pub(crate) exception: &'static str,
    /// Gets a client that has scopes, and ends with the call that is refused.
    pub(crate) provoke: fn(&Bench, Client) -> Answer,
}

const fn row(
    operation: Operation,
    rule: &'static str,
    exception: &'static str,
    provoke: fn(&Bench, Client) -> Answer,
) -> Refusal {
    Refusal { rule, operation, exception, provoke }
}

fn registered_for(bench: &Bench, grant: &str) -> Client {
    Client::from(&bench.register_with(json!({ "grantTypes": [grant] })))
}

fn start(bench: &Bench, client: &Client, start_url: &str) -> Answer {
    bench.post("/device_authorization", &client.body(json!({ "startUrl": start_url })))
}

/// Polls once this has happened to a device authorization.
fn poll_after(bench: &Bench, client: &Client, change: impl FnOnce(&Codes)) -> Answer {
    let codes = bench.start(client);
    change(&codes);
    bench.poll(client, &codes)
}

fn with_wrong_secret(client: Client) -> Client {
    Client { secret: "wrong".to_owned(), ..client }
}

/// The refusals that depend on the client, on what happened before, or on more than the exception.
pub(crate) const REFUSALS: &[Refusal] = &[
    row(StartDeviceAuthorization, "an unknown client", "InvalidClientException", |bench, _| {
        start(bench, &Client::unknown(), START_URL)
    }),
    row(StartDeviceAuthorization, "a wrong secret", "InvalidClientException", |bench, client| {
        start(bench, &with_wrong_secret(client), START_URL)
    }),
    row(StartDeviceAuthorization, "a client without the device grant", "UnauthorizedClientException", |bench, _| {
        start(bench, &bench.code_client(), START_URL)
    }),
    row(StartDeviceAuthorization, "a start URL that is no URL", "InvalidRequestException", |bench, client| {
        start(bench, &client, "example.awsapps.com/start")
    }),
    row(StartDeviceAuthorization, "an unknown start URL (observed)", "InvalidRequestException", |bench, client| {
        bench.simulator.settings(|settings| settings.start_urls = vec!["https://other.awsapps.com/start".to_owned()]);
        start(bench, &client, START_URL)
    }),
    row(CreateToken, "an unknown client", "InvalidClientException", |bench, client| {
        bench.poll(&Client::unknown(), &bench.start(&client))
    }),
    row(CreateToken, "a wrong secret", "InvalidClientException", |bench, client| {
        let codes = bench.start(&client);
        bench.poll(&with_wrong_secret(client), &codes)
    }),
    row(CreateToken, "an expired registration", "InvalidClientException", |bench, client| {
        bench.clock.advance(Duration::from_secs(90 * 24 * 3600));
        bench.poll(&client, &bench.start(&client))
    }),
    row(CreateToken, "a grant that the client did not register", "UnauthorizedClientException", |bench, _| {
        bench.refresh(&registered_for(bench, DEVICE_GRANT), "any")
    }),
    row(
        CreateToken,
        "the code grant with a registration for the device grant",
        "UnauthorizedClientException",
        |bench, client| bench.exchange(&client, "made-up"),
    ),
    row(CreateToken, "the code grant without a code", "InvalidRequestException", |bench, _| {
        bench.exchange(&bench.code_client(), "")
    }),
    row(CreateToken, "an authorization code that was never issued", "InvalidGrantException", |bench, _| {
        bench.exchange(&bench.code_client(), "made-up")
    }),
    row(CreateToken, "an authorization code that has been redeemed", "InvalidGrantException", |bench, _| {
        let client = bench.code_client();
        let code = bench.code(&client);
        assert_eq!(bench.exchange(&client, &code).status, 200);
        bench.exchange(&client, &code)
    }),
    row(CreateToken, "a device code of another client", "InvalidGrantException", |bench, client| {
        bench.poll(&bench.register(SCOPED), &bench.start(&client))
    }),
    row(CreateToken, "a device code that has been redeemed", "InvalidGrantException", |bench, client| {
        let codes = bench.start(&client);
        bench.approve(&codes);
        assert_eq!(bench.poll(&client, &codes).status, 200);
        bench.poll(&client, &codes)
    }),
    row(CreateToken, "a decision that is pending", "AuthorizationPendingException", |bench, client| {
        bench.poll(&client, &bench.start(&client))
    }),
    row(CreateToken, "polls closer than the interval", "SlowDownException", |bench, client| {
        poll_after(bench, &client, |codes| drop(bench.poll(&client, codes)))
    }),
    row(CreateToken, "a decision against it", "AccessDeniedException", |bench, client| {
        poll_after(bench, &client, |codes| bench.simulator.deny(&codes.user).expect("a pending code"))
    }),
    row(CreateToken, "a device code after its time", "ExpiredTokenException", |bench, client| {
        poll_after(bench, &client, |_| bench.clock.advance(Duration::from_secs(600)))
    }),
    row(CreateToken, "a device code that was made to expire", "ExpiredTokenException", |bench, client| {
        poll_after(bench, &client, |codes| bench.simulator.expire(&codes.user).expect("a pending code"))
    }),
    row(ListAccounts, "no token", "UnauthorizedException", |bench, _| bench.get("/assignment/accounts")),
    row(ListAccounts, "a token that was never issued", "UnauthorizedException", |bench, _| {
        bench.portal("GET", "/assignment/accounts", "made-up")
    }),
    row(ListAccounts, "a token after its time", "UnauthorizedException", |bench, _| {
        let token = bench.access_token();
        bench.clock.advance(Duration::from_secs(3600));
        bench.portal("GET", "/assignment/accounts", &token)
    }),
    row(ListAccounts, "more than the rate", "TooManyRequestsException", |bench, _| {
        bench.simulator.settings(|settings| settings.portal_rate = Some(1));
        let token = bench.access_token();
        assert_eq!(bench.portal("GET", "/assignment/accounts", &token).status, 200);
        bench.portal("GET", "/assignment/accounts", &token)
    }),
    row(GetRoleCredentials, "no such assignment (observed)", "ForbiddenException", |bench, _| {
        let target = "/federation/credentials?role_name=Nobody&account_id=111122223333";
        let answer = bench.portal("GET", target, &bench.access_token());
        assert_eq!((answer.status, answer.member("message").as_str()), (403, "No access"));
        answer
    }),
    row(Logout, "a token that was never issued", "UnauthorizedException", |bench, _| {
        bench.portal("POST", "/logout", "made-up")
    }),
    row(Logout, "a session that is over (body observed)", "UnauthorizedException", |bench, _| {
        let token = bench.access_token();
        assert_eq!(bench.portal("POST", "/logout", &token).status, 200);
        let answer = bench.portal("POST", "/logout", &token);
        let name = "com.amazonaws.switchboard.portal#UnauthorizedException";
        assert_eq!(answer.json(), json!({ "message": "Session token not found or invalid", "__type": name }));
        assert_eq!(answer.status, 401);
        answer
    }),
];
