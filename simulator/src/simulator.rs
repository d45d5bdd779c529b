//! The handle on a running simulator.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::thread;

use tokio::sync::oneshot;

use crate::clock::{Clock, TimeSource};
use crate::faults::{Fault, Times};
use crate::http;
use crate::journal::CallRecord;
use crate::operation::{Grant, Operation};
use crate::settings::{Approval, Settings};
use crate::shared::Shared;
use crate::state::{DEFAULT_PERSON, PendingAuthorization, UnknownUserCode};

/// A running IAM Identity Center. It lives on a thread of its own and stops when it is dropped.
///
/// Every method can be called from anywhere, asynchronous code included. The `wait_for_…` methods block their thread:
/// where the client under test runs on that very thread, await [`Simulator::next_pending`] or
/// [`Simulator::calls_reached`] instead.
pub struct Simulator {
    shared: Arc<Shared>,
    url: String,
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Simulator {
    /// Starts a simulator that follows the computer's clock.
    ///
    /// # Errors
    /// When the port cannot be bound.
    pub fn start(settings: Settings) -> io::Result<Self> {
        Self::start_following(settings, Clock::system())
    }

    /// Starts a simulator that follows the caller's clock.
    ///
    /// # Errors
    /// When the port cannot be bound.
    pub fn start_with_clock(settings: Settings, time: Arc<dyn TimeSource>) -> io::Result<Self> {
        Self::start_following(settings, Clock::following(time))
    }

    fn start_following(settings: Settings, clock: Clock) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, settings.port))?;
        listener.set_nonblocking(true)?;
        let url = format!("http://{}", listener.local_addr()?);
        let shared = Arc::new(Shared::new(settings, url.clone(), clock));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = {
            let _context = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let (stop, stopped) = oneshot::channel();
        let served = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("identity-center".to_owned())
            .spawn(move || runtime.block_on(http::serve(listener, served, stopped)))?;
        Ok(Self { shared, url, stop: Some(stop), thread: Some(thread) })
    }

    /// The base URL of both APIs, such as `http://127.0.0.1:40123`.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// The clock that the service follows; advancing it here does not advance the source that it was started with.
    pub fn clock(&self) -> Clock {
        self.shared.clock.clone()
    }

    /// Changes settings while the service runs.
    pub fn settings(&self, change: impl FnOnce(&mut Settings)) {
        self.shared.with(|inner, _| change(&mut inner.service.settings));
    }

    /// Says who decides about device authorizations from now on, those included that are pending.
    pub fn set_approval(&self, approval: Approval) {
        self.settings(|settings| settings.approval = approval);
    }

    /// Approves as the default person. The code may be typed in any case, with or without its hyphen.
    ///
    /// # Errors
    /// When no pending authorization has this code.
    pub fn approve(&self, user_code: &str) -> Result<(), UnknownUserCode> {
        self.approve_as(user_code, DEFAULT_PERSON)
    }

    /// Approves as `person`: people have portal sessions, and so session caps, of their own.
    ///
    /// # Errors
    /// When no pending authorization has this code.
    pub fn approve_as(&self, user_code: &str, person: &str) -> Result<(), UnknownUserCode> {
        self.shared.with(|inner, at| inner.service.approve(user_code, person, at.now))
    }

    /// Denies.
    ///
    /// # Errors
    /// When no pending authorization has this code.
    pub fn deny(&self, user_code: &str) -> Result<(), UnknownUserCode> {
        self.shared.with(|inner, at| inner.service.deny(user_code, at.now))
    }

    /// Lets a code die before its time.
    ///
    /// # Errors
    /// When no pending authorization has this code.
    pub fn expire(&self, user_code: &str) -> Result<(), UnknownUserCode> {
        self.shared.with(|inner, at| inner.service.expire(user_code, at.now))
    }

    /// The authorizations that wait for a decision, the oldest first.
    pub fn pending(&self) -> Vec<PendingAuthorization> {
        self.shared.with(|inner, at| inner.service.pending(at.now))
    }

    /// Blocks until an authorization waits for a decision, and returns the oldest that does.
    ///
    /// # Panics
    /// After a minute of real time.
    pub fn wait_for_pending(&self) -> PendingAuthorization {
        self.wait_for_pending_where(|_| true)
    }

    /// Blocks until an authorization of this kind waits for a decision.
    ///
    /// # Panics
    /// After a minute of real time.
    pub fn wait_for_pending_where(&self, is_it: impl Fn(&PendingAuthorization) -> bool) -> PendingAuthorization {
        pending_where(&self.shared, is_it)
    }

    /// [`Simulator::wait_for_pending`] for asynchronous tests.
    ///
    /// # Panics
    /// After a minute of real time.
    pub async fn next_pending(&self) -> PendingAuthorization {
        let shared = Arc::clone(&self.shared);
        off_thread(move || pending_where(&shared, |_| true)).await
    }

    /// Blocks until the operation has been called so often in all. Calls count from their arrival, so a call that hangs
    /// counts too.
    ///
    /// # Panics
    /// After a minute of real time.
    pub fn wait_for_calls(&self, operation: Operation, count: usize) {
        calls_reached(&self.shared, operation, count);
    }

    /// [`Simulator::wait_for_calls`] for asynchronous tests.
    ///
    /// # Panics
    /// After a minute of real time.
    pub async fn calls_reached(&self, operation: Operation, count: usize) {
        let shared = Arc::clone(&self.shared);
        off_thread(move || calls_reached(&shared, operation, count)).await;
    }

    /// Blocks until a call of the operation has ended this way; see [`CallRecord::outcome`].
    ///
    /// # Panics
    /// After a minute of real time.
    pub fn wait_for_outcome(&self, operation: Operation, outcome: &str) {
        self.shared.wait_for(&format!("{operation} to end with {outcome:?}"), |inner, _| {
            let ended_so = |record: &&CallRecord| record.operation == operation && record.outcome == outcome;
            inner.journal.records().iter().find(ended_so).map(drop)
        });
    }

    /// How often the operation has been called, faults included.
    pub fn calls(&self, operation: Operation) -> usize {
        self.shared.with(|inner, _| inner.journal.count(operation))
    }

    /// How many CreateToken calls offered this grant: polls and refreshes apart.
    pub fn token_calls(&self, grant: Grant) -> usize {
        self.shared.with(|inner, _| inner.journal.count_grants(grant))
    }

    /// Every call so far, in the order of arrival.
    pub fn call_log(&self) -> Vec<CallRecord> {
        self.shared.with(|inner, _| inner.journal.records().to_vec())
    }

    /// Lets something go wrong with calls of this operation, after the faults that wait there already.
    pub fn inject(&self, operation: Operation, fault: Fault, times: Times) {
        self.shared.with(|inner, _| inner.faults.inject(operation, fault, times));
    }

    /// Takes back every fault that has not struck yet. A call that hangs goes on hanging.
    pub fn clear_faults(&self) {
        self.shared.with(|inner, _| inner.faults.clear());
    }

    /// Makes every access token issued so far worthless at the portal (401).
    pub fn revoke_access_tokens(&self) {
        self.shared.with(|inner, _| inner.service.revoke_access_tokens());
    }

    /// Makes every refresh token issued so far worthless (InvalidGrant).
    pub fn revoke_refresh_tokens(&self) {
        self.shared.with(|inner, _| inner.service.revoke_refresh_tokens());
    }

    /// Makes every registration issued so far unknown (InvalidClient).
    pub fn revoke_registrations(&self) {
        self.shared.with(|inner, _| inner.service.revoke_registrations());
    }

    /// Ends every portal session, as an administrator does: its tokens are worthless at once.
    pub fn end_portal_sessions(&self) {
        self.shared.with(|inner, _| inner.service.end_portal_sessions());
    }

    /// Every access token ever issued, in the order of issue.
    pub fn issued_access_tokens(&self) -> Vec<String> {
        self.shared.with(|inner, _| inner.service.issued_access_tokens())
    }

    /// Every refresh token ever issued, in the order of issue.
    pub fn issued_refresh_tokens(&self) -> Vec<String> {
        self.shared.with(|inner, _| inner.service.issued_refresh_tokens())
    }

    /// Every secret ever issued: client secrets, device codes, access and refresh tokens, secret parts of role
    /// credentials. A test can look for them in logs, files and output.
    pub fn secrets(&self) -> Vec<String> {
        self.shared.with(|inner, _| inner.service.secrets())
    }

    /// What clients did that a well-behaved client does not do, in words and without secrets:
    ///
    /// - polling a device code faster than its interval, `slow_down`'s five seconds included (RFC 8628 3.5);
    /// - polling two pending device codes of one client side by side;
    /// - one refresh token in two requests at once;
    /// - a refresh token sent after its successor arrived, or again after InvalidGrant. Answers that a fault lost,
    ///   truncated or garbled do not count as arrived.
    pub fn violations(&self) -> Vec<String> {
        self.shared.with(|inner, _| inner.service.violations().to_vec())
    }
}

fn pending_where(shared: &Shared, is_it: impl Fn(&PendingAuthorization) -> bool) -> PendingAuthorization {
    shared
        .wait_for("a pending authorization", |inner, at| inner.service.pending(at.now).into_iter().find(|it| is_it(it)))
}

fn calls_reached(shared: &Shared, operation: Operation, count: usize) {
    shared.wait_for(&format!("{count} calls of {operation}"), |inner, _| {
        (inner.journal.count(operation) >= count).then_some(())
    });
}

/// Lets a thread do the waiting, so that the caller's runtime, whose time may be paused, has no part in it.
async fn off_thread<T: Send + 'static>(wait: impl FnOnce() -> T + Send + 'static) -> T {
    let (found, receiver) = oneshot::channel();
    thread::spawn(move || {
        // A caller that gave up does not want to know.
        let _ = found.send(wait());
    });
    receiver.await.expect("the wait ended in a panic, whose message stands above")
}

impl Drop for Simulator {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic over there has printed itself; a second one here would hide it.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Simulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulator").field("url", &self.url).finish_non_exhaustive()
    }
}
