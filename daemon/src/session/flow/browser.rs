//! A flow that waits for the browser, and then asks for the token with the code that the browser has brought.

use super::{FlowEnd, pause_before_next_attempt};
use crate::clock::BootTime;
use crate::oidc::{CallError, ErrorName, Grant, Registration};
use crate::session::event::CallbackPage;
use crate::session::policy;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct AtBrowser {
    pub(super) registration: Registration,
    pub(super) page: CallbackPage,
    /// Until when the browser is waited for, and then the token.
    pub(super) expires: BootTime,
    /// What the browser has brought.
    brought: Option<Brought>,
    /// When CreateToken was tried last.
    pub(super) last_attempt: BootTime,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Brought {
    grant: Grant,
    /// When CreateToken may be tried next; `None` while an attempt is under way.
    next_attempt: Option<BootTime>,
    /// The error of an attempt whose answer did not arrive: it may have used the code up.
    unanswered: Option<CallError>,
}

impl AtBrowser {
    pub(super) fn new(registration: Registration, page: CallbackPage, now: BootTime) -> Self {
        let expires = now + policy::BROWSER_PATIENCE;
        Self { registration, page, expires, brought: None, last_attempt: now }
    }

    pub(super) fn wake_at(&self) -> Option<BootTime> {
        self.brought.as_ref().map_or(Some(self.expires), |brought| brought.next_attempt)
    }

    /// The attempt at CreateToken that is due.
    pub(super) fn drive(&mut self, now: BootTime) -> Result<Option<(Registration, Grant)>, FlowEnd> {
        let Some(brought) = &mut self.brought else {
            return if self.expires <= now { Err(FlowEnd::Expired) } else { Ok(None) };
        };
        Ok(brought.next_attempt.take_if(|next| *next <= now).map(|_| {
            self.last_attempt = now;
            (self.registration.clone(), brought.grant.clone())
        }))
    }

    pub(super) fn retry_now(&mut self, now: BootTime) {
        if let Some(brought) = &mut self.brought {
            brought.next_attempt = brought.next_attempt.map(|next| next.min(now));
        }
    }

    /// The browser has brought a code. The first one counts.
    pub(super) fn called_back(&mut self, grant: Grant, now: BootTime) {
        self.brought.get_or_insert(Brought { grant, next_attempt: Some(now), unanswered: None });
        self.expires = self.expires.max(now + policy::EXCHANGE_PATIENCE);
    }

    pub(super) fn no_token(
        &mut self,
        error: CallError,
        failures: &mut u32,
        now: BootTime,
        chance: f64,
    ) -> Result<(), FlowEnd> {
        let Some(brought) = &mut self.brought else { return Ok(()) };
        match pause_before_next_attempt(&error, failures, chance) {
            Some(pause) => {
                brought.next_attempt = Some(now + pause);
                if matches!(error, CallError::Network(_) | CallError::Unusable(_)) {
                    brought.unanswered = Some(error);
                }
                Ok(())
            }
            // The attempt that used the code up says more than "already used".
            None if error.name() == Some(ErrorName::InvalidGrant) => {
                Err(FlowEnd::Failed(brought.unanswered.take().unwrap_or(error)))
            }
            None => Err(FlowEnd::of(error)),
        }
    }
}
