//! The handle on a running simulator.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Deref;
use std::sync::Arc;
use std::thread;

use tokio::sync::oneshot;

use crate::clock::{Clock, TimeSource};
use crate::controls::Controls;
use crate::http;
use crate::journal::CallRecord;
use crate::operation::Operation;
use crate::settings::Settings;
use crate::shared::Shared;
use crate::state::PendingAuthorization;

/// A running IAM Identity Center. It lives on a thread of its own and stops when it is dropped.
///
/// Every method can be called from anywhere, asynchronous code included. The `wait_for_…` methods block their thread:
/// where the client under test runs on that very thread, await [`Simulator::next_pending`] or
/// [`Simulator::calls_reached`] instead.
pub struct Simulator {
    controls: Controls,
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
        Ok(Self { controls: Controls { shared }, url, stop: Some(stop), thread: Some(thread) })
    }

    /// The base URL of both APIs, such as `http://127.0.0.1:40123`.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// The clock that the service follows; advancing it here does not advance the source that it was started with.
    pub fn clock(&self) -> Clock {
        self.shared.clock.clone()
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

    /// Blocks until a call of the operation has ended this way; see [`crate::CallRecord::outcome`].
    ///
    /// # Panics
    /// After a minute of real time.
    pub fn wait_for_outcome(&self, operation: Operation, outcome: &str) {
        self.shared.wait_for(&format!("{operation} to end with {outcome:?}"), |inner, _| {
            let ended_so = |record: &&CallRecord| record.operation == operation && record.outcome == outcome;
            inner.journal.records().iter().find(ended_so).map(drop)
        });
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

/// Waits on a thread of its own, because the time of the caller's runtime may be paused.
async fn off_thread<T: Send + 'static>(wait: impl FnOnce() -> T + Send + 'static) -> T {
    let (found, receiver) = oneshot::channel();
    thread::spawn(move || {
        // The caller may have given up.
        let _ = found.send(wait());
    });
    receiver.await.expect("the wait ended in a panic, whose message stands above")
}

impl Deref for Simulator {
    type Target = Controls;

    fn deref(&self) -> &Controls {
        &self.controls
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of that thread has been printed already; a second one here would hide it.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Simulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulator").field("url", &self.url).finish_non_exhaustive()
    }
}
