//! The adapter of the OIDC service: its operations over HTTPS.

use async_trait::async_trait;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;
use ssoctl_protocol::JSON;
use tokio::sync::watch;
use url::Url;

use super::{CallError, Client, DeviceAuthorization, Grant, IdentityCenter, Issued, Lead, Registration, ServiceClock};
use super::{start_url, wire};
use crate::issuer::{Destination, Endpoint, NotTheIssuer};
use crate::transport::{HttpResponse, Secrets, Transport};

#[async_trait]
impl IdentityCenter for Transport {
    async fn resolve(&self, start_url: &str) -> Result<Lead, CallError> {
        let url = Url::parse(start_url).map_err(|error| CallError::Configuration(format!("{start_url:?}: {error}")))?;
        let ask = |method| self.head(method, &url, start_url::PATIENCE);
        let mut head = ask(Method::HEAD).await;
        if head.as_ref().is_ok_and(start_url::does_not_know_head) {
            head = ask(Method::GET).await;
        }
        match head {
            Ok(head) => start_url::lead(&url, &head),
            Err(error) => Ok(start_url::unanswered(start_url, &error)),
        }
    }

    async fn register(&self, oidc: &Endpoint, client: &Client) -> Result<Registration, CallError> {
        let request = wire::register_client(client);
        let read = |body: &[u8]| wire::registration(body, self.clock.now().wall, oidc.issuer());
        self.post(oidc, Ok(oidc.without_secrets()), "client/register", Secrets::default(), request, read).await
    }

    async fn authorize_device(
        &self,
        oidc: &Endpoint,
        registration: &Registration,
        start_url: &str,
    ) -> Result<DeviceAuthorization, CallError> {
        let request = wire::start_device_authorization(registration, start_url);
        let secrets = Secrets::sent([&registration.client_secret]);
        let to = oidc.for_secrets_of(&registration.issuer);
        self.post(oidc, to, "device_authorization", secrets, request, wire::device_authorization).await
    }

    async fn create_token(
        &self,
        oidc: &Endpoint,
        registration: &Registration,
        grant: &Grant,
    ) -> Result<Issued, CallError> {
        let secret = &registration.client_secret;
        let secrets = match grant {
            Grant::DeviceCode(proof) | Grant::RefreshToken(proof) => Secrets::sent([secret, proof]),
            Grant::AuthorizationCode { code, verifier, .. } => Secrets::sent([secret, code, verifier]),
        };
        // A code or a refresh token is its registration's, and so of the same issuer.
        let to = oidc.for_secrets_of(&registration.issuer);
        self.post(oidc, to, "token", secrets, wire::create_token(registration, grant), wire::issued).await
    }

    fn service_clock(&self) -> watch::Receiver<ServiceClock> {
        self.service_clock()
    }
}

impl Transport {
    async fn post<T>(
        &self,
        oidc: &Endpoint,
        to: Result<Destination, NotTheIssuer>,
        path: &str,
        secrets: Secrets,
        request: Value,
        read: impl FnOnce(&[u8]) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        let url = to.map_err(|error| CallError::Configuration(error.to_string()))?.join(path);
        let post = |client: &reqwest::Client| client.post(url).header(CONTENT_TYPE, JSON).body(request.to_string());
        let read =
            |reply: &HttpResponse| if reply.is_success() { read(reply.body.expose()) } else { Err(wire::error(reply)) };
        self.call(oidc, secrets, post, read).await
    }
}
