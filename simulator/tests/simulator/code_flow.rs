//! The authorization code flow on top of the small client: what a browser does, and what the client does with the code.

use std::collections::BTreeMap;

use crate::support::{Answer, Bench, Client, SCOPED, START_URL};
use serde_json::{Value, json};

/// What clients register, without a port.
pub(crate) const REGISTERED: &str = "http://127.0.0.1/oauth/callback";
/// What a client listens on.
pub(crate) const REDIRECT_URI: &str = "http://127.0.0.1:40123/oauth/callback";
/// RFC 7636, appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// With characters that a query has to escape.
pub(crate) const STATE: &str = "a+b/c=&d e";

/// The members that a client registers for this flow.
pub(crate) fn code_registration() -> Value {
    json!({
        "grantTypes": ["authorization_code", "refresh_token"],
        "redirectUris": [REGISTERED],
        "issuerUrl": START_URL,
        "scopes": SCOPED,
    })
}

/// The query of an authorization request with these parameters in place of the usual ones; an empty one is left out.
pub(crate) fn query(client: &Client, changes: &[(&str, &str)]) -> String {
    let mut parameters = BTreeMap::from([
        ("response_type", "code"),
        ("client_id", &client.id),
        ("redirect_uri", REDIRECT_URI),
        ("state", STATE),
        ("code_challenge_method", "S256"),
        ("code_challenge", CHALLENGE),
        ("scopes", "sso:account:access"),
    ]);
    parameters.extend(changes.iter().copied());
    parameters.retain(|_, value| !value.is_empty());
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish()
}

/// The parameters of the answer that a redirect takes to the client.
pub(crate) fn parameters(location: &str) -> BTreeMap<String, String> {
    let (uri, query) = location.split_once('?').expect("a query");
    assert_eq!(uri, REDIRECT_URI);
    url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

/// The parameters of the answer that this redirect takes to the client.
#[track_caller]
pub(crate) fn redirected(answer: &Answer) -> BTreeMap<String, String> {
    assert_eq!(answer.status, 302, "{answer:?}");
    parameters(answer.header("location").expect("a location"))
}

/// The name of the request in the forms of its page.
pub(crate) fn request_on(page: &Answer) -> String {
    assert_eq!(page.status, 200, "{page:?}");
    let html = page.text();
    let after = html.split(r#"name="request" value=""#).nth(1).expect("a form");
    after.split('"').next().expect("a value").to_owned()
}

impl Bench {
    /// The bench with a client that may use the authorization code grant.
    pub(crate) fn with_code_client(self) -> (Self, Client) {
        let client = self.code_client();
        (self, client)
    }

    pub(crate) fn code_client(&self) -> Client {
        Client::from(&self.register_with(code_registration()))
    }

    /// The browser opens what the client asks for.
    pub(crate) fn open(&self, client: &Client) -> Answer {
        self.open_with(client, &[])
    }

    pub(crate) fn open_with(&self, client: &Client, changes: &[(&str, &str)]) -> Answer {
        self.get(&format!("/authorize?{}", query(client, changes)))
    }

    /// The person clicks on the button of this page that posts to `path`.
    pub(crate) fn click(&self, path: &str, page: &Answer) -> Answer {
        self.submit_form(path, &format!("request={}", request_on(page)))
    }

    /// A code that the person has allowed.
    pub(crate) fn code(&self, client: &Client) -> String {
        let page = self.open(client);
        redirected(&self.click("/authorize/allow", &page))["code"].clone()
    }

    pub(crate) fn exchange(&self, client: &Client, code: &str) -> Answer {
        self.post("/token", &client.code_body(code))
    }

    /// The whole flow, allowed by the default person.
    pub(crate) fn sign_in_with_code(&self, client: &Client) -> Answer {
        let answer = self.exchange(client, &self.code(client));
        assert_eq!(answer.status, 200, "{answer:?}");
        answer
    }
}

impl Client {
    pub(crate) fn code_body(&self, code: &str) -> Value {
        self.body(json!({
            "grantType": "authorization_code",
            "code": code,
            "redirectUri": REDIRECT_URI,
            "codeVerifier": VERIFIER,
        }))
    }
}
