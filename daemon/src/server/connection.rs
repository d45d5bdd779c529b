//! Connections: who may open one, and what one may cost.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use ssoctl_protocol::{ErrorCode, Problem};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc};

use super::descriptors;
use super::foreign::Foreigners;
use super::freed_memory::OpenConnections;
use super::handlers::Api;
use super::reply;
use super::silent::{Silent, Turn};
use super::unread::Connection;
use crate::clock::Clock;

/// How long a client may take to send the head of a request; also how long an idle connection is kept.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// The largest head of a request, in bytes.
const HEAD_LIMIT: usize = 16 << 10;

/// How long a client that has just connected may take to ask, once the daemon stops.
const FIRST_REQUEST_GRACE: Duration = Duration::from_millis(250);

/// How long open connections may take to end once the daemon stops.
const GRACE: Duration = Duration::from_secs(2);

/// How long accepting pauses after it failed, which it does when descriptors run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Connections that are still open after the last one was accepted.
#[must_use = "connections are cut off unless their end is waited for"]
pub struct Remaining {
    connections: GracefulShutdown,
    clock: Arc<dyn Clock>,
}

impl Remaining {
    /// Lets everybody finish. Callers that wait are answered by their sessions, which have to be stopped before or
    /// meanwhile.
    pub async fn end(self) {
        tokio::select! {
            () = self.connections.shutdown() => {}
            () = self.clock.sleep_until(self.clock.now().boot + GRACE) => tracing::debug!("connections were cut off"),
        }
    }
}

/// Serves the API on this socket, and on whichever comes in its place, until `shutdown` ends. By its own end no more connections are accepted, and whoever was
/// accepted has had the time to ask, so that nobody is turned away while the next daemon waits for the socket.
pub async fn serve(
    mut listener: UnixListener,
    mut successors: mpsc::Receiver<UnixListener>,
    api: Arc<Api>,
    clock: Arc<dyn Clock>,
    shutdown: impl Future<Output = ()>,
) -> Remaining {
    let mut foreigners = Foreigners::new(rustix::process::geteuid().as_raw(), Arc::clone(&clock));
    let connections = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(HEAD_LIMIT).half_close(false);
    // Never sent on. Each connection holds a sender until its first request.
    let (unheard, mut all_heard) = mpsc::channel::<Infallible>(1);
    tokio::pin!(shutdown);
    let limit = descriptors::connections();
    let free = Arc::new(Semaphore::new(limit));
    let mut crowd = Crowd::new(limit);
    let silent = Silent::new(Arc::clone(&clock));
    let open = Arc::new(OpenConnections::default());
    tokio::spawn(Arc::clone(&open).give_back(Arc::clone(&clock)));
    let mut accepted_so_far = 0;
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
        let Some(stream) = foreigners.sort_out(stream) else { continue };
        let Ok(place) = Arc::clone(&free).try_acquire_owned() else {
            crowd.refuse(&stream);
            continue;
        };
        crowd.admitted();
        let api = Arc::clone(&api);
        let unheard = Mutex::new(Some(unheard.clone()));
        accepted_so_far += 1;
        let turn = Arc::new(Turn::new(&silent, accepted_so_far));
        let takes_turn = Arc::clone(&turn);
        let service = service_fn(move |mut request| {
            unheard.lock().unwrap_or_else(PoisonError::into_inner).take();
            let (api, turn) = (Arc::clone(&api), Arc::clone(&takes_turn));
            async move {
                turn.asks();
                // Whoever waits for a body is silent once more.
                request.extensions_mut().insert(Arc::clone(&turn));
                let answer = api.answer(request).await;
                turn.is_silent();
                Ok::<_, Infallible>(answer)
            }
        });
        let stream = TokioIo::new(Connection::new(stream, Arc::clone(&clock)));
        let connection = connections.watch(http.serve_connection(stream, service));
        let counted = open.one_more();
        tokio::spawn(async move {
            let _place = (place, counted);
            tokio::select! {
                // Clients come and go as they like; what they broke concerns nobody else.
                ended = connection => if let Err(error) = ended {
                    tracing::debug!(%error, "a connection broke");
                },
                () = turn.cut() => tracing::debug!("a silent connection was cut off, as there are too many"),
            }
        });
    }
    drop((listener, unheard));
    tokio::select! {
        _ = all_heard.recv() => {}
        () = clock.sleep_until(clock.now().boot + FIRST_REQUEST_GRACE) => {}
    }
    Remaining { connections, clock }
}

/// What happens to those who come when every place is taken.
struct Crowd {
    answer: Vec<u8>,
    limit: usize,
    /// How many were turned away since the last one who got in.
    refused: u64,
}

impl Crowd {
    fn new(limit: usize) -> Self {
        let problem = Problem::new(
            ErrorCode::TooManyConnections,
            format!(
                "ssoctld serves {limit} connections at once, and all are in use; end some of the programs that wait"
            ),
        );
        Self { answer: reply::raw(&problem), limit, refused: 0 }
    }

    /// Tells why, without waiting for a request: whoever refuses thousands cannot listen to each.
    fn refuse(&mut self, stream: &UnixStream) {
        if self.refused == 0 {
            tracing::warn!(limit = self.limit, "connections are refused, as all places are taken");
        }
        self.refused += 1;
        // An empty socket's buffer takes it at once; otherwise there is nothing more to be done for this client.
        let _ = stream.try_write(&self.answer);
    }

    fn admitted(&mut self) {
        if self.refused > 0 {
            tracing::info!(refused = std::mem::take(&mut self.refused), "connections are accepted again");
        }
    }
}
