//! The callers that wait for a session: who they are, since when, and what for. For people; nothing is decided by it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;

use crate::caller::Who;
use crate::clock::BootTime;
use crate::waiting::lock;

/// The largest number of callers that are shown.
const SHOWN: usize = 10;

/// What a caller waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wanted {
    Token,
    Credentials,
    /// The end of a sign-in.
    SignIn,
}

/// How long a caller may wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Patience {
    /// For the service, some seconds. Nobody is told when it comes and leaves.
    Short,
    /// For a person.
    Long,
}

impl Patience {
    pub(super) const fn of(wait: Duration) -> Self {
        if wait.is_zero() { Self::Short } else { Self::Long }
    }
}

/// A caller that waits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Waiting {
    pub who: Who,
    pub since: BootTime,
    pub wanted: Wanted,
}

/// All who wait. Clones share them.
#[derive(Clone, Default)]
pub(super) struct WaitingRoom(Arc<Room>);

#[derive(Default)]
struct Room {
    callers: Mutex<Callers>,
    changes: watch::Sender<()>,
}

#[derive(Default)]
struct Callers {
    /// How many have come.
    came: u64,
    /// Those who wait, by their numbers.
    waiting: BTreeMap<u64, (Waiting, Patience)>,
}

/// The place of one caller, which leaves when this is dropped.
pub(super) struct Place {
    room: WaitingRoom,
    number: u64,
    patience: Patience,
}

impl WaitingRoom {
    pub(super) fn enter(&self, who: Who, wanted: Wanted, since: BootTime, patience: Patience) -> Place {
        let waiting = Waiting { who, since, wanted };
        let number = {
            let mut callers = lock(&self.0.callers);
            callers.came += 1;
            let number = callers.came;
            callers.waiting.insert(number, (waiting, patience));
            number
        };
        self.tell(patience);
        Place { room: self.clone(), number, patience }
    }

    fn tell(&self, patience: Patience) {
        if patience == Patience::Long {
            self.0.changes.send_replace(());
        }
    }

    /// Those that have waited longest for a person, and the number of all who do.
    pub(super) fn look(&self) -> (Vec<Waiting>, usize) {
        let callers = lock(&self.0.callers);
        let mut waiting =
            callers.waiting.values().filter(|(_, patience)| *patience == Patience::Long).map(|(waiting, _)| waiting);
        let shown: Vec<Waiting> = waiting.by_ref().take(SHOWN).cloned().collect();
        let count = shown.len() + waiting.count();
        (shown, count)
    }

    /// Who has waited longest, for a person or for the service.
    pub(super) fn first(&self) -> Option<Who> {
        lock(&self.0.callers).waiting.values().next().map(|(waiting, _)| waiting.who.clone())
    }

    /// Tells that somebody who waits for a person came or left.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.0.changes.subscribe()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.room.0.callers).waiting.remove(&self.number);
        self.room.tell(self.patience);
    }
}
