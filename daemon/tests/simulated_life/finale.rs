//! The end of a life, in which all comes right.

use std::time::Duration;

use ssoctld::notice::Presence;
use ssoctld::session::event::Event;

use super::chance::Day;
use super::checks::{HEALING, Verdict};
use super::life::Life;
use super::people::Choice;
use super::telling::trace;
use super::wants::Want;
use super::weather::Weather;
use super::world::{MINUTE, StoreMood};

impl Life {
    /// All that was wrong comes right. The session heals within a backoff, and whoever asks gets a token.
    pub(super) fn finale(&mut self) -> Verdict {
        self.day = Day::Over;
        trace!(self, "all is well from here on");
        self.world.weather = Weather::Fair;
        self.set_store(StoreMood::Prompt);
        if self.is_asleep {
            self.wake_up()?;
        }
        self.presence = Presence::Present;
        self.checks.presence_changed(Presence::Present);
        self.step(Event::PresenceChanged(Presence::Present))?;
        let mut until = self.world.elapsed();
        // A flow that is open already may have too little of its life left for a person.
        while self.state.is_none() || self.stopping || self.world.healthy_for() < HEALING || self.checks.has_open_flow()
        {
            until += MINUTE;
            while self.world.elapsed() < until {
                self.next(until)?;
            }
        }
        self.step(Event::Tick)?;
        let id = self.ask(Want::Token { min_valid: Duration::ZERO, wait: 15 * MINUTE })?;
        let deadline = self.world.elapsed() + 16 * MINUTE;
        while self.world.elapsed() < deadline && self.checks.is_waiting(id) {
            for pending in self.world.service.pending() {
                // It is pending, so somebody can approve it.
                let _ = self.world.service.approve(&pending.user_code);
            }
            let page = self.listener.as_ref().filter(|listener| !listener.has_answered).map(|it| it.page.clone());
            if let Some(page) = page.filter(|_| self.has_code) {
                self.visit(&page, Choice::Approve)?;
            }
            self.next(deadline)?;
        }
        match &self.token {
            Some(token) if token.is_live(self.boot()) => Ok(()),
            _ => Err("with everything well and a person at hand, there is no token in the end".to_owned()),
        }
    }
}
