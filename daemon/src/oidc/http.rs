//! The service over HTTPS: this module and the one below it are the only place that uses reqwest.

pub mod reach;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, RETRY_AFTER};
use serde::de::IgnoredAny;
use ssoctl_protocol::Secret;
use tokio::sync::watch;
use url::Url;

use super::wire::{CreateTokenRequest, RegisterClientRequest, StartDeviceAuthorizationRequest};
use super::{Call, CallError, DeviceAuthorization, Grant, IdentityCenter, Issued, Registration, ServiceClock, wire};
use crate::clock::Clock;

/// How long a connection may take to come about.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(8);

/// How long a call may take in all.
pub const TOTAL_TIMEOUT: Duration = Duration::from_secs(20);

/// The longest answer that is read. Real ones have a few kilobytes.
const BODY_LIMIT: usize = 1 << 20;

/// The name of our client, which the approval page shows to the person.
const CLIENT_NAME: &str = "ssoctl";

/// The bearer token's header in the portal's model.
const BEARER_HEADER: &str = "x-amz-sso_bearer_token";

/// The adapter. Its connections, certificates and proxies are set up at the first call, so that a daemon that only
/// serves from memory does not pay for them.
pub struct HttpIdentityCenter {
    inner: Arc<Inner>,
}

struct Inner {
    ca_bundle: Option<PathBuf>,
    clock: Arc<dyn Clock>,
    client: OnceLock<reqwest::Client>,
    service_clock: watch::Sender<ServiceClock>,
}

impl HttpIdentityCenter {
    /// An adapter that trusts the system's certificates and those in `ca_bundle` (`AWS_CA_BUNDLE`), and goes through the
    /// proxy that `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` name.
    pub fn new(ca_bundle: Option<PathBuf>, clock: Arc<dyn Clock>) -> Self {
        Self {
            inner: Arc::new(Inner {
                ca_bundle,
                clock,
                client: OnceLock::new(),
                service_clock: watch::Sender::default(),
            }),
        }
    }
}

impl IdentityCenter for HttpIdentityCenter {
    fn register(&self, oidc: &Url, scopes: &[String]) -> Call<'_, Registration> {
        let request = RegisterClientRequest { client_name: CLIENT_NAME, client_type: "public", scopes };
        let call = self.inner.post(oidc, "client/register", serde_json::to_vec(&request));
        let clock = Arc::clone(&self.inner.clock);
        Box::pin(async move { wire::registration(call.await?.expose(), clock.now().wall) })
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
        let call = self.inner.post(oidc, "device_authorization", serde_json::to_vec(&request));
        Box::pin(async move { wire::device_authorization(call.await?.expose()) })
    }

    fn create_token(&self, oidc: &Url, registration: &Registration, grant: &Grant) -> Call<'_, Issued> {
        let request = CreateTokenRequest::new(registration, grant);
        let call = self.inner.post(oidc, "token", serde_json::to_vec(&request));
        Box::pin(async move { wire::issued(call.await?.expose()) })
    }

    fn service_clock(&self) -> watch::Receiver<ServiceClock> {
        self.inner.service_clock.subscribe()
    }

    fn end_portal_session(&self, portal: &Url, access_token: &Secret<String>) -> Call<'_, ()> {
        let inner = Arc::clone(&self.inner);
        let url = join(portal, "logout");
        let header = reqwest::header::HeaderValue::from_str(access_token.expose()).map(|mut value| {
            value.set_sensitive(true);
            value
        });
        Box::pin(async move {
            let header =
                header.map_err(|_| CallError::Configuration("the token does not fit into a header".to_owned()))?;
            let request = inner.client()?.post(url).header(BEARER_HEADER, header);
            match inner.send(request).await {
                // The portal does not know the token (any more): there is no session left to end.
                Err(CallError::Unnamed { status: 401, .. }) => Ok(()),
                // The model has no body here; one that is not JSON comes from somebody else, a captive portal perhaps.
                Ok(body) if body.expose().is_empty() || serde_json::from_slice::<IgnoredAny>(body.expose()).is_ok() => {
                    Ok(())
                }
                Ok(_) => Err(CallError::Unusable("it is not JSON".to_owned())),
                Err(error) => Err(error),
            }
        })
    }
}

impl Inner {
    /// Sends a request when awaited. Its body is made before, while the secrets in it are borrowed.
    fn post(
        self: &Arc<Self>,
        endpoint: &Url,
        path: &str,
        body: serde_json::Result<Vec<u8>>,
    ) -> impl Future<Output = Result<Secret<Vec<u8>>, CallError>> + Send + use<> {
        let url = join(endpoint, path);
        let inner = Arc::clone(self);
        async move {
            let body = body.map_err(|error| CallError::Configuration(error.to_string()))?;
            inner.send(inner.client()?.post(url).header(CONTENT_TYPE, "application/json").body(body)).await
        }
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Secret<Vec<u8>>, CallError> {
        let network = |error: reqwest::Error| CallError::Network(chain(&error.without_url()));
        let mut response = request.send().await.map_err(network)?;
        let status = response.status();
        let headers = std::mem::take(response.headers_mut());
        self.look_at_clock(&headers);
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(network)? {
            if body.len() + chunk.len() > BODY_LIMIT {
                return Err(CallError::Unusable(format!("it is longer than {BODY_LIMIT} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        let body = Secret::new(body);
        let error_type = headers.get("x-amzn-errortype").and_then(|value| value.to_str().ok());
        if status.is_success() && error_type.is_none() {
            Ok(body)
        } else if status.is_redirection() {
            Err(CallError::Unusable("it is a redirect, which is never followed".to_owned()))
        } else {
            Err(wire::error(status.as_u16(), error_type, retry_after(&headers), body.expose()))
        }
    }

    /// Compares the service's clock with ours. The header has whole seconds, so small changes say nothing.
    fn look_at_clock(&self, headers: &HeaderMap) {
        let date = headers.get(DATE).and_then(|value| httpdate::parse_http_date(value.to_str().ok()?).ok());
        let Some(date) = date else { return };
        let wall = self.clock.now().wall;
        let seconds = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        let ahead = match date.duration_since(wall) {
            Ok(ahead) => seconds(ahead),
            Err(behind) => -seconds(behind.duration()),
        };
        let changed = self.service_clock.send_if_modified(|known| {
            let is_news = known.ahead_seconds.is_none_or(|known| (known - ahead).abs() > 5);
            if is_news {
                known.ahead_seconds = Some(ahead);
            }
            is_news
        });
        if changed && ahead.abs() > ServiceClock::TOLERANCE_SECONDS {
            tracing::warn!(ahead_seconds = ahead, "the service's clock and this machine's disagree");
        }
    }

    fn client(&self) -> Result<reqwest::Client, CallError> {
        if let Some(client) = self.client.get() {
            return Ok(client.clone());
        }
        let client = build(self.ca_bundle.as_deref())?;
        Ok(self.client.get_or_init(|| client).clone())
    }
}

/// A failure is not remembered: the bundle may be there next time.
fn build(ca_bundle: Option<&Path>) -> Result<reqwest::Client, CallError> {
    // Installing twice is an error that says it is there already, which is all that is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("ssoctld/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TOTAL_TIMEOUT)
        .pool_max_idle_per_host(1)
        .pool_idle_timeout(Duration::from_secs(20));
    if let Some(path) = ca_bundle {
        let unusable = |reason: String| {
            CallError::Configuration(format!("AWS_CA_BUNDLE ({}) cannot be used: {reason}", path.display()))
        };
        let pem = std::fs::read(path).map_err(|error| unusable(error.to_string()))?;
        let certificates = reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| unusable(chain(&error)))?;
        if certificates.is_empty() {
            return Err(unusable("it holds no PEM certificate".to_owned()));
        }
        builder = builder.tls_certs_merge(certificates);
    }
    builder.build().map_err(|error| CallError::Configuration(format!("TLS cannot be set up: {}", chain(&error))))
}

/// `Retry-After` in seconds. The form with a date is not used by the service, and would need its clock.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// An endpoint may have a path of its own, which `Url::join` would replace.
fn join(endpoint: &Url, path: &str) -> Url {
    let mut url = endpoint.clone();
    url.set_path(&format!("{}/{path}", endpoint.path().trim_end_matches('/')));
    url
}

/// The whole chain of causes: reqwest's own text stops before the one that matters.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_with_a_path_keeps_it() {
        for (endpoint, url) in [
            ("https://oidc.eu-west-1.amazonaws.com", "https://oidc.eu-west-1.amazonaws.com/token"),
            ("https://proxy.example/sso/", "https://proxy.example/sso/token"),
        ] {
            assert_eq!(join(&Url::parse(endpoint).unwrap(), "token").as_str(), url);
        }
    }

    #[test]
    fn a_certificate_bundle_that_cannot_be_used_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let bundle = directory.path().join("bundle.pem");
        let complaint = |path: &Path| build(Some(path)).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(complaint(&bundle).contains("bundle.pem) cannot be used: No such file"), "{}", complaint(&bundle));
        std::fs::write(&bundle, "no certificate").unwrap();
        assert!(complaint(&bundle).contains("it holds no PEM certificate"), "{}", complaint(&bundle));
    }
}
