//! Violations: what a well-behaved client does not do. The real service often cannot say so; the simulator records it.
//!
//! They are recorded when a call arrives and when its answer leaves, whatever a fault does in between: a client polls too
//! fast even if each of its polls ends in a reset.

use std::time::{Duration, SystemTime};

use super::Service;
use super::device::Decision;
use crate::settings::duration_text;

/// RFC 8628 3.5: what `slow_down` adds to the interval for the rest of the flow.
const SLOW_DOWN_PENALTY: Duration = Duration::from_secs(5);

/// The way of one poll may take longer than that of the next one, which is not the client's fault.
const TRANSIT_ALLOWANCE: Duration = Duration::from_millis(50);

/// Whether a poll kept its distance from the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    Kept,
    TooFast,
}

/// What the client has done with a refresh token, and has learnt about it.
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
    /// Records a poll on its arrival.
    pub(crate) fn note_poll(&mut self, client_id: &str, device_code: &str, now: SystemTime) -> Pace {
        let Some(index) = self.authorization_index(client_id, device_code) else { return Pace::Kept };
        // A client may start anew, because it cannot give a code back. It must not go on with the old code as well.
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

    /// Records that the client was told to slow down, by the service itself or by a fault.
    pub(crate) fn note_slow_down(&mut self, client_id: &str, device_code: &str) {
        if let Some(index) = self.authorization_index(client_id, device_code) {
            let interval = &mut self.authorizations[index].interval;
            *interval = interval.saturating_add(SLOW_DOWN_PENALTY);
        }
    }

    fn authorization_index(&self, client_id: &str, device_code: &str) -> Option<usize> {
        self.authorizations.iter().position(|known| known.device_code == device_code && known.client_id == client_id)
    }

    /// Records a refresh token on its arrival.
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

    /// Records the end of a call that carried a refresh token.
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

    /// In the order in which they happened. None contains a secret.
    pub(crate) fn violations(&self) -> &[String] {
        &self.violations
    }
}
