//! The way back to a caller.

use tokio::sync::oneshot;

/// The way back to one caller. An answer is given once.
#[derive(Debug)]
pub struct Reply<A>(Option<oneshot::Sender<A>>);

/// Answers that are given and not yet sent. They are sent once readers see what led to them.
#[derive(Default)]
pub struct Answers(Vec<Box<dyn FnOnce() + Send>>);

impl<A> From<oneshot::Sender<A>> for Reply<A> {
    fn from(sender: oneshot::Sender<A>) -> Self {
        Self(Some(sender))
    }
}

impl<A: Send + 'static> Reply<A> {
    pub(super) fn give(&mut self, answer: A, answers: &mut Answers) {
        if let Some(sender) = self.0.take() {
            answers.0.push(Box::new(move || {
                // A caller that has left in this moment needs no answer.
                let _ = sender.send(answer);
            }));
        }
    }

    /// Whether it was answered, or waits no longer.
    pub(super) fn is_over(&self) -> bool {
        self.0.as_ref().is_none_or(oneshot::Sender::is_closed)
    }
}

impl Answers {
    /// Sends them to those who wait.
    pub fn send(self) {
        self.0.into_iter().for_each(|send| send());
    }
}
