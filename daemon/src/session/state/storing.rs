//! What is read from the store and written to it.

use super::{Arrival, Effect, Kept, Now, ReadOff, State, Trouble};
use crate::session::saver::Turn;

impl State {
    pub(super) fn loaded(&mut self, result: Result<Option<Kept>, String>, now: Now) {
        let kept = result.map(|kept| {
            let kept = kept.unwrap_or_default();
            self.registration = self.registration.take().or(kept.registration);
            self.portal_caps |= kept.portal_caps;
            // What a person has signed in for in the meantime is newer than what was kept.
            let is_newer = self.token.is_some() || self.incoming.is_some();
            if std::mem::take(&mut self.wants_out) && !is_newer {
                self.leave_what_was_kept(kept.token, now);
            } else if !is_newer {
                self.token = kept.token;
                self.read_off = self.token.as_ref().map(|token| ReadOff {
                    at: now,
                    received: token.received,
                    expires: token.expires,
                });
                self.reckon_end(now);
                self.take_place(Arrival::Planned);
                if let Some(token) = &self.token {
                    self.attention.token_found(token, now.boot);
                }
                self.plan_refresh(now);
            }
        });
        self.stored(kept, now);
    }

    /// A read or a write is over.
    pub(super) fn stored(&mut self, result: Result<(), String>, now: Now) {
        if let Err(error) = &result {
            self.trouble = Some(Trouble { code: "store", message: error.clone(), at: now.boot });
        } else if self.trouble.as_ref().is_some_and(|trouble| trouble.code == "store") {
            self.trouble = None;
        }
        self.saver.done(result, now.boot, self.chance.f64());
    }

    /// Begins the read or write that is due.
    pub(super) fn use_store(&mut self, now: Now) {
        let effect = match self.saver.take_turn(now.boot) {
            Some(Turn::Read) => Effect::Load,
            Some(Turn::Write) => Effect::Store(self.kept()),
            None => return,
        };
        self.effects.push(effect);
    }

    fn kept(&self) -> Kept {
        let token = self.incoming.as_ref().map(|incoming| &incoming.token).or(self.token.as_ref()).cloned();
        let portal_caps = self.portal_caps || self.incoming.as_ref().is_some_and(|incoming| incoming.cap_is_certain);
        Kept { registration: self.registration.clone(), token, portal_caps }
    }
}
