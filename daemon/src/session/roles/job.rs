//! One subject: the attempt to get it, and what is held of it.

use std::sync::Arc;
use std::time::Duration;

use super::super::Why;
use super::super::callers::Refusal;
use super::{Ticket, policy};
use crate::clock::BootTime;
use crate::portal::{Account, Keys, PageToken, PortalError};
use crate::token::AccessToken;

#[derive(Debug, Default)]
pub(super) struct Job {
    pub(super) attempt: Attempt,
    pub(super) held: Option<HeldCredentials>,
    /// That the person does not have the role.
    pub(super) denial: Option<Denial>,
    /// How many attempts in a row have failed.
    pub(super) failures: u32,
    /// How many tokens the portal did not accept in this attempt.
    pub(super) rejections: u32,
    /// Whether the credentials were handed out since they came.
    pub(super) is_used: bool,
    pub(super) last_asked: BootTime,
    pub(super) list: List,
}

/// Credentials of a role, and what is known of their life.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct HeldCredentials {
    pub(super) keys: Arc<Keys>,
    pub(super) received: BootTime,
    /// When they are to be renewed.
    pub(super) due: BootTime,
    /// When AWS stops accepting them.
    pub(super) expires: BootTime,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) enum Attempt {
    #[default]
    Idle,
    /// It waits for the limiter, or for a token.
    Queued,
    UnderWay(Ticket, Arc<AccessToken>),
    /// The last attempt failed. Callers may cause the next one from `until` on, and it is made for credentials in use from
    /// `renewal` on. Callers up to `last_witness` came before it failed and are told.
    Paused {
        until: BootTime,
        renewal: BootTime,
        last_witness: u64,
        failure: AttemptFailure,
    },
}

/// Why an attempt gave nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum AttemptFailure {
    /// The session has no token to ask with.
    NoToken(Refusal),
    /// The portal failed or refused.
    Portal(PortalError),
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
    /// The denial that follows `known`, and how long it is remembered.
    pub(super) fn next(known: Option<Self>, now: BootTime) -> (Self, Duration) {
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
pub(super) struct List {
    pub(super) accounts: Vec<Account>,
    pub(super) roles: Vec<String>,
    pub(super) pages: usize,
    pub(super) next: Option<PageToken>,
}

impl Job {
    pub(super) fn remaining(&self, now: BootTime) -> Duration {
        self.held.as_ref().map(|held| held.expires.since(now)).unwrap_or_default()
    }

    pub(super) fn is_in_use(&self, now: BootTime) -> bool {
        self.is_used && !self.remaining(now).is_zero()
    }

    pub(super) const fn is_under_way(&self) -> bool {
        matches!(self.attempt, Attempt::Queued | Attempt::UnderWay(..))
    }

    /// When it is to be renewed although nobody waits for it.
    pub(super) fn renewal(&self, now: BootTime) -> Option<(BootTime, Why)> {
        let held = self.held.as_ref().filter(|_| self.is_in_use(now))?;
        match &self.attempt {
            Attempt::Idle => Some((held.due, Why::Due)),
            Attempt::Paused { renewal, failure: AttemptFailure::Portal(error), .. } if error.may_pass() => {
                Some((*renewal, Why::PauseOver))
            }
            _ => None,
        }
    }

    /// Whether it can be forgotten if nobody asks for it.
    pub(super) fn is_empty(&self, now: BootTime) -> bool {
        let is_paused = matches!(self.attempt, Attempt::Paused { until, .. } if until > now);
        !self.is_under_way()
            && !is_paused
            && self.held.is_none()
            && self.denial.is_none_or(|denial| denial.is_forgotten(now))
    }
}
