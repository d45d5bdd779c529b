//! The service's state, and the rules by which it changes.
//!
//! Nothing here knows HTTP or JSON. Time comes in with each call, so that tests of lifetimes need not wait.

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

/// How long [`Service::prune`] keeps what has expired.
const LONG_DEAD: Duration = Duration::from_secs(86_400);

/// The whole service: everything that it has issued, and how it is set.
pub(crate) struct Service {
    pub(crate) settings: Settings,
    pub(crate) base_url: String,
    registrations: Vec<registration::Registration>,
    authorizations: Vec<device::Authorization>,
    portal_sessions: Vec<portal_session::PortalSession>,
    access_tokens: Vec<token::AccessToken>,
    refresh_tokens: Vec<token::RefreshToken>,
    /// How many refresh tokens were pruned; the others are numbered from there.
    pruned_refresh_tokens: usize,
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
            pruned_refresh_tokens: 0,
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

    /// Forgets what expired more than a day ago, and all but the newest refresh tokens, so that a service that runs for
    /// months stays fast. Not to be called while a test may ask for [`Service::secrets`].
    pub(crate) fn prune(&mut self, now: SystemTime) {
        let long_dead = now.checked_sub(LONG_DEAD).unwrap_or(SystemTime::UNIX_EPOCH);
        self.authorizations.retain(|authorization| authorization.expires_at > long_dead);
        self.prune_tokens(long_dead);
    }

    /// Records a secret that was issued with role credentials.
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
