//! The person who approves, clicks and goes away, and the callers that want tokens.

use std::time::Duration;

use ssoctld::notice::{Action, FlowKind, Notice, Presence};
use ssoctld::session::callers::{Forgotten, How, Need};
use ssoctld::session::event::Event;

use super::chance::Day;
use super::checks::Verdict;
use super::life::{Ahead, Life};
use super::wants::Want;
use super::world::{HOUR, MINUTE, SECOND};

/// What a person decides about.
#[derive(Clone, Debug)]
pub(super) enum Matter {
    Code(String),
    Page(String),
}

/// What a person does with a code, or on a page.
#[derive(Clone, Copy, Debug)]
pub(super) enum Choice {
    Approve,
    Deny,
    LetDie,
}

impl Life {
    /// The person may decide about a code, or on a page.
    pub(super) fn person_hears_of(&mut self, matter: Matter) {
        let dice = self.world.rng.u8(..100);
        let choice = match dice {
            _ if self.day == Day::Over => Choice::Approve,
            0..=54 => Choice::Approve,
            55..=61 => Choice::Deny,
            62..=65 => Choice::LetDie,
            _ => return,
        };
        if self.presence == Presence::Away && !dice.is_multiple_of(4) {
            return;
        }
        let delay = if self.day == Day::Over { 5 * SECOND } else { self.world.span(MINUTE) };
        self.ahead(delay, Ahead::Decide(matter, choice));
    }

    pub(super) fn set_presence(&mut self, presence: Presence) -> Verdict {
        self.presence = presence;
        self.checks.presence_changed(presence);
        self.step(Event::PresenceChanged(presence)).map(drop)
    }

    /// The person does something with what shows: what its button says, or puts it off.
    pub(super) fn click(&mut self) -> Verdict {
        let Some(notice) = self.checks.screen().filter(|_| self.is_running()).cloned() else { return Ok(()) };
        let has_second = !matches!(notice, Notice::Expired { .. });
        if !has_second || self.world.rng.u8(..10) < 6 {
            return self.step(Event::Acted(notice.action())).map(drop);
        }
        // The end may have come since the button was drawn.
        let (now, is_late) = (self.boot(), notice.ends() <= self.boot());
        if !is_late {
            self.checks.puts_off(now);
        }
        self.step(Event::Acted(Action::PutOff))?;
        if is_late { Ok(()) } else { self.checks.is_put_off() }
    }

    pub(super) fn callers_come(&mut self) -> Verdict {
        let count = match self.world.rng.u8(..20) {
            0 => 50,
            1..=4 => 4,
            _ => 1,
        };
        if self.world.rng.u8(..10) < 3 {
            return self.role_callers_come(count);
        }
        for _ in 0..count {
            let want = self.draw_want();
            let id = self.ask(want)?;
            if self.world.rng.u8(..10) == 0 {
                let patience = self.world.span(20 * SECOND);
                self.ahead(patience, Ahead::Leave(id));
            }
        }
        Ok(())
    }

    pub(super) fn draw_want(&mut self) -> Want {
        let lifetime = self.world.token_lifetime;
        let rng = &mut self.world.rng;
        let valid =
            [Duration::ZERO, Duration::ZERO, Duration::ZERO, MINUTE, 15 * MINUTE, lifetime.mul_f64(0.95), 9 * HOUR];
        match rng.u8(..100) {
            0..=79 => {
                let waits =
                    [Duration::ZERO, Duration::ZERO, Duration::ZERO, 5 * SECOND, 30 * SECOND, 2 * MINUTE, 15 * MINUTE];
                Want::Token { min_valid: valid[rng.usize(..7)], wait: waits[rng.usize(..7)] }
            }
            80..=81 => Want::Login { need: Need::Always, how: draw_how(rng) },
            82..=87 => Want::Login { need: Need::Below { min_valid: valid[rng.usize(..7)] }, how: draw_how(rng) },
            88 => Want::Login { need: Need::Fresh, how: draw_how(rng) },
            89..=96 => {
                let flow = self.newest_flow.saturating_sub(rng.u64(..2));
                Want::LoginEnd { flow, wait: Duration::from_secs(rng.u64(..300)) }
            }
            97 => Want::CancelLogin,
            98 => Want::Logout(if rng.u8(..4) == 0 { Forgotten::Everything } else { Forgotten::Token }),
            _ => Want::Token { min_valid: Duration::ZERO, wait: 5 * MINUTE },
        }
    }

    pub(super) fn ask(&mut self, want: Want) -> Result<u64, String> {
        self.asked += 1;
        let id = self.asked;
        if self.is_running() {
            self.checks.asked(id, want.clone(), self.world.elapsed());
            let (question, hear) = want.ask();
            self.waiting.insert(id, hear);
            self.step(question)?;
        }
        Ok(id)
    }
}

fn draw_how(rng: &mut fastrand::Rng) -> How {
    let kinds = [None, None, None, Some(FlowKind::Device), Some(FlowKind::Browser)];
    How { kind: kinds[rng.usize(..5)], at_this_browser: rng.bool(), callback_port: None }
}
