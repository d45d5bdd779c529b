//! The questions of one grant that are on the screen.

use std::sync::{Arc, Mutex, Weak};

use tokio::sync::OnceCell;

use crate::desktop::{Consent, Desktop, Question};
use crate::waiting::lock;

/// The largest number of questions of one grant at the same time: a program could fill the screen with them.
const MOST: usize = 4;

/// Equal questions of one process are asked once, and all who ask meanwhile get the answer.
#[derive(Default)]
pub(super) struct Confirmations(Mutex<Vec<(Question, Weak<OnceCell<Consent>>)>>);

impl Confirmations {
    pub(super) async fn ask(&self, question: Question, desktop: &dyn Desktop) -> Consent {
        let Some(answer) = self.place(&question) else {
            return Consent::Unasked("too many questions are on the screen already".to_owned());
        };
        // If the caller leaves that has asked, the next one that waits for the answer asks anew.
        answer.get_or_init(|| desktop.ask(question)).await.clone()
    }

    /// The place of the answer to a question; `None` if there are too many questions.
    fn place(&self, question: &Question) -> Option<Arc<OnceCell<Consent>>> {
        let mut open = lock(&self.0);
        open.retain(|(_, answer)| answer.strong_count() > 0);
        let is_same = |(asked, _): &&(Question, _)| asked == question && question.who.pid.is_some();
        let joined = open.iter().find(is_same).and_then(|(_, answer)| answer.upgrade());
        // An answer that was given already is not one to this question.
        if let Some(answer) = joined.filter(|answer| !answer.initialized()) {
            return Some(answer);
        }
        if open.len() >= MOST {
            return None;
        }
        let answer = Arc::new(OnceCell::new());
        open.push((question.clone(), Arc::downgrade(&answer)));
        Some(answer)
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::{mpsc, oneshot};

    use super::*;
    use crate::caller::Who;
    use crate::clock::Now;
    use crate::config::SessionConfig;
    use crate::desktop::{About, Act, Asking};
    use crate::notice::Notice;

    /// A person who answers when the test says so.
    struct Person(mpsc::UnboundedSender<(Question, oneshot::Sender<Consent>)>);

    impl Desktop for Person {
        fn show(&self, _: &SessionConfig, _: &Notice, _: Option<&Who>, _: Now, _: Act) {}
        fn withdraw(&self, _: &SessionConfig) {}
        fn open(&self, _: &SessionConfig, _: &str) {}
        fn ask(&self, question: Question) -> Asking {
            let (answer, answered) = oneshot::channel();
            self.0.send((question, answer)).expect("the test listens");
            Box::pin(async { answered.await.expect("the person answers") })
        }
    }

    fn question(pid: Option<u32>) -> Question {
        let who = Who { pid, program: Some("terraform".to_owned()), grant: Some("ci".to_owned()) };
        Question { who, about: About::Credentials { role: "ReadOnly".to_owned() } }
    }

    #[tokio::test]
    async fn one_process_is_asked_about_once_at_a_time_and_each_time_anew() {
        let (person, mut asked) = mpsc::unbounded_channel();
        let (confirmations, person) = (Confirmations::default(), Person(person));
        for consent in [Consent::Allowed, Consent::Denied] {
            let person_answers = async {
                asked.recv().await.expect("a question").1.send(consent.clone()).expect("somebody waits");
            };
            let ask = || confirmations.ask(question(Some(7)), &person);
            let (first, second, ()) = tokio::join!(ask(), ask(), person_answers);
            assert_eq!((&first, &second), (&consent, &consent));
            assert!(asked.try_recv().is_err(), "it was asked once");
        }
    }

    #[tokio::test]
    async fn other_processes_and_unknown_ones_have_questions_of_their_own_up_to_a_limit() {
        let (person, mut asked) = mpsc::unbounded_channel();
        let (confirmations, person) = (Confirmations::default(), Person(person));
        let ask = |pid| confirmations.ask(question(pid), &person);
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
    }

    #[tokio::test]
    async fn a_caller_that_leaves_does_not_take_the_question_of_others_with_it() {
        let (person, mut asked) = mpsc::unbounded_channel();
        let (confirmations, person) = (Confirmations::default(), Person(person));
        let mut first = Box::pin(confirmations.ask(question(Some(7)), &person));
        assert!(polled_once(&mut first).await.is_none());
        let second = confirmations.ask(question(Some(7)), &person);
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
