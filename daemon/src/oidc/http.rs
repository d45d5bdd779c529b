//! The OIDC service over HTTPS.

use std::sync::Arc;

use reqwest::header::CONTENT_TYPE;
use tokio::sync::watch;

use super::wire::{CreateTokenRequest, RegisterClientRequest, StartDeviceAuthorizationRequest};
use super::{Call, CallError, DeviceAuthorization, Grant, IdentityCenter, Issued, Registration, ServiceClock, wire};
use crate::clock::Clock;
use crate::issuer::{Destination, Endpoint, NotTheIssuer};
use crate::transport::{Reply, Secrets, Transport};

/// The name of our client, which the approval page shows to the person.
const CLIENT_NAME: &str = "ssoctl";

/// The adapter.
pub struct HttpIdentityCenter {
    transport: Arc<Transport>,
    clock: Arc<dyn Clock>,
}

impl HttpIdentityCenter {
    /// An adapter that goes this way.
    pub const fn new(transport: Arc<Transport>, clock: Arc<dyn Clock>) -> Self {
        Self { transport, clock }
    }

    /// Sends a request when awaited. Its body is made before, while the secrets in it are borrowed.
    fn post(
        &self,
        endpoint: &Endpoint,
        to: Result<Destination, NotTheIssuer>,
        path: &str,
        secrets: Secrets,
        body: serde_json::Result<Vec<u8>>,
    ) -> impl Future<Output = Result<Reply, CallError>> + Send + use<> {
        let url = to.map(|to| to.join(path));
        let transport = Arc::clone(&self.transport);
        let endpoint = endpoint.clone();
        async move {
            let url = url.map_err(|error| CallError::Configuration(error.to_string()))?;
            let body = body.map_err(|error| CallError::Configuration(error.to_string()))?;
            let request =
                |client: &reqwest::Client| client.post(url).header(CONTENT_TYPE, "application/json").body(body);
            let reply = transport.send(secrets, request).await.map_err(|error| CallError::from(error).at(&endpoint))?;
            if reply.is_success() { Ok(reply) } else { Err(wire::error(&reply).at(&endpoint)) }
        }
    }
}

impl IdentityCenter for HttpIdentityCenter {
    fn register(&self, oidc: &Endpoint, scopes: &[String]) -> Call<'_, Registration> {
        let request = RegisterClientRequest { client_name: CLIENT_NAME, client_type: "public", scopes };
        let call = self.post(
            oidc,
            Ok(oidc.without_secrets()),
            "client/register",
            Secrets::default(),
            serde_json::to_vec(&request),
        );
        let oidc = oidc.clone();
        Box::pin(async move {
            let reply = call.await?;
            wire::registration(reply.body.expose(), self.clock.now().wall, oidc.issuer())
                .map_err(|error| error.at(&oidc))
        })
    }

    fn authorize_device(
        &self,
        oidc: &Endpoint,
        registration: &Registration,
        start_url: &str,
    ) -> Call<'_, DeviceAuthorization> {
        let request = StartDeviceAuthorizationRequest {
            client_id: &registration.client_id,
            client_secret: &registration.client_secret,
            start_url,
        };
        let to = oidc.for_secrets_of(&registration.issuer);
        let call = self.post(
            oidc,
            to,
            "device_authorization",
            Secrets::sent([&registration.client_secret]),
            serde_json::to_vec(&request),
        );
        let oidc = oidc.clone();
        Box::pin(async move { wire::device_authorization(call.await?.body.expose()).map_err(|error| error.at(&oidc)) })
    }

    fn create_token(&self, oidc: &Endpoint, registration: &Registration, grant: &Grant) -> Call<'_, Issued> {
        let request = CreateTokenRequest::new(registration, grant);
        let (Grant::DeviceCode(proof) | Grant::RefreshToken(proof)) = grant;
        let secrets = Secrets::sent([&registration.client_secret, proof]);
        // A device code or a refresh token is its registration's, and so of the same issuer.
        let call =
            self.post(oidc, oidc.for_secrets_of(&registration.issuer), "token", secrets, serde_json::to_vec(&request));
        let oidc = oidc.clone();
        Box::pin(async move { wire::issued(call.await?.body.expose()).map_err(|error| error.at(&oidc)) })
    }

    fn service_clock(&self) -> watch::Receiver<ServiceClock> {
        self.transport.service_clock()
    }
}
