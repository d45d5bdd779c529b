//! What the simulator assumes, because no model states it and nobody has reliably observed it.
//!
//! Each sentence stands in the README too, and a test keeps the two lists equal.

use std::time::Duration;

use identity_center_simulator::{Fault, Operation};
use serde_json::json;

use crate::code_flow::{code_registration, redirected};
use crate::support::{Bench, Client, DEVICE_GRANT, SCOPED, START_URL, UNSCOPED, with};

/// The sentence, and its check with a client that has scopes.
type Assumption = (&'static str, fn(&Bench, &Client));

pub(crate) const ASSUMPTIONS: &[Assumption] = &[
    ("Any scope makes a token short-lived and refreshable, not `sso:account:access` alone.", |bench, _| {
        let token = bench.sign_in(&bench.register(&["codewhisperer:completions"])).json();
        assert_eq!(token["expiresIn"], 3600);
        assert!(token["refreshToken"].is_string());
    }),
    ("A scope is refused if it is not a scope token of RFC 6749 3.3; every other scope is granted.", |bench, _| {
        let register = |scope: &str| bench.register_with(json!({ "scopes": [scope] })).status;
        assert_eq!((register("nobody:has:this"), register("a\"b"), register("")), (200, 400, 400));
    }),
    ("A redirect URI has a path and no query, and is compared letter by letter but for its port.", |bench, _| {
        let register = |uri: &str| bench.register_with(json!({ "redirectUris": [uri] })).status;
        assert_eq!(register("http://127.0.0.1:8080/back"), 200);
        assert_eq!((register("http://127.0.0.1"), register("http://127.0.0.1/back?a=b")), (400, 400));
        let answer = bench.open_with(&bench.code_client(), &[("redirect_uri", "http://127.0.0.1:1/OAuth/callback")]);
        assert_eq!(answer.status, 400);
    }),
    ("A registration for the code grant names an issuer URL that exists.", |bench, _| {
        bench.simulator.settings(|settings| settings.start_urls = vec!["https://other.awsapps.com/start".to_owned()]);
        assert_eq!(bench.register_with(code_registration()).exception(), "InvalidRequestException");
    }),
    ("`scopes` of `/authorize` may be left out, names registered scopes alone, and limits nothing.", |bench, _| {
        let client = bench.code_client();
        assert_eq!(bench.open_with(&client, &[("scopes", "")]).status, 200);
        assert_eq!(redirected(&bench.open_with(&client, &[("scopes", "other")]))["error"], "invalid_scope");
    }),
    ("`state` is given back as it came and is not required.", |bench, _| {
        let page = bench.open_with(&bench.code_client(), &[("state", "")]);
        assert_eq!(redirected(&bench.click("/authorize/allow", &page)).get("state"), None);
    }),
    ("An authorization code lives for five minutes, and its page waits for ten.", |bench, _| {
        let client = bench.code_client();
        let page = bench.open(&client);
        bench.clock.advance(Duration::from_secs(599));
        let code = redirected(&bench.click("/authorize/allow", &page))["code"].clone();
        bench.clock.advance(Duration::from_mins(5));
        assert_eq!(bench.exchange(&client, &code).exception(), "InvalidGrantException");
    }),
    (
        "InvalidRequestRegion comes from the setting `right_region` alone, to every call that names an instance.",
        |bench, client| {
            bench.simulator.settings(|settings| settings.right_region = Some("eu-west-1".to_owned()));
            let start = client.body(json!({ "startUrl": START_URL }));
            assert_eq!(bench.post("/device_authorization", &start).exception(), "InvalidRequestRegionException");
            assert_eq!(bench.register_with(json!({})).status, 200);
        },
    ),
    ("An exchange that is refused leaves the authorization code unspent.", |bench, _| {
        let client = bench.code_client();
        let code = bench.code(&client);
        let wrong = with(client.code_body(&code), "codeVerifier", json!("x".repeat(43)));
        assert_eq!(bench.post("/token", &wrong).exception(), "InvalidGrantException");
        assert_eq!(bench.exchange(&client, &code).status, 200);
    }),
    ("`scope` in CreateToken is ignored, so InvalidScope never comes from there.", |bench, client| {
        let codes = bench.start(client);
        bench.approve(&codes);
        let body = with(client.poll_body(&codes), "scope", json!(["never:registered"]));
        assert_eq!(bench.post("/token", &body).status, 200);
    }),
    (
        "A client that registered no grant types may use the device code and refresh token grants alone.",
        |bench, client| {
            let token = bench.sign_in(client).member("refreshToken");
            assert_eq!(bench.refresh(client, &token).status, 200);
            assert_eq!(bench.exchange(client, "made-up").exception(), "UnauthorizedClientException");
        },
    ),
    (
        "The first poll may come at once; after a poll that came too early the interval is five seconds longer.",
        |bench, client| {
            let codes = bench.start(client);
            let mut poll_after = |wait| {
                bench.clock.advance(Duration::from_secs(wait));
                bench.poll(client, &codes).exception().to_owned()
            };
            let outcomes = [0, 0, 5, 11, 11].map(&mut poll_after);
            let (pending, slow_down) = ("AuthorizationPendingException", "SlowDownException");
            assert_eq!(outcomes, [pending, slow_down, slow_down, pending, pending]);
        },
    ),
    (
        "A poll that comes too early is answered with SlowDown even if the person has decided already.",
        |bench, client| {
            let codes = bench.start(client);
            bench.poll(client, &codes);
            bench.approve(&codes);
            assert_eq!(bench.poll(client, &codes).exception(), "SlowDownException");
        },
    ),
    ("An approval that is not redeemed ends with its device code.", |bench, client| {
        let codes = bench.start(client);
        bench.approve(&codes);
        bench.clock.advance(Duration::from_mins(10));
        assert_eq!(bench.poll(client, &codes).exception(), "ExpiredTokenException");
    }),
    (
        "A portal session belongs to one person at one start URL, and the approval page always means the same person.",
        |bench, client| {
            let codes = bench.start(client);
            bench.submit("/device/approve", &codes.user);
            assert_eq!(bench.poll(client, &codes).status, 200);
            let state = bench.control_get("state");
            let sessions = state["portal_sessions"].as_array().expect("a list");
            assert_eq!(sessions.len(), 1);
            assert_eq!((&sessions[0]["person"], &sessions[0]["start_url"]), (&json!("jane"), &json!(START_URL)));
        },
    ),
    (
        "A logout ends the portal session, and with it every token of that session, whichever client got it.",
        |bench, client| {
            let token = bench.sign_in(client);
            assert_eq!(bench.portal("POST", "/logout", &bench.access_token()).status, 200);
            assert_eq!(bench.portal("GET", "/assignment/accounts", &token.member("accessToken")).status, 401);
            assert_eq!(bench.refresh(client, &token.member("refreshToken")).exception(), "InvalidGrantException");
        },
    ),
    ("A refresh leaves access tokens that were issued before as they are.", |bench, client| {
        let token = bench.sign_in(client);
        assert_eq!(bench.refresh(client, &token.member("refreshToken")).status, 200);
        assert_eq!(bench.portal("GET", "/assignment/accounts", &token.member("accessToken")).status, 200);
    }),
    ("A refresh token lives as long as its portal session.", |bench, client| {
        let token = bench.sign_in(client).member("refreshToken");
        bench.clock.advance(Duration::from_hours(8) - Duration::from_secs(1));
        assert_eq!(bench.refresh(client, &token).json()["expiresIn"], 1);
    }),
    ("A portal session gives no token in its last second, so `expiresIn` is never 0.", |bench, client| {
        let token = bench.sign_in(client).member("refreshToken");
        bench.clock.advance(Duration::from_hours(8) - Duration::from_millis(500));
        assert_eq!(bench.refresh(client, &token).exception(), "InvalidGrantException");
    }),
    ("An empty string counts as a missing member.", |bench, _| {
        let answer = bench.register_with(json!({ "clientName": "" }));
        assert_eq!(answer.exception(), "InvalidRequestException");
    }),
    ("The client is checked before what it offers, and the grant type before the client.", |bench, _| {
        let body = |grant| json!({ "clientId": "unknown", "clientSecret": "unknown", "grantType": grant });
        assert_eq!(bench.post("/token", &body(DEVICE_GRANT)).exception(), "InvalidClientException");
        assert_eq!(bench.post("/token", &body("password")).exception(), "UnsupportedGrantTypeException");
    }),
    (
        "SlowDown for RegisterClient and StartDeviceAuthorization, and InternalServer, come from injected faults alone.",
        |bench, _| {
            bench.inject(Operation::RegisterClient, Fault::error("SlowDownException"));
            assert_eq!(bench.register_with(json!({})).exception(), "SlowDownException");
            for _ in 0..50 {
                bench.start(&bench.register(SCOPED));
            }
        },
    ),
    ("ListAccountRoles answers 404 for an account that is not assigned, GetRoleCredentials 403.", |bench, _| {
        let token = bench.access_token();
        let account = "account_id=999999999999";
        assert_eq!(bench.portal("GET", &format!("/assignment/roles?{account}"), &token).status, 404);
        let credentials = format!("/federation/credentials?role_name=ReadOnlyAccess&{account}");
        assert_eq!(bench.portal("GET", &credentials, &token).status, 403);
    }),
    (
        "An account id that is not twelve digits is an invalid request, and so is a page token of another list.",
        |bench, _| {
            let token = bench.access_token();
            for target in ["/assignment/roles?account_id=1", "/assignment/accounts?next_token=made-up"] {
                assert_eq!(bench.portal("GET", target, &token).exception(), "InvalidRequestException", "{target}");
            }
        },
    ),
    ("The portal counts its rate over all callers, within the last second of service time.", |bench, _| {
        bench.simulator.settings(|settings| settings.portal_rate = Some(2));
        let status = || bench.get("/assignment/accounts").status;
        assert_eq!([status(), status(), status()], [401, 401, 429]);
        bench.clock.advance(Duration::from_secs(1));
        assert_eq!(status(), 401);
    }),
    ("Role credentials have a lifetime of their own, which the portal session does not shorten.", |bench, _| {
        let token = bench.sign_in(&bench.register(UNSCOPED)).member("accessToken");
        bench.clock.advance(Duration::from_hours(8) - Duration::from_mins(1));
        let target = "/federation/credentials?role_name=ReadOnlyAccess&account_id=111122223333";
        let expiration = bench.portal("GET", target, &token).json()["roleCredentials"]["expiration"].as_u64();
        assert_eq!(expiration, Some((1_800_000_000 + 8 * 3600 - 60 + 3600) * 1000));
    }),
    ("A path that takes another method answers 405, an unknown path 404, both with a JSON `message`.", |bench, _| {
        for (path, status) in [("/token", 405), ("/nowhere", 404)] {
            let answer = bench.get(path);
            assert_eq!(answer.status, status);
            assert!(answer.json()["message"].is_string());
        }
    }),
    ("CreateTokenWithIAM is not simulated: `/token?aws_iam=t` is the ordinary CreateToken.", |bench, _| {
        assert_eq!(bench.post("/token?aws_iam=t", &json!({})).exception(), "InvalidRequestException");
    }),
];
