//! The page of a sign-in at the browser (RFC 6749, section 4.1.1), and the proof key that shows that whoever asked for the page also asks for
//! the token (RFC 7636).

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use ssoctl_protocol::Secret;

use super::{CallError, Grant, Registration};
use crate::issuer::Endpoint;

/// The redirect URI as it is registered. The one of a request has a port, which the service does not compare (RFC 8252, section 7.3).
pub(super) const REGISTERED_REDIRECT_URI: &str = "http://127.0.0.1/oauth/callback";

/// One request for an authorization code. Each is made anew from the system's randomness.
#[derive(Clone, Debug)]
pub struct AuthorizationRequest {
    redirect_uri: String,
    state: Secret<String>,
    verifier: Secret<String>,
}

impl AuthorizationRequest {
    /// # Errors
    /// The system gives no randomness.
    pub fn new(redirect_uri: String) -> Result<Self, getrandom::Error> {
        // 48 bytes are 64 characters; RFC 7636, section 4.1, asks for 43 to 128 of them.
        Ok(Self { redirect_uri, state: random::<32>()?, verifier: random::<48>()? })
    }

    /// What the browser has to bring back. 256 bits; others can read it where a browser is started with the page's address.
    pub const fn state(&self) -> &Secret<String> {
        &self.state
    }

    /// The address of the page. The service calls the parameter `scopes`, as the AWS CLI does.
    ///
    /// # Errors
    /// The registration is another issuer's.
    pub fn page(&self, oidc: &Endpoint, registration: &Registration, scopes: &[String]) -> Result<String, CallError> {
        let to = oidc.for_secrets_of(&registration.issuer);
        let mut url = to.map_err(|error| CallError::Configuration(error.to_string()))?.join("authorize");
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &registration.client_id)
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("state", self.state.expose())
            .append_pair("code_challenge_method", "S256")
            .append_pair("scopes", &scopes.join(" "))
            .append_pair("code_challenge", &challenge(self.verifier.expose()));
        Ok(url.into())
    }

    /// What the code that the browser has brought gives a token for.
    pub fn grant(self, code: Secret<String>) -> Grant {
        Grant::AuthorizationCode { code, redirect_uri: self.redirect_uri, verifier: self.verifier }
    }
}

/// RFC 7636, section 4.2.
fn challenge(verifier: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

fn random<const BYTES: usize>() -> Result<Secret<String>, getrandom::Error> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(Secret::new(BASE64_URL_SAFE_NO_PAD.encode(bytes)))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use url::Url;

    use super::*;

    const REDIRECT_URI: &str = "http://127.0.0.1:8400/oauth/callback";

    #[test]
    fn the_challenge_is_that_of_the_rfcs_example() {
        // RFC 7636, appendix B.
        let challenge = challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn state_and_verifier_are_unreserved_characters_and_never_the_same() {
        let mut seen = BTreeSet::new();
        for _ in 0..100 {
            let request = AuthorizationRequest::new(REDIRECT_URI.to_owned()).unwrap();
            let lengths = (request.state.expose().len(), request.verifier.expose().len());
            assert_eq!(lengths, (43, 64));
            for text in [request.state, request.verifier] {
                let is_unreserved = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
                assert!(text.expose().chars().all(is_unreserved));
                assert!(seen.insert(text.expose().clone()));
            }
        }
    }

    #[test]
    fn the_page_asks_for_a_code_with_the_challenge_and_without_the_verifier() {
        let oidc = Endpoint::usual(Url::parse("https://oidc.eu-west-1.amazonaws.com/").unwrap());
        let registration = Registration {
            client_id: "id&x=y".to_owned(),
            client_secret: "client secret".into(),
            issued_at: std::time::SystemTime::UNIX_EPOCH,
            issuer: oidc.issuer().clone(),
            resolved: None,
            expires_at: None,
        };
        let request = AuthorizationRequest::new(REDIRECT_URI.to_owned()).unwrap();
        let scopes = ["sso:account:access".to_owned(), "codewhisperer:completions".to_owned()];
        let page = request.page(&oidc, &registration, &scopes).unwrap();
        assert!(!page.contains("secret") && !page.contains(request.verifier.expose().as_str()));
        let url = Url::parse(&page).unwrap();
        assert_eq!((url.host_str(), url.path()), (Some("oidc.eu-west-1.amazonaws.com"), "/authorize"));
        let parameters: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
        let expected = [
            ("response_type", "code"),
            ("client_id", "id&x=y"),
            ("redirect_uri", REDIRECT_URI),
            ("state", request.state.expose()),
            ("code_challenge_method", "S256"),
            ("scopes", "sso:account:access codewhisperer:completions"),
            ("code_challenge", &challenge(request.verifier.expose())),
        ];
        assert_eq!(parameters, expected.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
        let other = Registration { issuer: crate::issuer::Issuer::aws("us-east-1"), ..registration };
        assert!(matches!(request.page(&oidc, &other, &scopes), Err(CallError::Configuration(_))));
    }
}
