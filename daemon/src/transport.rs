//! HTTP to the service, for the adapters of its two APIs.
//!
//! Certificates, proxies, time-outs, the limit of an answer's length and the service's clock are the same for every call.

mod bundle;
mod call_error;
pub mod decode;
pub mod proxies;
pub mod reach;
mod reason;
mod repeated;
mod tunnel;
mod turns;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use reqwest::Method;
use reqwest::header::{DATE, HeaderMap, LOCATION, RETRY_AFTER};
use ssoctl_protocol::Secret;
use tokio::sync::watch;
use url::Url;

use crate::chain::chain;
use crate::clock::Clock;
use crate::issuer::Endpoint;
use crate::regular_file::{Link, RegularFile};
use proxies::Proxies;
use reason::{reason, says};
use turns::Turns;

pub use call_error::{CallError, ErrorNames};
pub use repeated::Secrets;
pub use turns::AT_ONCE;

pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(8);
pub const TOTAL_TIMEOUT: Duration = Duration::from_secs(20);

/// Time-outs, in real time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Patience {
    /// For a connection, its TLS included.
    pub connect: Duration,
    pub total: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { connect: CONNECT_TIMEOUT, total: TOTAL_TIMEOUT }
    }
}

/// The longest answer that is read, in bytes. Real ones have a few kilobytes.
const BODY_LIMIT: usize = 1 << 20;

/// The longest file of certificates that is read, in bytes. All that systems trust has a quarter of a megabyte.
const LONGEST_BUNDLE: u64 = 16 << 20;

/// The HTTP client of both APIs. Connections, certificates and proxies are set up at the first call, so that a daemon that
/// only serves from memory does not pay for them.
pub struct Transport {
    ca_bundle: Option<PathBuf>,
    patience: Patience,
    pub(crate) clock: Arc<dyn Clock>,
    client: OnceLock<Client>,
    turns: Turns,
    service_clock: watch::Sender<ServiceClock>,
}

#[derive(Debug)]
pub struct HttpResponse {
    /// Redirects are not followed: they are an error.
    pub status: u16,
    /// The header `x-amzn-ErrorType`.
    pub error_type: Option<String>,
    /// The pause that the service asks for (`Retry-After`).
    pub retry_after: Option<Duration>,
    /// May hold secrets.
    pub body: Secret<Vec<u8>>,
}

impl HttpResponse {
    pub const fn is_success(&self) -> bool {
        matches!(self.status, 200..300) && self.error_type.is_none()
    }
}

/// The head of an answer.
pub(crate) struct ResponseHead {
    pub(crate) status: u16,
    /// The header `Location`.
    pub(crate) location: Option<Vec<u8>>,
}

/// The seconds by which the service's clock is ahead of the machine's wall clock, from the header `Date`: a second or two mean
/// nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ServiceClock {
    /// Negative if it is behind; `None` before the first answer.
    pub ahead_seconds: Option<i64>,
}

impl ServiceClock {
    /// More than this means that a clock is wrong, and is reported.
    pub const TOLERANCE_SECONDS: i64 = 60;

    /// The seconds by which the service's clock is ahead, or 0 within the tolerance: the time that an answer takes explains those.
    pub fn disagreement(self) -> i64 {
        self.ahead_seconds.filter(|ahead| ahead.abs() > Self::TOLERANCE_SECONDS).unwrap_or_default()
    }

    /// The service's time when this machine's clock shows `wall`.
    pub fn at(self, wall: SystemTime) -> SystemTime {
        let ahead = self.disagreement();
        let distance = Duration::from_secs(ahead.unsigned_abs());
        if ahead < 0 { wall.checked_sub(distance) } else { wall.checked_add(distance) }.unwrap_or(wall)
    }
}

impl Transport {
    /// Trusts the system's certificates and those in `ca_bundle` (`AWS_CA_BUNDLE`), and uses the proxy that the environment
    /// names ([`proxies`]).
    pub fn new(ca_bundle: Option<PathBuf>, patience: Patience, clock: Arc<dyn Clock>) -> Self {
        Self {
            ca_bundle,
            patience,
            clock,
            client: OnceLock::new(),
            turns: Turns::default(),
            service_clock: watch::Sender::default(),
        }
    }

    pub fn service_clock(&self) -> watch::Receiver<ServiceClock> {
        self.service_clock.subscribe()
    }

    /// Calls an operation at `endpoint` with a request that carries these secrets, and reads the answer.
    pub(crate) async fn call<T, N: ErrorNames>(
        &self,
        endpoint: &Endpoint,
        secrets: Secrets,
        request: impl FnOnce(&reqwest::Client) -> reqwest::RequestBuilder,
        read: impl FnOnce(&HttpResponse) -> Result<T, CallError<N>>,
    ) -> Result<T, CallError<N>> {
        let answer = self.send(secrets, request).await.and_then(|reply| read(&reply));
        answer.map_err(|error| error.at(endpoint))
    }

    /// Sends a request when its turn has come ([`AT_ONCE`]). Texts of the answer come back without the secrets of the call.
    async fn send<N>(
        &self,
        mut secrets: Secrets,
        request: impl FnOnce(&reqwest::Client) -> reqwest::RequestBuilder,
    ) -> Result<HttpResponse, CallError<N>> {
        let client = self.client().map_err(CallError::Configuration)?;
        let request = request(&client.http).build().map_err(network)?;
        let _turn = self.turns.wait(request.url()).await;
        let mut response = self.execute(client, request).await?;
        let status = response.status();
        let headers = std::mem::take(response.headers_mut());
        self.compare_clocks(&headers);
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(network)? {
            if body.len() + chunk.len() > BODY_LIMIT {
                return Err(CallError::Unusable(format!("it is longer than {BODY_LIMIT} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        let body = secrets.removed_from_body(Secret::new(body));
        if status.is_redirection() {
            return Err(CallError::Unusable("it is a redirect, which is never followed".to_owned()));
        }
        let error_type = headers.get("x-amzn-errortype").and_then(|value| value.to_str().ok());
        let error_type = error_type.map(|text| secrets.removed_from(text).unwrap_or_else(|| text.to_owned()));
        Ok(HttpResponse { status: status.as_u16(), error_type, retry_after: retry_after(&headers), body })
    }

    /// Asks a server that is not the service for the head of its answer. Nothing more is read, and its clock does not count.
    pub(crate) async fn head<N>(
        &self,
        method: Method,
        url: &Url,
        patience: Duration,
    ) -> Result<ResponseHead, CallError<N>> {
        let client = self.client().map_err(CallError::Configuration)?;
        let request = client.http.request(method, url.clone()).timeout(patience.min(self.patience.total));
        let response = self.execute(client, request.build().map_err(network)?).await?;
        let location = response.headers().get(LOCATION).map(|value| value.as_bytes().to_vec());
        Ok(ResponseHead { status: response.status().as_u16(), location })
    }

    async fn execute<N>(&self, client: &Client, request: reqwest::Request) -> Result<reqwest::Response, CallError<N>> {
        let url = request.url().clone();
        match client.http.execute(request).await {
            Ok(response) => Ok(response),
            Err(error) => {
                let error = error.without_url();
                Err(CallError::Network(match client.refusing_proxy(&error, &url) {
                    Some(proxy) => tunnel::refusal(client, proxy, &url, self.patience.connect).await,
                    None => reason(&error),
                }))
            }
        }
    }

    fn compare_clocks(&self, headers: &HeaderMap) {
        let Some(date) = date(headers) else { return };
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

    /// A failure is not remembered: the bundle may be there next time.
    fn client(&self) -> Result<&Client, String> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = Client::new(self.ca_bundle.as_deref(), self.patience)?;
        Ok(self.client.get_or_init(|| client))
    }
}

fn network<N>(error: reqwest::Error) -> CallError<N> {
    CallError::Network(reason(&error.without_url()))
}

struct Client {
    http: reqwest::Client,
    proxies: Arc<Proxies>,
}

impl Client {
    /// # Errors
    /// The reason why the configured certificates or proxy cannot be used.
    fn new(ca_bundle: Option<&Path>, patience: Patience) -> Result<Self, String> {
        // An error means that it is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let proxies = Arc::new(Proxies::from_process().map_err(|error| error.to_string())?);
        let ours = Arc::clone(&proxies);
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("ssoctld/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            // reqwest reads the variables, too, ignores what it does not understand, and then uses no proxy at all.
            .no_proxy()
            .proxy(reqwest::Proxy::custom(move |target| ours.towards(target).map(|proxy| proxy.url.clone())))
            .connect_timeout(patience.connect)
            .timeout(patience.total)
            .pool_max_idle_per_host(1)
            .pool_idle_timeout(Duration::from_secs(20));
        if let Some(path) = ca_bundle {
            let unusable = |reason: String| format!("AWS_CA_BUNDLE ({}) cannot be used: {reason}", path.display());
            let file = RegularFile::open(path, Link::Followed).map_err(|error| unusable(error.to_string()))?;
            let file = file.ok_or_else(|| unusable("there is no such file".to_owned()))?;
            let pem = file.read(LONGEST_BUNDLE).map_err(|error| unusable(error.to_string()))?;
            let certificates = bundle::certificates(pem.expose()).map_err(unusable)?;
            let certificates: Result<Vec<_>, _> =
                certificates.iter().map(|certificate| reqwest::Certificate::from_der(certificate)).collect();
            builder = builder.tls_certs_merge(certificates.map_err(|error| unusable(chain(&error)))?);
        }
        let http = builder.build().map_err(|error| format!("TLS cannot be set up: {}", chain(&error)))?;
        Ok(Self { http, proxies })
    }

    /// The proxy that answered, and did not connect us. reqwest does not say what it answered, so it is asked once more.
    fn refusing_proxy(&self, error: &reqwest::Error, target: &Url) -> Option<&proxies::Proxy> {
        self.proxies.towards(target).filter(|_| says(error, "tunnel error: unsuccessful"))
    }
}

fn date(headers: &HeaderMap) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()
}

/// `Retry-After` in seconds. The form with a date is not used by the service, and would need its clock.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_bundle_that_cannot_be_used_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let bundle = directory.path().join("bundle.pem");
        let complaint = |path: &Path| Client::new(Some(path), Patience::default()).err().unwrap_or_default();
        assert!(
            complaint(&bundle).contains("bundle.pem) cannot be used: there is no such file"),
            "{}",
            complaint(&bundle)
        );
        std::fs::write(&bundle, "no certificate").unwrap();
        assert!(complaint(&bundle).contains("it holds no PEM certificate"), "{}", complaint(&bundle));
    }
}
