//! The doors to the service, watched: which calls are under way, and an end to those that hang, in the test's own time.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ssoctld::clock::Clock;
use ssoctld::issuer::Endpoint;
use ssoctld::oidc::{self, DeviceAuthorization, Grant, IdentityCenter, Issued, Registration, ServiceClock};
use ssoctld::portal::{self, Account, AccountId, Assignment, Page, PageToken, Portal, RoleCredentials};
use ssoctld::token::AccessToken;
use ssoctld::transport::TransportError;
use tokio::sync::watch;

/// How many calls are under way.
#[derive(Clone, Default)]
pub(crate) struct UnderWay(Arc<AtomicUsize>);

impl UnderWay {
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn one_more(&self) -> OneCall {
        self.0.fetch_add(1, Ordering::Relaxed);
        OneCall(self.clone())
    }
}

struct OneCall(UnderWay);

impl Drop for OneCall {
    fn drop(&mut self) {
        let Self(UnderWay(count)) = self;
        count.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A door to the service.
pub(super) struct Watched<D> {
    pub(super) door: D,
    pub(super) under_way: UnderWay,
    pub(super) clock: Arc<dyn Clock>,
    /// How long a call may take on that clock.
    pub(super) longest: Option<Duration>,
}

type Boxed<'a, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

impl<D: Sync> Watched<D> {
    fn watch<'a, T: 'a, E: From<TransportError> + 'a>(&'a self, call: Boxed<'a, T, E>) -> Boxed<'a, T, E> {
        Box::pin(async move {
            let _one = self.under_way.one_more();
            let Some(longest) = self.longest else { return call.await };
            tokio::select! {
                biased;
                result = call => result,
                () = self.clock.sleep_until(self.clock.now().boot + longest) => {
                    Err(TransportError::Network("it did not answer in time".to_owned()).into())
                }
            }
        })
    }
}

impl<D: IdentityCenter> IdentityCenter for Watched<D> {
    fn register(&self, oidc: &Endpoint, scopes: &[String]) -> oidc::Call<'_, Registration> {
        self.watch(self.door.register(oidc, scopes))
    }

    fn authorize_device(
        &self,
        oidc: &Endpoint,
        registration: &Registration,
        start_url: &str,
    ) -> oidc::Call<'_, DeviceAuthorization> {
        self.watch(self.door.authorize_device(oidc, registration, start_url))
    }

    fn create_token(&self, oidc: &Endpoint, registration: &Registration, grant: &Grant) -> oidc::Call<'_, Issued> {
        self.watch(self.door.create_token(oidc, registration, grant))
    }

    fn service_clock(&self) -> watch::Receiver<ServiceClock> {
        self.door.service_clock()
    }
}

impl<D: Portal> Portal for Watched<D> {
    fn role_credentials(
        &self,
        portal: &Endpoint,
        access_token: &AccessToken,
        assignment: &Assignment,
    ) -> portal::Call<'_, RoleCredentials> {
        self.watch(self.door.role_credentials(portal, access_token, assignment))
    }

    fn accounts(
        &self,
        portal: &Endpoint,
        access_token: &AccessToken,
        page: Option<&PageToken>,
    ) -> portal::Call<'_, Page<Account>> {
        self.watch(self.door.accounts(portal, access_token, page))
    }

    fn roles(
        &self,
        portal: &Endpoint,
        access_token: &AccessToken,
        account: &AccountId,
        page: Option<&PageToken>,
    ) -> portal::Call<'_, Page<String>> {
        self.watch(self.door.roles(portal, access_token, account, page))
    }

    fn logout(&self, portal: &Endpoint, access_token: &AccessToken) -> portal::Call<'_, ()> {
        self.watch(self.door.logout(portal, access_token))
    }
}
