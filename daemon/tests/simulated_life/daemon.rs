//! The daemon in a life: its process starts, is told things, does what it wants, stops and dies.

use std::time::Duration;

use identity_center_simulator::Delivery;
use ssoctld::notice::FlowView;
use ssoctld::oidc::{CallError, ErrorName, Issued, ServiceClock};
use ssoctld::session::Snapshot;
use ssoctld::session::callers::Question;
use ssoctld::session::event::{Effect, Event};
use ssoctld::session::state::State;

use super::calls::Journey;
use super::checks::Verdict;
use super::decisions::logged;
use super::life::{Ahead, Life};
use super::people::{Choice, Matter};
use super::telling::{answered, called, told, trace};
use super::wants::Answer;
use super::watchers::Watchers;
use super::world::{MINUTE, SECOND, StoreMood};

impl Life {
    pub(super) fn conclude(&mut self, journey: &Journey, result: Result<Box<Delivery>, CallError>) -> Verdict {
        self.checks.ends(&journey.request);
        let response = match result {
            Ok(delivery) => {
                if let Some(clock) = self.world.look_at_clock() {
                    self.step(Event::ServiceClock(clock))?;
                }
                Ok(delivery.deliver())
            }
            Err(error) => Err(error),
        };
        let event = self.world.conclude(journey, response);
        if let Effect::Refresh(_, renewal) = &journey.request {
            self.checks.refresh_answered(renewal, &event);
        }
        if let Event::DeviceAuthorized(_, Ok(authorization)) = &event {
            self.person_hears_of(Matter::Code(authorization.user_code.clone()));
        }
        if let Event::Refreshed(_, Err(error)) = &event
            && error.name() == Some(ErrorName::InvalidGrant)
            && let Effect::Refresh(_, renewal) = &journey.request
            && self.unstored_at_crash.take().is_some_and(|lost| lost == *renewal.refresh_token.expose())
        {
            self.checks.counts.count("sign-ins needed after a crash");
        }
        self.step(event).map(drop)
    }

    pub(super) fn is_running(&self) -> bool {
        self.state.is_some() && !self.stopping
    }

    pub(super) fn start(&mut self) -> Verdict {
        if self.state.is_some() {
            return Ok(());
        }
        trace!(self, "the daemon starts");
        self.process += 1;
        self.checks.counts.count("starts");
        self.newest_flow = 0;
        self.loading = true;
        self.stopping = false;
        self.checks.daemon_started();
        self.watchers = self.watchers.take().map(|_| Watchers::new(self.process, self.world.wall_ahead));
        self.world.known_clock = ServiceClock::default();
        self.world.note_trouble(self.world.elapsed());
        self.state = Some(State::new(self.terms.clone(), self.world.rng.u64(..)));
        self.step(Event::PresenceChanged(self.presence))?;
        self.step(Event::ServiceClock(ServiceClock::default()))?;
        Ok(())
    }

    /// The process is gone, and with it all that it knew and waited for.
    pub(super) fn crash(&mut self) {
        self.state = None;
        self.listener = None;
        self.waiting.clear();
        self.stopping = false;
        self.process += 1;
        self.checks.all_left();
        self.checks.withdraws();
        self.token = None;
        let pause = self.world.span(20 * SECOND);
        self.ahead(SECOND + pause, Ahead::Start);
    }

    pub(super) fn kill(&mut self) {
        trace!(self, "kill -9");
        self.checks.counts.count("crashes");
        self.world.note_trouble(self.world.elapsed());
        let stored = self.world.read_record().and_then(|record| record.token).and_then(|token| token.renewal);
        self.unstored_at_crash = stored.map(|renewal| renewal.refresh_token.expose().clone());
        self.crash();
    }

    /// Tells the session something, carries out what it wants, and holds it to the rules. Returns how much it wanted.
    pub(super) fn step(&mut self, event: Event) -> Result<usize, String> {
        let Some(mut state) = self.state.take() else { return Ok(0) };
        let now = self.world.clocks();
        self.checks.counts.count("events");
        if let Some(watchers) = &mut self.watchers {
            watchers.time_passed(now, self.world.wall_ahead)?;
        }
        if self.trace.is_some() && !matches!(event, Event::Tick) {
            trace!(self, "{}", told(&event));
        }
        let sees_clock = matches!(&event, Event::ServiceClock(clock) if clock.ahead_seconds.is_some());
        let is_pending_poll = matches!(&event, Event::TokenCreated(_, Err(_)));
        let is_loaded = matches!(&event, Event::Loaded(Ok(_)));
        if matches!(&event, Event::PortalSessionEnded(Ok(())) | Event::Asked(Question::Logout { .. })) {
            self.checks.signs_out();
        }
        let issued = issued(&event);
        let had_renewal = self.token.as_ref().is_some_and(|token| token.renewal.is_some());
        let is_refreshed = matches!(event, Event::Refreshed(..));
        let effects = state.on(event, now);
        let decisions = logged();
        let count = effects.len();
        let is_quiet = is_pending_poll && decisions.is_empty() && effects.is_empty();
        let snapshot = (!is_quiet).then(|| state.snapshot(now));
        self.state = Some(state);
        if let Some(snapshot) = snapshot {
            if let Some(watchers) = &mut self.watchers {
                watchers.published(snapshot.clone(), now)?;
            }
            self.looks(snapshot)?;
        }
        self.watchers_read()?;
        if let Some(token) = self.token.as_ref().filter(|_| is_loaded) {
            self.checks.token_loaded(token, &self.world);
        }
        self.checks.end_is(self.token.as_ref());
        for decision in &decisions {
            trace!(self, "    {decision:?}");
            match decision.message.as_str() {
                "decided to open a flow" => {
                    self.newest_flow = decision.number("flow");
                    self.checks.opens_flow(self.newest_flow, decision.field("why"), self.world.elapsed())?;
                }
                "the flow is over" => self.checks.flow_ends(decision.number("flow"))?,
                "the portal does not accept the token, which counts as expired" => {
                    let tries = decisions.iter().any(|decision| decision.message == "decided to refresh");
                    let refreshable = decision.field("refreshable") == "true";
                    self.checks.rejects(self.token.as_ref(), had_renewal, refreshable, tries)?;
                }
                "decided to refresh" => {
                    self.checks.refreshes(decision.field("why"), self.token.as_ref(), self.world.elapsed())?;
                }
                "compared the new token with the one before" => {
                    if let Some(token) = &issued {
                        self.world.accepted(token);
                        self.checks.token_accepted(token, is_refreshed, self.world.elapsed());
                    }
                }
                _ => {}
            }
        }
        if sees_clock {
            self.checks.service_clock_seen(self.token.as_ref(), now.boot);
        }
        self.hear()?;
        for effect in effects {
            self.carry_out(effect)?;
        }
        self.checks.promises(self.loading, self.world.elapsed())?;
        self.checks.keeps_token(self.token.as_ref(), self.world.elapsed())?;
        // A daemon that stops takes back all that shows when it has stopped.
        if !self.stopping {
            self.checks.screen_is_true(self.token.as_ref(), now.boot)?;
            self.checks.comes_back(self.token.as_ref(), self.has_code, now.boot)?;
        }
        self.checks.stays_signed_in(self.token.as_ref(), now.boot, &mut self.world)?;
        if !is_quiet {
            self.checks.conduct(&self.world)?;
        }
        if self.stopping && self.state.as_ref().is_some_and(State::may_end) {
            self.checks.nobody_waits()?;
            trace!(self, "the daemon has stopped");
            self.crash();
        }
        Ok(count)
    }

    /// Sees what every reader sees.
    fn looks(&mut self, snapshot: Snapshot) -> Verdict {
        self.loading = snapshot.loading;
        self.checks.heals(&snapshot, &mut self.world)?;
        self.token = snapshot.token;
        self.has_code = snapshot.flow.is_some();
        self.epoch = snapshot.epoch;
        Ok(())
    }

    /// Hears what callers are told.
    fn hear(&mut self) -> Verdict {
        if let Some(state) = &mut self.state {
            state.answers().send();
        }
        let heard: Vec<(u64, Answer)> = self.waiting.iter_mut().filter_map(|(id, hear)| Some((*id, hear()?))).collect();
        for (id, answer) in heard {
            self.waiting.remove(&id);
            trace!(self, "    caller {id}: {}", answered(&answer));
            self.checks.answers(id, &answer, self.epoch, self.token.as_ref(), &mut self.world)?;
        }
        Ok(())
    }

    pub(super) fn carry_out(&mut self, effect: Effect) -> Verdict {
        self.checks.begins(&effect)?;
        if matches!(effect, Effect::EndPortalSession(_)) {
            self.checks.signs_out();
        }
        match effect {
            Effect::Load | Effect::Store(_) => self.access_store(effect),
            Effect::AskPortal(ticket, subject, page, token) => self.ask_portal(ticket, subject, page, token)?,
            Effect::Show(notice) => {
                trace!(self, "    shows {}", notice.name());
                let now = self.boot();
                self.checks.shows(&notice, now)?;
                if self.world.rng.u8(..10) < 4 {
                    let delay = self.world.span(5 * MINUTE);
                    self.ahead(delay, Ahead::Click);
                }
            }
            Effect::Withdraw => {
                trace!(self, "    withdraws");
                self.checks.withdraws();
            }
            Effect::OpenPage(flow) => {
                trace!(self, "    opens the page");
                let delay = self.world.span(20 * SECOND);
                self.ahead(delay, Ahead::Decide(what_to_decide(&flow), Choice::Approve));
            }
            Effect::OpenCallback(flow, registration, _) => self.open_callback(flow, &registration),
            Effect::EndCallback(flow, _) => self.end_callback(flow),
            request => {
                self.polls += u64::from(matches!(request, Effect::CreateToken(..)));
                if !matches!(request, Effect::CreateToken(..)) {
                    trace!(self, "    calls {}", called(&request));
                }
                let journey = Box::new(self.world.send(request));
                let process = self.process;
                match journey.fate.route.clone() {
                    Ok((up, _)) => self.ahead(up, Ahead::Reach(process, journey)),
                    Err((after, error)) => self.ahead(after, Ahead::Conclude(process, journey, Err(error))),
                }
            }
        }
        Ok(())
    }

    pub(super) fn access_store(&mut self, effect: Effect) {
        let takes = match self.world.store_mood {
            StoreMood::Prompt | StoreMood::Failing => Duration::from_millis(self.world.rng.u64(1..40)),
            StoreMood::Slow => Duration::from_millis(self.world.rng.u64(500..12_000)),
            StoreMood::Hanging => Duration::from_secs(self.world.rng.u64(30..300)),
        };
        if self.world.store_mood != StoreMood::Prompt {
            self.world.note_trouble(self.world.elapsed() + takes);
        }
        let process = self.process;
        match effect {
            Effect::Store(record) => {
                let record = self.world.record(record);
                self.ahead(takes, Ahead::Written(process, Box::new(record)));
            }
            _ => self.ahead(takes, Ahead::Read(process)),
        }
    }
}

/// The access token in an answer to the session.
fn issued(event: &Event) -> Option<String> {
    match event {
        Event::TokenCreated(_, Ok(Issued { access_token, .. }))
        | Event::Refreshed(_, Ok(Issued { access_token, .. })) => Some(access_token.expose().clone()),
        _ => None,
    }
}

fn what_to_decide(flow: &FlowView) -> Matter {
    flow.user_code().map_or_else(|| Matter::Page(flow.page.clone()), |code| Matter::Code(code.to_owned()))
}
