//! The doors to the service and the store, watched: which calls are under way, an end to those to the service that hang, in the test's own
//! time, and no call to AWS itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use ssoctld::caller::Who;
use ssoctld::clock::{Clock, Now};
use ssoctld::config::SessionConfig;
use ssoctld::desktop::{Act, Asking, Consent, Desktop, Question};
use ssoctld::issuer::{Endpoint, Issuer};
use ssoctld::notice::Notice;
use ssoctld::oidc::{self, DeviceAuthorization, Grant, IdentityCenter, Issued, Lead, Registration, ServiceClock};
use ssoctld::portal::{Account, AccountId, Assignment, Page, PageToken, Portal, PortalError, RoleCredentials};
use ssoctld::secrets::{self, RecordName, SecretStore, StoreError};
use ssoctld::token::AccessToken;
use ssoctld::transport::{CallError, Transport};
use tokio::sync::watch;

/// The calls of one daemon to the service and the store.
#[derive(Clone, Default)]
pub(crate) struct Calls(Arc<Counts>);

#[derive(Default)]
struct Counts {
    under_way: AtomicUsize,
    secrets_for_aws: AtomicUsize,
}

impl Calls {
    /// The number of calls under way.
    pub(crate) fn under_way(&self) -> usize {
        self.0.under_way.load(Ordering::Relaxed)
    }

    /// The number of calls that would have sent a secret to AWS, which has issued none here.
    pub(crate) fn secrets_for_aws(&self) -> usize {
        self.0.secrets_for_aws.load(Ordering::Relaxed)
    }
}

struct OneCall(Calls);

impl OneCall {
    fn begin(calls: &Calls) -> Self {
        calls.0.under_way.fetch_add(1, Ordering::Relaxed);
        Self(calls.clone())
    }
}

impl Drop for OneCall {
    fn drop(&mut self) {
        let Self(calls) = self;
        calls.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The door to the store.
pub(super) struct WatchedStore {
    pub(super) store: Arc<dyn SecretStore>,
    pub(super) calls: Calls,
}

#[async_trait]
impl SecretStore for WatchedStore {
    fn kind(&self) -> &'static str {
        self.store.kind()
    }

    async fn read(&self, name: &RecordName) -> Result<Option<secrets::Bytes>, StoreError> {
        let _one = OneCall::begin(&self.calls);
        self.store.read(name).await
    }

    async fn write(&self, name: &RecordName, record: secrets::Bytes) -> Result<(), StoreError> {
        let _one = OneCall::begin(&self.calls);
        self.store.write(name, record).await
    }

    async fn delete(&self, name: &RecordName) -> Result<(), StoreError> {
        let _one = OneCall::begin(&self.calls);
        self.store.delete(name).await
    }

    async fn set_aside(&self, name: &RecordName) -> Result<(), StoreError> {
        let _one = OneCall::begin(&self.calls);
        self.store.set_aside(name).await
    }

    async fn list(&self) -> Result<Vec<String>, StoreError> {
        let _one = OneCall::begin(&self.calls);
        self.store.list().await
    }
}

/// Both doors to the service.
pub(super) struct Watched {
    pub(super) door: Transport,
    pub(super) calls: Calls,
    pub(super) clock: Arc<dyn Clock>,
    /// The longest time of a call on that clock.
    pub(super) longest: Option<Duration>,
}

impl Watched {
    /// Watches a call to this endpoint with the secrets of this issuer.
    async fn watch<T, N>(
        &self,
        endpoint: &Endpoint,
        secrets: Option<&Issuer>,
        call: impl Future<Output = Result<T, CallError<N>>>,
    ) -> Result<T, CallError<N>> {
        if endpoint.issuer().is_aws() {
            if secrets.is_some_and(|issuer| endpoint.for_secrets_of(issuer).is_ok()) {
                self.calls.0.secrets_for_aws.fetch_add(1, Ordering::Relaxed);
            }
            return Err(CallError::Network("AWS is out of reach of the tests".to_owned()));
        }
        let _one = OneCall::begin(&self.calls);
        let Some(longest) = self.longest else { return call.await };
        tokio::select! {
            biased;
            result = call => result,
            () = self.clock.sleep_until(self.clock.now().boot + longest) => {
                Err(CallError::Network("it did not answer in time".to_owned()))
            }
        }
    }
}

#[async_trait]
impl IdentityCenter for Watched {
    async fn resolve(&self, start_url: &str) -> Result<Lead, oidc::CallError> {
        let _one = OneCall::begin(&self.calls);
        self.door.resolve(start_url).await
    }

    async fn register(&self, oidc: &Endpoint, client: &oidc::Client) -> Result<Registration, oidc::CallError> {
        self.watch(oidc, None, self.door.register(oidc, client)).await
    }

    async fn authorize_device(
        &self,
        oidc: &Endpoint,
        registration: &Registration,
        start_url: &str,
    ) -> Result<DeviceAuthorization, oidc::CallError> {
        self.watch(oidc, Some(&registration.issuer), self.door.authorize_device(oidc, registration, start_url)).await
    }

    async fn create_token(
        &self,
        oidc: &Endpoint,
        registration: &Registration,
        grant: &Grant,
    ) -> Result<Issued, oidc::CallError> {
        self.watch(oidc, Some(&registration.issuer), self.door.create_token(oidc, registration, grant)).await
    }

    fn service_clock(&self) -> watch::Receiver<ServiceClock> {
        self.door.service_clock()
    }
}

#[async_trait]
impl Portal for Watched {
    async fn role_credentials(
        &self,
        portal: &Endpoint,
        access_token: &AccessToken,
        assignment: &Assignment,
    ) -> Result<RoleCredentials, PortalError> {
        self.watch(portal, Some(&access_token.issuer), self.door.role_credentials(portal, access_token, assignment))
            .await
    }

    async fn accounts(
        &self,
        portal: &Endpoint,
        access_token: &AccessToken,
        page: Option<&PageToken>,
    ) -> Result<Page<Account>, PortalError> {
        self.watch(portal, Some(&access_token.issuer), self.door.accounts(portal, access_token, page)).await
    }

    async fn roles(
        &self,
        portal: &Endpoint,
        access_token: &AccessToken,
        account: &AccountId,
        page: Option<&PageToken>,
    ) -> Result<Page<String>, PortalError> {
        self.watch(portal, Some(&access_token.issuer), self.door.roles(portal, access_token, account, page)).await
    }

    async fn logout(&self, portal: &Endpoint, access_token: &AccessToken) -> Result<(), PortalError> {
        self.watch(portal, Some(&access_token.issuer), self.door.logout(portal, access_token)).await
    }
}

/// A desktop that shows nothing.
pub(crate) struct NoDesktop;

impl Desktop for NoDesktop {
    fn show(&self, _: &SessionConfig, _: &Notice, _: Option<&Who>, _: Now, _: Act) {}
    fn withdraw(&self, _: &SessionConfig) {}
    fn ask(&self, _: Question) -> Asking {
        Box::pin(async { Consent::Unasked("there is no desktop".to_owned()) })
    }
    fn open(&self, _: &SessionConfig, _: &str) {}
}
