//! Asking a task and waiting for its answer. The task is told when a caller stops waiting.

use tokio::sync::{mpsc, oneshot};

/// Sends the request that `asked` builds and waits for its answer; `None` if the task has ended. If the caller stops waiting,
/// `left` is sent.
pub(crate) async fn ask<M, A>(
    messages: &mpsc::UnboundedSender<M>,
    asked: impl FnOnce(oneshot::Sender<A>) -> M,
    left: M,
) -> Option<A> {
    let (reply, answer) = oneshot::channel();
    let mut presence = Presence { messages, left: Some(left) };
    // If the task is gone, so is the other end of `reply`.
    let _ = messages.send(asked(reply));
    let answer = answer.await.ok();
    presence.left = None;
    answer
}

/// A caller that waits. Its end tells the task that nobody waits any more.
struct Presence<'a, M> {
    messages: &'a mpsc::UnboundedSender<M>,
    left: Option<M>,
}

impl<M> Drop for Presence<'_, M> {
    fn drop(&mut self) {
        if let Some(left) = self.left.take() {
            let _ = self.messages.send(left);
        }
    }
}
