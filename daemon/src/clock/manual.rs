//! The clock of tests.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use tokio::sync::watch;

use super::sleepers::Sleepers;
use super::{BootTime, Clock, Now, Sleep};
use crate::waiting::lock;

/// A clock that stands still until a test moves it.
pub struct ManualClock {
    now: Mutex<Now>,
    sleepers: Arc<Sleepers>,
    /// The number of times that the wall clock was set.
    steps: watch::Sender<u64>,
}

impl ManualClock {
    /// A clock that shows `wall`, a day after boot.
    pub fn at(wall: SystemTime) -> Self {
        let boot = BootTime::from_boot(Duration::from_secs(86_400));
        Self { now: Mutex::new(Now { boot, wall }), sleepers: Arc::default(), steps: watch::Sender::default() }
    }

    /// Advances both clocks and wakes the sleepers that are due, as after a suspend.
    pub fn advance(&self, duration: Duration) {
        let boot = {
            let mut now = lock(&self.now);
            now.boot = now.boot + duration;
            now.wall += duration;
            now.boot
        };
        self.sleepers.wake(boot);
    }

    /// Sets the wall clock without letting time pass.
    pub fn step_wall(&self, wall: SystemTime) {
        lock(&self.now).wall = wall;
        self.steps.send_modify(|steps| *steps += 1);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Now {
        *lock(&self.now)
    }

    fn sleep_until(&self, time: BootTime) -> Sleep {
        if time <= self.now().boot {
            return Box::pin(std::future::ready(()));
        }
        self.sleepers.sleep(time)
    }

    fn sleep_until_shown(&self, time: SystemTime) -> Sleep {
        let mut steps = self.steps.subscribe();
        let shown = self.sleep_until(self.now().boot_at(time));
        Box::pin(async move {
            tokio::select! {
                () = shown => {}
                _ = steps.changed() => {}
            }
        })
    }
}
