//! Random events: weather, sleep, trouble with the store, crashes, other terms, days.

use std::time::Duration;

use identity_center_simulator::{Approval, RefreshTokens};
use ssoctld::config::{Notifications, SignInSetting};
use ssoctld::issuer::Issuer;
use ssoctld::notice::Presence;
use ssoctld::session::event::Event;
use ssoctld::session::flow::FlowTarget;
use ssoctld::session::{Target, Terms};

use super::checks::{DayOfWork, Verdict};
use super::life::{Ahead, Life};
use super::telling::trace;
use super::weather::{Trouble, Weather};
use super::world::{DAY, HOUR, MINUTE, StoreMood, World, pick};

/// The task's patience with a session that stops.
const FLUSH_PATIENCE: Duration = Duration::from_secs(4);

/// How much happens on a day.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Day {
    /// Nothing but time.
    Calm,
    Ordinary,
    Stormy,
    /// The last hours: all is well, and stays so.
    Over,
}

impl Life {
    pub(super) fn chance(&mut self) -> Verdict {
        let mean = match self.day {
            Day::Over => return Ok(()),
            Day::Calm => Duration::ZERO,
            Day::Ordinary => 80 * MINUTE,
            Day::Stormy => 15 * MINUTE,
        };
        if !mean.is_zero() {
            let pause = self.world.span(mean);
            self.ahead(pause, Ahead::Chance);
        }
        if self.day == Day::Calm {
            return Ok(());
        }
        match self.world.rng.u8(..100) {
            0..=54 if self.is_running() => self.callers_come(),
            55..=62 => {
                let presence = if self.presence == Presence::Away { Presence::Present } else { Presence::Away };
                self.set_presence(presence)
            }
            63..=72 => {
                self.worsen_weather();
                Ok(())
            }
            73..=77 => self.fall_asleep(),
            78..=80 => {
                self.world.wall_ahead = match self.world.rng.u8(..4) {
                    0 => 0,
                    1 => self.world.rng.i64(-90..90),
                    2 => self.world.rng.i64(-7200..7200),
                    _ => self.world.rng.i64(-200_000..200_000),
                };
                trace!(self, "the wall clock is {} s ahead now", self.world.wall_ahead);
                Ok(())
            }
            81..=83 if self.state.is_some() => {
                self.kill();
                Ok(())
            }
            84..=85 if self.is_running() => {
                self.stopping = true;
                self.world.note_trouble(self.world.elapsed());
                let process = self.process;
                self.ahead(FLUSH_PATIENCE, Ahead::Exit(process));
                self.step(Event::Stop).map(drop)
            }
            86 => {
                trace!(self, "registrations are revoked");
                self.world.service.revoke_registrations();
                Ok(())
            }
            87 => {
                trace!(self, "refresh tokens are revoked");
                self.world.service.revoke_refresh_tokens();
                Ok(())
            }
            88 => self.take_back(),
            89..=90 => {
                self.terms = draw_terms(&mut self.world);
                self.checks.notices_changed(self.terms.notifications == Notifications::On);
                self.step(Event::TermsChanged(self.terms.clone())).map(drop)
            }
            91..=92 => self.stir(),
            93..=96 => {
                let mood = pick(&mut self.world.rng, &[StoreMood::Slow, StoreMood::Failing, StoreMood::Hanging]);
                self.set_store(mood);
                let span = self.world.span(20 * MINUTE);
                self.ahead(span, Ahead::StoreRecovers);
                Ok(())
            }
            97 => {
                let kinds = [RefreshTokens::Rotated, RefreshTokens::Repeated, RefreshTokens::Omitted];
                let kind = pick(&mut self.world.rng, &kinds);
                self.world.service.settings(|settings| settings.refresh_tokens = kind);
                Ok(())
            }
            98 => {
                self.change_service();
                Ok(())
            }
            99 => self.take_back(),
            _ => Ok(()),
        }
    }

    /// The service revokes what it has issued, without telling anybody.
    fn take_back(&mut self) -> Verdict {
        if self.world.rng.u8(..3) == 0 {
            trace!(self, "portal sessions are ended");
            self.world.service.end_portal_sessions();
        } else {
            trace!(self, "access tokens are revoked");
            self.world.service.revoke_access_tokens();
        }
        self.checks.revoked(self.world.elapsed());
        if self.is_running() { self.role_callers_come(4) } else { Ok(()) }
    }

    /// The administrator chooses other lifetimes, or trusts the client in advance.
    fn change_service(&mut self) {
        let rng = &mut self.world.rng;
        let lifetime = MINUTE * pick(rng, &[5, 30, 60, 60, 240]);
        let approval = if rng.u8(..5) == 0 { Approval::Preauthorised } else { Approval::Manual };
        trace!(self, "tokens for {lifetime:?} from now on, approval {approval:?}");
        self.world.token_lifetime = lifetime;
        self.world.service.settings(|settings| {
            (settings.token_lifetime, settings.unscoped_token_lifetime) = (lifetime, lifetime);
            settings.approval = approval;
        });
    }

    pub(super) fn set_store(&mut self, mood: StoreMood) {
        trace!(self, "the store is {mood:?}");
        self.world.healthy_for();
        self.world.store_mood = mood;
    }

    pub(super) fn worsen_weather(&mut self) {
        let (weather, mean) = match self.world.rng.u8(..10) {
            0..=1 => (Weather::Outage, 2 * HOUR),
            _ => (Weather::Foul(Trouble::draw(&mut self.world.rng)), 10 * MINUTE),
        };
        trace!(self, "the weather turns: {weather:?}");
        self.world.weather = weather;
        let span = self.world.span(mean);
        self.ahead(span, Ahead::WeatherClears);
    }

    pub(super) fn fall_asleep(&mut self) -> Verdict {
        if self.world.rng.bool() {
            self.set_presence(Presence::Away)?;
        }
        let mean = if self.world.rng.bool() { 10 * MINUTE } else { 5 * HOUR };
        let span = self.world.span(mean);
        trace!(self, "the machine sleeps for {span:?}");
        self.is_asleep = true;
        self.ahead(span, Ahead::WakeUp);
        Ok(())
    }

    pub(super) fn wake_up(&mut self) -> Verdict {
        trace!(self, "the machine wakes up");
        self.is_asleep = false;
        for what in std::mem::take(&mut self.frozen) {
            let delay = Duration::from_millis(self.world.rng.u64(1..900));
            self.ahead(delay, what);
        }
        self.world.note_trouble(self.world.elapsed());
        self.checks.woke_up(self.world.elapsed());
        if self.world.rng.bool() {
            self.set_presence(Presence::Present)?;
            self.stir()?;
        }
        self.step(Event::Tick).map(drop)
    }

    /// The machine woke up, or the network changed.
    pub(super) fn stir(&mut self) -> Verdict {
        self.step(Event::ConnectivityChanged).map(drop)
    }

    pub(super) fn midnight(&mut self) -> Verdict {
        let ended = DayOfWork {
            ticks: self.ticks,
            polls: self.polls,
            refreshes: self.world.refreshes,
            flows: self.checks.counts.of("flows"),
            calls: self.world.calls,
            asks: self.asked,
        };
        let day = ended.since(&self.day_began);
        self.day_began = ended;
        day.is_bearable()?;
        if self.day == Day::Calm && self.world.healthy_for() >= DAY {
            day.is_calm()?;
        }
        let was_calm = self.day == Day::Calm;
        self.day = [Day::Calm, Day::Calm, Day::Ordinary, Day::Ordinary, Day::Stormy][self.world.rng.usize(..5)];
        trace!(self, "a new day, {:?}", self.day);
        if was_calm && self.day != Day::Calm {
            self.ahead(MINUTE, Ahead::Chance);
        }
        self.ahead(DAY, Ahead::Midnight);
        Ok(())
    }
}

pub(super) fn draw_terms(world: &mut World) -> Terms {
    let rng = &mut world.rng;
    Terms {
        name: "corp".into(),
        target: Some(FlowTarget {
            target: Target { issuer: Issuer::aws("eu-west-1"), resolved: None },
            may_move: false,
        }),
        refresh_before: (rng.u8(..4) == 0).then(|| Duration::from_secs(rng.u64(1..7200))),
        notify_before: (rng.u8(..4) == 0).then(|| Duration::from_secs(rng.u64(1..7200))),
        notifications: if rng.u8(..5) == 0 { Notifications::Off } else { Notifications::On },
        sign_in: [SignInSetting::Auto, SignInSetting::Auto, SignInSetting::Browser, SignInSetting::Device]
            [rng.usize(..4)],
    }
}
