//! A device flow whose code the service has given: it polls until somebody has approved the code.

use std::time::Duration;

use super::FlowEnd;
use crate::clock::BootTime;
use crate::notice::Way;
use crate::oidc::{CallError, DeviceAuthorization, ErrorName, Grant, Registration};
use crate::session::policy;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct ByCode {
    pub(super) registration: Registration,
    authorization: DeviceAuthorization,
    interval: Duration,
    expires: BootTime,
    /// When CreateToken may be tried next; `None` while an attempt is under way.
    next_attempt: Option<BootTime>,
    /// When it was tried last.
    pub(super) last_attempt: BootTime,
    /// When that was answered.
    last_answer: BootTime,
    /// Whether the early attempt is over, so that the code may be shown.
    is_shown: bool,
    /// An answer to CreateToken that could not be read, and that may have used the code up.
    unreadable: Option<CallError>,
}

impl ByCode {
    pub(super) fn new(registration: Registration, authorization: DeviceAuthorization, now: BootTime) -> Self {
        Self {
            registration,
            interval: authorization.interval,
            expires: now + authorization.expires_in,
            next_attempt: Some(now),
            last_attempt: now,
            last_answer: now,
            is_shown: false,
            unreadable: None,
            authorization,
        }
    }

    /// Its page, its code and its end, if they may be shown.
    pub(super) fn shown(&self) -> Option<(String, Way, BootTime)> {
        let DeviceAuthorization { user_code, verification_uri, verification_uri_complete, .. } = &self.authorization;
        let way = || Way::Code { user_code: user_code.clone(), verification_uri: verification_uri.clone() };
        self.is_shown.then(|| (verification_uri_complete.clone(), way(), self.expires))
    }

    pub(super) fn wake_at(&self) -> BootTime {
        self.next_attempt.map_or(self.expires, |next| next.min(self.expires))
    }

    /// The attempt at CreateToken that is due.
    pub(super) fn drive(&mut self, now: BootTime) -> Result<Option<(Registration, Grant)>, FlowEnd> {
        if self.expires <= now {
            // The service would answer ExpiredToken, but may not be reached any more.
            return Err(FlowEnd::Expired);
        }
        Ok(self.next_attempt.take_if(|next| *next <= now).map(|_| {
            self.last_attempt = now;
            (self.registration.clone(), Grant::DeviceCode(self.authorization.device_code.clone()))
        }))
    }

    pub(super) fn retry_now(&mut self, now: BootTime) {
        let earliest = now.max(self.last_answer + self.interval);
        self.next_attempt = self.next_attempt.map(|next| next.min(earliest));
    }

    pub(super) fn no_token(&mut self, error: CallError, failures: &mut u32, now: BootTime) -> Result<(), FlowEnd> {
        match error.name() {
            Some(ErrorName::AuthorizationPending) => *failures = 0,
            Some(ErrorName::SlowDown) => {
                *failures = 0;
                self.interval += policy::SLOW_DOWN;
            }
            Some(ErrorName::ExpiredToken | ErrorName::AccessDenied) => return Err(FlowEnd::of(error)),
            // The code is used up: every further answer would be "already used".
            _ if matches!(error, CallError::Senseless { .. }) => return Err(FlowEnd::Failed(error)),
            _ if error.may_pass() => {
                *failures += 1;
                if matches!(error, CallError::Unusable(_)) {
                    self.unreadable = Some(error.clone());
                }
            }
            // The answer that used the code up says more than "already used".
            _ => return Err(FlowEnd::Failed(self.unreadable.take().unwrap_or(error))),
        }
        let pause = policy::poll_backoff(self.interval, *failures).max(error.retry_after().unwrap_or_default());
        self.last_answer = now;
        self.next_attempt = Some(now + pause);
        self.is_shown = true;
        Ok(())
    }

    pub(super) fn attempting_with(&self) -> Option<(&Registration, BootTime)> {
        self.next_attempt.is_none().then_some((&self.registration, self.last_attempt))
    }
}
