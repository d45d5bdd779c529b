//! The device flow's place in a session: who opens it, what it gives, and what is remembered of its end.

use super::{
    Arrival, BootTime, CallError, Decision, DeviceAuthorization, Effect, Flow, FlowEnd, Issued, Lineage, Now, Refresh,
    Registration, State, Trouble,
};
use crate::oidc::ErrorName;
use crate::session::CameBy;
use crate::session::decision::Why;

/// How many ended flows are remembered for callers that still ask for their end.
const ENDED_FLOWS: usize = 8;

/// A poll whose code died before its answer came. It may still bring a token.
pub(super) struct LateAttempt {
    flow: u64,
    lineage: Lineage,
    registration: Registration,
    began: BootTime,
}

impl State {
    /// The number of the open flow, and whether it was opened just now.
    pub(super) fn join_flow(&mut self, why: Why, now: Now) -> (u64, bool) {
        // Whoever comes first after a suspend must not join a flow whose code has died meanwhile.
        self.drive_flow(now);
        if let Some(flow) = &self.flow {
            return (flow.number, false);
        }
        self.flows += 1;
        self.flow_budget.spend(now.boot);
        self.flow = Some(Flow::new(self.flows, now.boot));
        let remaining = self.token.as_ref().map(|token| token.remaining(now.boot)).unwrap_or_default();
        self.decide(Decision::OpenFlow { flow: self.flows, why, remaining });
        self.drive_flow(now);
        (self.flows, true)
    }

    pub(super) fn drive_flow(&mut self, now: Now) {
        if let Some(flow) = &self.flow {
            let registration = self.registration.clone();
            // Registrations end by the service's clock.
            let now = Now { wall: self.service_clock.at(now.wall), ..now };
            self.in_flow(flow.number, now, |flow| flow.drive(registration.as_ref(), now));
        }
    }

    /// Lets the open flow take a step, if it is still the one that is meant.
    pub(super) fn in_flow(
        &mut self,
        number: u64,
        now: Now,
        step: impl FnOnce(&mut Flow) -> Result<Option<Effect>, FlowEnd>,
    ) {
        if let Some(flow) = self.flow.as_mut().filter(|flow| flow.number == number) {
            match step(flow) {
                Ok(effect) => self.effects.extend(effect),
                Err(end) => self.end_flow(end, now),
            }
        }
    }

    pub(super) fn registered(&mut self, number: u64, result: Result<Registration, CallError>, now: Now) {
        if let Ok(registration) = &result
            && number > self.forgotten_flows
        {
            self.registration = Some(registration.clone());
            self.saver.touch();
        }
        let chance = self.chance.f64();
        self.in_flow(number, now, |flow| flow.on_registered(result, now, chance));
    }

    pub(super) fn device_authorized(&mut self, number: u64, result: Result<DeviceAuthorization, CallError>, now: Now) {
        let chance = self.chance.f64();
        self.in_flow(number, now, |flow| flow.on_authorized(result, now, chance).map(|()| None));
    }

    pub(super) fn polled(&mut self, number: u64, result: Result<Issued, CallError>, now: Now) {
        match result {
            Ok(issued) => {
                // A flow that was given up while its token was on the way has no taker. One whose code died has.
                let flow = self.flow.as_mut().filter(|flow| flow.number == number);
                let late = self.late_attempt.take_if(|late| (late.flow, late.lineage) == (number, self.lineage));
                let grant = flow.and_then(Flow::grant).or(late.map(|late| (late.registration, late.began)));
                if let Some((registration, asked)) = grant {
                    self.lineage.0 += 1;
                    self.came_by = CameBy::SignIn;
                    self.refresh = Refresh::Idle { due: None };
                    self.receive(issued, registration, None, asked, Arrival::Unplanned, now);
                }
            }
            Err(error) => {
                if error.name() == Some(ErrorName::InvalidClient) {
                    self.registration = None;
                }
                self.in_flow(number, now, |flow| flow.on_no_token(error, now).map(|()| None));
            }
        }
    }

    pub(super) fn end_flow(&mut self, end: FlowEnd, now: Now) {
        let Some(flow) = self.flow.take() else { return };
        self.decide(Decision::EndFlow { flow: flow.number, how: end.as_str() });
        self.trouble = match &end {
            FlowEnd::Granted | FlowEnd::Cancelled => self.trouble.take(),
            FlowEnd::Expired => Some(Trouble {
                code: "flow_expired",
                message: "nobody signed in before the code expired".to_owned(),
                at: now.boot,
            }),
            FlowEnd::Denied => Some(Trouble {
                code: ErrorName::AccessDenied.in_oauth(),
                message: "the sign-in was denied in the browser".to_owned(),
                at: now.boot,
            }),
            FlowEnd::Failed(error) => Some(Trouble::of_call(error, now.boot)),
        };
        if end == FlowEnd::Expired {
            self.late_attempt = flow.attempting_with().map(|(registration, began)| LateAttempt {
                flow: flow.number,
                lineage: self.lineage,
                registration: registration.clone(),
                began,
            });
        }
        if self.ended_flows.len() == ENDED_FLOWS {
            self.ended_flows.remove(0);
        }
        self.ended_flows.push((flow.number, end));
    }
}
