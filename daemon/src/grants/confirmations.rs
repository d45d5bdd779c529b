//! The questions of one grant that are on the screen.

use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::sync::OnceCell;

use super::grant::Reach;
use crate::clock::BootTime;
use crate::desktop::{Consent, Question};
use crate::waiting::lock;

/// The largest number of questions of one grant at the same time: a program could fill the screen with them.
const MOST: usize = 4;

/// The pause after a question that was answered with no, or by nobody. It doubles with each such question.
const FIRST_PAUSE: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// Equal questions of one process are asked once, and all who ask meanwhile get the answer.
#[derive(Default)]
pub(super) struct Confirmations(Mutex<State>);

#[derive(Default)]
struct State {
    open: Vec<(Question, Weak<OnceCell<Consent>>)>,
    /// The number of questions in a row that were not allowed, and until when nothing more is asked.
    refused: u32,
    quiet_until: Option<BootTime>,
}

impl Confirmations {
    pub(super) async fn ask(&self, question: Question, reach: &Reach) -> Consent {
        let answer = match self.place(&question, reach.clock.now().boot) {
            Ok(answer) => answer,
            Err(why) => return Consent::Unasked(why.to_owned()),
        };
        // If the caller leaves that has asked, the next one that waits for the answer asks anew.
        let asking = async {
            let consent = reach.desktop.ask(question).await;
            self.note(&consent, reach.clock.now().boot);
            consent
        };
        answer.get_or_init(|| asking).await.clone()
    }

    /// The place of the answer to a question, or why it is not asked.
    fn place(&self, question: &Question, now: BootTime) -> Result<Arc<OnceCell<Consent>>, &'static str> {
        let mut state = lock(&self.0);
        state.open.retain(|(_, answer)| answer.strong_count() > 0);
        let is_same = |(asked, _): &&(Question, _)| asked == question && question.who.pid.is_some();
        let joined = state.open.iter().find(is_same).and_then(|(_, answer)| answer.upgrade());
        // An answer that was given already is not one to this question.
        if let Some(answer) = joined.filter(|answer| !answer.initialized()) {
            return Ok(answer);
        }
        if state.quiet_until.is_some_and(|until| now < until) {
            return Err("the last question was not allowed, and the next one has to wait a little");
        }
        if state.open.len() >= MOST {
            return Err("too many questions are on the screen already");
        }
        let answer = Arc::new(OnceCell::new());
        state.open.push((question.clone(), Arc::downgrade(&answer)));
        Ok(answer)
    }

    /// A program that asks again and again is not asked about again and again.
    fn note(&self, consent: &Consent, now: BootTime) {
        let mut state = lock(&self.0);
        match consent {
            Consent::Allowed => (state.refused, state.quiet_until) = (0, None),
            Consent::Denied | Consent::Silent => {
                let pause = FIRST_PAUSE.saturating_mul(1 << state.refused.min(10)).min(LONGEST_PAUSE);
                state.refused += 1;
                state.quiet_until = Some(now + pause);
            }
            Consent::Unasked(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Fixture, fixture};
    use super::*;
    use crate::caller::Who;
    use crate::desktop::About;

    fn question(pid: Option<u32>) -> Question {
        let who = Who { pid, program: Some("terraform".to_owned()), grant: Some("ci".to_owned()) };
        Question { who, about: About::Credentials { role: "ReadOnly".to_owned() } }
    }

    #[tokio::test]
    async fn one_process_is_asked_about_once_at_a_time_and_each_time_anew() {
        let Fixture { reach, mut asked, clock, .. } = fixture();
        let confirmations = Confirmations::default();
        for consent in [Consent::Allowed, Consent::Denied] {
            let person_answers = async {
                asked.recv().await.expect("a question").1.send(consent.clone()).expect("somebody waits");
            };
            let ask = || confirmations.ask(question(Some(7)), &reach);
            let (first, second, ()) = tokio::join!(ask(), ask(), person_answers);
            assert_eq!((&first, &second), (&consent, &consent));
            assert!(asked.try_recv().is_err(), "it was asked once");
            clock.advance(FIRST_PAUSE);
        }
    }

    #[tokio::test]
    async fn other_processes_and_unknown_ones_have_questions_of_their_own_up_to_a_limit() {
        let Fixture { reach, mut asked, clock, .. } = fixture();
        let confirmations = Confirmations::default();
        let ask = |pid| confirmations.ask(question(pid), &reach);
        let all = async { tokio::join!(ask(Some(1)), ask(Some(2)), ask(None), ask(None), ask(Some(3))) };
        let answers = async {
            for _ in 0..MOST {
                asked.recv().await.expect("a question").1.send(Consent::Allowed).expect("somebody waits");
            }
        };
        let ((one, two, three, four, five), ()) = tokio::join!(all, answers);
        assert!([one, two, three, four].iter().all(|consent| *consent == Consent::Allowed));
        assert!(matches!(five, Consent::Unasked(why) if why.contains("too many")));
        // There is room again.
        let (again, ()) = tokio::join!(ask(Some(3)), async {
            asked.recv().await.expect("a question").1.send(Consent::Silent).expect("somebody waits");
        });
        assert_eq!(again, Consent::Silent);
        for pause in [FIRST_PAUSE, 2 * FIRST_PAUSE] {
            let refused = ask(Some(3)).await;
            assert!(matches!(refused, Consent::Unasked(why) if why.contains("has to wait")), "nobody was asked");
            clock.advance(pause);
            let (again, ()) = tokio::join!(ask(Some(3)), async {
                asked.recv().await.expect("a question").1.send(Consent::Denied).expect("somebody waits");
            });
            assert_eq!(again, Consent::Denied);
        }
    }

    #[tokio::test]
    async fn a_caller_that_leaves_does_not_take_the_question_of_others_with_it() {
        let Fixture { reach, mut asked, .. } = fixture();
        let confirmations = Confirmations::default();
        let mut first = Box::pin(confirmations.ask(question(Some(7)), &reach));
        assert!(polled_once(&mut first).await.is_none());
        let second = confirmations.ask(question(Some(7)), &reach);
        let answers = async {
            drop(first);
            // The first question is the one of the caller that has left.
            asked.recv().await.expect("a question");
            asked.recv().await.expect("a question").1.send(Consent::Allowed).expect("somebody waits");
        };
        assert_eq!(tokio::join!(second, answers).0, Consent::Allowed);
    }

    /// What a future gives when it is polled once.
    async fn polled_once<T>(future: &mut (impl Future<Output = T> + Unpin)) -> Option<T> {
        tokio::select! {
            biased;
            done = future => Some(done),
            () = std::future::ready(()) => None,
        }
    }
}
