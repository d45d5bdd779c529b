//! The doors to the service, watched: which calls are under way, an end to those that hang, in the test's own time, and no call
//! to AWS itself.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ssoctld::clock::Clock;
use ssoctld::issuer::{Endpoint, Issuer};
use ssoctld::oidc::{self, DeviceAuthorization, Grant, IdentityCenter, Issued, Registration, ServiceClock};
use ssoctld::portal::{self, Account, AccountId, Assignment, Page, PageToken, Portal, RoleCredentials};
use ssoctld::token::AccessToken;
use ssoctld::transport::{CallError, Transport};
use tokio::sync::watch;

/// What the doors of one daemon have seen.
#[derive(Clone, Default)]
pub(crate) struct Calls(Arc<Counts>);

#[derive(Default)]
struct Counts {
    under_way: AtomicUsize,
    secrets_for_aws: AtomicUsize,
}

impl Calls {
    /// How many calls are under way.
    pub(crate) fn under_way(&self) -> usize {
        self.0.under_way.load(Ordering::Relaxed)
    }

    /// How many calls would have brought a secret to AWS, which has issued none here.
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

/// Both doors to the service.
pub(super) struct Watched {
    pub(super) door: Transport,
    pub(super) calls: Calls,
    pub(super) clock: Arc<dyn Clock>,
    /// How long a call may take on that clock.
    pub(super) longest: Option<Duration>,
}

type Boxed<'a, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

impl Watched {
    /// Watches a call to this endpoint with the secrets of this issuer.
    fn watch<'a, T: Send + 'a, N: Send + 'a>(
        &'a self,
        endpoint: &Endpoint,
        secrets: Option<&Issuer>,
        call: Boxed<'a, T, CallError<N>>,
    ) -> Boxed<'a, T, CallError<N>> {
        if endpoint.issuer().is_aws() {
            if secrets.is_some_and(|issuer| endpoint.for_secrets_of(issuer).is_ok()) {
                self.calls.0.secrets_for_aws.fetch_add(1, Ordering::Relaxed);
            }
            let error = CallError::Network("AWS is out of reach of the tests".to_owned());
            return Box::pin(std::future::ready(Err(error)));
        }
        Box::pin(async move {
            let _one = OneCall::begin(&self.calls);
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
        self.watch(oidc, None, self.door.register(oidc, scopes))
    }

    fn authorize_device<'a>(
        &'a self,
        oidc: &'a Endpoint,
        registration: &'a Registration,
        start_url: &'a str,
    ) -> oidc::Call<'a, DeviceAuthorization> {
        self.watch(oidc, Some(&registration.issuer), self.door.authorize_device(oidc, registration, start_url))
    }

    fn create_token<'a>(
        &'a self,
        oidc: &'a Endpoint,
        registration: &'a Registration,
        grant: &'a Grant,
    ) -> oidc::Call<'a, Issued> {
        self.watch(oidc, Some(&registration.issuer), self.door.create_token(oidc, registration, grant))
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
        self.watch(portal, Some(&access_token.issuer), self.door.role_credentials(portal, access_token, assignment))
    }

    fn accounts<'a>(
        &'a self,
        portal: &'a Endpoint,
        access_token: &'a AccessToken,
        page: Option<&'a PageToken>,
    ) -> portal::Call<'a, Page<Account>> {
        self.watch(portal, Some(&access_token.issuer), self.door.accounts(portal, access_token, page))
    }

    fn roles<'a>(
        &'a self,
        portal: &'a Endpoint,
        access_token: &'a AccessToken,
        account: &'a AccountId,
        page: Option<&'a PageToken>,
    ) -> portal::Call<'a, Page<String>> {
        self.watch(portal, Some(&access_token.issuer), self.door.roles(portal, access_token, account, page))
    }

    fn logout<'a>(&'a self, portal: &'a Endpoint, access_token: &'a AccessToken) -> portal::Call<'a, ()> {
        self.watch(portal, Some(&access_token.issuer), self.door.logout(portal, access_token))
    }
}
