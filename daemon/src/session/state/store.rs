//! Reading and writing the record.

use super::State;
use crate::session::callers::Forgotten;
use crate::session::event::Effect;
use crate::session::sign_out::ForgetWhen;
use crate::session::store_schedule::Access;
use crate::session::{Record, Trouble};

impl State {
    pub(super) fn loaded(&mut self, result: Result<Option<Record>, String>) {
        let session = self.cx.name();
        match &result {
            Ok(record) => tracing::debug!(session, found = record.is_some(), "the store was read"),
            Err(error) => tracing::warn!(session, %error, "the store cannot be read"),
        }
        if self.cx.store.second_read_done() {
            return self.second_read(result.map(Option::unwrap_or_default));
        }
        let result = result.map(|record| self.loaded_first(record.unwrap_or_default()));
        self.access_done(result);
    }

    /// A sign-in since the start is newer than the record.
    fn loaded_first(&mut self, record: Record) {
        let forgotten = self.sign_out.take_what_to_forget();
        if forgotten != Some(Forgotten::Everything) {
            self.sign_in.loaded(record.registration);
            self.tokens.note_recorded_cap(record.portal_caps);
        }
        if self.tokens.newest().is_some() {
            return;
        }
        if forgotten.is_some() && self.sign_out.waits_for_portal() {
            // The portal hears of one sign-out at a time, and is hearing of the one that was signed in to since.
            self.forget();
            return;
        }
        self.tokens.serve_from_record(record.token, &mut self.cx);
        if forgotten.is_some() {
            self.begin_sign_out(ForgetWhen::AtOnce);
        } else if let Some(token) = self.tokens.served() {
            self.attention.token_found(token, self.cx.now.boot);
        }
    }

    /// The store was read once more: what another daemon has put there counts if it is newer, and else what is missing is put
    /// there.
    fn second_read(&mut self, result: Result<Record, String>) {
        let is_free = !self.sign_out.is_under_way() && !self.cx.stopping && !self.tokens.is_refreshing();
        match result {
            Ok(Record { token: Some(token), registration, portal_caps })
                if is_free && self.tokens.is_newer(&token, &self.cx) =>
            {
                self.sign_in.take_from_store(registration);
                self.tokens.note_recorded_cap(portal_caps);
                if token.is_live(self.cx.now.boot) {
                    self.sign_in.overtaken();
                }
                let previous = self.tokens.take_from_store(token, &mut self.cx);
                self.token_came(previous.as_ref());
            }
            found => {
                let access = |record: Record| record.token.map(|token| token.access);
                let ours = self.record();
                if self.tokens.is_refused() || found.is_ok_and(|found| access(found) != access(ours)) {
                    self.cx.store.record_changed();
                }
                self.believe_refusal();
            }
        }
    }

    pub(super) fn stored(&mut self, result: Result<(), String>) {
        if let Err(error) = &result {
            tracing::warn!(session = self.cx.name(), %error, "the record cannot be written");
        }
        self.access_done(result);
    }

    fn access_done(&mut self, result: Result<(), String>) {
        let at = self.cx.now.boot;
        if let Err(message) = result.clone() {
            self.cx.trouble = Some(Trouble { code: "store", message, at });
        } else {
            self.cx.trouble.take_if(|trouble| trouble.code == "store");
        }
        let chance = self.cx.chance.f64();
        self.cx.store.done(result, at, chance);
    }

    /// Begins the read or write that is due.
    pub(super) fn use_store(&mut self) {
        let effect = match self.cx.store.next_access(self.cx.now.boot) {
            Some(Access::Read) => Effect::Load,
            Some(Access::Write) => Effect::Store(self.record()),
            None => return,
        };
        self.cx.effects.push(effect);
    }

    /// The record as it is to be stored.
    fn record(&self) -> Record {
        Record {
            registration: self.sign_in.registration().cloned(),
            token: self.tokens.newest().cloned(),
            portal_caps: self.tokens.record_caps(),
        }
    }
}
