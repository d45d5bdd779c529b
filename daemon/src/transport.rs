//! HTTP to the service, for the adapters of its two APIs: this module and those below it are the only place that uses
//! reqwest.
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

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use ssoctl_protocol::Secret;
use tokio::sync::watch;

use url::Url;

use crate::chain::chain;
use crate::clock::Clock;
use crate::regular_file::{Link, RegularFile};
use proxies::Proxies;
use reason::reason;
use turns::Turns;

pub use turns::AT_ONCE;

pub use call_error::{CallError, ErrorNames};
pub use repeated::Secrets;

/// How long a connection may take to come about.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(8);

/// How long a call may take in all.
pub const TOTAL_TIMEOUT: Duration = Duration::from_secs(20);

/// How long the service is waited for, in real time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Patience {
    /// For a connection, its TLS included.
    pub connect: Duration,
    /// For a call in all.
    pub total: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { connect: CONNECT_TIMEOUT, total: TOTAL_TIMEOUT }
    }
}

/// The longest answer that is read. Real ones have a few kilobytes.
const BODY_LIMIT: usize = 1 << 20;

/// The longest file of certificates that is read. All that systems trust has a quarter of a megabyte.
const LONGEST_BUNDLE: u64 = 16 << 20;

/// The way to the service. Its connections, certificates and proxies are set up at the first call, so that a daemon that
/// only serves from memory does not pay for them.
pub struct Transport {
    ca_bundle: Option<PathBuf>,
    patience: Patience,
    clock: Arc<dyn Clock>,
    way: OnceLock<WayOut>,
    turns: Turns,
    service_clock: watch::Sender<ServiceClock>,
}

/// What came back: the service's answer, good or bad.
#[derive(Debug)]
pub struct Reply {
    /// The HTTP status, never a redirect.
    pub status: u16,
    /// The header `x-amzn-ErrorType`.
    pub error_type: Option<String>,
    /// How long the service asks to be left alone (`Retry-After`).
    pub retry_after: Option<Duration>,
    /// The body, which may hold secrets.
    pub body: Secret<Vec<u8>>,
}

impl Reply {
    /// Whether it is the answer of an operation that worked, as far as status and headers tell.
    pub const fn is_success(&self) -> bool {
        matches!(self.status, 200..300) && self.error_type.is_none()
    }
}

/// Why nothing usable came back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TransportError {
    /// No answer: name resolution, connection, TLS, time-out.
    Network(String),
    /// An answer that is not one of the service's, whichever operation it is for.
    Unusable(String),
    /// The configuration does not allow the call: no usable certificates, or no usable proxy.
    Configuration(String),
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(reason) => write!(f, "the service cannot be reached: {reason}"),
            Self::Unusable(reason) => write!(f, "the service's answer is unusable: {reason}"),
            Self::Configuration(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for TransportError {}

/// How far the service's clock is ahead of the machine's wall clock: `None` before the first answer. Whole seconds, from
/// the header `Date`, so that a second or two mean nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ServiceClock {
    /// Negative if it is behind.
    pub ahead_seconds: Option<i64>,
}

impl ServiceClock {
    /// More than this is a clock that is wrong, and worth telling.
    pub const TOLERANCE_SECONDS: i64 = 60;

    /// How far it is ahead, if that is more than the way of an answer explains; 0 otherwise.
    pub fn disagreement(self) -> i64 {
        self.ahead_seconds.filter(|ahead| ahead.abs() > Self::TOLERANCE_SECONDS).unwrap_or_default()
    }

    /// What the service's clock shows when ours shows `wall`.
    pub fn at(self, wall: SystemTime) -> SystemTime {
        let ahead = self.disagreement();
        let distance = Duration::from_secs(ahead.unsigned_abs());
        if ahead < 0 { wall.checked_sub(distance) } else { wall.checked_add(distance) }.unwrap_or(wall)
    }
}

impl Transport {
    /// A way that trusts the system's certificates and those in `ca_bundle` (`AWS_CA_BUNDLE`), and goes through the proxy
    /// that the environment names ([`proxies`]).
    pub fn new(ca_bundle: Option<PathBuf>, clock: Arc<dyn Clock>) -> Self {
        let patience = Patience::default();
        Self {
            ca_bundle,
            patience,
            clock,
            way: OnceLock::new(),
            turns: Turns::default(),
            service_clock: watch::Sender::default(),
        }
    }

    /// The same way for somebody who waits this long.
    #[must_use]
    pub fn with_patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    /// The service's clock, as its answers show it.
    pub fn service_clock(&self) -> watch::Receiver<ServiceClock> {
        self.service_clock.subscribe()
    }

    /// Makes a request, which carries these secrets, and sends it when its turn has come ([`AT_ONCE`]). Texts of the answer
    /// come back without the secrets of the call.
    ///
    /// # Errors
    /// [`TransportError`] if the service gave no answer in time ([`Patience`]), or what answered is not the service.
    pub async fn send(
        &self,
        mut secrets: Secrets,
        request: impl FnOnce(&reqwest::Client) -> reqwest::RequestBuilder,
    ) -> Result<Reply, TransportError> {
        let way = self.way()?;
        let network = |error: reqwest::Error| TransportError::Network(reason(&error.without_url()));
        let request = request(&way.client).build().map_err(network)?;
        let url = request.url().clone();
        let _turn = self.turns.wait(&url).await;
        let mut response = match way.client.execute(request).await {
            Ok(response) => response,
            Err(error) => {
                return Err(TransportError::Network(way.reason(error.without_url(), &url, self.patience).await));
            }
        };
        let status = response.status();
        let headers = std::mem::take(response.headers_mut());
        self.look_at_clock(&headers);
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(network)? {
            if body.len() + chunk.len() > BODY_LIMIT {
                return Err(TransportError::Unusable(format!("it is longer than {BODY_LIMIT} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        let body = secrets.removed_from_body(Secret::new(body));
        if status.is_redirection() {
            return Err(TransportError::Unusable("it is a redirect, which is never followed".to_owned()));
        }
        let error_type = headers.get("x-amzn-errortype").and_then(|value| value.to_str().ok());
        let error_type = error_type.map(|text| secrets.removed_from(text).unwrap_or_else(|| text.to_owned()));
        Ok(Reply { status: status.as_u16(), error_type, retry_after: retry_after(&headers), body })
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

    fn way(&self) -> Result<&WayOut, TransportError> {
        if let Some(way) = self.way.get() {
            return Ok(way);
        }
        let way = build(self.ca_bundle.as_deref(), self.patience)?;
        Ok(self.way.get_or_init(|| way))
    }
}

/// What a call goes out through.
struct WayOut {
    client: reqwest::Client,
    proxies: Arc<Proxies>,
}

impl WayOut {
    /// Why there is no answer, for a person. The library does not say what a proxy answered that leads nowhere, so that is
    /// asked once more.
    async fn reason(&self, error: reqwest::Error, target: &Url, patience: Patience) -> String {
        match self.proxies.towards(target).filter(|_| tunnel::is_refused(&error)) {
            Some(proxy) => tunnel::refusal(self, proxy, target, patience.connect).await,
            None => reason(&error),
        }
    }
}

/// A failure is not remembered: the bundle may be there next time.
fn build(ca_bundle: Option<&Path>, patience: Patience) -> Result<WayOut, TransportError> {
    // Installing twice is an error that says it is there already, which is all that is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let proxies = Proxies::from_process().map_err(|error| TransportError::Configuration(error.to_string()))?;
    let proxies = Arc::new(proxies);
    let ours = Arc::clone(&proxies);
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("ssoctld/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        // The library's own look at the variables drops what it does not understand, and goes past the proxy.
        .no_proxy()
        .proxy(reqwest::Proxy::custom(move |target| ours.towards(target).map(|proxy| proxy.url().clone())))
        .connect_timeout(patience.connect)
        .timeout(patience.total)
        .pool_max_idle_per_host(1)
        .pool_idle_timeout(Duration::from_secs(20));
    if let Some(path) = ca_bundle {
        let unusable = |reason: String| {
            TransportError::Configuration(format!("AWS_CA_BUNDLE ({}) cannot be used: {reason}", path.display()))
        };
        let file = RegularFile::open(path, Link::Followed).map_err(|error| unusable(error.to_string()))?;
        let file = file.ok_or_else(|| unusable("there is no such file".to_owned()))?;
        let pem = file.read(LONGEST_BUNDLE).map_err(|error| unusable(error.to_string()))?;
        let certificates = bundle::certificates(pem.expose()).map_err(unusable)?;
        let certificates: Result<Vec<_>, _> =
            certificates.iter().map(|certificate| reqwest::Certificate::from_der(certificate)).collect();
        builder = builder.tls_certs_merge(certificates.map_err(|error| unusable(chain(&error)))?);
    }
    let client = builder
        .build()
        .map_err(|error| TransportError::Configuration(format!("TLS cannot be set up: {}", chain(&error))))?;
    Ok(WayOut { client, proxies })
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
        let complaint = |path: &Path| {
            build(Some(path), Patience::default()).err().map(|error| error.to_string()).unwrap_or_default()
        };
        assert!(
            complaint(&bundle).contains("bundle.pem) cannot be used: there is no such file"),
            "{}",
            complaint(&bundle)
        );
        std::fs::write(&bundle, "no certificate").unwrap();
        assert!(complaint(&bundle).contains("it holds no PEM certificate"), "{}", complaint(&bundle));
    }
}
