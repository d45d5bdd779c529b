//! What the service knows, and the rules by which that changes.
//!
//! Nothing here knows HTTP or JSON, and time comes in with each call: what a lifetime means can be read, and tested,
//! without waiting for it.

mod conduct;
mod device;
mod portal_session;
mod registration;
mod token;

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

pub(crate) use conduct::{Pace, RefreshReply};
pub(crate) use device::{PageEntry, normalised_user_code};
pub use device::{PendingAuthorization, UnknownUserCode};
pub(crate) use portal_session::DEFAULT_PERSON;
pub(crate) use registration::RegistrationRequest;
pub(crate) use token::IssuedToken;

use crate::settings::Settings;

/// The whole service: everything that it has issued, and how it is set.
pub(crate) struct Service {
    pub(crate) settings: Settings,
    pub(crate) base_url: String,
    registrations: Vec<registration::Registration>,
    authorizations: Vec<device::Authorization>,
    portal_sessions: Vec<portal_session::PortalSession>,
    access_tokens: Vec<token::AccessToken>,
    refresh_tokens: Vec<token::RefreshToken>,
    role_secrets: Vec<String>,
    portal_requests: VecDeque<SystemTime>,
    violations: Vec<String>,
}

impl Service {
    pub(crate) fn new(settings: Settings, base_url: String) -> Self {
        Self {
            settings,
            base_url,
            registrations: Vec::new(),
            authorizations: Vec::new(),
            portal_sessions: Vec::new(),
            access_tokens: Vec::new(),
            refresh_tokens: Vec::new(),
            role_secrets: Vec::new(),
            portal_requests: VecDeque::new(),
            violations: Vec::new(),
        }
    }

    /// Every secret ever issued, so that a test can look for them where they must not be.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let mut secrets: Vec<String> = self.registrations.iter().map(|issued| issued.secret.clone()).collect();
        secrets.extend(self.authorizations.iter().map(|issued| issued.device_code.clone()));
        secrets.extend(self.issued_access_tokens());
        secrets.extend(self.issued_refresh_tokens());
        secrets.extend(self.role_secrets.iter().cloned());
        secrets
    }

    /// Keeps in mind that `value` is a secret that was issued with role credentials.
    pub(crate) fn issued_role_secret(&mut self, value: &str) {
        self.role_secrets.push(value.to_owned());
    }

    /// Counts a portal request; `Err` when there were too many within the last second.
    pub(crate) fn admit_portal_request(&mut self, now: SystemTime) -> Result<(), TooManyRequests> {
        let Some(rate) = self.settings.portal_rate else { return Ok(()) };
        let second = Duration::from_secs(1);
        self.portal_requests.retain(|at| now.duration_since(*at).unwrap_or_default() < second);
        if self.portal_requests.len() >= rate as usize {
            return Err(TooManyRequests);
        }
        self.portal_requests.push_back(now);
        Ok(())
    }
}

/// The portal was asked more often than its rate allows.
pub(crate) struct TooManyRequests;
