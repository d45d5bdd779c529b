//! Breaks connections whose client does not read.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;

use crate::clock::{Clock, Sleep};

/// The longest time that a client may leave an answer unread. Answers fit into the kernel's buffer, so only a client that sends
/// request after request without reading ever fills it, and a watcher that does not read its lines.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection to a client. Writing fails with `TimedOut` if the client has read nothing for ten seconds.
pub(super) struct Connection {
    stream: UnixStream,
    clock: Arc<dyn Clock>,
    /// Set while a write waits.
    deadline: Option<Sleep>,
}

impl Connection {
    pub(super) fn new(stream: UnixStream, clock: Arc<dyn Clock>) -> Self {
        Self { stream, clock, deadline: None }
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

/// Without vectored writes: hyper then copies head and body, a few hundred bytes, into one buffer.
impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Self { stream, clock, deadline } = &mut *self;
        let written = Pin::new(stream).poll_write(cx, bytes);
        if written.is_ready() {
            *deadline = None;
            return written;
        }
        let deadline = deadline.get_or_insert_with(|| clock.sleep_until(clock.now().boot + PATIENCE));
        deadline.as_mut().poll(cx).map(|()| Err(ErrorKind::TimedOut.into()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
