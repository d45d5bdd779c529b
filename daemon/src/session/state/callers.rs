//! Looking at the callers: who is answered, who waits, and what is begun for them; and the calls of the roles, which need a token like a
//! caller.

use std::sync::Arc;
use std::time::Duration;

use super::State;
use crate::clock::BootTime;
use crate::session::callers::{Ask, Forgotten, How, Question, Refusal, Situation, Step, TokenReply};
use crate::session::event::Effect;
use crate::session::roles::callers::RoleQuestion;
use crate::session::{AccessToken, Why};

/// The result of looking at a caller. A refresh that was begun for it counts as waiting: it changes nothing for other callers.
pub(super) enum Looked {
    /// It is answered, or has left.
    Done,
    /// It waits, and is to be looked at again then at the latest.
    Waits(Option<BootTime>),
    /// Something was begun or forgotten that matters to other callers, too.
    Changed,
}

impl State {
    /// One more caller asks something.
    pub(super) fn asked(&mut self, question: Question) -> Looked {
        let (forgotten, cancels) = match &question {
            Question::Logout { forgotten, .. } => (Some(*forgotten), false),
            Question::CancelLogin { .. } => (None, true),
            _ => (None, false),
        };
        let mut ask = Ask::new(question, self.cx.now.boot);
        if let Some(forgotten) = forgotten {
            if self.sign_out.forget_at_once() {
                self.forget();
            }
            if forgotten == Forgotten::Everything {
                self.forget_registration();
            }
            if !self.cx.store.is_loaded() {
                self.sign_out_before_the_store_answers(forgotten);
                ask.sign_out_began();
            }
        }
        // A flow that has its token cannot be given up any more.
        if cancels && !self.sign_in.is_granted() {
            self.sign_in.cancel(&mut self.cx);
            self.callers.add(ask, None);
            return Looked::Changed;
        }
        let looked = self.look_at_and_keep(ask);
        // A sign-out has forgotten something, even if its caller is answered or waits.
        if forgotten.is_some() { Looked::Changed } else { looked }
    }

    /// Looks at all callers, until nothing changes any more.
    pub(super) fn look_at_all(&mut self) {
        loop {
            let mut changed = false;
            for ask in self.callers.take_all() {
                changed |= matches!(self.look_at_and_keep(ask), Looked::Changed);
            }
            if !changed {
                return;
            }
        }
    }

    /// Looks at one caller, and keeps it if it waits.
    fn look_at_and_keep(&mut self, mut ask: Ask) -> Looked {
        let looked = self.look_at(&mut ask);
        match looked {
            Looked::Done => {}
            Looked::Waits(due) => self.callers.add(ask, due),
            Looked::Changed => self.callers.add(ask, None),
        }
        looked
    }

    /// Looks at one caller: answers it, or does what it waits for.
    fn look_at(&mut self, ask: &mut Ask) -> Looked {
        let mut step = self.step(ask);
        if matches!(step, Step::Refresh) {
            self.tokens.begin_refresh(Why::Asked, &mut self.cx);
            step = self.step(ask);
        }
        match step {
            Step::Answered => Looked::Done,
            Step::Wait(due) => Looked::Waits(due),
            // It could not be begun, so this caller is looked at again with the next event.
            Step::Refresh => Looked::Waits(Some(self.cx.now.boot)),
            Step::TellRoles(answer) => {
                if let Err(refusal) = answer {
                    self.roles.token_refused(&refusal, &mut self.cx);
                }
                Looked::Done
            }
            Step::OpenPage(flow) => {
                self.cx.effects.push(Effect::OpenPage(flow));
                Looked::Done
            }
            Step::SignIn => {
                let wait = self.sign_in.wait(self.cx.now.boot);
                if !self.sign_in.is_open() && !wait.is_zero() {
                    ask.refuse(Refusal::TooManyFlows { wait }, &mut self.cx.answers);
                    return Looked::Done;
                }
                let (flow, opened) = self.join_flow(Why::Asked, ask.how());
                ask.joined(flow, opened);
                // To join a flow changes nothing for those who have joined it before, and nobody joins twice.
                if opened { Looked::Changed } else { self.look_at(ask) }
            }
            Step::SignOut(forget) => {
                ask.sign_out_began();
                self.begin_sign_out(forget);
                Looked::Changed
            }
        }
    }

    fn step(&mut self, ask: &mut Ask) -> Step {
        if self.cx.stopping {
            return ask.refuse(Refusal::ShuttingDown, &mut self.cx.answers);
        }
        let situation = Situation {
            now: self.cx.now.boot,
            tokens: &self.tokens,
            sign_in: &self.sign_in,
            sign_out: &self.sign_out,
            store: &self.cx.store,
        };
        ask.step(&situation, &mut self.cx.answers)
    }

    pub(super) fn join_flow(&mut self, why: Why, how: How) -> (u64, bool) {
        let remaining = self.tokens.served().map(|token| token.remaining(self.cx.now.boot)).unwrap_or_default();
        self.sign_in.join(why, how, remaining, &mut self.cx)
    }

    // Roles.

    pub(super) fn drive_roles(&mut self) {
        self.roles.note_sign_in(self.tokens.served_epoch(), &self.cx);
        let token = self.live_access();
        self.roles.drive(token.as_ref(), &mut self.cx);
        self.ask_token_for_roles();
    }

    /// One more caller wants something of the portal.
    pub(super) fn asked_of_roles(&mut self, question: RoleQuestion) {
        self.roles.note_sign_in(self.tokens.served_epoch(), &self.cx);
        self.roles.asked(question, &mut self.cx);
        let token = self.live_access();
        self.roles.begin(token.as_ref(), &mut self.cx);
        self.ask_token_for_roles();
    }

    fn live_access(&self) -> Option<Arc<AccessToken>> {
        self.tokens.live(self.cx.now.boot).map(|token| Arc::clone(&token.access))
    }

    /// If calls to the portal wait for a token, asks for one as a caller does who waits for no person.
    fn ask_token_for_roles(&mut self) {
        let now = self.cx.now.boot;
        let is_live = self.tokens.live(now).is_some();
        if is_live || !self.roles.needs_token(now) || self.callers.any(Ask::is_of_roles) {
            return;
        }
        let (min_valid, wait) = (Duration::ZERO, Duration::ZERO);
        let ask = Ask::new(Question::Token { min_valid, wait, reply: TokenReply::Roles }, now);
        self.roles.asks_for_token();
        // Without a token, those who wait for the portal are told.
        if matches!(self.look_at_and_keep(ask), Looked::Done) {
            self.roles.drive(None, &mut self.cx);
        }
    }
}
