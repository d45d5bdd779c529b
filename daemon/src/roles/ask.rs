//! What callers want of the portal, and what they are told. Pure.

use std::sync::Arc;
use std::time::Duration;

use super::limiter::Limiter;
use super::state::{Attempt, Failure, Job};
use super::{Subject, policy};
use crate::clock::BootTime;
use crate::portal::{Account, AccountId, Assignment, ErrorName, Keys, PortalError};
use crate::session;

/// Tells one caller from another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct AskId(pub u64);

/// A caller that has not been answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Ask {
    pub(super) subject: Subject,
    /// How long credentials must still live; nothing to lists.
    pub(super) min_valid: Duration,
    /// Since when it waits.
    pub(super) since: BootTime,
    /// The how-manieth caller it is.
    pub(super) arrival: u64,
}

/// What a caller wants.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Want {
    /// Credentials of this role.
    Credentials {
        /// The role.
        assignment: Assignment,
        /// How long they must still live.
        min_valid: Duration,
    },
    /// All accounts.
    Accounts,
    /// All roles in this account.
    Roles(AccountId),
}

/// What a caller is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// Here they are, and they live until then.
    Credentials(Arc<Keys>, BootTime),
    /// All accounts, in the order of the portal.
    Accounts(Arc<Vec<Account>>),
    /// The names of all roles, in the order of the portal.
    Roles(Arc<Vec<String>>),
    /// No.
    Refused(Refusal),
}

/// Why a caller does not get what it wants.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The session has no token.
    Session(session::ask::Refusal),
    /// The person does not have this role, or nothing in this account.
    NotAssigned {
        /// What the person does not have.
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

/// What is to be done about an ask.
#[derive(Debug)]
pub(super) enum Verdict {
    Answer(Answer),
    /// It waits, and is to be looked at again then at the latest.
    Wait(BootTime),
    /// It waits for a request that has to be made.
    Fetch,
}

impl Ask {
    pub(super) fn new(want: Want, since: BootTime, arrival: u64) -> Self {
        let (subject, min_valid) = match want {
            Want::Credentials { assignment, min_valid } => (Subject::Credentials(assignment), min_valid),
            Want::Accounts => (Subject::Accounts, Duration::ZERO),
            Want::Roles(account) => (Subject::Roles(account), Duration::ZERO),
        };
        Self { subject, min_valid, since, arrival }
    }

    pub(super) fn verdict(&self, job: &Job, limiter: &Limiter, now: BootTime) -> Verdict {
        let live = job.held.as_ref().filter(|held| now < held.expires);
        if let Some(held) = live.filter(|held| held.expires.since(now) >= self.min_valid) {
            let answer = Verdict::Answer(Answer::Credentials(Arc::clone(&held.keys), held.expires));
            let deadline = self.since + policy::RENEWAL_PATIENCE;
            // Whoever gets credentials that are due asks again soon: the SDKs renew minutes before the end. So they are
            // renewed now, and whoever asks waits for that, but not for long and not while it does not work.
            return match &job.attempt {
                _ if now < held.due => answer,
                Attempt::Paused { until, last_witness, .. } if now < *until || *last_witness >= self.arrival => answer,
                Attempt::Idle | Attempt::Paused { .. } => Verdict::Fetch,
                Attempt::Queued | Attempt::UnderWay(_) if now >= deadline => answer,
                Attempt::Queued if limiter.pause_until(deadline).is_some() => answer,
                Attempt::Queued | Attempt::UnderWay(_) => Verdict::Wait(deadline),
            };
        }
        if let Some(denial) = job.denial.filter(|denial| now < denial.until) {
            let remembered = denial.is_confirmed.then_some(denial.until);
            return refuse(Refusal::NotAssigned { subject: self.subject.clone(), remembered });
        }
        let is_best = |held: &super::Held| {
            self.min_valid > held.expires.since(held.received) || now.since(held.received) < session::policy::FRESH
        };
        if let Some(held) = live.filter(|held| is_best(held)) {
            return refuse(Refusal::ValidityUnattainable { best: held.expires });
        }
        let deadline = self.since + policy::patience(&self.subject);
        match &job.attempt {
            Attempt::Idle => Verdict::Fetch,
            Attempt::Queued | Attempt::UnderWay(_) if now >= deadline => refuse(Refusal::PortalSilent),
            Attempt::Queued => match limiter.pause_until(deadline) {
                Some(pause) => refuse(Refusal::Portal(pause.error.clone())),
                None => Verdict::Wait(deadline),
            },
            Attempt::UnderWay(_) => Verdict::Wait(deadline),
            Attempt::Paused { last_witness, failure, .. } if *last_witness >= self.arrival => {
                refuse(self.refusal_for(failure))
            }
            // Whether there is a token is for the session to say, as often as somebody asks.
            Attempt::Paused { failure: Failure::NoToken(_), .. } => Verdict::Fetch,
            Attempt::Paused { until, .. } if *until <= now => Verdict::Fetch,
            Attempt::Paused { until, failure, .. } if *until >= deadline => refuse(self.refusal_for(failure)),
            Attempt::Paused { until, .. } => Verdict::Wait(*until),
        }
    }

    fn refusal_for(&self, failure: &Failure) -> Refusal {
        match failure {
            Failure::NoToken(refusal) => Refusal::Session(refusal.clone()),
            Failure::Portal(error) if means_not_assigned(error) => {
                Refusal::NotAssigned { subject: self.subject.clone(), remembered: None }
            }
            Failure::Portal(error) | Failure::Rejected(_, error) => Refusal::Portal(error.clone()),
        }
    }
}

/// Whether the portal says that there is no such role for this person: by name, as its statuses are also those of captive
/// portals.
pub(super) fn means_not_assigned(error: &PortalError) -> bool {
    matches!(error.name(), Some(ErrorName::Forbidden | ErrorName::ResourceNotFound))
}

const fn refuse(refusal: Refusal) -> Verdict {
    Verdict::Answer(Answer::Refused(refusal))
}
