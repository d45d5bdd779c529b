//! A simulated service on a port of 127.0.0.1, served by a separate thread.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Deref;
use std::sync::Arc;
use std::thread;

use tokio::sync::oneshot;

use crate::clock::{Clock, TimeSource};
use crate::http;
use crate::identity_center::IdentityCenter;
use crate::operation::Operation;
use crate::settings::Settings;
use crate::state::{PendingAuthorization, PendingRequest};

/// A running IAM Identity Center. It stops when it is dropped.
///
/// Every method, and every method of [`IdentityCenter`], can be called from anywhere, asynchronous code included. The
/// `wait_for_…` methods block their thread: where the client under test runs on that very thread, await
/// [`Simulator::next_pending`], [`Simulator::next_pending_request`] or [`Simulator::calls_reached`] instead.
pub struct Simulator {
    identity_center: Arc<IdentityCenter>,
    url: String,
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Simulator {
    /// Starts a simulator that follows the computer's clock. Fails when the port cannot be bound.
    pub fn start(settings: Settings) -> io::Result<Self> {
        Self::start_following(settings, Clock::system())
    }

    /// Starts a simulator that follows the caller's clock. Fails when the port cannot be bound.
    pub fn start_with_clock(settings: Settings, time: Arc<dyn TimeSource>) -> io::Result<Self> {
        Self::start_following(settings, Clock::following(time))
    }

    fn start_following(settings: Settings, clock: Clock) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, settings.port))?;
        listener.set_nonblocking(true)?;
        let url = format!("http://{}", listener.local_addr()?);
        let identity_center = Arc::new(IdentityCenter::new(settings, url.clone(), clock));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = {
            let _context = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let (stop, stopped) = oneshot::channel();
        let served = Arc::clone(&identity_center);
        let thread = thread::Builder::new()
            .name("identity-center".to_owned())
            .spawn(move || runtime.block_on(http::serve(listener, served, stopped)))?;
        Ok(Self { identity_center, url, stop: Some(stop), thread: Some(thread) })
    }

    /// The base URL of both APIs, such as `http://127.0.0.1:40123`.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// [`IdentityCenter::wait_for_pending`] for asynchronous tests.
    pub async fn next_pending(&self) -> PendingAuthorization {
        self.off_thread(IdentityCenter::wait_for_pending).await
    }

    /// [`IdentityCenter::wait_for_pending_request`] for asynchronous tests.
    pub async fn next_pending_request(&self) -> PendingRequest {
        self.off_thread(IdentityCenter::wait_for_pending_request).await
    }

    /// [`IdentityCenter::wait_for_calls`] for asynchronous tests.
    pub async fn calls_reached(&self, operation: Operation, count: usize) {
        self.off_thread(move |identity_center| identity_center.wait_for_calls(operation, count)).await;
    }

    /// Waits on another thread, because the time of the caller's runtime may be paused.
    async fn off_thread<T: Send + 'static>(&self, wait: impl FnOnce(&IdentityCenter) -> T + Send + 'static) -> T {
        let identity_center = Arc::clone(&self.identity_center);
        let (found, receiver) = oneshot::channel();
        thread::spawn(move || {
            // Sending fails when the caller has given up.
            let _ = found.send(wait(&identity_center));
        });
        receiver.await.expect("the wait ended in a panic, which has printed its message")
    }
}

impl Deref for Simulator {
    type Target = IdentityCenter;

    fn deref(&self) -> &IdentityCenter {
        &self.identity_center
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of that thread has been printed already; a second panic here would hide it.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Simulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulator").field("url", &self.url).finish_non_exhaustive()
    }
}
