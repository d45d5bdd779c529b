//! What others see of a state: readers, callers, and whoever sets the timer.

use super::{BootTime, Flow, FlowView, Now, Refresh, State};
use crate::session::ask::{RefreshSituation, Situation};
use crate::session::attention::Outlook;
use crate::session::{Next, Registered, Snapshot};

impl State {
    /// When [`super::Event::Tick`] is due.
    pub fn wake_at(&self, now: Now) -> Option<BootTime> {
        let refresh = match &self.refresh {
            _ if self.stopping || self.incoming.is_some() => None,
            Refresh::Idle { due } => *due,
            Refresh::BackingOff { until, .. } if self.has_live_token(now.boot) => Some(*until),
            Refresh::Doubted { until, .. } => Some(*until),
            Refresh::UnderWay { .. } | Refresh::BackingOff { .. } => None,
        };
        let incoming = self.incoming.as_ref().map(|incoming| incoming.deadline);
        let flow = self.flow.as_ref().and_then(Flow::wake_at);
        let leaving = self.leaving.as_ref().map(|leaving| leaving.deadline);
        let attention = self.attention.wake_at(self.outlook(None)).filter(|_| !self.stopping);
        let due = [self.asks_due, refresh, self.saver.wake_at(), incoming, flow, leaving, attention];
        due.into_iter().flatten().min()
    }

    /// What readers see.
    pub fn snapshot(&self, now: Now) -> Snapshot {
        Snapshot {
            loading: !self.saver.is_loaded(),
            token: self.token.clone(),
            flow: self.flow.as_ref().and_then(Flow::view),
            trouble: self.trouble.clone(),
            next: self.next(now.boot),
            session_ends: self.token.as_ref().filter(|token| token.capped).map(|token| token.expires),
            unsaved: self.saver.is_unsaved(),
            store_error: self.saver.error().map(str::to_owned),
            registration: self
                .token
                .as_ref()
                .and_then(|token| token.renewal.as_ref())
                .map(|renewal| &renewal.registration)
                .or(self.registration.as_ref())
                .map(|known| Registered { issued_at: known.issued_at, expires_at: known.expires_at }),
            came_by: self.came_by,
            lineage: self.token_lineage,
        }
    }

    /// Whether a session that stops may end: no new token is on its way, and all is written or cannot be.
    pub const fn is_settled(&self) -> bool {
        let written = !self.saver.is_loaded() || !self.saver.is_unsaved() || self.saver.is_failing();
        written && !matches!(self.refresh, Refresh::UnderWay { .. })
    }

    pub(super) fn next(&self, now: BootTime) -> Option<(Next, BootTime)> {
        let token = self.token.as_ref().filter(|token| token.is_live(now))?;
        let approach = self.outlook(None).approach();
        Some(match (&self.refresh, approach) {
            (Refresh::Idle { due: Some(due) }, _) => (Next::Refresh, *due),
            (Refresh::BackingOff { until, .. }, _) => (Next::RetryRefresh, *until),
            (Refresh::UnderWay { .. } | Refresh::Doubted { .. }, _) => (Next::Refresh, now),
            (_, Some(approach)) if approach > now && (token.capped || self.portal_caps) => (Next::TellPerson, approach),
            (_, Some(approach)) if approach > now => (Next::AskPerson, approach),
            _ => (Next::Expire, token.expires),
        })
    }

    pub(super) fn outlook<'a>(&'a self, flow: Option<&'a FlowView>) -> Outlook<'a> {
        Outlook {
            token: self.token.as_ref(),
            terms: self.terms,
            portal_caps: self.portal_caps,
            cap_is_certain: self.cap_is_certain,
            flow,
            flow_is_open: self.flow.is_some(),
        }
    }

    pub(super) fn has_live_token(&self, now: BootTime) -> bool {
        self.token.as_ref().is_some_and(|token| token.is_live(now))
    }

    pub(super) fn situation(&self, now: BootTime) -> Situation<'_> {
        let has_renewal = self.token.as_ref().is_some_and(|token| token.renewal.is_some());
        Situation {
            now,
            loading: (!self.saver.is_loaded()).then_some(self.saver.error()),
            token: self.token.as_ref(),
            incoming: self.incoming.as_ref().map(|incoming| incoming.deadline),
            refresh: has_renewal.then_some(match &self.refresh {
                Refresh::Idle { .. } => RefreshSituation::Idle,
                Refresh::UnderWay { .. } | Refresh::Doubted { .. } => RefreshSituation::UnderWay,
                Refresh::BackingOff { until, failed_at, error, .. } => {
                    RefreshSituation::BackingOff { until: *until, failed_at: *failed_at, error }
                }
            }),
            flow: self.flow.as_ref().map(|flow| (flow.number, flow.view())),
            ended_flows: &self.ended_flows,
            leaving: self.leaving.as_ref().map(|leaving| {
                let forgotten = !self.saver.is_unsaved() || self.saver.is_failing();
                leaving.outcome.as_ref().filter(|_| forgotten || leaving.deadline <= now)
            }),
        }
    }
}
