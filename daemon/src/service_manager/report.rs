//! What the service manager is told (sd_notify(3)).
//!
//! A manager that does not listen is told nothing, and one that cannot be reached is no reason to stop.

use std::time::Duration;

use sd_notify::NotifyState;

use crate::clock::{Clock, Sleep};

/// The manager's ear.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reports {
    listener: Listener,
    /// How long the manager waits for a sign of life before it takes the daemon for hung.
    watchdog: Option<Duration>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Listener {
    Nobody,
    /// The socket named by `NOTIFY_SOCKET`.
    Systemd,
}

impl Reports {
    /// As this process's environment says.
    pub fn from_process() -> Self {
        if std::env::var_os("NOTIFY_SOCKET").is_none() {
            return Self::to_nobody();
        }
        Self { listener: Listener::Systemd, watchdog: sd_notify::watchdog_enabled().filter(|limit| !limit.is_zero()) }
    }

    /// For a daemon without a manager.
    pub const fn to_nobody() -> Self {
        Self { listener: Listener::Nobody, watchdog: None }
    }

    /// The socket answers, for this many sessions. Also the end of a reload.
    pub fn ready(self, sessions: usize) {
        self.tell(&[NotifyState::Ready, NotifyState::Status(&serving(sessions))]);
    }

    /// The configuration changed by itself.
    pub fn serving(self, sessions: usize) {
        self.tell(&[NotifyState::Status(&serving(sessions))]);
    }

    /// The configuration is being read again because the manager asked for it; [`ready`](Self::ready) ends it.
    pub fn reloading(self) {
        // The time is what `Type=notify-reload` asks for; older managers ignore it.
        match NotifyState::monotonic_usec_now() {
            Ok(now) => self.tell(&[NotifyState::Reloading, now]),
            Err(_) => self.tell(&[NotifyState::Reloading]),
        }
    }

    /// The start takes a while, and why.
    pub fn waiting(self, why: &str) {
        self.tell(&[NotifyState::Status(why)]);
    }

    /// The end has begun.
    pub fn stopping(self) {
        self.tell(&[NotifyState::Stopping, NotifyState::Status("stopping")]);
    }

    /// A sign of life.
    pub(crate) fn alive(self) {
        self.tell(&[NotifyState::Watchdog]);
    }

    /// Ends when a sign of life is due, half way to the manager's limit; never if nobody waits for one, so that an idle
    /// daemon is not woken.
    pub(crate) fn until_due(self, clock: &dyn Clock) -> Sleep {
        match self.watchdog {
            Some(limit) => clock.sleep_until(clock.now().boot + limit / 2),
            None => Box::pin(std::future::pending()),
        }
    }

    fn tell(self, words: &[NotifyState<'_>]) {
        if self.listener == Listener::Nobody {
            return;
        }
        if let Err(error) = sd_notify::notify(words) {
            tracing::debug!(%error, "the service manager cannot be told");
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
        let reports = Reports { listener: Listener::Nobody, watchdog: Some(Duration::from_secs(60)) };
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
