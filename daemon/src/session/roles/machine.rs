//! The calls to the portal. Everything that is asked of it is a [`Subject`] with one [`Job`], so N callers cause one request.
//! Credentials are renewed ahead of their end if somebody used them since they came, and served to their end if that does not
//! work.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::callers::{RoleAsk, RoleQuestion, RoleRefusal, RoleStep};
use super::job::{Attempt, AttemptFailure, Job, List};
use super::limiter::Limiter;
use super::{Subject, Ticket, policy};
use crate::clock::BootTime;
use crate::session::callers::Refusal;
use crate::session::context::Context;
use crate::session::event::Effect;
use crate::session::{SignInEpoch, Why};
use crate::token::AccessToken;

/// The roles of one session.
#[derive(Default)]
pub(in crate::session) struct Roles {
    pub(super) limiter: Limiter,
    pub(super) jobs: BTreeMap<Subject, Job>,
    /// Those that wait for the limiter, or for a token.
    queue: VecDeque<Subject>,
    pub(super) asks: Vec<RoleAsk>,
    /// How many callers have come.
    pub(super) arrivals: u64,
    tickets: u64,
    /// How many callers had come when the session was asked for a token.
    asked_for_token_at: u64,
    /// Of the sign-in that everything here was obtained with.
    epoch: SignInEpoch,
}

impl Roles {
    /// When [`drive`](Self::drive) has something to do. `waits_for_token`: the session has been asked for a token, so calls wait for its
    /// answer.
    pub(in crate::session) fn wake_at(&self, waits_for_token: bool, now: BootTime) -> Option<BootTime> {
        let asks =
            self.asks.iter().filter_map(|ask| Some(ask.wake_at(self.jobs.get(&ask.subject)?, &self.limiter, now)));
        let renewals = self.jobs.values().filter_map(|job| job.renewal(now)).map(|(at, _)| at);
        let limiter = self.limiter.free_at().unwrap_or(now);
        let queue = (!self.queue.is_empty() && !waits_for_token).then_some(limiter);
        asks.chain(renewals).chain(queue).min()
    }

    /// The session is asked for a token, in the name of all callers so far.
    pub(in crate::session) const fn asks_for_token(&mut self) {
        self.asked_for_token_at = self.arrivals;
    }

    /// Whether calls wait for nothing but a token.
    pub(in crate::session) fn needs_token(&self, now: BootTime) -> bool {
        !self.queue.is_empty() && self.limiter.free_at().is_none_or(|free_at| free_at <= now)
    }

    /// A caller came. [`begin`](Self::begin) is to be called next.
    pub(in crate::session) fn asked(&mut self, question: RoleQuestion, cx: &mut Context) {
        self.arrivals += 1;
        let mut ask = RoleAsk::new(question, cx.now.boot, self.arrivals);
        if !self.make_room(&ask.subject, cx) {
            ask.refuse(RoleRefusal::TooManyRoles, &mut cx.answers);
            return;
        }
        self.jobs.entry(ask.subject.clone()).or_default().last_asked = cx.now.boot;
        if !self.settle(&mut ask, cx) {
            self.asks.push(ask);
        }
    }

    pub(in crate::session) fn callers_left(&mut self) {
        self.asks.retain(|ask| !ask.has_left());
    }

    /// Forgets everything that was obtained with another sign-in. Callers go on waiting, for what the next token gives.
    pub(in crate::session) fn note_sign_in(&mut self, epoch: SignInEpoch, cx: &Context) {
        if std::mem::replace(&mut self.epoch, epoch) != epoch {
            let roles = self.jobs.values().filter(|job| job.held.is_some()).count();
            self.jobs.clear();
            self.queue.clear();
            tracing::info!(session = cx.name(), roles, "role credentials of another sign-in are forgotten");
        }
    }

    /// The machine woke up, or the network changed: what failed may work now.
    pub(in crate::session) fn connectivity_changed(&mut self, now: BootTime) {
        for job in self.jobs.values_mut() {
            if let Attempt::Paused { until, renewal, .. } = &mut job.attempt {
                (*until, *renewal) = (now, now);
            }
        }
    }

    /// The session has no token for the calls that wait for one. Callers that came after the session was asked have their own patience, so
    /// it is asked again for them.
    pub(in crate::session) fn token_refused(&mut self, refusal: &Refusal, cx: &mut Context) {
        for subject in std::mem::take(&mut self.queue) {
            if self.asks.iter().any(|ask| ask.subject == subject && ask.arrival > self.asked_for_token_at) {
                self.queue.push_back(subject);
            } else {
                self.pause(&subject, AttemptFailure::NoToken(refusal.clone()), cx);
            }
        }
    }

    /// Does everything that is due.
    pub(in crate::session) fn drive(&mut self, token: Option<&Arc<AccessToken>>, cx: &mut Context) {
        let now = cx.now.boot;
        if !cx.stopping {
            let due = self.jobs.iter().filter_map(|(subject, job)| {
                let (_, why) = job.renewal(now).filter(|(at, _)| *at <= now)?;
                Some((subject.clone(), why))
            });
            for (subject, why) in due.collect::<Vec<_>>() {
                self.enqueue(&subject, why, cx);
            }
        }
        let mut asks = std::mem::take(&mut self.asks);
        asks.retain_mut(|ask| !self.settle(ask, cx));
        self.asks = asks;
        self.begin(token, cx);
        for job in self.jobs.values_mut() {
            job.held.take_if(|held| held.expires <= now);
        }
        let asks = &self.asks;
        self.jobs.retain(|subject, job| !job.is_empty(now) || asks.iter().any(|ask| ask.subject == *subject));
    }

    /// Begins as many calls as the limiter admits, for what is still wanted.
    pub(in crate::session) fn begin(&mut self, token: Option<&Arc<AccessToken>>, cx: &mut Context) {
        let now = cx.now.boot;
        while let Some(subject) = self.queue.front().filter(|_| !cx.stopping) {
            let is_awaited = self.asks.iter().any(|ask| ask.subject == *subject);
            let Some(job) = self.jobs.get_mut(subject) else {
                self.queue.pop_front();
                continue;
            };
            if !is_awaited && !job.is_in_use(now) {
                job.attempt = Attempt::Idle;
                self.queue.pop_front();
                continue;
            }
            let Some(token) = token.filter(|_| self.limiter.admit(now)) else { return };
            let Some(subject) = self.queue.pop_front() else { return };
            self.tickets += 1;
            let ticket = Ticket(self.tickets);
            job.attempt = Attempt::UnderWay(ticket, Arc::clone(token));
            cx.effects.push(Effect::AskPortal(ticket, subject, job.list.next.clone(), Arc::clone(token)));
        }
    }

    /// Whether there is room for this subject, also at the cost of what nobody has asked for the longest.
    fn make_room(&mut self, subject: &Subject, cx: &Context) -> bool {
        if self.jobs.contains_key(subject) || self.jobs.len() < policy::MOST_ROLES {
            return true;
        }
        let is_awaited = |subject: &Subject| self.asks.iter().any(|ask| ask.subject == *subject);
        let candidates = self.jobs.iter().filter(|(subject, job)| !job.is_under_way() && !is_awaited(subject));
        let oldest = candidates.min_by_key(|(_, job)| (!job.is_empty(cx.now.boot), job.last_asked));
        let Some(subject) = oldest.map(|(subject, _)| subject.clone()) else { return false };
        self.jobs.remove(&subject);
        tracing::info!(session = cx.name(), %subject, "made room for another role");
        true
    }

    /// Looks at one caller: answers it, or does what it waits for. Returns whether it was answered.
    fn settle(&mut self, ask: &mut RoleAsk, cx: &mut Context) -> bool {
        if cx.stopping {
            ask.refuse(RoleRefusal::Session(Refusal::ShuttingDown), &mut cx.answers);
            return true;
        }
        let job = self.jobs.entry(ask.subject.clone()).or_default();
        match ask.step(job, &self.limiter, cx.now.boot, &mut cx.answers) {
            RoleStep::Wait => false,
            RoleStep::Fetch => {
                self.enqueue(&ask.subject, Why::Asked, cx);
                false
            }
            RoleStep::Answered { credentials } => {
                job.is_used |= credentials;
                true
            }
        }
    }

    fn enqueue(&mut self, subject: &Subject, why: Why, cx: &Context) {
        let Some(job) = self.jobs.get_mut(subject) else { return };
        job.attempt = Attempt::Queued;
        job.rejections = 0;
        job.list = List::default();
        let (remaining, failures) = (job.remaining(cx.now.boot).as_secs(), job.failures);
        tracing::info!(
            session = cx.name(), %subject, why = why.as_str(), remaining, failures, "decided to ask the portal"
        );
        self.queue.push_back(subject.clone());
    }

    /// Goes on with an attempt: the next page, or the same request once more.
    pub(super) fn go_on(&mut self, subject: Subject) {
        if let Some(job) = self.jobs.get_mut(&subject) {
            job.attempt = Attempt::Queued;
            self.queue.push_front(subject);
        }
    }
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
