//! The person in front of the machine: what is shown, and what a click does.

use super::callers::OWN;
use super::{Action, Ask, Effect, Flow, Now, State, Want};
use crate::session::ask::Need;
use crate::session::attention;
use crate::session::decision::Why;

impl State {
    /// Shows and takes back notices, and opens the flow that one is about.
    pub(super) fn attend(&mut self, now: Now) {
        while !self.stopping {
            let view = self.flow.as_ref().and_then(Flow::view);
            let mut attention = std::mem::take(&mut self.attention);
            let turn = attention.take_turn(self.outlook(view.as_ref()), now.boot);
            self.attention = attention;
            match turn {
                Some(attention::Turn::OpenFlow) => {
                    self.join_flow(Why::EndApproaches, now);
                }
                Some(attention::Turn::Show(notice)) => self.effects.push(Effect::Show(notice)),
                Some(attention::Turn::Withdraw) => self.effects.push(Effect::Withdraw),
                None => return,
            }
        }
    }

    /// A click asks as a caller would. Its answer, once there is a code, opens the page.
    pub(super) fn acted(&mut self, action: Action, now: Now) {
        let need = match action {
            Action::PutOff => return self.attention.put_off(now.boot),
            Action::SignIn => Need::Always,
            Action::Renew => Need::Fresh,
        };
        self.asks.insert(OWN, Ask::new(Want::Login { need }, now.boot));
    }
}
