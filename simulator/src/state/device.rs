//! Device authorizations (RFC 8628): from the pair of codes to the person's decision.

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::{Serialize, Serializer};

use super::Service;
use super::portal_session::{DEFAULT_PERSON, SessionId, normalised_start_url};
use crate::clock::later;
use crate::errors::Refusal;
use crate::operation::Grant;
use crate::random;
use crate::settings::Approval;

/// A device authorization that waits for a person's decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PendingAuthorization {
    /// The code that the person is shown, such as `BCDF-GHJK`.
    pub user_code: String,
    /// The `clientName` of the registration.
    pub client_name: String,
    /// The scopes of the registration.
    pub scopes: Vec<String>,
    /// The start URL as the client sent it.
    pub start_url: String,
    /// The URL of the page on which the code is entered.
    pub verification_uri: String,
    /// The URL of the page with the code filled in.
    pub verification_uri_complete: String,
    /// Time until the code expires, by the simulator's clock; whole seconds in JSON.
    #[serde(serialize_with = "whole_seconds")]
    pub expires_in: Duration,
}

pub(super) fn whole_seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(duration.as_secs())
}

/// No pending authorization has this user code: it was never issued, is decided already, or has expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownUserCode(pub(crate) String);

impl fmt::Display for UnknownUserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no pending authorization has the user code {:?}", self.0)
    }
}

impl std::error::Error for UnknownUserCode {}

#[derive(Clone)]
pub(crate) struct Authorization {
    pub(crate) device_code: String,
    pub(crate) user_code: String,
    pub(super) client_id: String,
    start_url: String,
    started_at: SystemTime,
    pub(super) expires_at: SystemTime,
    pub(super) decision: Decision,
    pub(crate) interval: Duration,
    pub(super) polled_at: Option<SystemTime>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Decision {
    Pending,
    Approved(SessionId),
    Denied,
    /// The code has been exchanged for a token; it works once.
    Redeemed,
}

impl Authorization {
    pub(super) fn is_pending(&self, now: SystemTime) -> bool {
        self.decision == Decision::Pending && now < self.expires_at
    }
}

/// The result of a user code on the approval page.
pub(crate) enum PageEntry {
    Pending(PendingAuthorization),
    Decided,
    Expired,
    Unknown,
}

impl Service {
    pub(crate) fn start_authorization(
        &mut self,
        client_id: &str,
        client_secret: &str,
        start_url: &str,
        now: SystemTime,
    ) -> Result<Authorization, Refusal> {
        self.authenticate(client_id, client_secret)?.permit(Grant::DeviceCode)?;
        if !self.portal_exists(start_url) {
            // Observed: a wrong start URL, like a wrong region, is an invalid request.
            return Err(Refusal::new("InvalidRequestException", "there is no portal at this startUrl"));
        }
        let authorization = Authorization {
            device_code: random::opaque(86),
            user_code: self.unused_user_code(),
            client_id: client_id.to_owned(),
            start_url: start_url.to_owned(),
            started_at: now,
            expires_at: later(now, self.settings.device_code_lifetime),
            decision: Decision::Pending,
            interval: self.settings.interval,
            polled_at: None,
        };
        self.authorizations.push(authorization.clone());
        Ok(authorization)
    }

    pub(super) fn portal_exists(&self, start_url: &str) -> bool {
        let known = &self.settings.start_urls;
        let is_url = url::Url::parse(start_url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        let wanted = normalised_start_url(start_url);
        is_url && (known.is_empty() || known.iter().any(|url| normalised_start_url(url) == wanted))
    }

    pub(super) fn authorization_index(&self, client_id: &str, device_code: &str) -> Option<usize> {
        self.authorizations.iter().position(|known| known.device_code == device_code && known.client_id == client_id)
    }

    fn unused_user_code(&self) -> String {
        loop {
            let code = random::user_code();
            if self.authorizations.iter().all(|known| known.user_code != code) {
                return code;
            }
        }
    }

    /// Carries out what [`Approval`] says about the authorizations that are pending, as of `now`.
    pub(super) fn settle_authorizations(&mut self, now: SystemTime) {
        let after = match self.settings.approval {
            Approval::Manual => return,
            Approval::Automatic { after } => after,
            Approval::Preauthorised => Duration::ZERO,
        };
        for index in 0..self.authorizations.len() {
            let authorization = &self.authorizations[index];
            let due = later(authorization.started_at, after);
            if authorization.decision == Decision::Pending && due <= now && due < authorization.expires_at {
                self.approve_at(index, DEFAULT_PERSON, due);
            }
        }
    }

    fn approve_at(&mut self, index: usize, person: &str, at: SystemTime) {
        let start_url = self.authorizations[index].start_url.clone();
        let session = self.join_session(person, &start_url, at);
        self.authorizations[index].decision = Decision::Approved(session);
    }

    pub(crate) fn approve(&mut self, user_code: &str, person: &str, now: SystemTime) -> Result<(), UnknownUserCode> {
        let index = self.pending_index(user_code, now)?;
        self.approve_at(index, person, now);
        Ok(())
    }

    pub(crate) fn deny(&mut self, user_code: &str, now: SystemTime) -> Result<(), UnknownUserCode> {
        let index = self.pending_index(user_code, now)?;
        self.authorizations[index].decision = Decision::Denied;
        Ok(())
    }

    /// Ends the code's lifetime now.
    pub(crate) fn expire(&mut self, user_code: &str, now: SystemTime) -> Result<(), UnknownUserCode> {
        let index = self.pending_index(user_code, now)?;
        self.authorizations[index].expires_at = now;
        Ok(())
    }

    fn pending_index(&self, user_code: &str, now: SystemTime) -> Result<usize, UnknownUserCode> {
        let code = normalised_user_code(user_code);
        self.authorizations
            .iter()
            .position(|known| known.user_code == code && known.is_pending(now))
            .ok_or(UnknownUserCode(code))
    }

    /// The authorizations that wait for a decision, the oldest first.
    pub(crate) fn pending(&self, now: SystemTime) -> Vec<PendingAuthorization> {
        self.authorizations
            .iter()
            .filter(|known| known.is_pending(now))
            .map(|known| self.describe(known, now))
            .collect()
    }

    pub(crate) fn page_entry(&self, user_code: &str, now: SystemTime) -> PageEntry {
        let code = normalised_user_code(user_code);
        match self.authorizations.iter().find(|known| known.user_code == code) {
            None => PageEntry::Unknown,
            Some(known) if known.is_pending(now) => PageEntry::Pending(self.describe(known, now)),
            Some(known) if known.decision == Decision::Pending => PageEntry::Expired,
            Some(_) => PageEntry::Decided,
        }
    }

    fn describe(&self, authorization: &Authorization, now: SystemTime) -> PendingAuthorization {
        let registration = self.registration(&authorization.client_id);
        PendingAuthorization {
            user_code: authorization.user_code.clone(),
            client_name: registration.map(|known| known.client_name.clone()).unwrap_or_default(),
            scopes: registration.map(|known| known.scopes.clone()).unwrap_or_default(),
            start_url: authorization.start_url.clone(),
            verification_uri: self.verification_uri(),
            verification_uri_complete: self.verification_uri_complete(&authorization.user_code),
            expires_in: authorization.expires_at.duration_since(now).unwrap_or_default(),
        }
    }

    pub(crate) fn verification_uri(&self) -> String {
        format!("{}/device", self.base_url)
    }

    pub(crate) fn verification_uri_complete(&self, user_code: &str) -> String {
        format!("{}/device?user_code={user_code}", self.base_url)
    }
}

/// A user code as people type it (RFC 8628 6.1): in any case, with or without the hyphen, with spaces.
pub(crate) fn normalised_user_code(typed: &str) -> String {
    let letters: String =
        typed.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_uppercase()).collect();
    match letters.split_at_checked(4) {
        Some((left, right)) if !right.is_empty() => format!("{left}-{right}"),
        _ => letters,
    }
}
