//! The context that the parts of a session share: the time, the terms, chance, the store's side, and the effects of the event in hand.

use super::event::Effect;
use super::reply::Answers;
use super::store_schedule::StoreSchedule;
use super::{SignInEpoch, Terms, Trouble};
use crate::clock::{BootTime, Now};
use crate::oidc::ServiceClock;

pub(super) struct Context {
    /// When the event in hand happened.
    pub(super) now: Now,
    pub(super) terms: Terms,
    pub(super) chance: fastrand::Rng,
    /// Of the newest sign-in.
    pub(super) epoch: SignInEpoch,
    pub(super) service_clock: ServiceClock,
    pub(super) store: StoreSchedule,
    /// The last thing that went wrong, until something goes well.
    pub(super) trouble: Option<Trouble>,
    pub(super) stopping: bool,
    pub(super) effects: Vec<Effect>,
    pub(super) answers: Answers,
}

impl Context {
    pub(super) fn new(terms: Terms, seed: u64) -> Self {
        Self {
            now: Now { boot: BootTime::default(), wall: std::time::SystemTime::UNIX_EPOCH },
            terms,
            chance: fastrand::Rng::with_seed(seed),
            epoch: SignInEpoch::default(),
            service_clock: ServiceClock::default(),
            store: StoreSchedule::new(),
            trouble: None,
            stopping: false,
            effects: Vec::new(),
            answers: Answers::default(),
        }
    }

    /// The session's name, for the log.
    pub(super) fn name(&self) -> &str {
        &self.terms.name
    }
}
