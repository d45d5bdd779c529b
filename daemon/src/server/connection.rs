//! Accepts connections, and bounds how many there are and how long each may take.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use ssoctl_protocol::{ErrorCode, Problem};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::foreign::Foreigners;
use super::freed_memory::FreedMemory;
use super::place::Place;
use super::reply::{self, Body};
use super::silent::{Activity, SilentConnections};
use super::socket::Access;
use super::unread::Connection;
use crate::caller::Caller;
use crate::clock::Clock;
use crate::waiting::lock;

/// The longest time for a client to send the head of a request; also the longest life of an idle connection.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// The largest head of a request, in bytes.
const HEAD_LIMIT: usize = 16 << 10;

/// When the daemon stops: the longest time for clients that have just connected to send a request.
const FIRST_REQUEST_GRACE: Duration = Duration::from_secs(1);

/// When the daemon stops: the longest time for open connections to end.
const GRACE: Duration = Duration::from_secs(2);

/// The pause after accepting has failed, as it does when descriptors run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The API at a socket.
pub trait Answers: Send + Sync + 'static {
    /// Answers a request. An error becomes an answer, too.
    fn answer(&self, request: Request<Incoming>) -> impl Future<Output = Response<Body>> + Send;
}

/// What is served at a socket, and to whom.
pub struct Service<A> {
    pub api: Arc<A>,
    pub access: Access,
    /// The largest number of connections at once.
    pub connections: usize,
}

/// Connections that are still open after the last one was accepted.
#[must_use = "connections are cut off unless their end is waited for"]
pub struct Remaining {
    connections: GracefulShutdown,
    clock: Arc<dyn Clock>,
}

impl Remaining {
    /// Waits until all requests are answered. Sessions answer waiting callers when they are stopped, which has to happen before
    /// or meanwhile.
    pub async fn end(self) {
        if self.clock.within(GRACE, self.connections.shutdown()).await.is_none() {
            tracing::debug!("connections were cut off");
        }
    }
}

/// Serves the API on this socket, and on those that replace it, until `shutdown` ends. After that no connection is accepted, and
/// those that were have had the time to send a request: no caller is turned away because the next daemon takes over.
pub async fn serve(
    mut listener: UnixListener,
    mut successors: mpsc::Receiver<UnixListener>,
    service: Service<impl Answers>,
    clock: Arc<dyn Clock>,
    shutdown: impl Future<Output = ()>,
) -> Remaining {
    let Service { api, access, connections: most } = service;
    let mut foreigners = Foreigners::new(rustix::process::geteuid().as_raw(), Arc::clone(&clock));
    let mut limit = ConnectionLimit::new(most);
    let (connections, mut all_heard) = Connections::new(api, Arc::clone(&clock));
    tokio::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(successor) = successors.recv() => {
                listener = successor;
                continue;
            }
            () = &mut shutdown => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                clock.sleep_until(clock.now().boot + ACCEPT_PAUSE).await;
                continue;
            }
        };
        let stream = match access {
            Access::Everybody => Some(stream),
            Access::Owner => foreigners.refuse_unless_owner(stream),
        };
        let Some(stream) = stream else { continue };
        let Some(permit) = limit.admit(&stream) else { continue };
        connections.begin(stream, permit);
    }
    let Connections { open, unheard, .. } = connections;
    drop((listener, unheard));
    clock.within(FIRST_REQUEST_GRACE, all_heard.recv()).await;
    Remaining { connections: open, clock }
}

/// What all connections share.
struct Connections<A> {
    api: Arc<A>,
    clock: Arc<dyn Clock>,
    http: http1::Builder,
    open: GracefulShutdown,
    /// Nothing is sent. Each connection holds a sender until its first request.
    unheard: mpsc::Sender<Infallible>,
    silent: Arc<SilentConnections>,
    memory: Arc<FreedMemory>,
}

impl<A: Answers> Connections<A> {
    /// Returns also what ends when there are no `unheard` senders any more.
    fn new(api: Arc<A>, clock: Arc<dyn Clock>) -> (Self, mpsc::Receiver<Infallible>) {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(HEAD_LIMIT).half_close(false);
        let (unheard, all_heard) = mpsc::channel(1);
        let silent = SilentConnections::new(Arc::clone(&clock));
        let memory = Arc::new(FreedMemory::default());
        tokio::spawn(Arc::clone(&memory).give_back(Arc::clone(&clock)));
        (Self { api, clock, http, open: GracefulShutdown::new(), unheard, silent, memory }, all_heard)
    }

    /// Serves one connection on a task of its own.
    fn begin(&self, stream: UnixStream, permit: OwnedSemaphorePermit) {
        let api = Arc::clone(&self.api);
        let caller = Caller::of(&stream);
        let unheard = Mutex::new(Some(self.unheard.clone()));
        let place = Place::new(permit);
        let of_connection = Arc::clone(&place);
        let activity = Arc::new(Activity::new(&self.silent));
        let of_requests = Arc::clone(&activity);
        let service = service_fn(move |mut request| {
            lock(&unheard).take();
            let (api, activity, caller) = (Arc::clone(&api), Arc::clone(&of_requests), caller.clone());
            let place = Arc::clone(&of_connection);
            async move {
                activity.request_arrived();
                // A client whose body is awaited is silent again.
                request.extensions_mut().insert(Arc::clone(&activity));
                request.extensions_mut().insert(caller);
                request.extensions_mut().insert(place);
                let answer = api.answer(request).await;
                // A client that watches has nothing to send.
                if matches!(answer.body(), Body::Whole(_)) {
                    activity.wait_for_client();
                }
                Ok::<_, Infallible>(answer)
            }
        });
        let stream = TokioIo::new(Connection::new(stream, Arc::clone(&self.clock)));
        let connection = self.open.watch(self.http.serve_connection(stream, service));
        let memory = Arc::clone(&self.memory);
        memory.connection_began();
        tokio::spawn(async move {
            tokio::select! {
                ended = connection => if let Err(error) = ended {
                    tracing::debug!(%error, "a connection broke");
                },
                () = activity.cut_off() => tracing::debug!("a silent connection was cut off, as there are too many"),
            }
            place.leave();
            memory.connection_ended();
        });
    }
}

struct ConnectionLimit {
    free: Arc<Semaphore>,
    limit: usize,
    answer: Vec<u8>,
    /// The number of connections that were refused since the last admitted one.
    refused: u64,
}

impl ConnectionLimit {
    fn new(limit: usize) -> Self {
        let detail = format!(
            "ssoctld serves {limit} connections at once, and all are in use; end some of the programs that wait"
        );
        let answer = reply::raw(&Problem::new(ErrorCode::TooManyConnections, detail));
        Self { free: Arc::new(Semaphore::new(limit)), limit, answer, refused: 0 }
    }

    /// A refused client gets its answer before it has sent a request: there may be thousands of them.
    fn admit(&mut self, stream: &UnixStream) -> Option<OwnedSemaphorePermit> {
        let permit = Arc::clone(&self.free).try_acquire_owned().ok();
        if permit.is_none() {
            if self.refused == 0 {
                tracing::warn!(limit = self.limit, "connections are refused, as all places are taken");
            }
            self.refused += 1;
            // The buffer of a new socket is empty and takes the whole answer.
            let _ = stream.try_write(&self.answer);
        } else if self.refused > 0 {
            tracing::info!(refused = std::mem::take(&mut self.refused), "connections are accepted again");
        }
        permit
    }
}
