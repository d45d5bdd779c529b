//! One row per rule by which the service refuses, each provoked as a client would.

use Operation::{
    CreateToken, GetRoleCredentials, ListAccountRoles, ListAccounts, Logout, RegisterClient, StartDeviceAuthorization,
};
use identity_center_simulator::Operation;
use serde_json::{Value, json};

use crate::support::{Answer, Bench, Client, DEVICE_GRANT, SCOPED, START_URL, seconds};

pub(crate) struct Refusal {
    pub(crate) rule: &'static str,
    pub(crate) operation: Operation,
    pub(crate) exception: &'static str,
    /// Ends with the call that is refused.
    pub(crate) provoke: fn(&Bench) -> Answer,
}

const fn row(
    operation: Operation,
    rule: &'static str,
    exception: &'static str,
    provoke: fn(&Bench) -> Answer,
) -> Refusal {
    Refusal { rule, operation, exception, provoke }
}

fn register(bench: &Bench, members: &Value) -> Answer {
    let mut body = json!({ "clientName": "test", "clientType": "public" });
    body.as_object_mut().expect("an object").extend(members.as_object().expect("an object").clone());
    bench.post("/client/register", &body)
}

fn registered_for(bench: &Bench, grant: &str) -> Client {
    let answer = register(bench, &json!({ "grantTypes": [grant] }));
    Client { id: answer.member("clientId"), secret: answer.member("clientSecret") }
}

fn start(bench: &Bench, client: &Client, start_url: &str) -> Answer {
    bench.post("/device_authorization", &client.body(json!({ "startUrl": start_url })))
}

fn with_wrong_secret(client: Client) -> Client {
    Client { secret: "wrong".to_owned(), ..client }
}

fn signed_in(bench: &Bench) -> String {
    bench.sign_in(&bench.register(SCOPED)).member("accessToken")
}

pub(crate) const REFUSALS: &[Refusal] = &[
    row(RegisterClient, "only public clients", "InvalidClientMetadataException", |bench| {
        register(bench, &json!({ "clientType": "confidential" }))
    }),
    row(RegisterClient, "an unknown grant type", "UnsupportedGrantTypeException", |bench| {
        register(bench, &json!({ "grantTypes": ["password"] }))
    }),
    row(RegisterClient, "a scope that is no scope", "InvalidScopeException", |bench| {
        register(bench, &json!({ "scopes": ["two words"] }))
    }),
    row(RegisterClient, "device and code grant together (observed)", "InvalidScopeException", |bench| {
        register(bench, &json!({ "grantTypes": [DEVICE_GRANT, "authorization_code"] }))
    }),
    row(RegisterClient, "a redirect URI that is none", "InvalidRedirectUriException", |bench| {
        register(bench, &json!({ "redirectUris": ["/callback"] }))
    }),
    row(StartDeviceAuthorization, "an unknown client", "InvalidClientException", |bench| {
        start(bench, &Client { id: "unknown".to_owned(), secret: "unknown".to_owned() }, START_URL)
    }),
    row(StartDeviceAuthorization, "a wrong secret", "InvalidClientException", |bench| {
        start(bench, &with_wrong_secret(bench.register(SCOPED)), START_URL)
    }),
    row(StartDeviceAuthorization, "a client without the device grant", "UnauthorizedClientException", |bench| {
        start(bench, &registered_for(bench, "authorization_code"), START_URL)
    }),
    row(StartDeviceAuthorization, "a start URL that is no URL", "InvalidRequestException", |bench| {
        start(bench, &bench.register(SCOPED), "example.awsapps.com/start")
    }),
    row(StartDeviceAuthorization, "a start URL that does not exist (observed)", "InvalidRequestException", |bench| {
        bench.simulator.settings(|settings| settings.start_urls = vec!["https://other.awsapps.com/start".to_owned()]);
        start(bench, &bench.register(SCOPED), START_URL)
    }),
    row(CreateToken, "an unknown client", "InvalidClientException", |bench| {
        let codes = bench.start(&bench.register(SCOPED));
        bench.poll(&Client { id: "unknown".to_owned(), secret: "unknown".to_owned() }, &codes)
    }),
    row(CreateToken, "a wrong secret", "InvalidClientException", |bench| {
        let client = bench.register(SCOPED);
        let codes = bench.start(&client);
        bench.poll(&with_wrong_secret(client), &codes)
    }),
    row(CreateToken, "an expired registration", "InvalidClientException", |bench| {
        let client = bench.register(SCOPED);
        bench.clock.advance(seconds(90 * 24 * 3600));
        let codes = bench.start(&client);
        bench.poll(&client, &codes)
    }),
    row(CreateToken, "an unknown grant type", "UnsupportedGrantTypeException", |bench| {
        bench.post("/token", &bench.register(SCOPED).body(json!({ "grantType": "password" })))
    }),
    row(CreateToken, "the device grant without a code", "InvalidRequestException", |bench| {
        bench.post("/token", &bench.register(SCOPED).body(json!({ "grantType": DEVICE_GRANT })))
    }),
    row(CreateToken, "the refresh grant without a token", "InvalidRequestException", |bench| {
        bench.post("/token", &bench.register(SCOPED).body(json!({ "grantType": "refresh_token" })))
    }),
    row(CreateToken, "the code grant without a code", "InvalidRequestException", |bench| {
        bench.post("/token", &bench.register(SCOPED).body(json!({ "grantType": "authorization_code" })))
    }),
    row(CreateToken, "an authorization code that was never issued", "InvalidGrantException", |bench| {
        let offer = json!({ "grantType": "authorization_code", "code": "made-up", "redirectUri": "http://127.0.0.1/" });
        bench.post("/token", &bench.register(SCOPED).body(offer))
    }),
    row(CreateToken, "a grant that the client did not register", "UnauthorizedClientException", |bench| {
        let client = registered_for(bench, DEVICE_GRANT);
        bench.refresh(&client, "any")
    }),
    row(CreateToken, "a device code that was never issued", "InvalidGrantException", |bench| {
        let offer = json!({ "grantType": DEVICE_GRANT, "deviceCode": "made-up" });
        bench.post("/token", &bench.register(SCOPED).body(offer))
    }),
    row(CreateToken, "a device code of another client", "InvalidGrantException", |bench| {
        let codes = bench.start(&bench.register(SCOPED));
        bench.poll(&bench.register(SCOPED), &codes)
    }),
    row(CreateToken, "a device code that has been redeemed", "InvalidGrantException", |bench| {
        let client = bench.register(SCOPED);
        let codes = bench.start(&client);
        bench.simulator.approve(&codes.user).expect("a pending code");
        assert_eq!(bench.poll(&client, &codes).status, 200);
        bench.poll(&client, &codes)
    }),
    row(CreateToken, "a decision that is pending", "AuthorizationPendingException", |bench| {
        let client = bench.register(SCOPED);
        let codes = bench.start(&client);
        bench.poll(&client, &codes)
    }),
    row(CreateToken, "polls closer than the interval", "SlowDownException", |bench| {
        let client = bench.register(SCOPED);
        let codes = bench.start(&client);
        bench.poll(&client, &codes);
        bench.poll(&client, &codes)
    }),
    row(CreateToken, "a decision against it", "AccessDeniedException", |bench| {
        let client = bench.register(SCOPED);
        let codes = bench.start(&client);
        bench.simulator.deny(&codes.user).expect("a pending code");
        bench.poll(&client, &codes)
    }),
    row(CreateToken, "a device code after its time", "ExpiredTokenException", |bench| {
        let client = bench.register(SCOPED);
        let codes = bench.start(&client);
        bench.clock.advance(seconds(600));
        bench.poll(&client, &codes)
    }),
    row(CreateToken, "a device code that was made to expire", "ExpiredTokenException", |bench| {
        let client = bench.register(SCOPED);
        let codes = bench.start(&client);
        bench.simulator.expire(&codes.user).expect("a pending code");
        bench.poll(&client, &codes)
    }),
    row(CreateToken, "a refresh token that was never issued", "InvalidGrantException", |bench| {
        bench.refresh(&bench.register(SCOPED), "made-up")
    }),
    row(ListAccounts, "no token", "UnauthorizedException", |bench| bench.get("/assignment/accounts")),
    row(ListAccounts, "a token that was never issued", "UnauthorizedException", |bench| {
        bench.portal("GET", "/assignment/accounts", "made-up")
    }),
    row(ListAccounts, "a token after its time", "UnauthorizedException", |bench| {
        let token = signed_in(bench);
        bench.clock.advance(seconds(3600));
        bench.portal("GET", "/assignment/accounts", &token)
    }),
    row(ListAccounts, "a page of no entries", "InvalidRequestException", |bench| {
        bench.portal("GET", "/assignment/accounts?max_result=0", &signed_in(bench))
    }),
    row(ListAccounts, "a page of more than 100 entries", "InvalidRequestException", |bench| {
        bench.portal("GET", "/assignment/accounts?max_result=101", &signed_in(bench))
    }),
    row(ListAccounts, "more than the rate", "TooManyRequestsException", |bench| {
        bench.simulator.settings(|settings| settings.portal_rate = Some(1));
        let token = signed_in(bench);
        assert_eq!(bench.portal("GET", "/assignment/accounts", &token).status, 200);
        bench.portal("GET", "/assignment/accounts", &token)
    }),
    row(ListAccountRoles, "no account", "InvalidRequestException", |bench| {
        bench.portal("GET", "/assignment/roles", &signed_in(bench))
    }),
    row(GetRoleCredentials, "no role", "InvalidRequestException", |bench| {
        bench.portal("GET", "/federation/credentials?account_id=111122223333", &signed_in(bench))
    }),
    row(GetRoleCredentials, "no account", "InvalidRequestException", |bench| {
        bench.portal("GET", "/federation/credentials?role_name=ReadOnlyAccess", &signed_in(bench))
    }),
    row(GetRoleCredentials, "no such assignment (observed)", "ForbiddenException", |bench| {
        let target = "/federation/credentials?role_name=Nobody&account_id=111122223333";
        let answer = bench.portal("GET", target, &signed_in(bench));
        assert_eq!((answer.status, answer.member("message").as_str()), (403, "No access"));
        answer
    }),
    row(Logout, "a token that was never issued", "UnauthorizedException", |bench| {
        bench.portal("POST", "/logout", "made-up")
    }),
    row(Logout, "a session that is over (body observed)", "UnauthorizedException", |bench| {
        let token = signed_in(bench);
        assert_eq!(bench.portal("POST", "/logout", &token).status, 200);
        let answer = bench.portal("POST", "/logout", &token);
        assert_eq!(
            answer.json(),
            json!({
                "message": "Session token not found or invalid",
                "__type": "com.amazonaws.switchboard.portal#UnauthorizedException",
            })
        );
        assert_eq!(answer.status, 401);
        answer
    }),
];
