//! The lines for one watcher, as they come. Nothing is kept for it but its position, so a watcher that does not read costs nothing.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame};
use ssoctl_protocol::EventKind;
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::Subscription;
use super::follower::{Stage, Stream};
use super::log::Position;
use crate::clock::Clock;
use crate::waiting::{lock, or_never};

pub(super) struct Watcher {
    stream: Arc<Stream>,
    news: watch::Receiver<Stage>,
    at: Position,
    subscription: Subscription,
    clock: Arc<dyn Clock>,
    has_ended: bool,
}

impl Watcher {
    pub(super) fn new(stream: Arc<Stream>, subscription: Subscription, clock: Arc<dyn Clock>) -> Self {
        let (news, at) = (stream.book.news(), lock(&stream.book.log).beginning());
        Self { stream, news, at, subscription, clock, has_ended: false }
    }

    /// The next line that is there; `None`: it has to be waited for.
    fn ready(&mut self, stage: Stage) -> Option<Bytes> {
        let log = lock(&self.stream.book.log);
        if stage == Stage::Stopping {
            self.has_ended = true;
            return Some(log.remark(EventKind::Stopping));
        }
        log.next(&mut self.at, |subject| self.subscription.includes(subject))
    }

    /// Waits for the next line; `None`: there is no further one.
    async fn next(&mut self) -> Option<Bytes> {
        let mut silence =
            self.subscription.heartbeat.map(|longest| self.clock.sleep_until(self.clock.now().boot + longest));
        loop {
            let stage = *self.news.borrow_and_update();
            if self.has_ended || stage == Stage::Closed {
                return None;
            }
            if let Some(line) = self.ready(stage) {
                return Some(line);
            }
            tokio::select! {
                changed = self.news.changed() => changed.ok()?,
                () = or_never(silence.as_mut()) => {
                    return Some(lock(&self.stream.book.log).remark(EventKind::Alive));
                }
            }
        }
    }

    /// Waits for the next line, and returns what waits for the one after it.
    async fn step(mut self) -> Option<(Bytes, Self)> {
        let line = self.next().await?;
        Some((line, self))
    }
}

type Step = Pin<Box<dyn Future<Output = Option<(Bytes, Watcher)>> + Send>>;

/// The lines as the body of an answer. A line is made when the connection has room for it.
pub(in crate::server) struct Lines {
    /// `None` after the last line.
    step: Option<Step>,
    _place: OwnedSemaphorePermit,
}

impl Lines {
    pub(super) fn of(watcher: Watcher, place: OwnedSemaphorePermit) -> Self {
        Self { step: Some(Box::pin(watcher.step())), _place: place }
    }
}

impl Body for Lines {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let Some(step) = &mut self.step else { return Poll::Ready(None) };
        let Poll::Ready(next) = step.as_mut().poll(cx) else { return Poll::Pending };
        let (line, step) = next.map(|(line, watcher)| (line, Box::pin(watcher.step()) as Step)).unzip();
        self.step = step;
        Poll::Ready(line.map(|line| Ok(Frame::data(line))))
    }
}
