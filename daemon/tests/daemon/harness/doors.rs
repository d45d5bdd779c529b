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
use ssoctld::transport::{CallError, Transport};
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
pub(super) struct Watched {
    pub(super) door: Transport,
    pub(super) under_way: UnderWay,
    pub(super) clock: Arc<dyn Clock>,
    /// How long a call may take on that clock.
    pub(super) longest: Option<Duration>,
}

type Boxed<'a, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

impl Watched {
    fn watch<'a, T: 'a, N: 'a>(&'a self, call: Boxed<'a, T, CallError<N>>) -> Boxed<'a, T, CallError<N>> {
        Box::pin(async move {
            let _one = self.under_way.one_more();
            let Some(longest) = self.longest else { return call.await };
            tokio::select! {
                biased;
                result = call => result,
                () = self.clock.sleep_until(self.clock.now().boot + longest) => {
                    Err(CallError::Network("it did not answer in time".to_owned()))
                }
            }
        })
    }
}

impl IdentityCenter for Watched {
    fn register<'a>(&'a self, oidc: &'a Endpoint, scopes: &'a [String]) -> oidc::Call<'a, Registration> {
        self.watch(self.door.register(oidc, scopes))
    }

    fn authorize_device<'a>(
        &'a self,
        oidc: &'a Endpoint,
        registration: &'a Registration,
        start_url: &'a str,
    ) -> oidc::Call<'a, DeviceAuthorization> {
        self.watch(self.door.authorize_device(oidc, registration, start_url))
    }

    fn create_token<'a>(
        &'a self,
        oidc: &'a Endpoint,
        registration: &'a Registration,
        grant: &'a Grant,
    ) -> oidc::Call<'a, Issued> {
        self.watch(self.door.create_token(oidc, registration, grant))
    }

    fn service_clock(&self) -> watch::Receiver<ServiceClock> {
        self.door.service_clock()
    }
}

impl Portal for Watched {
    fn role_credentials<'a>(
        &'a self,
        portal: &'a Endpoint,
        access_token: &'a AccessToken,
        assignment: &'a Assignment,
    ) -> portal::Call<'a, RoleCredentials> {
        self.watch(self.door.role_credentials(portal, access_token, assignment))
    }

    fn accounts<'a>(
        &'a self,
        portal: &'a Endpoint,
        access_token: &'a AccessToken,
        page: Option<&'a PageToken>,
    ) -> portal::Call<'a, Page<Account>> {
        self.watch(self.door.accounts(portal, access_token, page))
    }

    fn roles<'a>(
        &'a self,
        portal: &'a Endpoint,
        access_token: &'a AccessToken,
        account: &'a AccountId,
        page: Option<&'a PageToken>,
    ) -> portal::Call<'a, Page<String>> {
        self.watch(self.door.roles(portal, access_token, account, page))
    }

    fn logout<'a>(&'a self, portal: &'a Endpoint, access_token: &'a AccessToken) -> portal::Call<'a, ()> {
        self.watch(self.door.logout(portal, access_token))
    }
}
