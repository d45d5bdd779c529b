//! What the tests of grants share: a person who answers as the test says, and what a grant reaches.

use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::{mpsc, oneshot, watch};

use super::grant::Reach;
use crate::audit::Audit;
use crate::caller::Who;
use crate::clock::{ManualClock, Now};
use crate::config::SessionConfig;
use crate::desktop::{Act, Asking, Consent, Desktop, Question, Surroundings};
use crate::directory::Directory;
use crate::machine::MachineProblems;
use crate::notice::Notice;

/// A question, and where the answer goes.
pub(super) type Asked = (Question, oneshot::Sender<Consent>);

/// A person who answers when the test says so.
struct Person(mpsc::UnboundedSender<Asked>);

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

pub(super) struct Fixture {
    pub(super) reach: Reach,
    pub(super) asked: mpsc::UnboundedReceiver<Asked>,
    pub(super) clock: Arc<ManualClock>,
    /// Where the person is.
    pub(super) surroundings: watch::Sender<Surroundings>,
}

/// Nothing is configured, and the person is there.
pub(super) fn fixture() -> Fixture {
    let (person, asked) = mpsc::unbounded_channel();
    let clock = Arc::new(ManualClock::at(SystemTime::UNIX_EPOCH));
    let surroundings = watch::Sender::new(Surroundings::default());
    let reach = Reach {
        directory: watch::channel(Arc::new(Directory::empty())).1,
        clock: clock.clone(),
        desktop: Arc::new(Person(person)),
        surroundings: surroundings.subscribe(),
        audit: Audit::start(None, clock.clone(), MachineProblems::default()),
        save: None,
    };
    Fixture { reach, asked, clock, surroundings }
}
