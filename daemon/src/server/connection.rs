//! Connections: who may open one, and what one may cost.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{UnixListener, UnixStream};

use super::handlers::Api;
use crate::clock::Clock;

/// How long a client may take to send the head of a request; also how long an idle connection is kept.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// The largest head of a request, in bytes.
const HEAD_LIMIT: usize = 16 << 10;

/// How long open connections may take to end once the daemon stops.
const GRACE: Duration = Duration::from_secs(2);

/// How long accepting pauses after it failed, which it does when descriptors run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves the API on this socket until `shutdown` ends. Callers that wait are answered by their sessions, which have to
/// be stopped before or meanwhile.
pub async fn serve(listener: UnixListener, api: Arc<Api>, clock: Arc<dyn Clock>, shutdown: impl Future<Output = ()>) {
    let uid = rustix::process::geteuid().as_raw();
    let connections = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(HEAD_LIMIT).half_close(false);
    tokio::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
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
        if !is_owner(&stream, uid) {
            continue;
        }
        let api = Arc::clone(&api);
        let service = service_fn(move |request| {
            let api = Arc::clone(&api);
            async move { Ok::<_, Infallible>(api.answer(request).await) }
        });
        let connection = connections.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            // Clients come and go as they like; what they broke concerns nobody else.
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection broke");
            }
        });
    }
    drop(listener);
    tokio::select! {
        () = connections.shutdown() => {}
        () = clock.sleep_until(clock.now().boot + GRACE) => tracing::debug!("connections were cut off"),
    }
}

/// The socket's mode keeps others out already; this holds where somebody has loosened it.
fn is_owner(stream: &UnixStream, uid: u32) -> bool {
    match stream.peer_cred() {
        Ok(peer) if peer.uid() == uid => true,
        Ok(peer) => {
            tracing::warn!(peer_uid = peer.uid(), peer_pid = peer.pid(), "a connection of another user was refused");
            false
        }
        Err(error) => {
            tracing::warn!(%error, "a connection whose user cannot be told was refused");
            false
        }
    }
}
