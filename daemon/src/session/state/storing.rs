//! What is read from the store and written to it.

use std::time::Duration;

use super::{Arrival, Decision, Effect, Flow, FlowEnd, Kept, Now, ReadOff, Refresh, State, Token, Trouble, Trust};
use crate::session::ask::Forgotten;
use crate::session::saver::Turn;

impl State {
    pub(super) fn loaded(&mut self, result: Result<Option<Kept>, String>, now: Now) {
        if self.saver.looked_again() {
            return self.looked_again(result.map(Option::unwrap_or_default), now);
        }
        let kept = result.map(|kept| {
            let kept = kept.unwrap_or_default();
            let wants_out = self.wants_out.take();
            if wants_out != Some(Forgotten::Everything) {
                self.registration = self.registration.take().or(kept.registration);
                self.portal_caps |= kept.portal_caps;
            }
            // What a person has signed in for in the meantime is newer than what was kept.
            let is_newer = self.token.is_some() || self.incoming.is_some();
            if wants_out.is_some() && !is_newer {
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

    /// Another place keeps the records from now on, or the one that did has lost them.
    pub(super) const fn store_changed(&mut self) {
        self.saver.look_again();
    }

    /// The store was read once more: what another daemon has put there counts if it is newer, and else what is missing is put
    /// there.
    fn looked_again(&mut self, result: Result<Kept, String>, now: Now) {
        let is_free = self.leaving.is_none() && !self.stopping && !matches!(self.refresh, Refresh::UnderWay { .. });
        match result {
            Ok(Kept { token: Some(token), registration, portal_caps }) if is_free && self.is_newer(&token, now) => {
                self.registration = registration.or(self.registration.take());
                self.portal_caps |= portal_caps;
                self.take_from_store(token, now);
            }
            found => {
                let ours = self.kept();
                let access = |kept: Kept| kept.token.map(|token| token.access);
                let is_missing = found.is_ok_and(|found| access(found) != access(ours));
                if is_missing || matches!(self.refresh, Refresh::Doubted { .. }) {
                    self.saver.touch();
                }
                self.believe_refusal();
            }
        }
    }

    /// Whether a token that the store has came after ours. While something of ours is yet to be written, the store is behind.
    fn is_newer(&self, found: &Token, now: Now) -> bool {
        // Records count whole seconds.
        const SECOND: Duration = Duration::from_secs(1);
        let ours = self.incoming.as_ref().map(|incoming| &incoming.token).or(self.token.as_ref());
        if self.saver.is_unsaved() {
            return false;
        }
        let Some(ours) = ours else { return found.is_live(now.boot) || found.renewal.is_some() };
        let refresh_token = |token: &Token| token.renewal.as_ref().map(|renewal| renewal.refresh_token.clone());
        let is_another = match self.refresh {
            // What was turned down would be turned down again.
            Refresh::Doubted { .. } => found.renewal.is_some() && refresh_token(found) != refresh_token(ours),
            _ => found.access != ours.access,
        };
        is_another && ours.received < found.received + SECOND
    }

    fn take_from_store(&mut self, token: Token, now: Now) {
        self.decide(Decision::TakeFromStore {
            remaining: token.remaining(now.boot),
            renewable: token.renewal.is_some(),
        });
        if token.is_live(now.boot) {
            self.flow.as_mut().map(Flow::overtake);
        }
        self.attention.token_came(self.token.as_ref(), &token);
        self.read_off = Some(ReadOff { at: now, received: token.received, expires: token.expires });
        self.lineage.0 += 1;
        self.token_lineage = self.lineage;
        self.incoming = None;
        self.token = Some(token);
        self.trust = Trust::Full;
        self.cap_is_certain = false;
        self.trouble = None;
        self.reckon_end(now);
        self.take_place(Arrival::Unplanned);
        self.plan_refresh(now);
        if self.flow.as_ref().is_some_and(Flow::is_granted) {
            self.end_flow(FlowEnd::Granted, now);
        }
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
