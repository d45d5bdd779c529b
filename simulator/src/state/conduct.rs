//! What a well-behaved client does not do. The service often has no way to say so; the simulator keeps a record.
//!
//! These notes are taken when a call arrives and when its answer leaves, whatever faults do to it in between: a client
//! that polls too fast does so too when each poll ends in a reset.

use std::time::{Duration, SystemTime};

use super::Service;
use super::device::Decision;
use crate::settings::duration_text;

/// RFC 8628 3.5: what `slow_down` adds to the interval for the rest of the flow.
const SLOW_DOWN_PENALTY: Duration = Duration::from_secs(5);

/// Two polls may take differently long on their way; a client is not blamed for that.
const TRANSIT_ALLOWANCE: Duration = Duration::from_millis(50);

/// Whether a poll kept its distance from the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    Kept,
    TooFast,
}

/// What a refresh token has been through on the client's side.
#[derive(Debug, Default)]
pub(super) struct RefreshUse {
    in_flight: usize,
    superseded: bool,
    refused: bool,
}

impl RefreshUse {
    pub(super) const fn is_in_flight(&self) -> bool {
        self.in_flight > 0
    }
}

/// What reached the client in answer to a refresh token, as far as that token is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefreshReply {
    /// Another refresh token.
    Successor,
    /// InvalidGrant.
    Refused,
    /// Anything else, and everything that may not have arrived.
    Inconclusive,
}

impl Service {
    /// Takes note of a poll on its arrival.
    pub(crate) fn note_poll(&mut self, client_id: &str, device_code: &str, now: SystemTime) -> Pace {
        let Some(index) = self.authorization_index(client_id, device_code) else { return Pace::Kept };
        // Starting anew is no offence, for a client cannot give a code back; going on with the old one as well is.
        let parallel = self.authorizations[index + 1..]
            .iter()
            .any(|newer| newer.client_id == client_id && newer.is_pending(now) && newer.polled_at.is_some());
        if parallel && self.authorizations[index].is_pending(now) {
            self.violations.push("two device authorizations of one client polled side by side".to_owned());
        }
        let authorization = &mut self.authorizations[index];
        if authorization.decision == Decision::Redeemed {
            return Pace::Kept;
        }
        let too_fast = authorization.polled_at.is_some_and(|before| {
            now.duration_since(before).unwrap_or_default() + TRANSIT_ALLOWANCE < authorization.interval
        });
        authorization.polled_at = Some(now);
        if !too_fast {
            return Pace::Kept;
        }
        let interval = duration_text::written(authorization.interval);
        self.violations.push(format!("a device code polled faster than its interval of {interval}"));
        Pace::TooFast
    }

    /// Takes note that the client was told to slow down, by the service itself or by a fault.
    pub(crate) fn note_slow_down(&mut self, client_id: &str, device_code: &str) {
        if let Some(index) = self.authorization_index(client_id, device_code) {
            let interval = &mut self.authorizations[index].interval;
            *interval = interval.saturating_add(SLOW_DOWN_PENALTY);
        }
    }

    fn authorization_index(&self, client_id: &str, device_code: &str) -> Option<usize> {
        self.authorizations.iter().position(|known| known.device_code == device_code && known.client_id == client_id)
    }

    /// Takes note of a refresh token on its arrival.
    pub(crate) fn note_refresh_sent(&mut self, refresh_token: &str) {
        let Some(index) = self.refresh_token_index(refresh_token) else { return };
        let usage = &mut self.refresh_tokens[index].usage;
        usage.in_flight += 1;
        let number = self.pruned_refresh_tokens + index + 1;
        if usage.in_flight > 1 {
            self.violations.push(format!("refresh token {number} in two requests at once"));
        }
        if usage.superseded {
            self.violations.push(format!("refresh token {number} sent after its successor arrived"));
        }
        if usage.refused {
            self.violations.push(format!("refresh token {number} sent again after InvalidGrant"));
        }
    }

    /// Takes note of the end of a call that carried a refresh token.
    pub(crate) fn note_refresh_answered(&mut self, refresh_token: &str, reply: RefreshReply) {
        let Some(index) = self.refresh_token_index(refresh_token) else { return };
        let usage = &mut self.refresh_tokens[index].usage;
        usage.in_flight -= 1;
        match reply {
            RefreshReply::Successor => usage.superseded = true,
            RefreshReply::Refused => usage.refused = true,
            RefreshReply::Inconclusive => {}
        }
    }

    fn refresh_token_index(&self, refresh_token: &str) -> Option<usize> {
        self.refresh_tokens.iter().position(|known| known.value == refresh_token)
    }

    /// In the order of their happening; never a secret.
    pub(crate) fn violations(&self) -> &[String] {
        &self.violations
    }
}
