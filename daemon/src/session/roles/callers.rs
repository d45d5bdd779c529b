//! The questions of callers about roles, their answers and refusals. Pure.

use std::sync::Arc;
use std::time::Duration;

use super::job::{Attempt, AttemptFailure, Job};
use super::limiter::Limiter;
use super::{Subject, policy};
use crate::clock::BootTime;
use crate::portal::{Account, AccountId, Assignment, Keys, PortalError, PortalErrorName};
use crate::session::callers::Refusal;
use crate::session::reply::{self, Answers};

/// The way back to one caller.
pub type RoleReply<T> = reply::Reply<Result<T, RoleRefusal>>;

/// Role credentials, and when they expire.
pub type LiveKeys = (Arc<Keys>, BootTime);

/// A question, and where the answer goes.
#[derive(Debug)]
pub enum RoleQuestion {
    Credentials {
        assignment: Assignment,
        /// How long they must still live.
        min_valid: Duration,
        reply: RoleReply<LiveKeys>,
    },
    /// All accounts, in the order of the portal.
    Accounts { reply: RoleReply<Arc<Vec<Account>>> },
    /// The names of all roles in this account, in the order of the portal.
    Roles { account: AccountId, reply: RoleReply<Arc<Vec<String>>> },
}

/// Why a caller does not get what it asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RoleRefusal {
    /// The session has no token.
    Session(Refusal),
    /// The person does not have this role, or nothing in this account.
    NotAssigned {
        subject: Subject,
        /// Until when that is remembered and the portal not asked again, where it has said so more than once.
        remembered: Option<BootTime>,
    },
    /// The portal gives no credentials that live that long.
    ValidityUnattainable {
        /// When the best ones expire.
        best: BootTime,
    },
    /// The portal failed or refused.
    Portal(PortalError),
    /// The portal takes too long.
    PortalSilent,
    /// So many roles are asked for at this moment that no room is left for another.
    TooManyRoles,
}

/// A caller that has not been answered.
#[derive(Debug)]
pub(super) struct RoleAsk {
    question: RoleQuestion,
    pub(super) subject: Subject,
    since: BootTime,
    /// The caller's number, counted from 1 in the order in which they came.
    pub(super) arrival: u64,
}

/// The result of looking at a caller.
#[derive(Debug)]
pub(super) enum RoleStep {
    /// It has its answer; with credentials, if that is what it got.
    Answered { credentials: bool },
    /// It waits.
    Wait,
    /// It waits for a request, which has to be made.
    Fetch,
}

enum RoleVerdict {
    Credentials(Arc<Keys>, BootTime),
    Refuse(RoleRefusal),
    Wait(BootTime),
    Fetch,
}

impl RoleAsk {
    pub(super) fn new(question: RoleQuestion, since: BootTime, arrival: u64) -> Self {
        let subject = match &question {
            RoleQuestion::Credentials { assignment, .. } => Subject::Credentials(assignment.clone()),
            RoleQuestion::Accounts { .. } => Subject::Accounts,
            RoleQuestion::Roles { account, .. } => Subject::Roles(account.clone()),
        };
        Self { question, subject, since, arrival }
    }

    pub(super) fn has_left(&self) -> bool {
        match &self.question {
            RoleQuestion::Credentials { reply, .. } => reply.is_over(),
            RoleQuestion::Accounts { reply } => reply.is_over(),
            RoleQuestion::Roles { reply, .. } => reply.is_over(),
        }
    }

    pub(super) fn refuse(&mut self, refusal: RoleRefusal, answers: &mut Answers) {
        match &mut self.question {
            RoleQuestion::Credentials { reply, .. } => reply.give(Err(refusal), answers),
            RoleQuestion::Accounts { reply } => reply.give(Err(refusal), answers),
            RoleQuestion::Roles { reply, .. } => reply.give(Err(refusal), answers),
        }
    }

    /// Gives it the list that it waits for.
    pub(super) fn give_list(&mut self, accounts: &Arc<Vec<Account>>, roles: &Arc<Vec<String>>, answers: &mut Answers) {
        match &mut self.question {
            RoleQuestion::Accounts { reply } => reply.give(Ok(Arc::clone(accounts)), answers),
            RoleQuestion::Roles { reply, .. } => reply.give(Ok(Arc::clone(roles)), answers),
            RoleQuestion::Credentials { .. } => {}
        }
    }

    /// Answers it, or says what has to happen first.
    pub(super) fn step(&mut self, job: &Job, limiter: &Limiter, now: BootTime, answers: &mut Answers) -> RoleStep {
        match self.verdict(job, limiter, now) {
            RoleVerdict::Wait(_) => RoleStep::Wait,
            RoleVerdict::Fetch => RoleStep::Fetch,
            RoleVerdict::Refuse(refusal) => {
                self.refuse(refusal, answers);
                RoleStep::Answered { credentials: false }
            }
            RoleVerdict::Credentials(keys, expires) => {
                if let RoleQuestion::Credentials { reply, .. } = &mut self.question {
                    reply.give(Ok((keys, expires)), answers);
                }
                RoleStep::Answered { credentials: true }
            }
        }
    }

    /// When it is to be looked at again.
    pub(super) fn wake_at(&self, job: &Job, limiter: &Limiter, now: BootTime) -> BootTime {
        match self.verdict(job, limiter, now) {
            RoleVerdict::Wait(deadline) => deadline,
            _ => now,
        }
    }

    fn verdict(&self, job: &Job, limiter: &Limiter, now: BootTime) -> RoleVerdict {
        let min_valid = match self.question {
            RoleQuestion::Credentials { min_valid, .. } => min_valid,
            RoleQuestion::Accounts { .. } | RoleQuestion::Roles { .. } => Duration::ZERO,
        };
        let live = job.held.as_ref().filter(|held| now < held.expires);
        if let Some(held) = live.filter(|held| held.expires.since(now) >= min_valid) {
            let answer = RoleVerdict::Credentials(Arc::clone(&held.keys), held.expires);
            let deadline = self.since + policy::RENEWAL_PATIENCE;
            // A caller that gets credentials that are due asks again soon: the SDKs renew minutes before the end. So they are
            // renewed now, and the caller waits for that, but not for long and not while it does not work.
            return match &job.attempt {
                _ if now < held.due => answer,
                Attempt::Paused { until, last_witness, .. } if now < *until || *last_witness >= self.arrival => answer,
                Attempt::Idle | Attempt::Paused { .. } => RoleVerdict::Fetch,
                Attempt::Queued | Attempt::UnderWay(..) if now >= deadline => answer,
                Attempt::Queued if limiter.pause_until(deadline).is_some() => answer,
                Attempt::Queued | Attempt::UnderWay(..) => RoleVerdict::Wait(deadline),
            };
        }
        if let Some(denial) = job.denial.filter(|denial| now < denial.until) {
            let remembered = denial.is_confirmed.then_some(denial.until);
            return RoleVerdict::Refuse(RoleRefusal::NotAssigned { subject: self.subject.clone(), remembered });
        }
        let is_best = |held: &super::job::HeldCredentials| {
            min_valid > held.expires.since(held.received) || now.since(held.received) < crate::session::policy::FRESH
        };
        if let Some(held) = live.filter(|held| is_best(held)) {
            return RoleVerdict::Refuse(RoleRefusal::ValidityUnattainable { best: held.expires });
        }
        let deadline = self.since + policy::patience(&self.subject);
        match &job.attempt {
            Attempt::Idle => RoleVerdict::Fetch,
            Attempt::Queued | Attempt::UnderWay(..) if now >= deadline => {
                RoleVerdict::Refuse(RoleRefusal::PortalSilent)
            }
            Attempt::Queued => match limiter.pause_until(deadline) {
                Some(pause) => RoleVerdict::Refuse(RoleRefusal::Portal(pause.error.clone())),
                None => RoleVerdict::Wait(deadline),
            },
            Attempt::UnderWay(..) => RoleVerdict::Wait(deadline),
            Attempt::Paused { last_witness, failure, .. } if *last_witness >= self.arrival => {
                RoleVerdict::Refuse(self.refusal_for(failure))
            }
            // Whether there is a token is for the session to say, as often as somebody asks.
            Attempt::Paused { failure: AttemptFailure::NoToken(_), .. } => RoleVerdict::Fetch,
            Attempt::Paused { until, .. } if *until <= now => RoleVerdict::Fetch,
            Attempt::Paused { until, failure, .. } if *until >= deadline => {
                RoleVerdict::Refuse(self.refusal_for(failure))
            }
            Attempt::Paused { until, .. } => RoleVerdict::Wait(*until),
        }
    }

    fn refusal_for(&self, failure: &AttemptFailure) -> RoleRefusal {
        match failure {
            AttemptFailure::NoToken(refusal) => RoleRefusal::Session(refusal.clone()),
            AttemptFailure::Portal(error) if means_not_assigned(error) => {
                RoleRefusal::NotAssigned { subject: self.subject.clone(), remembered: None }
            }
            AttemptFailure::Portal(error) => RoleRefusal::Portal(error.clone()),
        }
    }
}

/// Whether the portal says that there is no such role for this person: by name, as its statuses are also those of captive
/// portals.
pub(super) fn means_not_assigned(error: &PortalError) -> bool {
    matches!(error.name(), Some(PortalErrorName::Forbidden | PortalErrorName::ResourceNotFound))
}
