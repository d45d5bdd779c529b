//! What a test does with a simulated service while it runs, with or without sockets.

use std::sync::Arc;

use crate::faults::{Fault, Times};
use crate::journal::CallRecord;
use crate::operation::{Grant, Operation};
use crate::settings::{Approval, Settings};
use crate::shared::Shared;
use crate::state::{DEFAULT_PERSON, PendingAuthorization, UnknownUserCode};

/// Decisions, faults, revocations and records: all that [`crate::Simulator`] and [`crate::Offline`] have in common.
pub struct Controls {
    pub(crate) shared: Arc<Shared>,
}

impl Controls {
    /// Changes settings while the service runs.
    pub fn settings(&self, change: impl FnOnce(&mut Settings)) {
        self.shared.with(|inner, _| change(&mut inner.service.settings));
    }

    /// Says who decides about device authorizations from now on, those included that are pending.
    pub fn set_approval(&self, approval: Approval) {
        self.settings(|settings| settings.approval = approval);
    }

    /// Approves as the default person. The code may be typed in any case, with or without its hyphen.
    ///
    /// # Errors
    /// When no pending authorization has this code.
    pub fn approve(&self, user_code: &str) -> Result<(), UnknownUserCode> {
        self.approve_as(user_code, DEFAULT_PERSON)
    }

    /// Approves as `person`: people have portal sessions, and so session caps, of their own.
    ///
    /// # Errors
    /// When no pending authorization has this code.
    pub fn approve_as(&self, user_code: &str, person: &str) -> Result<(), UnknownUserCode> {
        self.shared.with(|inner, at| inner.service.approve(user_code, person, at.now))
    }

    /// Denies.
    ///
    /// # Errors
    /// When no pending authorization has this code.
    pub fn deny(&self, user_code: &str) -> Result<(), UnknownUserCode> {
        self.shared.with(|inner, at| inner.service.deny(user_code, at.now))
    }

    /// Lets a code die before its time.
    ///
    /// # Errors
    /// When no pending authorization has this code.
    pub fn expire(&self, user_code: &str) -> Result<(), UnknownUserCode> {
        self.shared.with(|inner, at| inner.service.expire(user_code, at.now))
    }

    /// The authorizations that wait for a decision, the oldest first.
    pub fn pending(&self) -> Vec<PendingAuthorization> {
        self.shared.with(|inner, at| inner.service.pending(at.now))
    }

    /// How often the operation has been called, faults included.
    pub fn calls(&self, operation: Operation) -> usize {
        self.shared.with(|inner, _| inner.journal.count(operation))
    }

    /// How many CreateToken calls offered this grant: polls and refreshes apart.
    pub fn token_calls(&self, grant: Grant) -> usize {
        self.shared.with(|inner, _| inner.journal.count_grants(grant))
    }

    /// Every call so far, in the order of arrival.
    pub fn call_log(&self) -> Vec<CallRecord> {
        self.shared.with(|inner, _| inner.journal.records().to_vec())
    }

    /// Adds a fault for calls of this operation, behind the faults that were injected before.
    pub fn inject(&self, operation: Operation, fault: Fault, times: Times) {
        self.shared.with(|inner, _| inner.faults.inject(operation, fault, times));
    }

    /// Removes every fault that has not struck yet. A call that hangs goes on hanging.
    pub fn clear_faults(&self) {
        self.shared.with(|inner, _| inner.faults.clear());
    }

    /// Makes every access token issued so far worthless at the portal (401).
    pub fn revoke_access_tokens(&self) {
        self.shared.with(|inner, _| inner.service.revoke_access_tokens());
    }

    /// Makes every refresh token issued so far worthless (InvalidGrant).
    pub fn revoke_refresh_tokens(&self) {
        self.shared.with(|inner, _| inner.service.revoke_refresh_tokens());
    }

    /// Makes every registration issued so far unknown (InvalidClient).
    pub fn revoke_registrations(&self) {
        self.shared.with(|inner, _| inner.service.revoke_registrations());
    }

    /// Ends every portal session, as an administrator does: its tokens are worthless at once.
    pub fn end_portal_sessions(&self) {
        self.shared.with(|inner, _| inner.service.end_portal_sessions());
    }

    /// Every access token ever issued, in the order of issue.
    pub fn issued_access_tokens(&self) -> Vec<String> {
        self.shared.with(|inner, _| inner.service.issued_access_tokens())
    }

    /// Every refresh token ever issued, in the order of issue.
    pub fn issued_refresh_tokens(&self) -> Vec<String> {
        self.shared.with(|inner, _| inner.service.issued_refresh_tokens())
    }

    /// Every secret ever issued: client secrets, device codes, access and refresh tokens, secret parts of role
    /// credentials. A test can look for them in logs, files and output.
    pub fn secrets(&self) -> Vec<String> {
        self.shared.with(|inner, _| inner.service.secrets())
    }

    /// What clients did that a well-behaved client does not do, in words and without secrets:
    ///
    /// - polling a device code faster than its interval, `slow_down`'s five seconds included (RFC 8628 3.5);
    /// - polling two pending device codes of one client side by side;
    /// - one refresh token in two requests at once;
    /// - a refresh token sent after its successor arrived, or again after InvalidGrant. Answers that a fault lost,
    ///   truncated or garbled do not count as arrived.
    pub fn violations(&self) -> Vec<String> {
        self.shared.with(|inner, _| inner.service.violations().to_vec())
    }

    /// What [`Controls::violations`] has after the first `known`.
    pub fn violations_after(&self, known: usize) -> Vec<String> {
        self.shared.with(|inner, _| inner.service.violations().get(known..).unwrap_or_default().to_vec())
    }

    /// The largest number of calls that were in progress at the same moment.
    pub fn most_at_once(&self) -> usize {
        self.shared.with(|inner, _| inner.journal.most_at_once())
    }
}
