//! The state of the service, and the rules by which it changes.
//!
//! Nothing here knows HTTP, and the time is an argument of each call. So the effect of a lifetime can be tested without waiting for
//! its end.

mod authorization_code;
mod authorization_request;
mod conduct;
mod device;
mod portal_session;
mod redirect_uri;
mod registration;
mod token;

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

pub(crate) use authorization_code::{CodeExchange, RequestEntry};
pub use authorization_code::{PendingRequest, UnknownRequest};
pub(crate) use authorization_request::Rejection;
pub(crate) use conduct::{Offer, Pace, Received};
pub(crate) use device::{PageEntry, normalised_user_code};
pub use device::{PendingAuthorization, UnknownUserCode};
pub(crate) use portal_session::DEFAULT_PERSON;
pub(crate) use registration::RegistrationRequest;

use crate::errors::Refusal;
use crate::faults::Faults;
use crate::operation::{CallRecord, Grant, Operation};
use crate::settings::Settings;

/// [`Service::prune`] keeps expired objects for this long.
const KEPT_AFTER_EXPIRY: Duration = Duration::from_hours(24);

const IN_PROGRESS: &str = "in progress";

/// The whole service: its settings, everything that it has issued, and the record of what clients did.
#[derive(Default)]
pub(crate) struct Service {
    pub(crate) settings: Settings,
    pub(crate) base_url: String,
    pub(crate) faults: Faults,
    pub(crate) calls: Vec<CallRecord>,
    calls_in_progress: usize,
    /// The largest number of calls that were in progress at the same moment.
    pub(crate) most_calls_at_once: usize,
    /// In the order in which they happened. They never have a secret in them.
    pub(crate) violations: Vec<String>,
    /// The secrets that were issued with role credentials.
    pub(crate) role_secrets: Vec<String>,
    registrations: Vec<registration::Registration>,
    authorizations: Vec<device::Authorization>,
    requests: Vec<authorization_code::OpenedRequest>,
    codes: Vec<authorization_code::AuthorizationCode>,
    /// The number of codes so far, with those that are forgotten.
    issued_codes: usize,
    portal_sessions: Vec<portal_session::PortalSession>,
    access_tokens: Vec<token::AccessToken>,
    refresh_tokens: Vec<token::RefreshToken>,
    /// The number of pruned refresh tokens; the others are numbered from there.
    pruned_refresh_tokens: usize,
    portal_requests: VecDeque<SystemTime>,
}

impl Service {
    pub(crate) fn new(settings: Settings, base_url: String) -> Self {
        Self { settings, base_url, ..Self::default() }
    }

    /// Carries out what [`crate::Approval`] says about everything that is pending, as of `now`.
    pub(crate) fn settle(&mut self, now: SystemTime) {
        self.settle_authorizations(now);
        self.settle_requests(now);
    }

    /// Records the arrival of a call, and returns the record's place in the log.
    pub(crate) fn record_arrival(&mut self, operation: Operation, grant: Option<Grant>, at: SystemTime) -> usize {
        self.calls.push(CallRecord { operation, at, grant, outcome: IN_PROGRESS.to_owned() });
        self.calls_in_progress += 1;
        self.most_calls_at_once = self.most_calls_at_once.max(self.calls_in_progress);
        self.calls.len() - 1
    }

    pub(crate) fn record_end(&mut self, index: usize, outcome: &str) {
        let recorded = &mut self.calls[index].outcome;
        // A call that hangs ends again when its client leaves.
        self.calls_in_progress -= usize::from(recorded == IN_PROGRESS);
        outcome.clone_into(recorded);
    }

    /// The number of calls of the operation.
    pub(crate) fn call_count(&self, operation: Operation) -> usize {
        self.calls.iter().filter(|call| call.operation == operation).count()
    }

    /// Every secret ever issued, so that a test can look for them where they must not be.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let mut secrets: Vec<String> = self.registrations.iter().map(|issued| issued.secret.clone()).collect();
        secrets.extend(self.authorizations.iter().map(|issued| issued.device_code.clone()));
        secrets.extend(self.codes.iter().map(|issued| issued.value.clone()));
        secrets.extend(self.codes.iter().filter_map(|issued| issued.verifier.clone()));
        secrets.extend(self.issued_access_tokens());
        secrets.extend(self.issued_refresh_tokens());
        secrets.extend(self.role_secrets.iter().cloned());
        secrets
    }

    /// Forgets what expired more than a day ago, and all but the newest refresh tokens, so that a service that lives
    /// for months does not grow slow. Not to be called while a test may ask for [`Service::secrets`].
    pub(crate) fn prune(&mut self, now: SystemTime) {
        let limit = now.checked_sub(KEPT_AFTER_EXPIRY).unwrap_or(SystemTime::UNIX_EPOCH);
        self.authorizations.retain(|authorization| authorization.expires_at > limit);
        self.requests.retain(|request| request.expires_at > limit);
        self.codes.retain(|code| code.expires_at > limit);
        self.prune_tokens(limit);
    }

    /// Counts a portal request, and refuses it if there were too many within the last second.
    pub(crate) fn admit_portal_request(&mut self, now: SystemTime) -> Result<(), Refusal> {
        let Some(rate) = self.settings.portal_rate else { return Ok(()) };
        let second = Duration::from_secs(1);
        self.portal_requests.retain(|at| now.duration_since(*at).unwrap_or_default() < second);
        if self.portal_requests.len() >= rate as usize {
            return Err(Refusal::new("TooManyRequestsException", "Rate exceeded"));
        }
        self.portal_requests.push_back(now);
        Ok(())
    }
}
