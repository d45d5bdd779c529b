//! A test's view of a simulated service, which is served over HTTP or called directly.
//!
//! The service's state is behind one lock, which the server's thread and the test share.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::clock::{Clock, Moment};
use crate::faults::{Fault, Faults, Times};
use crate::operation::{CallRecord, Grant, Operation};
use crate::settings::{Approval, Settings};
use crate::state::{DEFAULT_PERSON, PendingAuthorization, PendingRequest, Service, UnknownRequest, UnknownUserCode};

/// A wait for something that a client never does ends in a panic after this (real) time.
const PATIENCE: Duration = Duration::from_secs(60);

/// A simulated IAM Identity Center. [`crate::Simulator`] and [`crate::Offline`] dereference to it.
pub struct IdentityCenter {
    pub(crate) clock: Clock,
    service: Mutex<Service>,
    changed: Condvar,
}

impl IdentityCenter {
    pub(crate) fn new(settings: Settings, base_url: String, clock: Clock) -> Self {
        Self { clock, service: Mutex::new(Service::new(settings, base_url)), changed: Condvar::new() }
    }

    /// Reads or changes the state at one moment. Everybody who waits for a change is woken afterwards.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut Service, Moment) -> T) -> T {
        let mut service = self.lock();
        let at = self.clock.moment();
        service.settle(at.now);
        let outcome = act(&mut service, at);
        drop(service);
        self.changed.notify_all();
        outcome
    }

    /// Blocks until `find` returns something. Panics after a minute of real time, with `what` and the calls so far.
    fn wait_for<T>(&self, what: &str, find: impl Fn(&Service, Moment) -> Option<T>) -> T {
        #[allow(clippy::disallowed_methods, reason = "bounds a wait in real time, whatever clock the service follows")]
        let deadline = Instant::now() + PATIENCE;
        let mut service = self.lock();
        loop {
            let at = self.clock.moment();
            service.settle(at.now);
            if let Some(found) = find(&service, at) {
                return found;
            }
            #[allow(clippy::disallowed_methods, reason = "as above")]
            let left = deadline.saturating_duration_since(Instant::now());
            let calls = &service.calls;
            assert!(!left.is_zero(), "the simulator waited {PATIENCE:?} in vain for {what}; calls so far: {calls:?}");
            service = self.changed.wait_timeout(service, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Service> {
        self.service.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The clock that the service follows. Advancing it here does not advance the source that it was started with.
    pub fn clock(&self) -> Clock {
        self.clock.clone()
    }

    /// Changes settings while the service runs.
    pub fn settings(&self, change: impl FnOnce(&mut Settings)) {
        self.with(|service, _| change(&mut service.settings));
    }

    /// Sets who decides about authorizations of both kinds from now on, including those that are pending.
    pub fn set_approval(&self, approval: Approval) {
        self.settings(|settings| settings.approval = approval);
    }

    /// Approves as the default person. The code may be typed in any case, with or without its hyphen.
    /// Fails when no pending authorization has this code.
    pub fn approve(&self, user_code: &str) -> Result<(), UnknownUserCode> {
        self.approve_as(user_code, DEFAULT_PERSON)
    }

    /// Approves as `person`. Each person has a portal session, and so a session cap, of their own.
    pub fn approve_as(&self, user_code: &str, person: &str) -> Result<(), UnknownUserCode> {
        self.with(|service, at| service.approve(user_code, person, at.now))
    }

    /// Denies the authorization that has this user code.
    pub fn deny(&self, user_code: &str) -> Result<(), UnknownUserCode> {
        self.with(|service, at| service.deny(user_code, at.now))
    }

    /// Ends the lifetime of a pending user code now.
    pub fn expire(&self, user_code: &str) -> Result<(), UnknownUserCode> {
        self.with(|service, at| service.expire(user_code, at.now))
    }

    /// The authorizations that wait for a decision, the oldest first.
    pub fn pending(&self) -> Vec<PendingAuthorization> {
        self.with(|service, at| service.pending(at.now))
    }

    /// Blocks until an authorization waits for a decision, and returns the oldest one.
    /// Panics after a minute of real time, as the other waits do.
    pub fn wait_for_pending(&self) -> PendingAuthorization {
        self.wait_for_pending_where(|_| true)
    }

    /// Blocks until an authorization that fulfils the condition waits for a decision.
    pub fn wait_for_pending_where(&self, condition: impl Fn(&PendingAuthorization) -> bool) -> PendingAuthorization {
        self.wait_for("a pending authorization", |service, at| service.pending(at.now).into_iter().find(&condition))
    }

    /// The authorization requests that wait on their page for a decision, the oldest first.
    pub fn pending_requests(&self) -> Vec<PendingRequest> {
        self.with(|service, at| service.pending_requests(at.now))
    }

    /// Blocks until an authorization request waits on its page, and returns the oldest one.
    pub fn wait_for_pending_request(&self) -> PendingRequest {
        self.wait_for("a pending authorization request", |service, at| {
            service.pending_requests(at.now).into_iter().next()
        })
    }

    /// The default person allows the request of this name. Returns the URL to which that sends the browser: the
    /// client's redirect URI with `code` and `state`. The code works whether or not a browser goes there.
    pub fn allow_request(&self, request: &str) -> Result<String, UnknownRequest> {
        self.allow_request_as(request, DEFAULT_PERSON)
    }

    /// [`IdentityCenter::allow_request`] as `person`.
    pub fn allow_request_as(&self, request: &str, person: &str) -> Result<String, UnknownRequest> {
        self.with(|service, at| service.allow_request(request, person, at.now))
    }

    /// The person denies the request of this name. Returns the URL to which that sends the browser, with
    /// `error=access_denied`.
    pub fn deny_request(&self, request: &str) -> Result<String, UnknownRequest> {
        self.with(|service, at| service.deny_request(request, at.now))
    }

    /// Makes the page of a pending request too old now.
    pub fn expire_request(&self, request: &str) -> Result<(), UnknownRequest> {
        self.with(|service, at| service.expire_request(request, at.now))
    }

    /// Blocks until the operation has been called `count` times in all. Calls count from their arrival, so a call that
    /// hangs counts too.
    pub fn wait_for_calls(&self, operation: Operation, count: usize) {
        self.wait_for(&format!("{count} calls of {operation}"), |service, _| {
            (service.call_count(operation) >= count).then_some(())
        });
    }

    /// Blocks until a call of the operation has ended this way; see [`CallRecord::outcome`].
    pub fn wait_for_outcome(&self, operation: Operation, outcome: &str) {
        self.wait_for(&format!("{operation} to end with {outcome:?}"), |service, _| {
            let mut calls = service.calls.iter();
            calls.find(|call| call.operation == operation && call.outcome == outcome).map(drop)
        });
    }

    /// The number of calls of the operation, faults included.
    pub fn calls(&self, operation: Operation) -> usize {
        self.with(|service, _| service.call_count(operation))
    }

    /// The number of CreateToken calls with this grant, to distinguish polls from refreshes.
    pub fn token_calls(&self, grant: Grant) -> usize {
        self.with(|service, _| service.calls.iter().filter(|call| call.grant == Some(grant)).count())
    }

    /// Every call so far, in the order of arrival.
    pub fn call_log(&self) -> Vec<CallRecord> {
        self.with(|service, _| service.calls.clone())
    }

    /// The largest number of calls that were in progress at the same moment.
    pub fn most_at_once(&self) -> usize {
        self.with(|service, _| service.most_calls_at_once)
    }

    /// Makes calls of this operation fail, after the faults that wait there already.
    pub fn inject(&self, operation: Operation, fault: Fault, times: Times) {
        self.with(|service, _| service.faults.inject(operation, fault, times));
    }

    /// Removes every fault that has not struck yet. A call that hangs goes on hanging.
    pub fn clear_faults(&self) {
        self.with(|service, _| service.faults = Faults::default());
    }

    /// Makes every access token issued so far worthless at the portal (401).
    pub fn revoke_access_tokens(&self) {
        self.with(|service, _| service.revoke_access_tokens());
    }

    /// Makes every refresh token issued so far worthless (InvalidGrant).
    pub fn revoke_refresh_tokens(&self) {
        self.with(|service, _| service.revoke_refresh_tokens());
    }

    /// Makes every registration issued so far unknown (InvalidClient).
    pub fn revoke_registrations(&self) {
        self.with(|service, _| service.revoke_registrations());
    }

    /// Ends every portal session, as an administrator does: its tokens are worthless at once.
    pub fn end_portal_sessions(&self) {
        self.with(|service, _| service.end_portal_sessions());
    }

    /// Every access token ever issued, in the order of issue.
    pub fn issued_access_tokens(&self) -> Vec<String> {
        self.with(|service, _| service.issued_access_tokens())
    }

    /// Every refresh token ever issued, in the order of issue.
    pub fn issued_refresh_tokens(&self) -> Vec<String> {
        self.with(|service, _| service.issued_refresh_tokens())
    }

    /// Every secret ever issued: client secrets, device codes, authorization codes, access and refresh tokens, secret
    /// parts of role credentials; and the code verifiers that came with authorization codes. A test can look for them in logs, files and output.
    pub fn secrets(&self) -> Vec<String> {
        self.with(|service, _| service.secrets())
    }

    /// The violations by clients, in words and without secrets:
    ///
    /// - polling a device code faster than its interval, `slow_down`'s five seconds included (RFC 8628 3.5);
    /// - polling two pending device codes of one client side by side;
    /// - an authorization request without `state`;
    /// - one refresh token or authorization code in two requests at once;
    /// - a refresh token sent after its successor arrived, an authorization code sent after its tokens arrived, either
    ///   of them again after InvalidGrant. Answers that a fault lost, truncated or garbled do not count as arrived.
    pub fn violations(&self) -> Vec<String> {
        self.violations_after(0)
    }

    /// The violations after the first `known`.
    pub fn violations_after(&self, known: usize) -> Vec<String> {
        self.with(|service, _| service.violations.get(known..).unwrap_or_default().to_vec())
    }

    /// The expiry of an access token that this refresh token would give now; `None` if it would be refused.
    pub fn refreshable_until(
        &self,
        client_id: &str,
        secret: &str,
        refresh_token: &str,
    ) -> Option<std::time::SystemTime> {
        self.with(|service, at| service.refreshable_until(client_id, secret, refresh_token, at.now))
    }
}
