//! The callers: who is answered, who waits, and what is begun for them.

use super::{Answer, Ask, AskId, BootTime, Effect, Flow, FlowEnd, Now, State};
use crate::session::ask::{Forgotten, Refusal, Verdict, Want};
use crate::session::decision::Why;

/// The session itself as a caller: it asks in the name of the person who clicked on a notice.
pub(super) const OWN: AskId = AskId(u64::MAX);

/// What came of looking at a caller.
pub(super) enum Settled {
    /// It is answered, or gone.
    Done,
    /// It waits, and is to be looked at again then at the latest.
    Waits(Option<BootTime>),
    /// Something was begun that others may wait for, too.
    Changed,
}

impl State {
    /// Takes in one more caller.
    pub(super) fn asked(&mut self, id: AskId, want: Want, now: Now) -> Settled {
        self.asks.insert(id, Ask::new(want, now.boot));
        if let Want::Logout(forgotten) = want {
            self.forget_at_once();
            if forgotten == Forgotten::Everything {
                self.forget_registration();
            }
            if !self.saver.is_loaded() {
                self.leave_before_the_store_answers(forgotten, now);
                self.asks.entry(id).and_modify(|ask| ask.left = true);
            }
        }
        // What has been granted already cannot be given up any more.
        if want == Want::CancelLogin && !self.flow.as_ref().is_some_and(Flow::is_granted) {
            self.end_flow(FlowEnd::Cancelled, now);
            return Settled::Changed;
        }
        let settled = self.settle(id, now);
        if let Settled::Waits(due) = settled {
            self.asks_due = self.asks_due.into_iter().chain(due).min();
        }
        settled
    }

    /// Forgets a caller that waits no longer.
    pub(super) fn left(&mut self, id: AskId) {
        self.asks.remove(&id);
        if self.asks.is_empty() {
            self.asks_due = None;
        }
    }

    /// Looks at all callers, until nothing changes any more.
    pub(super) fn settle_all(&mut self, now: Now) {
        loop {
            let waiting: Vec<AskId> = self.asks.keys().copied().collect();
            let (mut changed, mut due) = (false, None);
            for id in waiting {
                match self.settle(id, now) {
                    Settled::Changed => changed = true,
                    Settled::Done => {}
                    Settled::Waits(until) => due = due.into_iter().chain(until).min(),
                }
            }
            if !changed {
                self.asks_due = due;
                return;
            }
        }
    }

    /// Looks at one caller: answers it, or does what it waits for.
    fn settle(&mut self, id: AskId, now: Now) -> Settled {
        let Some(ask) = self.asks.get(&id) else { return Settled::Done };
        if self.stopping {
            return self.answer(id, Answer::Refused(Refusal::ShuttingDown));
        }
        match ask.verdict(&self.situation(now.boot)) {
            Verdict::Wait(due) => Settled::Waits(due),
            Verdict::Answer(answer) => self.answer(id, answer),
            Verdict::Refresh => {
                self.begin_refresh(Why::Asked, now);
                match self.asks.get(&id).map(|ask| ask.verdict(&self.situation(now.boot))) {
                    Some(Verdict::Wait(due)) => Settled::Waits(due),
                    _ => Settled::Waits(Some(now.boot)),
                }
            }
            Verdict::SignIn => {
                let wait = self.flow_budget.wait(now.boot);
                if self.flow.is_none() && !wait.is_zero() {
                    return self.answer(id, Answer::Refused(Refusal::TooManyFlows { wait }));
                }
                let (number, opened) = self.join_flow(Why::Asked, now);
                if let Some(ask) = self.asks.get_mut(&id) {
                    ask.flow = Some(number);
                    ask.opened = opened;
                }
                // Who joins a flow changes nothing for those who have joined it before, and does not join again.
                if opened { Settled::Changed } else { self.settle(id, now) }
            }
            Verdict::Leave(forget) => {
                if let Some(ask) = self.asks.get_mut(&id) {
                    ask.left = true;
                }
                self.leave(forget, now);
                Settled::Changed
            }
        }
    }

    fn answer(&mut self, id: AskId, answer: Answer) -> Settled {
        self.asks.remove(&id);
        self.effects.extend(match answer {
            answer if id != OWN => Some(Effect::Answer(id, answer)),
            Answer::Pending { flow, .. } => Some(Effect::OpenPage(flow)),
            _ => None,
        });
        Settled::Done
    }
}
