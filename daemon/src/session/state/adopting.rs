//! Sign-ins and sign-outs that happened elsewhere.

use std::sync::Arc;

use super::{Answer, Arrival, AskId, Decision, Effect, Flow, FlowEnd, Incoming, Now, Refresh, State, policy};
use crate::session::found::{Found, Proof, Reception, compare};
use crate::session::{AccessToken, CameBy};

impl State {
    /// Takes a token over that was found, if it is better than ours and proved. It is stored before it is handed out like any other.
    pub(super) fn found(&mut self, id: AskId, found: Found, now: Now) {
        let renewable = found.renewal.is_some();
        let (file, proof) = (Arc::clone(&found.file), found.proof);
        let token = found.into_token(now);
        let remaining = token.remaining(now.boot);
        let ours = self.incoming.as_ref().map(|incoming| &incoming.token).or(self.token.as_ref());
        // What the store has may be better, and a sign-out that is under way means this one, too.
        let reception = if !self.saver.is_loaded() || self.leaving.is_some() || self.stopping {
            Reception::NotNow
        } else {
            match compare(ours, &token, now.boot) {
                Reception::TakenOver if proof == Proof::Missing => Reception::ToBeProved,
                compared => compared,
            }
        };
        self.decide(Decision::Found { reception, file, remaining, renewable });
        if reception == Reception::TakenOver {
            // Nobody needs a person any more, unless it has expired: then its refresh has to show what it is worth.
            if token.is_live(now.boot) {
                self.flow.as_mut().map(Flow::overtake);
            }
            self.lineage.0 += 1;
            self.came_by = CameBy::TokenFile;
            self.refresh = Refresh::Idle { due: None };
            self.incoming = Some(Incoming {
                token,
                arrival: Arrival::Unplanned,
                cap_is_certain: false,
                deadline: now.boot + policy::STORE_PATIENCE,
            });
            self.trouble = None;
            self.saver.touch();
        }
        self.effects.push(Effect::Answer(id, Answer::Found(reception)));
    }

    /// The portal does not know this token any more: somebody has signed out elsewhere.
    pub(super) fn ended_elsewhere(&mut self, access: &AccessToken, now: Now) {
        let is_meant = |token: &super::Token| *token.access == *access;
        let has_newer = self.incoming.as_ref().is_some_and(|incoming| !is_meant(&incoming.token));
        if !has_newer && self.token.as_ref().is_some_and(is_meant) {
            self.end_flow(FlowEnd::Cancelled, now);
            self.incoming = None;
            self.forget();
        }
    }
}
