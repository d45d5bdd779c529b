//! Asks the person whether a program may have what it asks for, by a notice with two buttons.

use std::time::Duration;

use tokio::sync::oneshot;

use super::notices::{on_thread, server};
use super::text::{self, Buttons};
use crate::caller::Who;
use crate::clock::Clock;

/// The longest time for an answer. No answer means no.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the person is asked.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Question {
    /// The program, and the grant over which it asks.
    pub who: Who,
    pub about: About,
}

/// What a program asks for.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum About {
    /// Credentials of this role, in words.
    Credentials { role: String },
    /// That the person signs in to this session. The code is to be compared, if there is one.
    SignIn { session: String, code: Option<String> },
}

/// The person's answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Consent {
    Allowed,
    Denied,
    /// The person did not answer.
    Silent,
    /// The person could not be asked. The text says why.
    Unasked(String),
}

/// The buttons, by their places. A click on the notice itself means the first, so that is the one that does no harm.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Choice {
    Deny,
    Allow,
}

/// Shows the question, and takes it back when it is answered, or nobody waits for the answer any more.
pub(super) async fn ask(question: &Question, clock: &dyn Clock) -> Consent {
    clock.within(PATIENCE, answer(question)).await.unwrap_or(Consent::Silent)
}

async fn answer(question: &Question) -> Consent {
    let written = text::write_question(question);
    let labels = written.actions.clone();
    let (done, outcome) = oneshot::channel();
    let show = move || {
        // Where nobody waits any more, it is taken back at once.
        if let Err(Ok((shown, _))) = done.send(server::show(&written, None)) {
            server::close(shown);
        }
    };
    if let Err(error) = on_thread(show) {
        return Consent::Unasked(error.to_string());
    }
    let (shown, buttons) = match outcome.await {
        Ok(Ok((shown, buttons))) => (OnScreen(Some(shown)), buttons),
        Ok(Err(error)) => return Consent::Unasked(format!("no notice can be shown: {error}")),
        Err(_) => return Consent::Unasked("no notice can be shown".to_owned()),
    };
    if buttons == Buttons::Missing {
        return Consent::Unasked("the desktop's notices have no buttons".to_owned());
    }
    let Some(handle) = &shown.0 else { return Consent::Silent };
    let used = server::response(handle).await;
    match used.and_then(|index| labels.get(index)) {
        Some((Choice::Allow, _)) => Consent::Allowed,
        Some((Choice::Deny, _)) => Consent::Denied,
        None => Consent::Silent,
    }
}

/// A question on the screen, which goes when this is dropped.
struct OnScreen(Option<server::Shown>);

impl Drop for OnScreen {
    fn drop(&mut self) {
        if let Some(shown) = self.0.take() {
            // Without a thread it stays until the person closes it, and leads nowhere.
            let _ = on_thread(move || server::close(shown));
        }
    }
}
