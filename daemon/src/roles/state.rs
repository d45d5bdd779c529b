//! What is known of a session's roles, pure: [`State::on`] takes what happened and when, and returns what is to be done.
//!
//! Everything that is asked of the portal is a [`Subject`] with one [`Job`], so N callers cause one request. Credentials are
//! renewed ahead of their end if somebody used them since they came, and served to their end if that does not work. What an
//! error of the portal means:
//!
//! | error | what happens |
//! |---|---|
//! | Unauthorized | the session is told, renews its token once, and the portal is asked again; then a person is needed |
//! | Forbidden, ResourceNotFound | no such role for this person; remembered for [`policy::FIRST_DENIAL`], and the second time in a row for [`policy::DENIAL`] |
//! | TooManyRequests, or status 429 | nothing is asked for as long as the portal says, and then again if anybody waits |
//! | every other one, no answer, an unusable answer | everybody who waits is told, and the next attempt backs off |
//!
//! A [`Event::LineageChanged`] forgets everything: it was another person's, or that of a person who has left.

mod outcomes;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::ask::{Answer, Ask, AskId, Refusal, Verdict, Want, means_not_assigned};
use super::decision::{Decision, Why};
use super::limiter::Limiter;
use super::{Held, Subject, policy};
use crate::clock::BootTime;
use crate::portal::{Account, Keys, Page, PageToken, PortalError};
use crate::session::policy::{backoff, refresh_lead};
use crate::session::{self, AccessToken};

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// A caller came.
    Asked(AskId, Want),
    /// A caller went away.
    Left(AskId),
    /// The call with this ticket has ended.
    Ended(Subject, Ticket, Result<Reply, Failure>),
    /// The session's token is of another sign-in now, or there is none any more.
    LineageChanged,
    /// The machine woke up, or the network changed: what failed may work now.
    Stirred,
    /// The session stops: everybody is answered, and nothing new begins.
    Stop,
    /// Some time has passed.
    Tick,
}

/// What the portal gave.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reply {
    /// Credentials that live that long.
    Credentials(Arc<Keys>, Duration),
    /// A page of accounts.
    Accounts(Page<Account>),
    /// A page of roles' names.
    Roles(Page<String>),
}

/// Why it gave nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Failure {
    /// The session has no token to ask with.
    NoToken(session::ask::Refusal),
    /// The portal does not accept this token.
    Rejected(Arc<AccessToken>, PortalError),
    /// The portal failed, or refused something else.
    Portal(PortalError),
}

/// What is to be done. Each call leads to an [`Event::Ended`] with its ticket.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Ask the portal, for this page where it is a list's.
    Call(Ticket, Subject, Option<PageToken>),
    /// Tell the session that the portal does not accept this token.
    Reject(Arc<AccessToken>),
    /// Tell a caller.
    Answer(AskId, Answer),
}

/// Tells one call from another, so that the answer to one that nobody waits for any more has nothing to say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ticket(u64);

/// What is done about a subject.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) enum Attempt {
    #[default]
    Idle,
    /// It waits for the limiter.
    Queued,
    UnderWay(Ticket),
    /// The last attempt failed. Callers may cause the next one from `until` on, and it is made for credentials in use from
    /// `renewal` on. Callers up to `last_witness` came before it failed and are told.
    Paused {
        until: BootTime,
        renewal: BootTime,
        last_witness: u64,
        failure: Failure,
    },
}

/// What is known of a subject, and done about it.
#[derive(Debug, Default)]
pub(super) struct Job {
    pub(super) attempt: Attempt,
    pub(super) held: Option<Held>,
    /// That the person does not have the role.
    pub(super) denial: Option<Denial>,
    failures: u32,
    rejections: u32,
    /// Whether the credentials were handed out since they came.
    is_used: bool,
    last_asked: BootTime,
    list: List,
}

/// The portal has said that the person does not have a role.
#[derive(Clone, Copy, Debug)]
pub(super) struct Denial {
    /// Until when it is not asked again.
    pub(super) until: BootTime,
    /// Whether it has said so twice in a row.
    pub(super) is_confirmed: bool,
}

impl Denial {
    /// What the next one in a row makes of it.
    fn next(known: Option<Self>, now: BootTime) -> (Self, Duration) {
        let is_confirmed = known.is_some_and(|denial| !denial.is_forgotten(now));
        let remembered = if is_confirmed { policy::DENIAL } else { policy::FIRST_DENIAL };
        (Self { until: now + remembered, is_confirmed }, remembered)
    }

    /// Whether the next one would not be in a row with it.
    fn is_forgotten(&self, now: BootTime) -> bool {
        self.until + policy::DENIAL <= now
    }
}

/// A list, as far as it has come.
#[derive(Debug, Default)]
struct List {
    accounts: Vec<Account>,
    roles: Vec<String>,
    pages: usize,
    next: Option<PageToken>,
}

impl Job {
    fn remaining(&self, now: BootTime) -> Duration {
        self.held.as_ref().map(|held| held.expires.since(now)).unwrap_or_default()
    }

    fn is_in_use(&self, now: BootTime) -> bool {
        self.is_used && !self.remaining(now).is_zero()
    }

    /// When it is to be renewed although nobody waits for it.
    fn renewal(&self, now: BootTime) -> Option<(BootTime, Why)> {
        let held = self.held.as_ref().filter(|_| self.is_in_use(now))?;
        match &self.attempt {
            Attempt::Idle => Some((held.due, Why::Due)),
            Attempt::Paused { renewal, failure: Failure::Portal(error), .. } if error.may_pass() => {
                Some((*renewal, Why::PauseOver))
            }
            _ => None,
        }
    }

    /// Whether it can be forgotten if nobody asks for it.
    fn is_empty(&self, now: BootTime) -> bool {
        let rests = match &self.attempt {
            Attempt::Idle => true,
            Attempt::Paused { until, .. } => *until <= now,
            Attempt::Queued | Attempt::UnderWay(_) => false,
        };
        rests && self.held.is_none() && self.denial.is_none_or(|denial| denial.is_forgotten(now))
    }
}

/// One session's roles.
pub struct State {
    chance: fastrand::Rng,
    limiter: Limiter,
    jobs: BTreeMap<Subject, Job>,
    /// Those that wait for the limiter.
    queue: VecDeque<Subject>,
    asks: BTreeMap<AskId, Ask>,
    /// How many callers have come.
    arrivals: u64,
    tickets: u64,
    stopping: bool,
    decisions: Vec<Decision>,
}

impl State {
    /// Nothing is known. Chance comes from `seed`.
    pub fn new(seed: u64) -> Self {
        Self {
            chance: fastrand::Rng::with_seed(seed),
            limiter: Limiter::default(),
            jobs: BTreeMap::new(),
            queue: VecDeque::new(),
            asks: BTreeMap::new(),
            arrivals: 0,
            tickets: 0,
            stopping: false,
            decisions: Vec::new(),
        }
    }

    /// Takes in what happened and returns what is to be done.
    pub fn on(&mut self, event: Event, now: BootTime) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.decisions.clear();
        match event {
            Event::Asked(id, want) => {
                self.asked(id, want, now, &mut effects);
                self.begin(now, &mut effects);
                // One more caller that gets an answer or waits: nothing has changed for anybody else.
                return effects;
            }
            Event::Left(id) => {
                self.asks.remove(&id);
                return effects;
            }
            Event::Ended(subject, ticket, result) => self.ended(subject, ticket, result, now, &mut effects),
            Event::LineageChanged => self.forget(),
            Event::Stirred => self.jobs.values_mut().for_each(|job| {
                if let Attempt::Paused { until, renewal, .. } = &mut job.attempt {
                    (*until, *renewal) = (now, now);
                }
            }),
            Event::Stop => self.stopping = true,
            Event::Tick => {}
        }
        self.drive(now, &mut effects);
        effects
    }

    /// What the last event led to, and why. For the log.
    pub fn decisions(&self) -> &[Decision] {
        &self.decisions
    }

    /// When [`Event::Tick`] is due.
    pub fn wake_at(&self, now: BootTime) -> Option<BootTime> {
        let asks =
            self.asks.values().filter_map(|ask| match ask.verdict(self.jobs.get(&ask.subject)?, &self.limiter, now) {
                Verdict::Wait(deadline) => Some(deadline),
                _ => Some(now),
            });
        let renewals = self.jobs.values().filter_map(|job| job.renewal(now)).map(|(at, _)| at);
        let queue = (!self.queue.is_empty()).then(|| self.limiter.free_at().unwrap_or(now));
        asks.chain(renewals).chain(queue).min().filter(|_| !self.stopping)
    }

    /// Does everything that is due.
    fn drive(&mut self, now: BootTime, effects: &mut Vec<Effect>) {
        if !self.stopping {
            let due = self.jobs.iter().filter_map(|(subject, job)| {
                let (_, why) = job.renewal(now).filter(|(at, _)| *at <= now)?;
                Some((subject.clone(), why))
            });
            for (subject, why) in due.collect::<Vec<_>>() {
                self.enqueue(&subject, why, now);
            }
        }
        for id in self.asks.keys().copied().collect::<Vec<_>>() {
            self.settle(id, now, effects);
        }
        self.begin(now, effects);
        for job in self.jobs.values_mut() {
            job.held.take_if(|held| held.expires <= now);
        }
        let asks = &self.asks;
        self.jobs.retain(|subject, job| !job.is_empty(now) || asks.values().any(|ask| ask.subject == *subject));
    }

    fn asked(&mut self, id: AskId, want: Want, now: BootTime, effects: &mut Vec<Effect>) {
        self.arrivals += 1;
        let ask = Ask::new(want, now, self.arrivals);
        if !self.make_room(&ask.subject, now) {
            effects.push(Effect::Answer(id, Answer::Refused(Refusal::TooManyRoles)));
            return;
        }
        self.jobs.entry(ask.subject.clone()).or_default().last_asked = now;
        self.asks.insert(id, ask);
        self.settle(id, now, effects);
    }

    /// Whether there is room for this subject, also at the cost of what nobody has asked for the longest.
    fn make_room(&mut self, subject: &Subject, now: BootTime) -> bool {
        if self.jobs.contains_key(subject) || self.jobs.len() < policy::MOST_ROLES {
            return true;
        }
        let rests = |job: &Job| matches!(job.attempt, Attempt::Idle | Attempt::Paused { .. });
        let is_awaited = |subject: &Subject| self.asks.values().any(|ask| ask.subject == *subject);
        let candidates = self.jobs.iter().filter(|(subject, job)| rests(job) && !is_awaited(subject));
        let oldest = candidates.min_by_key(|(_, job)| (!job.is_empty(now), job.last_asked));
        let Some(evicted) = oldest.map(|(subject, _)| subject.clone()) else { return false };
        self.jobs.remove(&evicted);
        self.decisions.push(Decision::Evict { subject: evicted });
        true
    }

    /// Looks at one caller: answers it, or does what it waits for.
    fn settle(&mut self, id: AskId, now: BootTime, effects: &mut Vec<Effect>) {
        let Some(ask) = self.asks.get(&id) else { return };
        if self.stopping {
            self.asks.remove(&id);
            let refusal = Refusal::Session(session::ask::Refusal::ShuttingDown);
            effects.push(Effect::Answer(id, Answer::Refused(refusal)));
            return;
        }
        let subject = ask.subject.clone();
        let job = self.jobs.entry(subject.clone()).or_default();
        match ask.verdict(job, &self.limiter, now) {
            Verdict::Wait(_) => {}
            Verdict::Fetch => self.enqueue(&subject, Why::Asked, now),
            Verdict::Answer(answer) => {
                job.is_used |= matches!(answer, Answer::Credentials(..));
                self.asks.remove(&id);
                effects.push(Effect::Answer(id, answer));
            }
        }
    }

    fn enqueue(&mut self, subject: &Subject, why: Why, now: BootTime) {
        let Some(job) = self.jobs.get_mut(subject) else { return };
        job.attempt = Attempt::Queued;
        job.rejections = 0;
        job.list = List::default();
        let (remaining, failures) = (job.remaining(now), job.failures);
        self.queue.push_back(subject.clone());
        self.decisions.push(Decision::Fetch { subject: subject.clone(), why, remaining, failures });
    }

    /// Goes on with an attempt: the next page, or the same request once more.
    fn go_on(&mut self, subject: Subject) {
        if let Some(job) = self.jobs.get_mut(&subject) {
            job.attempt = Attempt::Queued;
            self.queue.push_front(subject);
        }
    }

    /// Begins as many calls as the limiter admits, for what is still wanted.
    fn begin(&mut self, now: BootTime, effects: &mut Vec<Effect>) {
        while let Some(subject) = self.queue.front().filter(|_| !self.stopping) {
            let is_awaited = self.asks.values().any(|ask| ask.subject == *subject);
            let Some(job) = self.jobs.get_mut(subject) else {
                self.queue.pop_front();
                continue;
            };
            if !is_awaited && !job.is_in_use(now) {
                job.attempt = Attempt::Idle;
                self.queue.pop_front();
                continue;
            }
            if !self.limiter.admit(now) {
                return;
            }
            let Some(subject) = self.queue.pop_front() else { return };
            self.tickets += 1;
            let ticket = Ticket(self.tickets);
            job.attempt = Attempt::UnderWay(ticket);
            effects.push(Effect::Call(ticket, subject, job.list.next.clone()));
        }
    }

    /// Forgets everything. Who waits goes on waiting, for what the next token is good for.
    fn forget(&mut self) {
        let roles = self.jobs.values().filter(|job| job.held.is_some()).count();
        self.jobs.clear();
        self.queue.clear();
        self.decisions.push(Decision::Forget { roles });
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
