//! The OIDC service over HTTPS.

use std::sync::Arc;

use reqwest::header::CONTENT_TYPE;
use tokio::sync::watch;
use url::Url;

use super::wire::{CreateTokenRequest, RegisterClientRequest, StartDeviceAuthorizationRequest};
use super::{Call, CallError, DeviceAuthorization, Grant, IdentityCenter, Issued, Registration, ServiceClock, wire};
use crate::clock::Clock;
use crate::transport::{Reply, Transport, join};

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
        endpoint: &Url,
        path: &str,
        body: serde_json::Result<Vec<u8>>,
    ) -> impl Future<Output = Result<Reply, CallError>> + Send + use<> {
        let url = join(endpoint, path);
        let transport = Arc::clone(&self.transport);
        async move {
            let body = body.map_err(|error| CallError::Configuration(error.to_string()))?;
            let request =
                |client: &reqwest::Client| client.post(url).header(CONTENT_TYPE, "application/json").body(body);
            let reply = transport.send(request).await?;
            if reply.is_success() { Ok(reply) } else { Err(wire::error(&reply)) }
        }
    }
}

impl IdentityCenter for HttpIdentityCenter {
    fn register(&self, oidc: &Url, scopes: &[String]) -> Call<'_, Registration> {
        let request = RegisterClientRequest { client_name: CLIENT_NAME, client_type: "public", scopes };
        let call = self.post(oidc, "client/register", serde_json::to_vec(&request));
        Box::pin(async move { wire::registration(call.await?.body.expose(), self.clock.now().wall) })
    }

    fn authorize_device(
        &self,
        oidc: &Url,
        registration: &Registration,
        start_url: &str,
    ) -> Call<'_, DeviceAuthorization> {
        let request = StartDeviceAuthorizationRequest {
            client_id: &registration.client_id,
            client_secret: &registration.client_secret,
            start_url,
        };
        let call = self.post(oidc, "device_authorization", serde_json::to_vec(&request));
        Box::pin(async move { wire::device_authorization(call.await?.body.expose()) })
    }

    fn create_token(&self, oidc: &Url, registration: &Registration, grant: &Grant) -> Call<'_, Issued> {
        let request = CreateTokenRequest::new(registration, grant);
        let call = self.post(oidc, "token", serde_json::to_vec(&request));
        Box::pin(async move { wire::issued(call.await?.body.expose()) })
    }

    fn service_clock(&self) -> watch::Receiver<ServiceClock> {
        self.transport.service_clock()
    }
}
