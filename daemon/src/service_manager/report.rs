//! Reports the daemon's state to the service manager (sd_notify(3)).
//!
//! Without a manager nothing is sent, and the daemon also runs if the manager cannot be reached.

use std::time::Duration;

use sd_notify::NotifyState;

use crate::clock::{Clock, Sleep};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reports {
    /// Whether `NOTIFY_SOCKET` names a socket.
    is_listened_to: bool,
    /// The manager restarts a daemon that gives no sign of life for this long.
    watchdog: Option<Duration>,
}

impl Reports {
    /// As the environment of this process says.
    pub fn from_process() -> Self {
        if crate::variable("NOTIFY_SOCKET").is_none() {
            return Self::disabled();
        }
        Self { is_listened_to: true, watchdog: sd_notify::watchdog_enabled().filter(|limit| !limit.is_zero()) }
    }

    /// For a daemon without a manager.
    pub const fn disabled() -> Self {
        Self { is_listened_to: false, watchdog: None }
    }

    /// The daemon serves this many sessions. Also ends a reload.
    pub fn ready(self, sessions: usize) {
        self.send(&[NotifyState::Ready, NotifyState::Status(&serving(sessions))]);
    }

    /// The configuration changed by itself.
    pub fn serving(self, sessions: usize) {
        self.send(&[NotifyState::Status(&serving(sessions))]);
    }

    /// The configuration is being read again because the manager asked for it; [`ready`](Self::ready) ends it.
    pub fn reloading(self) {
        // `Type=notify-reload` asks for the time; older managers ignore it.
        match NotifyState::monotonic_usec_now() {
            Ok(now) => self.send(&[NotifyState::Reloading, now]),
            Err(_) => self.send(&[NotifyState::Reloading]),
        }
    }

    /// Reports the reason why the start takes a while.
    pub fn waiting(self, why: &str) {
        self.send(&[NotifyState::Status(why)]);
    }

    pub fn stopping(self) {
        self.send(&[NotifyState::Stopping, NotifyState::Status("stopping")]);
    }

    pub(crate) fn alive(self) {
        self.send(&[NotifyState::Watchdog]);
    }

    /// Ends when a sign of life is due, half way to the manager's limit. Never ends if the manager wants none, so that an idle
    /// daemon does not wake up.
    pub(crate) fn until_due(self, clock: &dyn Clock) -> Sleep {
        match self.watchdog {
            Some(limit) => clock.sleep_until(clock.now().boot + limit / 2),
            None => Box::pin(std::future::pending()),
        }
    }

    fn send(self, states: &[NotifyState<'_>]) {
        if self.is_listened_to
            && let Err(error) = sd_notify::notify(states)
        {
            tracing::debug!(%error, "the service manager cannot be reached");
        }
    }
}

fn serving(sessions: usize) -> String {
    match sessions {
        0 => "No sessions are configured".to_owned(),
        1 => "Serving 1 session".to_owned(),
        number => format!("Serving {number} sessions"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use std::time::SystemTime;

    #[tokio::test]
    async fn a_sign_of_life_is_due_half_way_to_the_limit() {
        let clock = ManualClock::at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_435_200));
        let reports = Reports { is_listened_to: false, watchdog: Some(Duration::from_secs(60)) };
        let due = tokio::spawn(reports.until_due(&clock));
        clock.advance(Duration::from_secs(29));
        tokio::task::yield_now().await;
        assert!(!due.is_finished());
        clock.advance(Duration::from_secs(1));
        due.await.unwrap();
    }

    #[test]
    fn the_status_counts_sessions() {
        assert_eq!(
            [serving(0), serving(1), serving(2)].map(|text| text.replace(|c: char| !c.is_ascii_digit(), "")),
            ["", "1", "2"]
        );
    }
}
